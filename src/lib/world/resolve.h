/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolve: from what a person calls a device to its node, and back.
 *
 * A device is found by what is on it, not by udev's links: those are not there in a small
 * initramfs, and those by file system point to whatever was seen last, which is the era volume as
 * soon as it is open. So every block device in sysfs is looked at.
 *
 *   /dev/...      the node itself
 *   PARTUUID=     of a partition, as its table says
 *   PARTLABEL=
 *   UUID=         role DATA: of the file system, or other known thing, on it
 *                 role META: the volume id of our label, 32 hexadecimal digits, with dashes or not
 *   LABEL=        role DATA only: of the file system
 *
 * The value may be in double quotes. A path in /dev/disk/by-uuid, by-label, by-partuuid or
 * by-partlabel is taken for the tag it stands for. Labels are compared as they are, the rest in any
 * case.
 *
 * Never the answer: a device-mapper device whose UUID begins with "ERA-", nor what stands on one
 * and has the same contents. Where a device and one that is mapped on it (multipath) both match, it
 * is the upper one; while that is suspended there is no answer yet.
 */
#ifndef ERA_WORLD_RESOLVE_H
#define ERA_WORLD_RESOLVE_H

#include <limits.h>

#include "words/err.h"

enum resolve_role { RESOLVE_DATA, RESOLVE_META };

/*
 * 1: found, its node in path (a path is given back as it came). 0: not there, or not yet.
 *
 * -1: ERR_IDENTITY where more than one device matches, named; ERR_USAGE where the words make no
 * sense, or the path is no block device or an era volume itself; ERR_RUNTIME where sysfs cannot be
 * read. A device that cannot be opened or read, or is suspended, is passed over.
 */
int resolve_device(const char *spec, enum resolve_role role, char path[PATH_MAX], struct err *e);

/* The same for what has to be there now: ERR_RUNTIME where it is not. 0 or -1. */
int resolve_existing(const char *spec, enum resolve_role role, char path[PATH_MAX], struct err *e);

/*
 * A name for the device that stays through reboots, for eratab: PARTUUID=, /dev/mapper/NAME of a
 * device-mapper device, a link in /dev/disk/by-id, or the path as it came. ERR_USAGE where it is no
 * block device.
 */
int resolve_spec(const char *path, char spec[PATH_MAX], struct err *e);

#endif
