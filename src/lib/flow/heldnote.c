/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/heldnote.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "system/fdio.h"
#include "system/statefile.h"
#include "words/num.h"

static void path_of(const char *dm_name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/held-%s", HELDNOTE_DIR, dm_name);
}

int heldnote_write(const char *dm_name, uint64_t era, struct err *e)
{
	char path[PATH_MAX];
	char text[32];
	int n;

	if (fdio_make_dir(HELDNOTE_DIR, 0755, e))
		return -1;
	path_of(dm_name, path);
	n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)era);
	return statefile_replace(path, text, (size_t)n, e);
}

int heldnote_read(const char *dm_name, uint64_t *era)
{
	struct err ignored = {0};
	char path[PATH_MAX];
	char text[32];

	path_of(dm_name, path);
	if (statefile_read(path, text, sizeof(text), &ignored) != 1)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return num_parse(text, 1, UINT64_MAX, era) == 0;
}

int64_t heldnote_age(const char *dm_name)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(dm_name, path);
	return stat(path, &st) ? -1 : (int64_t)(time(NULL) - st.st_mtime);
}

void heldnote_remove(const char *dm_name)
{
	struct err ignored = {0};
	char path[PATH_MAX];

	path_of(dm_name, path);
	statefile_remove(path, &ignored);
}
