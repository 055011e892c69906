/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blkdev: names of devices. */
#ifndef ERA_WORLD_BLKDEV_H
#define ERA_WORLD_BLKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words/err.h"

/* The kernel's own name for it, "/dev/dm-3", from sysfs: there without udev too. */
int blkdev_path(uint32_t major, uint32_t minor, char *path, size_t len, struct err *e);

/* Of a block device by its path. ERR_USAGE where it is none. */
int blkdev_number(const char *path, uint32_t *major, uint32_t *minor, struct err *e);
int blkdev_size(const char *path, uint64_t *bytes, struct err *e);

/* Logical sector, bytes. */
int blkdev_sector(const char *path, uint32_t *bytes, struct err *e);

/* How much a discard may have at the most, as the queue says now: 0 for none. */
int blkdev_discard_max(uint32_t major, uint32_t minor, uint64_t *bytes, struct err *e);

/*
 * Take no discards from now on: until its table changes, where it is a device-mapper device. Verified.
 * `name` is for messages.
 */
int blkdev_discards_off(uint32_t major, uint32_t minor, const char *name, struct err *e);

/*
 * Is the name one in /dev, whatever links lead there? Its directory decides, so the file need not
 * exist: a typo in /dev is not to become a file.
 */
bool blkdev_in_dev(const char *name);

#endif
