/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lanes: work that comes in order, is done in parallel, and leaves in order.
 *
 *	fill (one thread) -> slots -> work (many threads) -> slots -> drain (one thread)
 *
 * The slots are the only memory: when all are in use, fill waits. The result cannot depend on the
 * number of workers, because drain sees the slots in the order in which fill made them. The same goes
 * for errors: the first in that order is the one reported, and nothing behind it is drained.
 *
 * Threads are started when the first slot is filled: a run without work, one of hundreds in a long chain, costs none.
 */
#ifndef ERA_SYSTEM_LANES_H
#define ERA_SYSTEM_LANES_H

#include "words/err.h"

struct lanes_ops {
	/* In the calling thread. 1: the slot holds work; 0: there is no more; -1: error. */
	int (*fill)(void *ctx, void *slot, struct err *e);
	/* In a worker, numbered from 0. May run for several slots at once. */
	int (*work)(void *ctx, void *slot, unsigned int worker, struct err *e);
	/* In one other thread, in order. May be NULL. */
	int (*drain)(void *ctx, void *slot, struct err *e);
};

/*
 * Run until fill says 0 and everything is drained, or until something fails. All threads have ended
 * when it returns. Requires nr_slots >= 1 and nr_workers >= 1. After a failure
 * stop_requested() is set until then, so that fill does not wait for input that nobody wants.
 */
int lanes_run(const struct lanes_ops *ops, void *ctx, void *const *slots, unsigned int nr_slots,
	      unsigned int nr_workers, struct err *e);

#endif
