/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/forced.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define WHO_LEN 80
#define WHAT_LEN 300

int forced_allow(struct forced *f, const char *device, struct err *e)
{
	if (!request_path_ok(device)) {
		err_set(e, ERR_USAGE, "--allow: '%.200s' is not a path that can be asked for", device);
		return err_hint(e, "it begins with /, has no part that is empty, \".\" or \"..\", and is of letters, "
				   "digits and / . _ + : @ %% = -");
	}
	if (f->nr == FORCED_DEVICES_MAX)
		return err_set(e, ERR_USAGE, "--allow: no more than %d devices", FORCED_DEVICES_MAX);
	f->devices[f->nr++] = device;
	return 0;
}

static bool listed(const struct forced *f, const char *device)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		if (strcmp(f->devices[i], device) == 0)
			return true;
	return false;
}

/* A spare device is overwritten. */
static bool cow_is_ours(const struct forced *f, const char *cow)
{
	return !cow || (f->cow && strcmp(f->cow, cow) == 0);
}

int forced_judge(const struct forced *f, const char *text, struct forced_asked *a, struct err *e)
{
	struct err why = {0};

	if (text && request_parse(text, a->room, a->words, &a->nr, &a->request, &why) == 0 &&
	    listed(f, a->request.device) && cow_is_ours(f, a->request.cow))
		return 0;
	return err_set(e, ERR_USAGE, "this key may only be used by erabackup");
}

/* A copy that is printable ASCII, cut off where there is no more room. */
static void printable(const char *s, char *buf, size_t len)
{
	size_t i;

	for (i = 0; s[i] && i + 1 < len; i++)
		buf[i] = s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?';
	buf[i] = '\0';
}

const char *forced_told(const char *text, const char *connection, char buf[FORCED_TOLD_LEN])
{
	char who[WHO_LEN];
	char what[WHAT_LEN];

	/* "CLIENT PORT SERVER PORT" */
	printable(connection ? connection : "", who, sizeof(who));
	who[strcspn(who, " ")] = '\0';
	if (!who[0])
		strcpy(who, "an unknown address");
	printable(text && text[0] ? text : "nothing", what, sizeof(what));
	/* What was asked for comes last: whatever it says, it cannot be taken for our words. */
	snprintf(buf, FORCED_TOLD_LEN, "refused: %s asked for %zu bytes: %s", who, text ? strlen(text) : 0, what);
	return buf;
}

static void note(const char *text, const char *connection)
{
	char told[FORCED_TOLD_LEN];

	openlog("era_copy", LOG_PID, LOG_AUTH);
	syslog(LOG_AUTH | LOG_WARNING, "%s", forced_told(text, connection, told));
	closelog();
}

/* As cron would have it: the commands of --pre-cut and --post-cut may need both. */
static int plain_environment(struct err *e)
{
	const struct passwd *user;

	if (clearenv() || setenv("PATH", FORCED_PATH, 1))
		return err_sys(e, "cannot empty the environment");
	user = getpwuid(getuid());
	if (user && setenv("HOME", user->pw_dir, 1))
		return err_sys(e, "cannot set the environment");
	return 0;
}

int forced_enter(const struct forced *f, struct forced_asked *a, struct err *e)
{
	/* What they point at outlives the emptying. */
	const char *text = getenv("SSH_ORIGINAL_COMMAND");
	const char *connection = getenv("SSH_CONNECTION");

	if (plain_environment(e))
		return -1;
	if (forced_judge(f, text, a, e) == 0)
		return 0;
	note(text, connection);
	return -1;
}
