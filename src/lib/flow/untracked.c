/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/untracked.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "flow/heldnote.h"
#include "flow/rundir.h"
#include "system/fdio.h"
#include "system/statefile.h"

#define PREFIX "untracked-"
#define TOLD "label told\n"
#define UNTOLD "label not told\n"

/* Two lines: was the label told, and the reason. */
static int put(const char *path, const struct untracked *u, struct err *e)
{
	char text[UNTRACKED_REASON + 32];
	int n = snprintf(text, sizeof(text), "%s%s\n", u->label_told ? TOLD : UNTOLD, u->reason);

	return statefile_replace(path, text, (size_t)n, e);
}

static int get(const char *path, struct untracked *u)
{
	char text[UNTRACKED_REASON + 32];
	struct err e = {0};
	const char *line;
	int rc = statefile_read(path, text, sizeof(text), &e);

	memset(u, 0, sizeof(*u));
	if (rc == 0)
		return 0;
	line = rc == 1 ? strchr(text, '\n') : NULL;
	/* That a note was made is what counts; its words are for people. */
	if (!line) {
		snprintf(u->reason, sizeof(u->reason), "a note of it cannot be read: %.200s", path);
		return 1;
	}
	u->label_told = strncmp(text, TOLD, strlen(TOLD)) == 0;
	snprintf(u->reason, sizeof(u->reason), "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	return 1;
}

static void now_path(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" PREFIX "%s", RUNDIR, name);
}

static void kept_path(const char *root, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s%s/" PREFIX "%s", root, HELDNOTE_DIR, name);
}

int untracked_write(const char *name, const struct untracked *u, struct err *e)
{
	char path[PATH_MAX];

	if (rundir_make(e))
		return -1;
	now_path(name, path);
	return put(path, u, e);
}

int untracked_now(const char *name, struct untracked *u)
{
	char path[PATH_MAX];

	now_path(name, path);
	return get(path, u);
}

int untracked_kept(const char *name, struct untracked *u)
{
	char path[PATH_MAX];

	kept_path("", name, path);
	return get(path, u);
}

int untracked_untold(const char *name, struct untracked *u)
{
	return untracked_kept(name, u) || (untracked_now(name, u) && !u->label_told);
}

/* root/var/lib/era: where /var is a file system of its own, the root has it empty. */
static int make_dirs(const char *root, struct err *e)
{
	char path[PATH_MAX];
	char *slash;
	int rc = 0;

	snprintf(path, sizeof(path), "%s%s", root, HELDNOTE_DIR);
	slash = path + strlen(root);
	while (rc == 0 && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		rc = fdio_make_dir(path, 0755, e);
		*slash = '/';
	}
	return rc ? -1 : fdio_make_dir(path, 0755, e);
}

static int keep_one(const char *root, const char *name, struct err *e)
{
	struct untracked u;
	char path[PATH_MAX];

	if (untracked_now(name, &u) == 0 || u.label_told)
		return 0;
	if (make_dirs(root, e))
		return -1;
	kept_path(root, name, path);
	return put(path, &u, e);
}

int untracked_keep(const char *root, struct err *e)
{
	const size_t skip = strlen(PREFIX);
	DIR *dir = opendir(RUNDIR);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_sys(e, "%s: cannot read", RUNDIR);
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, PREFIX, skip) == 0 && keep_one(root, entry->d_name + skip, e))
			rc = -1;
	closedir(dir);
	return rc;
}

int untracked_forget_now(const char *name, struct err *e)
{
	char path[PATH_MAX];

	now_path(name, path);
	return statefile_remove(path, e);
}

int untracked_forget_kept(const char *name, struct err *e)
{
	char path[PATH_MAX];

	kept_path("", name, path);
	return statefile_remove(path, e);
}
