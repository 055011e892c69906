/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metaread: the metadata on a device or in a file, from open to list: a metadev and an erameta on it.
 *
 * The list is read by two readers at once. A large era array is a gigabyte; one reader alternates between waiting for the disk and decoding, two
 * keep both busy. Memory: about 2 MiB a reader.
 */
#ifndef ERA_WORLD_METAREAD_H
#define ERA_WORLD_METAREAD_H

#include <stdint.h>

#include "pure/blockset.h"
#include "pure/erameta.h"
#include "words/err.h"

struct metaread {
	struct metadev *dev;
	struct erameta *era; /* erameta_info tells what it is of */
};

/*
 * Errors name the path. Close also after a failure, and after nothing at all where *m is zero. The metadata
 * begins at the device's beginning, or at off_bytes as metadev_open_at has it.
 */
int metaread_open(struct metaread *m, const char *path, enum erameta_view view, struct err *e);
int metaread_open_at(struct metaread *m, const char *path, uint64_t off_bytes, uint64_t len_bytes,
		     enum erameta_view view, struct err *e);
/* The snapshot held in the metadata on a device, by its number. */
int metaread_open_held(struct metaread *m, uint32_t major, uint32_t minor, struct err *e);

void metaread_close(struct metaread *m);

/* As erameta_changed followed by erameta_recheck. */
int metaread_changed(struct metaread *m, uint64_t since, uint64_t before, struct blockset *set,
		     struct err *e);

#endif
