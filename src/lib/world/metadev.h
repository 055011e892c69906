/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metadev: a dm-era metadata device, or an image of one in a file, as a source of blocks for
 * erameta.
 *
 * Read-only, and past the page cache (O_DIRECT): the kernel writes the metadata of a device in use
 * below that cache, so a cached block can be an old one, and old blocks have valid checksums. Reads
 * are whole metadata blocks of 4096 bytes at their own offsets, which every logical sector size up
 * to 4096 allows.
 *
 * A regular file on a file system that refuses O_DIRECT is read through the cache, where it is
 * coherent; a device never is.
 */
#ifndef ERA_WORLD_METADEV_H
#define ERA_WORLD_METADEV_H

#include "pure/erameta_io.h"

/*
 * Open a block device or a regular file. NULL with *e: ERR_USAGE where it is neither, ERR_RUNTIME
 * where it cannot be opened.
 */
struct metadev *metadev_open(const char *path, struct err *e);

/*
 * As metadev_open, of metadata that lies somewhere on the device: block 0 is at off_bytes, a multiple of
 * ERAMETA_BLOCK_LEN, and nothing behind len_bytes is read (0: to the end). ERR_CORRUPT where the device
 * ends before that. Offsets in errors of the read are those on the device.
 */
struct metadev *metadev_open_at(const char *path, uint64_t off_bytes, uint64_t len_bytes,
				struct err *e);
void metadev_close(struct metadev *m);

/*
 * Valid until the close. Its read gives ERR_RUNTIME on an I/O error, and ERR_CORRUPT where the file
 * ends before what was asked for, each with the path and the offset in bytes.
 */
const struct erameta_io *metadev_io(const struct metadev *m);

/* The reader knows blocks and not whose they are: the path before its error, where it is not yet. */
int metadev_blame(const struct metadev *m, struct err *e);

#endif
