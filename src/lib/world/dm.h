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
	uint32_t orig_major; /* of what it lies on */
	uint32_t orig_minor;
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
 * How full the snapshot on a device is: 1; 0: it overflowed, or its room failed, and what it had is gone; -1: error,
 * also where the device is no snapshot.
 */
int dm_snapshot_status(uint32_t major, uint32_t minor, uint64_t *used_sectors, uint64_t *total_sectors,
		       struct err *e);

/* Any device-mapper device. */
struct dm_dev {
	char name[DM_WORD];
	char uuid[DM_WORD];
	uint32_t major;
	uint32_t minor;
	uint32_t open_count;
	bool suspended;
	bool pending; /* another table is loaded, to be the live one at the next resume */
	uint64_t len_sectors;
	char type[32];	  /* of its only target; empty: no table, or more than one target */
	char params[256];
};

/* By name, or by number. 1: there, described in *d; 0: no such device; -1: error. */
int dm_find(const char *name, struct dm_dev *d, struct err *e);
int dm_find_number(uint32_t major, uint32_t minor, struct dm_dev *d, struct err *e);

/* "MAJOR:MINOR ..." at the begin of a linear or era target's parameters. 0 or -1. */
int dm_first_number(const char *params, uint32_t *major, uint32_t *minor);

/*
 * Call fn with the name of each device whose DM UUID begins with `prefix`, until fn gives something
 * other than 0, which is returned. -1 with *e where they cannot be listed.
 */
int dm_list(const char *prefix, int (*fn)(void *ctx, const char *name), void *ctx, struct err *e);

/* A device of one target. */
struct dm_table {
	const char *name;
	const char *uuid;
	const char *type;
	const char *params;
	uint64_t len_sectors;
	bool hidden; /* udev is to make no links to its contents: somebody else shows the same */
};

/* Does the kernel have the target, its module loaded where need be? 1, 0, or -1 with *e. */
int dm_has_target(const char *type, struct err *e);

/* Create, load and resume, and wait for udev, if there is one, to make the nodes. Leaves nothing. */
int dm_create(const struct dm_table *t, struct err *e);

/* Load the table as the next one, which a resume makes the live one. For `type` era: suspend first. */
int dm_load(const struct dm_table *t, struct err *e);

/* Drop the table that was loaded as the next one, if there is one. */
int dm_clear(const char *name, struct err *e);

/* Retries for a few seconds where udev looks at it. ERR_BUSY where it is in use. */
int dm_remove(const char *name, struct err *e);

/*
 * A suspend and a resume made ready, so that between the two nothing needs memory, names or udev.
 * NULL with *e. A fence may be used again and again.
 */
struct dm_fence *dm_fence_new(uint32_t major, uint32_t minor, struct err *e);
void dm_fence_free(struct dm_fence *f);

/* From now on its suspends leave a filesystem on the device alone: one that is frozen already. */
void dm_fence_leave_fs(struct dm_fence *f);

/* Waits for all writes in flight, and freezes a filesystem on the device for as long as it lasts. */
int dm_fence_suspend(struct dm_fence *f, struct err *e);

/* Harmless on a device that is not suspended. */
int dm_fence_resume(struct dm_fence *f, struct err *e);

#endif
