/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forced: only requests, only of what is listed; what is noted of the others; and an environment of our own. */
#include "flow/forced.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FROM "era_copy --from full "

static struct forced_asked asked;

static const struct {
	const char *text, *cow;
	bool good;
} rows[] = {
	{FROM "/dev/mapper/a", NULL, true},
	{FROM "/dev/mapper/b", NULL, true},
	{"era_copy --estimate --json --from full /dev/mapper/b", NULL, true},
	{FROM "--cut=none /dev/mapper/a", NULL, true},
	{FROM "--cow=/dev/c /dev/mapper/a", "/dev/c", true},
	{FROM "/dev/mapper/a", "/dev/c", true},
	{FROM "--cow=/dev/c /dev/mapper/a", NULL, false},
	{FROM "--cow=/dev/c /dev/mapper/a", "/dev/cc", false},
	{FROM "--cow=/dev/cc /dev/mapper/a", "/dev/c", false},
	{FROM "--cow=/dev/mapper/b /dev/mapper/a", "/dev/c", false},
	{FROM "/dev/c", "/dev/c", false},
	{FROM "/dev/mapper/", NULL, false},
	{FROM "/dev/mapper/aa", NULL, false},
	{FROM "/dev/mapper/A", NULL, false},
	{FROM "/dev/mapper", NULL, false},
	{FROM "/dev/mapper/c", NULL, false},
	{FROM "/dev/mapper/../mapper/a", NULL, false},
	{FROM "/dev/./mapper/a", NULL, false},
	{FROM "//dev/mapper/a", NULL, false},
	{FROM "dev/mapper/a", NULL, false},
	{FROM "/dev/mapper/a /dev/mapper/b", NULL, false},
	{FROM "/dev/mapper/a ", NULL, false},
	{FROM "-o /etc/x /dev/mapper/a", NULL, false},
	{"/dev/mapper/a", NULL, false},
	{"", NULL, false},
	{NULL, NULL, false},
};

static void judging(void)
{
	struct forced f;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		f = (struct forced){.cow = rows[i].cow};
		err_clear(&e);
		forced_allow(&f, "/dev/mapper/a", &e);
		forced_allow(&f, "/dev/mapper/b", &e);
		rc = forced_judge(&f, rows[i].text, &asked, &e);
		ok(rc == (rows[i].good ? 0 : -1) &&
			   (rows[i].good || (e.kind == ERR_USAGE && !e.hint[0] &&
					     strcmp(e.text, "this key may only be used by erabackup") == 0)),
		   "%s: %s%s", rows[i].good ? "had" : "refused", rows[i].text ? rows[i].text : "nothing at all",
		   rows[i].cow ? " where there is a --cow" : "");
	}
	f = (struct forced){0};
	err_clear(&e);
	ok(forced_judge(&f, FROM "/dev/mapper/a", &asked, &e) == -1, "nothing listed, nothing had");
}

static void allowing(void)
{
	static const char *const bad[] = {"",	  "a",	      "./a",  "/",	  "/dev/",   "/dev/../a",
					  "/a b", "/dev/sd*", "//a", "/dev/\xc3\xa4", "/dev/a\n"};
	struct forced f = {0};
	struct err e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		ok(forced_allow(&f, bad[i], &e) == -1 && e.kind == ERR_USAGE && e.hint[0] && f.nr == 0,
		   "'%s' cannot be allowed", i == ARRAY_SIZE(bad) - 1 ? "/dev/a\\n" : bad[i]);
	}
	err_clear(&e);
	for (i = 0; i < FORCED_DEVICES_MAX; i++)
		forced_allow(&f, "/dev/a", &e);
	ok(f.nr == FORCED_DEVICES_MAX && e.kind == ERR_NONE, "%d devices can", FORCED_DEVICES_MAX);
	ok(forced_allow(&f, "/dev/a", &e) == -1 && e.kind == ERR_USAGE && f.nr == FORCED_DEVICES_MAX, "and no more");
}

static void telling(void)
{
	static char huge[1048577];
	char buf[FORCED_TOLD_LEN];
	const char *told;
	size_t i;

	told = forced_told("ls -l", "192.0.2.7 4242 192.0.2.1 22", buf);
	ok(strcmp(told, "refused: 192.0.2.7 asked for 5 bytes: ls -l") == 0, "who and what: %s", told);
	told = forced_told(NULL, "2001:db8::1 4242 2001:db8::2 22", buf);
	ok(strcmp(told, "refused: 2001:db8::1 asked for 0 bytes: nothing") == 0, "nothing: %s", told);
	told = forced_told("a\nb\x1b[2J\x7f\xc3\xa4\t", NULL, buf);
	ok(strcmp(told, "refused: an unknown address asked for 11 bytes: a?b?[2J????") == 0, "printable: %s", told);
	told = forced_told("%s%n", "", buf);
	ok(strcmp(told, "refused: an unknown address asked for 4 bytes: %s%n") == 0, "no format: %%s%%n stays");
	memset(huge, 0xff, sizeof(huge) - 1);
	told = forced_told(huge, huge, buf);
	ok(strlen(told) < FORCED_TOLD_LEN && strstr(told, " 1048576 bytes: ?????"), "a MiB of each is cut short");
	for (i = 0; told[i] >= 0x20 && told[i] < 0x7f; i++)
		;
	ok(told[i] == '\0', "and printable");
}

extern char **environ;

static int entered(const char *text)
{
	struct forced f = {0};
	struct err e = {0};

	forced_allow(&f, "/dev/mapper/a", &e);
	clearenv();
	setenv("LD_PRELOAD", "/tmp/x.so", 1);
	setenv("PATH", "/tmp:.", 1);
	setenv("HOME", "/tmp", 1);
	setenv("TZ", ":/dev/zero", 1);
	setenv("DM_DISABLE_UDEV", "1", 1);
	setenv("SSH_CONNECTION", "192.0.2.7 1 192.0.2.1 22", 1);
	if (text)
		setenv("SSH_ORIGINAL_COMMAND", text, 1);
	memset(&asked, 0, sizeof(asked));
	return forced_enter(&f, &asked, &e);
}

static bool environment_is_ours(void)
{
	const struct passwd *user = getpwuid(getuid());
	unsigned int nr = 0;

	while (environ && environ[nr])
		nr++;
	return nr == (user ? 2 : 1) && strcmp(getenv("PATH"), FORCED_PATH) == 0 &&
	       (!user || strcmp(getenv("HOME"), user->pw_dir) == 0);
}

static void entering(void)
{
	ok(entered(FROM "/dev/mapper/a") == 0 && strcmp(asked.request.device, "/dev/mapper/a") == 0 && asked.nr == 4,
	   "a request comes from the environment");
	ok(environment_is_ours(), "of which nothing is left but PATH and HOME, and these are our own");
	ok(entered(FROM "/dev/mapper/b") == -1 && environment_is_ours(), "so it is after a refusal");
	ok(entered(NULL) == -1 && environment_is_ours(), "and where nothing was asked for");
}

int main(void)
{
	judging();
	allowing();
	telling();
	entering();
	return tap_done();
}
