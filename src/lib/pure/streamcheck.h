/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamcheck: the rules of a stream that need memory of what came before (docs/format.md, 2, 5, 7).
 *
 * Order of frames, sequence numbers, order and bounds of extents, coverage of the MAP, counts, digest,
 * index, footer. It is fed each frame in the order of the stream and remembers a fixed amount,
 * whatever the stream's length: coverage is checked by comparing a hash over the MAP's extents with
 * one over the joined extents of the frames.
 *
 * All errors are ERR_CORRUPT.
 */
#ifndef ERA_PURE_STREAMCHECK_H
#define ERA_PURE_STREAMCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/streamindex.h"
#include "pure/wire.h"
#include "words/err.h"

/* Extents joined where they touch, hashed as they are complete. */
struct runsum {
	struct hash *hash;
	uint64_t offset;
	uint64_t len; /* 0: none yet */
	uint64_t bytes;
};

struct streamcheck {
	struct wire_head head;
	struct wire_pass pass;
	struct wire_end end; /* the counts as they grow; after END as the stream has them */
	uint64_t frames;     /* seen, of all types */
	uint64_t next_offset; /* in this pass: no extent may begin below */
	uint64_t map_bytes;   /* of this pass, and of all */
	uint64_t map_bytes_total;
	uint64_t end_position;
	uint8_t last_type; /* of the last frame of a known type that is no INDEX; 0: none */
	bool map_short;    /* a MAP frame was not full: no more may come */
	bool index_due;
	struct hash *digest;
	struct runsum mapped;
	struct runsum covered;
	struct streamindex index;
};

/* After the preamble. Free with streamcheck_fini, also after a failure. */
int streamcheck_init(struct streamcheck *c, const uint8_t preamble[WIRE_PREAMBLE_LEN],
		     struct err *e);
void streamcheck_fini(struct streamcheck *c);

/*
 * A header as wire_get_header gave it, its raw bytes, and its position in the stream. DATA and ZERO
 * need no more than this; the others are completed by streamcheck_content.
 */
int streamcheck_header(struct streamcheck *c, const struct wire_header *h,
		       const uint8_t raw[WIRE_HEADER_LEN], uint64_t position, struct err *e);

/* The content of HEAD, PASS, MAP, END or INDEX, its checksums verified. */
int streamcheck_content(struct streamcheck *c, const struct wire_header *h, uint64_t position,
			const uint8_t *content, struct err *e);

/* True once END and the INDEX behind it were seen: only the footer may follow. */
bool streamcheck_complete(const struct streamcheck *c);

/* `position` is the footer's. */
int streamcheck_footer(const struct streamcheck *c, const uint8_t in[WIRE_FOOTER_LEN],
		       uint64_t position, struct err *e);

#endif
