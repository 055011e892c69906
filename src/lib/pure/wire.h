/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire: the structures of the era stream to bytes and back. docs/format.md is the contract; every
 * function names its section.
 *
 * Encoders fill byte arrays of a fixed size and cannot fail. Decoders check everything that can be
 * checked from the bytes alone: magic, checksums, ranges, fields that must be zero. What needs memory
 * of earlier frames (order, counts, coverage) is checked by streamcheck.
 *
 * Errors are ERR_CORRUPT and say which field; the caller knows the position and says that.
 */
#ifndef ERA_PURE_WIRE_H
#define ERA_PURE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words/err.h"

#define WIRE_MIB UINT64_C(1048576)
#define WIRE_CONTENT_MAX 1048576u /* content and stored bytes of one frame */
#define WIRE_ID_LEN 16
#define WIRE_PREAMBLE_LEN 40
#define WIRE_HEADER_LEN 64
#define WIRE_HEAD_LEN 128
#define WIRE_PASS_LEN 24
#define WIRE_EXTENT_LEN 16
#define WIRE_EXTENTS_MAX 65536u /* in one MAP frame */
#define WIRE_END_LEN 88
#define WIRE_INDEX_LEN 16
#define WIRE_ENTRY_LEN 40
#define WIRE_ENTRIES_MAX 4096u /* in one INDEX frame */
#define WIRE_FOOTER_LEN 48
#define WIRE_SIZE_MAX (UINT64_C(1) << 56)    /* bytes of a device */
#define WIRE_GRANULE_MAX (UINT64_C(1) << 40) /* bytes of an era block */
#define WIRE_PASSES_MAX 64u
#define WIRE_OPTIONAL_MIN 128u /* types from here on are optional frames */
#define WIRE_MAJOR 1
#define WIRE_MINOR 0

enum wire_type {
	WIRE_HEAD = 1,
	WIRE_MAP = 2,
	WIRE_DATA = 3,
	WIRE_ZERO = 4,
	WIRE_PASS = 5,
	WIRE_END = 6,
	WIRE_INDEX = 7,
};

enum wire_codec { WIRE_CODEC_NONE = 0, WIRE_CODEC_ZSTD = 1 };

enum wire_kind { WIRE_FULL = 1, WIRE_INCREMENTAL = 2, WIRE_REVERSE = 3 };

enum wire_cut { WIRE_CUT_NONE = 1, WIRE_CUT_FENCE = 2, WIRE_CUT_FREEZE = 3, WIRE_CUT_SNAPSHOT = 4 };

enum wire_consistency {
	WIRE_CALLERS = 1,
	WIRE_CONVERGING = 2,
	WIRE_CRASH_CONSISTENT = 3,
	WIRE_FS_CONSISTENT = 4,
};

#define WIRE_FLAG_OPTIONAL 1u /* frame header: may be skipped where the type is unknown */
#define WIRE_HEAD_PASSES 1u   /* HEAD: more than one pass may come */
#define WIRE_HEAD_MERGED 2u   /* HEAD: made of neighbours of a chain; the state id is the last one's */

/* Section 4. */
struct wire_header {
	uint8_t type;
	uint8_t codec;
	uint16_t flags;
	uint64_t seq;
	uint64_t offset;
	uint64_t logical_len;
	uint32_t stored_len;
	uint64_t stored_sum;
	uint64_t content_sum;
};

/* Section 5.1, the fields by tag. */
enum wire_field {
	WIRE_HOST = 1,
	WIRE_DEVICE = 2,
	WIRE_FSTYPE = 3,
	WIRE_FSUUID = 4,
	WIRE_FSLABEL = 5,
	WIRE_TOOL = 6,
	WIRE_KERNEL = 7,
	WIRE_METADATA = 8,
	WIRE_UNDOES = 9,
	WIRE_FIELDS = 10, /* one more than the last */
};
#define WIRE_FIELD_MAX 255
#define WIRE_HEAD_MAX (WIRE_HEAD_LEN + WIRE_FIELDS * (4 + WIRE_FIELD_MAX))

/* Section 5.1. Sizes in bytes. */
struct wire_head {
	uint8_t stream_id[WIRE_ID_LEN];
	uint8_t state_id[WIRE_ID_LEN];
	uint8_t parent_id[WIRE_ID_LEN];
	uint8_t generation[WIRE_ID_LEN];
	uint64_t since;
	uint64_t era_c;
	uint64_t size;
	uint64_t parent_size;
	uint64_t time;
	uint64_t granule;
	uint32_t sector;
	uint8_t kind;
	uint8_t cut;
	uint8_t consistency;
	uint8_t flags;
	uint64_t still_us;
	char field[WIRE_FIELDS][WIRE_FIELD_MAX + 1]; /* by tag; empty where absent */
};

