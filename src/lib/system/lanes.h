/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lanes: work that comes in order, is done in parallel, and leaves in order.
 *
 *	fill (one thread) -> stages (many threads each) -> drain (one thread)
 *
 * The slots are the only memory: when all are in use, fill waits. A stage takes the foremost slot that waits for it. So what
 * needs the processor has threads of its own, as many as may compute, which never wait for a disk while there is something
 * to do; reading and writing have others, as many as keep a disk busy.
 *
 * The result cannot depend on the numbers of threads, because drain sees the slots in the order in which fill made
 * them. The same goes for errors: the first in that order is the one reported, and nothing behind it is drained.
 *
 * Threads are started when the first slot is filled: a run without work, one of hundreds in a long chain, costs none.
 */
#ifndef ERA_SYSTEM_LANES_H
#define ERA_SYSTEM_LANES_H

#include "words/err.h"

#define LANES_STAGES_MAX 3u

struct lanes_stage {
	/* In one of its threads, numbered from 0 in each stage. Runs for several slots at once. NULL: there is no such stage. */
	int (*run)(void *ctx, void *slot, unsigned int thread, struct err *e);
	unsigned int nr_threads; /* at least 1 */
};

struct lanes_ops {
	/* In the calling thread. 1: the slot holds work; 0: there is no more; -1: error. */
	int (*fill)(void *ctx, void *slot, struct err *e);
	/* One after the other, at least one; behind the last one nothing. What fails goes to none that follows. */
	struct lanes_stage stages[LANES_STAGES_MAX];
	/* In one other thread, in order. May be NULL. */
	int (*drain)(void *ctx, void *slot, struct err *e);
};

/*
 * How many threads for a stage that waits for disks, beside one of `threads` that compute: `factor` for each of those, but no
 * more than 8 beside them. A disk is fast when it has several things to do, and no faster with many.
 */
unsigned int lanes_io_threads(unsigned int threads, unsigned int factor);

/* As many slots as keep all stages at work, while one is filled and one drained. */
unsigned int lanes_slots(const struct lanes_ops *ops);

/*
 * Run until fill says 0 and everything is drained, or until something fails. All threads have ended
 * when it returns. Requires nr_slots >= 1. After a failure
 * stop_requested() is set until then, so that fill does not wait for input that nobody wants.
 */
int lanes_run(const struct lanes_ops *ops, void *ctx, void *const *slots, unsigned int nr_slots, struct err *e);

#endif
