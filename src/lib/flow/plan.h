/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan: what a run of era_copy is to copy: which device, since when, which blocks, as what.
 *
 * Where ranges come from:
 *
 *	native      the device is dm-era: cut, then its metadata
 *	metadata    a metadata device or file that is not in use, for a device or image beside it
 *	xml         the output of era_invalidate, for any device or image
 *	everything  a full
 *
 * To these is added what no tracking reports: the space a grow has added. And here a token is compared
 * with the device: another generation, an era that has not come yet, a device that shrank mean that
 * the history is gone, ERR_IDENTITY.
 */
#ifndef ERA_FLOW_PLAN_H
#define ERA_FLOW_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/cut.h"
#include "flow/moment.h"
#include "pure/blockset.h"
#include "pure/token.h"
#include "pure/wire.h"
#include "words/err.h"
#include "world/source.h"

struct plan_opts {
	const char *device;
	const char *ranges;     /* XML file, "-" for standard input; NULL: none */
	const char *metadata;   /* device or file; NULL: none */
	bool held;              /* of `metadata`: the held snapshot in it */
	bool full;
	bool has_token;
	struct token token;
	bool has_since;
	uint64_t since;
	uint64_t before;        /* ERAMETA_NO_LIMIT: no bound */
	uint64_t era_c;         /* given by the caller; 0: not */
	uint64_t block_sectors; /* given by the caller; 0: not */
	struct moment_opts cut;
	bool allow_kernel;
};

struct plan {
	struct source src;
	bool is_era;
	bool live; /* no dm-era device, mounted for writing: what is copied may be torn */
	char untracked[256];  /* a plain mapping in place of an era volume: why */
	struct cut cut;       /* where the plan is native */
	struct moment moment; /* after plan_make, where the plan is native */
	struct blockset set;  /* after plan_make */
	struct wire_head head; /* after plan_make; stream_id not set */
	bool full;
};

/*
 * Open and compare. Nothing is changed but a lock, and what a dead run left is put right (flow/leftover). Close also
 * after a failure.
 */
int plan_open(struct plan *p, const struct plan_opts *o, struct err *e);

/*
 * Make the cut, if there is one to make, and find the blocks. out_fd is where the stream will go; -1: nowhere. After
 * it p->src is what to copy from: the snapshot, where there is one.
 */
int plan_make(struct plan *p, const struct plan_opts *o, int out_fd, struct err *e);

/* Puts everything back. An error says what could not be. */
int plan_close(struct plan *p, struct err *e);

/* The blocks that metadata in a file, not in use, has since an era. *set is made here. */
struct plan_listing {
	uint32_t block_sectors;
	uint32_t nr_blocks;
	uint64_t era_c; /* the first era that is not in the list */
};
int plan_list_file(const char *metadata, bool held, uint64_t since, uint64_t before,
		   struct blockset *set, struct plan_listing *about, struct err *e);

#endif
