/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * devices: what the library says of block devices, without the programs that use it.
 *
 *   devices resolve data|meta SPEC      the path; "not there"
 *   devices spec PATH                   how it is named stably
 *   devices usage PATH                  KIND: TEXT [HOLDER DM-NAME DM-UUID]
 *   devices overlap A B
 *   devices mounted-rw PATH             1 or 0
 *   devices fingerprint PATH BYTES
 *   devices label META VOLUME           writes a label of that volume id
 *   devices labels META                 how both copies are
 *
 * The exit status is the kind of the error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "words/num.h"
#include "world/fingerprint.h"
#include "world/labelio.h"
#include "world/resolve.h"
#include "world/usage.h"

static int resolve(char **arg, struct err *e)
{
	const enum resolve_role role = strcmp(arg[0], "meta") == 0 ? RESOLVE_META : RESOLVE_DATA;
	char path[PATH_MAX];
	const int rc = resolve_device(arg[1], role, path, e);

	if (rc >= 0)
		puts(rc ? path : "not there");
	return rc < 0 ? -1 : 0;
}

static int spec(char **arg, struct err *e)
{
	char text[PATH_MAX];

	if (resolve_spec(arg[0], text, e))
		return -1;
	puts(text);
	return 0;
}

static int usage(char **arg, struct err *e)
{
	static const char *const kind[] = {"free", "mounted", "swap", "holder", "exclusive"};
	struct usage u;

	if (usage_find(arg[0], &u, e))
		return -1;
	printf("%s: %s [%s %s %s]\n", kind[u.kind], u.text, u.holder, u.dm_name, u.dm_uuid);
	return 0;
}

static int overlap(char **arg, struct err *e)
{
	return usage_overlap(arg[0], arg[1], e);
}

static int mounted(char **arg, struct err *e)
{
	struct stat st;
	int rc;

	if (stat(arg[0], &st))
		return err_sys(e, "%s", arg[0]);
	rc = usage_mounted_rw(major(st.st_rdev), minor(st.st_rdev), e);
	if (rc < 0)
		return -1;
	printf("%d\n", rc);
	return 0;
}

static int fingerprint(char **arg, struct err *e)
{
	uint8_t value[FINGERPRINT_LEN];
	char hex[2 * FINGERPRINT_LEN + 1];
	uint64_t len;

	if (num_parse(arg[1], 1, UINT64_MAX, &len))
		return err_set(e, ERR_USAGE, "%s: is no size", arg[1]);
	if (fingerprint_device(arg[0], len, value, e))
		return -1;
	num_hex(value, sizeof(value), hex);
	puts(hex);
	return 0;
}

static int put_label(char **arg, struct err *e)
{
	struct label l = {.data_bytes = 1048576, .block_bytes = 65536, .meta_offset = LABEL_AREA};

	l.meta_bytes = 65536;
	l.state = LABEL_FRESH;
	memset(l.generation, 1, sizeof(l.generation));
	if (num_unhex(arg[1], l.volume, sizeof(l.volume)))
		return err_set(e, ERR_USAGE, "%s: is no volume id", arg[1]);
	return labelio_write(arg[0], &l, e);
}

static int labels(char **arg, struct err *e)
{
	struct labelio_found f;
	struct label l;

	if (labelio_read(arg[0], &l, &f, e))
		return -1;
	printf("%s %" PRIu64 ", %s %" PRIu64 ": %d\n", labelio_copy_name(f.copy[0]), f.sequence[0],
	       labelio_copy_name(f.copy[1]), f.sequence[1], f.taken);
	return 0;
}

static const struct {
	const char *name;
	int nr;
	int (*run)(char **arg, struct err *e);
} commands[] = {
	{"resolve", 2, resolve}, {"spec", 1, spec},
	{"usage", 1, usage},	 {"overlap", 2, overlap},
	{"mounted-rw", 1, mounted}, {"fingerprint", 2, fingerprint},
	{"label", 2, put_label}, {"labels", 1, labels},
};

int main(int argc, char **argv)
{
	struct err e = {0};
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc < 2 || strcmp(argv[1], commands[i].name) != 0 || argc != commands[i].nr + 2)
			continue;
		if (commands[i].run(argv + 2, &e) == 0)
			return 0;
		fprintf(stderr, "devices: %s\n%s%s%s", e.text, e.hint[0] ? "  hint: " : "", e.hint,
			e.hint[0] ? "\n" : "");
		return (int)e.kind;
	}
	fprintf(stderr, "devices: usage: see the source\n");
	return 2;
}
