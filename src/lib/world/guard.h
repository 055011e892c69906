/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard: a second process that keeps suspended devices from staying suspended.
 *
 * Between suspend and resume the program may be killed, stopped, or starved. The guard is forked
 * before, with its memory locked and its ioctls made ready; it waits on a pipe. It resumes the device
 * when the pipe is closed (the program is gone, by whatever signal) or when the program has not said
 * within the limit that it resumed by itself. It never touches the device otherwise, and it outlives
 * the program for as long as that takes and no longer.
 *
 * Resuming early is harmless to the backup: the era that begins at a resume begins whoever resumes.
 */
#ifndef ERA_WORLD_GUARD_H
#define ERA_WORLD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "words/err.h"

#define GUARD_LIMIT_MS 20000
#define GUARD_DEVS_MAX 4

struct guard_dev {
	uint32_t major;
	uint32_t minor;
};

struct guard {
	pid_t pid;
	int fd; /* our end of the pipe */
};

/*
 * Fork a guard for the devices, at most GUARD_DEVS_MAX, the lowest first, which is the order they are resumed
 * in, and wait until it is ready. Call before any thread is started. The clock runs from here:
 * suspend without delay.
 */
int guard_start(struct guard *g, const struct guard_dev *devs, size_t nr, struct err *e);

/*
 * The guard ends. Where the devices are not known to be resumed, it resumes them before. Fine on a guard that
 * was not started (pid 0).
 */
void guard_done(struct guard *g, bool resumed);

#endif
