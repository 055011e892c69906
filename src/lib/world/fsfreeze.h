/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fsfreeze: the filesystem that is mounted from a device, held still.
 *
 * A frozen filesystem has written all it had, and who writes to it waits. It takes one freeze at a time and is
 * thawed once, whoever froze it: so whoever freezes says so to a guard first (world/guard).
 */
#ifndef ERA_WORLD_FSFREEZE_H
#define ERA_WORLD_FSFREEZE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"

struct fsfreeze {
	int fd; /* -1: none */
	char where[PATH_MAX];
	char type[32]; /* "ext4" */
	uint32_t major; /* of the device */
	uint32_t minor;
};

/*
 * Find it by the device's number, whatever it is mounted as: 1; or 0 where none can be reached: none is mounted in
 * this mount namespace, or each mount point is hidden by another mount, which `where` names then. -1: error. Close
 * always.
 */
int fsfreeze_open(struct fsfreeze *f, uint32_t major, uint32_t minor, struct err *e);
void fsfreeze_close(struct fsfreeze *f);

/* Is what the descriptor leads to a file on it? Where nobody can tell: no. */
bool fsfreeze_has(const struct fsfreeze *f, int fd);

/* Write what is dirty while everybody may go on: a freeze or a suspend that follows has less to do. */
void fsfreeze_sync(const struct fsfreeze *f);

/* ERR_BUSY where somebody else froze it. */
int fsfreeze_freeze(const struct fsfreeze *f, struct err *e);

/* 1: was frozen, and is no more; 0: was not frozen; -1: error. */
int fsfreeze_thaw(const struct fsfreeze *f, struct err *e);

/* The same by descriptor, for a guard. */
void fsfreeze_thaw_fd(int fd);

#endif
