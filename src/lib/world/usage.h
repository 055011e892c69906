/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usage: who uses a block device, and do two of them share a byte. From mountinfo, sysfs and the
 * kernel's exclusive open; nothing is changed and nothing stays open.
 *
 * The answer is one of the moment it was asked.
 */
#ifndef ERA_WORLD_USAGE_H
#define ERA_WORLD_USAGE_H

#include <stdint.h>

#include "words/err.h"

enum usage_kind {
	USAGE_FREE = 0,
	USAGE_MOUNTED,
	USAGE_SWAP,
	USAGE_HOLDER,	 /* another device stands on it: dm, md, bcache */
	USAGE_EXCLUSIVE, /* somebody else has it to himself: another mount namespace, a program */
};

struct usage {
	enum usage_kind kind; /* the first that is true, of the device or of a partition of it */
	char text[512];	      /* "mounted on /srv", "used by dm-3 (vg-root)"; empty where free */
	char holder[64];      /* USAGE_HOLDER: the first one's name, "dm-3"; else empty */
	char dm_name[128];    /* of that holder, where it is of device-mapper; else empty */
	char dm_uuid[130];
	unsigned int nr_holders;
};

/* ERR_USAGE where it is no block device. */
int usage_find(const char *path, struct usage *u, struct err *e);

/*
 * Do writes to one reach the other? ERR_USAGE, said how: the same device, one a part of the other,
 * partitions that overlap, loop devices on one file that overlap, one that stands on the other. Two
 * logical volumes of one group share nothing. Block devices and regular files.
 */
int usage_overlap(const char *path_a, const char *path_b, struct err *e);

/* 1: a file system on it is mounted and may write, whatever its mount points say. 0: none is. -1:
 * error. */
int usage_mounted_rw(uint32_t major, uint32_t minor, struct err *e);

#endif
