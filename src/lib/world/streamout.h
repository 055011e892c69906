/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamout: frames to a descriptor, in the order of docs/format.md, section 2.
 *
 * It numbers the frames, keeps digest, counts and index, and joins neighbouring zero extents. DATA
 * comes compressed and checksummed already, because that is the work that other threads can do. It
 * writes as it goes and remembers a fixed amount.
 *
 * Calls in order: open, (pass, (data | zero)*)+, end, close. After a failure only close.
 */
#ifndef ERA_WORLD_STREAMOUT_H
#define ERA_WORLD_STREAMOUT_H

#include <stdint.h>

#include "pure/blockset.h"
#include "pure/streamindex.h"
#include "pure/wire.h"
#include "system/longwrite.h"
#include "words/err.h"
#include "world/zst.h"

struct streamout {
	struct longwrite file;
	int level; /* 0: nothing is compressed */
	uint64_t position;
	uint64_t seq;
	uint64_t size;    /* of the device, bytes */
	uint64_t granule; /* bytes */
	uint8_t id[WIRE_ID_LEN];
	struct wire_pass pass;
	struct wire_end counts;
	struct wire_extent zero; /* not yet written; len 0: none */
	struct hash *digest;
	struct zst *zst;
	uint8_t *packed; /* room for a compressed control frame */
	struct streamindex index;
};

/* Writes preamble and HEAD. head->stream_id must be set. */
int streamout_open(struct streamout *s, int fd, const char *name, int level,
		   const struct wire_head *head, struct err *e);

/* Begins a pass and writes its MAP from the set, whose blocks are granules of the device. */
int streamout_pass(struct streamout *s, const struct wire_pass *pass, const struct blockset *set,
		   struct err *e);

/* One DATA frame, h without seq: type, codec, offset, lengths and checksums are the caller's. */
int streamout_data(struct streamout *s, struct wire_header *h, const void *stored, struct err *e);

int streamout_zero(struct streamout *s, uint64_t offset, uint64_t len, struct err *e);

/* What follows must not wait for a disk, where it is written to a file: something stands still meanwhile. */
int streamout_hurry(struct streamout *s, struct err *e);

/* END, INDEX, footer. */
int streamout_end(struct streamout *s, uint8_t consistency, uint64_t still_us, struct err *e);

void streamout_close(struct streamout *s);

#endif
