/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * source: the device or image whose bytes go into a stream.
 *
 * Reads are O_DIRECT: a mounted filesystem bypasses the block device's page cache, so what that
 * cache holds can be stale (docs/durability.md). Only a regular file on a filesystem that refuses
 * O_DIRECT is read through the cache, which for a file is coherent.
 *
 * Image files say where their holes are, so a sparse image costs what it holds.
 */
#ifndef ERA_WORLD_SOURCE_H
#define ERA_WORLD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"

/* Buffers, and by preference offsets, are multiples of this: right for every sector size. */
#define SOURCE_ALIGN 4096u

struct source {
	int fd;
	const char *name;
	bool device;     /* a block device, else a regular file */
	bool direct;     /* read past the page cache */
	uint64_t size;   /* bytes */
	uint32_t sector; /* logical sector size, bytes */
	uint64_t rdev;   /* of a block device */
	/* What SEEK_DATA said last: [known_begin, known_end) is a hole or is data. */
	uint64_t known_begin;
	uint64_t known_end;
	bool known_hole;
};

/* `name` must stay valid. Close also after a failure. */
int source_open(struct source *s, const char *name, struct err *e);
void source_close(struct source *s);

/*
 * Read [off, off + len) into buf, which is aligned and has room for len rounded up to SOURCE_ALIGN.
 * Bytes behind len are undefined. A source that has become shorter is an error, never zeros. From any thread.
 */
int source_read(const struct source *s, uint8_t *buf, uint64_t off, uint64_t len, struct err *e);

/*
 * How far, at most up to `end`, the bytes from `off` on are all of one sort; *hole says that they are
 * a hole and read as zeros. Always off < result <= end. On a device everything is data.
 */
uint64_t source_same(struct source *s, uint64_t off, uint64_t end, bool *hole);

#endif
