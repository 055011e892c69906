/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/rundir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "system/lock.h"

int rundir_make(struct err *e)
{
	if (mkdir(RUNDIR, 0755) && errno != EEXIST)
		return err_sys(e, "%s: cannot create", RUNDIR);
	return 0;
}

int rundir_lock(const char *dm_name, struct err *e)
{
	char path[PATH_MAX];

	if (rundir_make(e))
		return -1;
	snprintf(path, sizeof(path), "%s/%s.lock", RUNDIR, dm_name);
	return lock_take(path, dm_name, e);
}
