/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * copyflow: the blocks of a set, read from a source, become one pass of a stream.
 *
 *	source -> batches -> zero test, checksum, compress (threads) -> streamout, in order
 *
 * Memory: one compressor for each of opts->threads, and per batch about 2 MiB. There are two more batches than threads that read,
 * and of those 4 for each that compresses, but no more than 8 beside them. The bytes written do not depend on either.
 */
#ifndef ERA_FLOW_COPYFLOW_H
#define ERA_FLOW_COPYFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/tick.h"
#include "pure/blockset.h"
#include "words/err.h"
#include "world/source.h"
#include "world/streamout.h"

struct copyflow_opts {
	unsigned int threads;   /* at least 1 */
	uint64_t limit_rate;    /* bytes a second read from the source; 0: no limit */
	struct tick tick;
};

/*
 * Copy the set's blocks, which are out->granule bytes each, after streamout_pass. The set and the pass
 * are the same.
 */
int copyflow_pass(struct source *src, const struct blockset *set, struct streamout *out,
		  const struct copyflow_opts *opts, struct err *e);

/* Bytes of the set's blocks on a device of `size` bytes: the last block may be a part of one. */
uint64_t copyflow_bytes(const struct blockset *set, uint64_t granule, uint64_t size);

/* Is every byte zero? Any length, any alignment. */
bool copyflow_is_zero(const uint8_t *p, size_t len);

#endif
