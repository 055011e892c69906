/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dm: device-mapper as far as dm-era needs it. The only module that includes libdevmapper's header.
 *
 * Devices are named by number: a name can change, a number cannot while the device is open.
 *
 * While a device is suspended, status and messages to it hang until it is resumed. dm_look does
 * neither: it is always safe. Callers look first.
 */
#ifndef ERA_WORLD_DM_H
#define ERA_WORLD_DM_H

#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"

#define DM_WORD 160

struct dm_era {
	char name[DM_WORD];
	char uuid[DM_WORD];
	uint32_t major;
	uint32_t minor;
	bool suspended;
	uint64_t len_sectors;
	uint64_t block_sectors;
	uint32_t meta_major; /* of the metadata device */
	uint32_t meta_minor;
};

struct dm_era_status {
	uint64_t used_blocks; /* of 4 KiB, of the metadata device */
	uint64_t total_blocks;
	uint64_t era;
	bool held; /* a metadata snapshot is held */
	uint64_t held_root;
};

/*
 * Look at the device with this number. 1: a dm-era device, described in *d; 0: something else; -1:
 * error, also where it is dm-era in a form that cannot be backed up.
 */
int dm_look(uint64_t rdev, struct dm_era *d, struct err *e);

/* Commits the metadata on the way: not for a tight loop. Hangs while the device is suspended. */
int dm_status(const struct dm_era *d, struct dm_era_status *s, struct err *e);

/* "take_metadata_snap", "drop_metadata_snap", "checkpoint". Hangs while the device is suspended. */
int dm_message(const struct dm_era *d, const char *message, struct err *e);

/*
 * A suspend and a resume made ready, so that between the two nothing needs memory, names or udev.
 * NULL with *e. A fence may be used again and again.
 */
struct dm_fence *dm_fence_new(uint32_t major, uint32_t minor, struct err *e);
void dm_fence_free(struct dm_fence *f);

/* Waits for all writes in flight, and freezes a filesystem on the device for as long as it lasts. */
int dm_fence_suspend(struct dm_fence *f, struct err *e);

/* Harmless on a device that is not suspended. */
int dm_fence_resume(struct dm_fence *f, struct err *e);

#endif
