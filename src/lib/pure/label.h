/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * label: our header on the metadata device, bytes to values and back, and the judgement whether a
 * tracking history is unbroken. docs/volume.md is the contract.
 *
 * Decoding checks everything that the bytes alone can tell: what passed has a geometry without
 * overflow or overlap.
 */
#ifndef ERA_PURE_LABEL_H
#define ERA_PURE_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/extstate.h"
#include "words/err.h"

#define LABEL_LEN 4096u
#define LABEL_COPIES 2
#define LABEL_AREA UINT64_C(1048576) /* bytes of META in front of the metadata */
#define LABEL_ID_LEN 16
#define LABEL_WORD 64
#define LABEL_REASON 256

/* Where the copies lie on META, in bytes. */
static const uint64_t label_offset[LABEL_COPIES] = {0, 524288};

enum label_state { LABEL_FRESH = 1, LABEL_CLEAN = 2, LABEL_OPEN = 3 };

struct label {
	uint64_t sequence;
	uint8_t volume[LABEL_ID_LEN];
	uint8_t generation[LABEL_ID_LEN];
	uint64_t data_bytes;
	uint64_t block_bytes; /* an era block */
	uint64_t meta_offset; /* bytes on META */
	uint64_t meta_bytes;
	uint64_t cow_offset;
	uint64_t cow_bytes;
	enum label_state state;
	uint32_t kernel; /* enum kernelver of the kernel that opened it */
	uint32_t era;	 /* the metadata had at least this one */
	uint8_t fingerprint[16]; /* state clean */
	uint64_t time_formatted; /* seconds since 1970 */
	uint64_t time_state;
	uint64_t time_generation;
	uint64_t grown_from; /* bytes */
	uint64_t grown_era;  /* 0: never grew */
	char partuuid[LABEL_WORD];	  /* of DATA; empty: none */
	char kernel_release[LABEL_WORD]; /* that opened it */
	char reason[LABEL_REASON];	  /* why the generation began */
};

/* docs/volume.md section 2. What is not printable in a text becomes '?', as label_get wants it. */
void label_put(uint8_t out[LABEL_LEN], const struct label *l);

/*
 * ERR_CORRUPT; the caller names device and copy, err_prefix. *blank: there is no label, the block
 * is all zero or another thing; without it a failure means that there was one, or that it is of
 * another version.
 */
int label_get(const uint8_t in[LABEL_LEN], struct label *l, bool *blank, struct err *e);

/* What an open finds, to compare with the label. */
struct label_facts {
	bool blank_meta;	 /* block 0 of the metadata is zero: the next five do not count */
	uint32_t meta_era;
	uint32_t meta_era_blocks; /* that it knows of */
	uint64_t meta_block_bytes;
	uint64_t meta_used;	 /* blocks of 4 KiB */
	uint64_t meta_total;
	uint64_t data_bytes;	 /* of DATA as it is now */
	uint8_t fingerprint[16]; /* of DATA as it is now; state clean */
	char partuuid[LABEL_WORD]; /* of DATA; empty: unknown */
	enum extstate ext;	   /* of the file system on DATA; state open */
};

/*
 * May the volume be opened, and with which history? 0: unbroken; 1: a new generation has to begin,
 * for the reason written; -1: it cannot be opened with tracking: ERR_IDENTITY, ERR_CORRUPT or
 * ERR_RUNTIME in *e, in words for a person. docs/volume.md section 3.
 */
int label_judge(const struct label *l, const struct label_facts *f, char reason[LABEL_REASON],
		struct err *e);

/*
 * Is it the data that the volume was made for, as far as its size and PARTUUID tell? ERR_IDENTITY.
 * label_judge asks this first.
 */
int label_judge_data(const struct label *l, const struct label_facts *f, struct err *e);

/*
 * Where the metadata knows of less than the label, because a resize died before it grew the volume: this open
 * grows it, in the era that it begins.
 */
void label_grow_late(struct label *l, const struct label_facts *f);

/*
 * A new generation, for that reason, at that time. `random` are 16 random bytes. Era and grown
 * begin again, because the eras may; who knows the era sets it.
 */
void label_renew(struct label *l, const uint8_t random[LABEL_ID_LEN], uint64_t now,
		 const char *reason);

/* "fresh", "clean", "open". */
const char *label_state_name(enum label_state s);

#endif
