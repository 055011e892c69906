/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * extstate: is an ext3 or ext4 file system's journal to be replayed?
 *
 * While such a file system is mounted for writing its superblock says that it is (the incompatible
 * feature "needs recovery"). After a power cut it still does. If it does not, then somebody has
 * replayed the journal since, by mounting it or with fsck, or it was not mounted when the power went.
 * The superblock lies at byte 1024 of the device.
 */
#ifndef ERA_PURE_EXTSTATE_H
#define ERA_PURE_EXTSTATE_H

#include <stdint.h>

#define EXTSTATE_OFFSET 1024
#define EXTSTATE_LEN 1024

enum extstate {
	EXTSTATE_UNKNOWN,  /* another file system, or one without a journal */
	EXTSTATE_SETTLED,  /* nothing to replay */
	EXTSTATE_RECOVERY, /* as a power cut leaves it */
};

enum extstate extstate_look(const uint8_t superblock[EXTSTATE_LEN]);

#endif