/* Section 5.2. */
struct wire_pass {
	uint32_t number;
	uint64_t since;
	uint64_t era_c;
};

/* Section 5.3. Bytes on the device. */
struct wire_extent {
	uint64_t offset;
	uint64_t len;
};

/* Section 5.5. */
struct wire_end {
	uint64_t era_c;
	uint64_t frames;
	uint64_t data_frames;
	uint64_t zero_frames;
	uint64_t data_bytes;
	uint64_t zero_bytes;
	uint64_t stored_bytes;
	uint32_t passes;
	uint8_t consistency;
	uint64_t still_us;
	uint8_t digest[16];
};

/* Section 5.6. */
struct wire_entry {
	uint64_t offset;
	uint64_t len;
	uint64_t position;
	uint32_t stored_len;
	uint32_t pass;
	uint8_t type;
};

/* Section 6. */
struct wire_footer {
	uint64_t end_position;
	uint64_t index_position;
	uint64_t length;
};

/* The zero id: no parent, no state. */
bool wire_id_is_zero(const uint8_t id[WIRE_ID_LEN]);

bool wire_id_same(const uint8_t a[WIRE_ID_LEN], const uint8_t b[WIRE_ID_LEN]);

void wire_put_preamble(uint8_t out[WIRE_PREAMBLE_LEN], const uint8_t id[WIRE_ID_LEN]);
int wire_get_preamble(const uint8_t in[WIRE_PREAMBLE_LEN], uint8_t id[WIRE_ID_LEN], struct err *e);

void wire_put_header(uint8_t out[WIRE_HEADER_LEN], const struct wire_header *h,
		     const uint8_t id[WIRE_ID_LEN]);

/* Checks the header by itself: lengths by type and codec, extents by type. Sequence is the caller's. */
int wire_get_header(const uint8_t in[WIRE_HEADER_LEN], struct wire_header *h,
		    const uint8_t id[WIRE_ID_LEN], struct err *e);

/* Returns the length of the content, at most WIRE_HEAD_MAX. */
size_t wire_put_head(uint8_t out[WIRE_HEAD_MAX], const struct wire_head *h);
int wire_get_head(const uint8_t *in, size_t len, struct wire_head *h, struct err *e);

void wire_put_pass(uint8_t out[WIRE_PASS_LEN], const struct wire_pass *p);
int wire_get_pass(const uint8_t *in, size_t len, struct wire_pass *p, struct err *e);

/* One extent of a MAP. Bounds are the caller's to check. */
void wire_put_extent(uint8_t out[WIRE_EXTENT_LEN], const struct wire_extent *x);
void wire_get_extent(const uint8_t in[WIRE_EXTENT_LEN], struct wire_extent *x);

void wire_put_end(uint8_t out[WIRE_END_LEN], const struct wire_end *d);
int wire_get_end(const uint8_t *in, size_t len, struct wire_end *d, struct err *e);

void wire_put_index(uint8_t out[WIRE_INDEX_LEN], uint64_t previous, uint32_t entries);
void wire_put_entry(uint8_t out[WIRE_ENTRY_LEN], const struct wire_entry *n);

/* What an entry says is the caller's to check. */
int wire_get_index(const uint8_t *in, size_t len, uint64_t *previous, uint32_t *entries, struct err *e);
void wire_get_entry(const uint8_t in[WIRE_ENTRY_LEN], struct wire_entry *n);

void wire_put_footer(uint8_t out[WIRE_FOOTER_LEN], const struct wire_footer *f,
		     const uint8_t id[WIRE_ID_LEN]);
int wire_get_footer(const uint8_t in[WIRE_FOOTER_LEN], struct wire_footer *f,
		    const uint8_t id[WIRE_ID_LEN], struct err *e);

/* The words the programs print: "full", "DATA", "fence", "converging". "?" for anything else. */
const char *wire_kind_name(uint8_t kind);
const char *wire_type_name(uint8_t type);
const char *wire_cut_name(uint8_t cut);
const char *wire_consistency_name(uint8_t consistency);
const char *wire_field_name(unsigned int tag);

#endif
