/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cut: the instant a backup stands for, and the blocks written since another.
 *
 * The invariant (docs/durability.md): if a block of the backup differs from the device, that block was
 * written in an era >= the C the backup's token carries.
 *
 * take_metadata_snap does not wait for writes in flight. So the fence comes first: suspend waits for
 * them all, resume begins era C, and only then is the snapshot of the metadata taken (which begins
 * C + 1). C is computed from the era read before the suspend, plus one: if somebody else made the era
 * move in between, C is too low and some blocks are copied twice. Computed from an era read later, it
 * could be too high, and writes would be lost.
 *
 * The metadata snapshot is dropped before any data is copied: while it is held, dm-era needs room for
 * copies of its own blocks.
 */
#ifndef ERA_FLOW_CUT_H
#define ERA_FLOW_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/snapcut.h"
#include "pure/blockset.h"
#include "pure/wire.h"
#include "words/err.h"
#include "world/dm.h"

struct cut {
	struct dm_era dev;
	uint8_t generation[WIRE_ID_LEN];
	uint64_t era;    /* running when the cut was opened */
	uint64_t nr_blocks;
	int lock;
	char warning[512]; /* for a person; empty where there is none */
	unsigned int limit_s; /* the device stands still for no longer; the caller may set it after cut_identify */
	bool labelled;	   /* the generation is a label's, and what follows too: */
	char began[384];   /* when the generation began, and why */
	uint64_t grown_from; /* bytes: tokens up to grown_era lack what is behind */
	uint64_t grown_era;  /* 0: never grew */
	struct snaproom room; /* for a snapshot, beside the metadata; len_bytes 0: none */
	uint64_t held_era; /* of the metadata snapshot that cut_list takes */
	bool holding;	   /* it could not be dropped: its note has to stay */
	/* After cut_ready: */
	uint64_t era_c;
	uint64_t meta_used; /* blocks of 4 KiB of the metadata device */
	uint64_t meta_total;
	uint64_t still_us; /* how long the device stood still, in all */
};

/*
 * Name the device's generation, its label's where it is an era volume: all that is needed where ranges
 * come from elsewhere. Touches nothing, but that a label is told what it was not (flow/labelled).
 * ERR_BUSY where the device is suspended, for then not even a read would return; but what a dead run of ours left
 * standing still runs again first.
 */
int cut_identify(struct cut *c, const struct dm_era *dev, struct err *e);

/*
 * After cut_identify: lock the device against other runs, judge the kernel, clean up what a dead run
 * left. ERR_BUSY: in use, or somebody else's metadata snapshot is held. Close also after a failure.
 */
int cut_open(struct cut *c, bool allow_kernel, struct err *e);
void cut_close(struct cut *c);

/*
 * The steps of a cut, for those who do something of their own in between. First the era and the room are looked at,
 * and what will be held is noted: the last that writes to a disk. c->era_c is known then.
 */
int cut_ready(struct cut *c, bool fenced, bool listed, struct err *e);

/* Suspend and resume the device. */
int cut_fence(struct cut *c, struct err *e);

/*
 * Behind the fence: add to `set`, of c->nr_blocks blocks, those written in an era E with since <= E < before. `set`
 * NULL, as said to cut_ready: a full needs no list. Writes to no disk but the metadata's.
 */
int cut_list(struct cut *c, bool fenced, uint64_t since, uint64_t before, struct blockset *set,
	     struct err *e);

/* Always after cut_ready: forget what was noted and is no more. */
void cut_settle(const struct cut *c);

/*
 * All of it in one: WIRE_CUT_FENCE, or WIRE_CUT_NONE, which takes the metadata snapshot without waiting
 * for writes in flight and whose C may lose them.
 */
int cut_make(struct cut *c, enum wire_cut kind, uint64_t since, uint64_t before,
	     struct blockset *set, struct err *e);

#endif
