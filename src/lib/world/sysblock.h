/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sysblock: what sysfs says of block devices, by the kernel's names ("sda1", "dm-3", "cciss!c0d0").
 *
 * A device may go away at any moment; then nothing is known of it, which is no error.
 */
#ifndef ERA_WORLD_SYSBLOCK_H
#define ERA_WORLD_SYSBLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "words/err.h"

#define SYSBLOCK_NAME  64
#define SYSBLOCK_DEPTH 16 /* of devices on each other; more is a circle, or nobody's */

/* A line of /sys/class/block/NAME/ATTR. False where there is none, or it does not fit; out is "".
 */
bool sysblock_attr(const char *name, const char *attr, char *out, size_t len);

/* The same as a number; 0 where there is none. */
uint64_t sysblock_number(const char *name, const char *attr);

bool sysblock_name(dev_t dev, char name[SYSBLOCK_NAME]);
bool sysblock_dev(const char *name, dev_t *dev);

/* The disk that a partition is of. False: it is no partition. */
bool sysblock_disk(const char *name, char disk[SYSBLOCK_NAME]);

/* Is it one of the suite's own, by its device-mapper UUID, or a partition of one? */
bool sysblock_is_era(const char *name);

/*
 * Call for each name, sorted: of all devices (sub NULL), or of the links in
 * /sys/class/block/NAME/SUB, which is "holders" or "slaves"; or of the partitions of NAME (sub "").
 * Ends with the first call that is not 0, and returns that. A list that cannot be read is empty,
 * but for that of all: -1.
 */
typedef int sysblock_call(void *ctx, const char *name, struct err *e);
int sysblock_each(const char *name, const char *sub, sysblock_call *call, void *ctx, struct err *e);

#endif
