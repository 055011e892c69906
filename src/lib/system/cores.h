/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cores: how many threads a program should start: no more than there is processor time for. That is the processors it may
 * run on (taskset(1), cpusets), or less, where a control group above it has a quota of their time (cpu.max of version 2,
 * cpu.cfs_quota_us of version 1). What cannot be read or understood is no limit.
 */
#ifndef ERA_SYSTEM_CORES_H
#define ERA_SYSTEM_CORES_H

/* Memory grows by about 4 MiB a thread, hence a bound for the default. */
#define CORES_DEFAULT_MAX 8u
#define CORES_MAX 256u

/* Threads for this process, 1 to CORES_DEFAULT_MAX. */
unsigned int cores_default(void);

/* The processors this process may run on; at least 1. */
unsigned int cores_allowed(void);

/*
 * The smallest quota of the control groups that are named in `groups` and mounted as `mounts` says, in processors, rounded up;
 * 0: none. The files are /proc/PID/cgroup and /proc/PID/mountinfo.
 */
unsigned int cores_quota(const char *groups, const char *mounts);

#endif
