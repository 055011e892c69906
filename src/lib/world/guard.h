/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard: a second process that keeps what stands still from standing still for ever.
 *
 * Between a suspend and a resume, or a freeze and a thaw, the program may be killed, stopped, or starved. The
 * guard is forked before, with its memory locked and its ioctls made ready; it waits on a pipe. It resumes the
 * devices and thaws the filesystem when the pipe is closed (the program is gone, by whatever signal) or when
 * the program has not said within the limit that it did so itself. It never touches them otherwise, and it
 * outlives the program for as long as that takes and no longer.
 *
 * Resuming early loses nothing: the era that begins at a resume begins whoever resumes. But what the
 * program does behind it is no longer done to something that stands still, so it is told (guard_done).
 */
#ifndef ERA_WORLD_GUARD_H
#define ERA_WORLD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "words/err.h"

#define GUARD_DEVS_MAX 4

struct guard_dev {
	uint32_t major;
	uint32_t minor;
};

struct guard_job {
	struct guard_dev devs[GUARD_DEVS_MAX]; /* the lowest first: the order they are resumed in */
	size_t nr;
	int thaw_fd;	       /* on the filesystem to thaw, behind the devices; -1: none */
	unsigned int limit_ms; /* 0: no clock, only the pipe */
	const char *note;      /* a file to remove when all runs again and the program is gone; NULL: none */
	/* What else the dead program owed, with what guard_tell said last; NULL: nothing. */
	void (*last)(void *ctx, pid_t told);
	void *ctx;
};

struct guard {
	pid_t pid;
	int fd; /* our end of the pipe */
};

/*
 * Fork a guard and wait until it is ready. Call while no thread of ours runs. The clock runs from here: suspend
 * without delay.
 */
int guard_start(struct guard *g, const struct guard_job *job, struct err *e);

/* A word for job.last: a process group of the program's, or 0. Fine on a guard that was not started. */
void guard_tell(struct guard *g, pid_t group);

/*
 * The guard ends. Where what it watches is not known to run again, it makes it run before. 0: it had nothing to
 * do; 1: it had, or was killed, so that nobody can say. Fine on a guard that was not started (pid 0).
 */
int guard_done(struct guard *g, bool running);

#endif
