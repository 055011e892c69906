/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mounts: what /proc/self/mountinfo says, line by line. Only what this mount namespace sees.
 */
#ifndef ERA_WORLD_MOUNTS_H
#define ERA_WORLD_MOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "words/err.h"
#include "words/mountline.h"

/* Call fn for each until it gives other than 0, which is returned: 0 at the end, -1 with *e. */
int mounts_each(int (*fn)(void *ctx, const struct mount *m), void *ctx, struct err *e);

/* Is it of the block device? btrfs has a number of its own there, and says its device by name. */
bool mounts_is_on(const struct mount *m, dev_t dev);

/* Is the path in /dev a node of the block device? */
bool mounts_is_node(const char *path, dev_t dev);

#endif
