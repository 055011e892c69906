/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blkdev: from a device number to a node in /dev. */
#ifndef ERA_WORLD_BLKDEV_H
#define ERA_WORLD_BLKDEV_H

#include <stddef.h>
#include <stdint.h>

#include "words/err.h"

/* The kernel's own name for it, "/dev/dm-3", from sysfs: there without udev too. */
int blkdev_path(uint32_t major, uint32_t minor, char *path, size_t len, struct err *e);

#endif
