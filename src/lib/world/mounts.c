/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/mounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MOUNTINFO "/proc/self/mountinfo"

bool mounts_is_node(const char *path, dev_t dev)
{
	struct stat st;

	return strncmp(path, "/dev/", 5) == 0 && stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == dev;
}

bool mounts_is_on(const struct mount *m, dev_t dev)
{
	return m->dev == dev || (major(m->dev) == 0 && mounts_is_node(m->source, dev));
}

int mounts_each(int (*fn)(void *ctx, const struct mount *m), void *ctx, struct err *e)
{
	FILE *f = fopen(MOUNTINFO, "re");
	struct mount m;
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	if (!f)
		return err_sys(e, "%s", MOUNTINFO);
	while (rc == 0 && getline(&line, &room, f) >= 0)
		if (mountline_parse(line, &m))
			rc = fn(ctx, &m);
	if (ferror(f))
		rc = err_sys(e, "%s: cannot read", MOUNTINFO);
	free(line);
	fclose(f);
	return rc;
}
