/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sparecow: a device named by the user as the room of a snapshot.
 *
 * The first and the last MiB are left out. What displaced blocks are written over may be the head of a filesystem
 * with the UUID of the live one: at the head of a device it would be found and mounted for it.
 *
 * Never: a device that holds anything, is in use, or is a part of what is copied.
 */
#ifndef ERA_FLOW_SPARECOW_H
#define ERA_FLOW_SPARECOW_H

#include "flow/snapcut.h"
#include "words/err.h"
#include "world/dm.h"

#define SPARECOW_EDGE UINT64_C(1048576) /* bytes left out at either end */

/*
 * It is blank as far as libblkid can tell, or has our mark from another time, and gets the mark. ERR_USAGE: on the
 * device itself, too small, or holds something; ERR_BUSY: in use.
 */
int sparecow_take(const struct dm_era *dev, const char *path, struct snaproom *r, struct err *e);

#endif
