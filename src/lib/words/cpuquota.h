/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cpuquota: the texts in which the kernel says how much processor time a control group may have (cgroups(7)).
 *
 * A container or a service with CPUQuota= may see sixty-four processors and have the time of one. More threads than that
 * are stopped together in the middle of each period, and only cost memory.
 *
 * It is pure (text in, values out), and lies below the system layer because that is who reads the files. What it does
 * not understand is no limit: nothing here is an error.
 */
#ifndef ERA_WORDS_CPUQUOTA_H
#define ERA_WORDS_CPUQUOTA_H

#include <limits.h>
#include <stdbool.h>

#include "words/mountline.h"

/* Processors, rounded up, of cpu.max: "50000 100000" is 1. 0: no limit. */
unsigned int cpuquota_max(const char *text);

/* The same of cpu.cfs_quota_us and cpu.cfs_period_us. */
unsigned int cpuquota_cfs(const char *quota, const char *period);

/* Where the limits of a process are: in the files of `dir`, and of each directory above it up to the mount. */
struct cpuquota_place {
	bool v2;
	size_t mount_len; /* of dir: where it is mounted */
	char dir[PATH_MAX];
};

/*
 * Is it a mount of control groups that may limit processors, and which directory in it is the group of a process whose
 * /proc/PID/cgroup is `groups`? False where it is not, or where that group does not lie in the mount.
 */
bool cpuquota_place(const struct mount *m, const char *groups, struct cpuquota_place *p);

/* The directory above; false at the mount. */
bool cpuquota_up(struct cpuquota_place *p);

#endif
