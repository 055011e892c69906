/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tick: how a flow tells its caller how far it is. Called often, from one thread at a time. */
#ifndef ERA_FLOW_TICK_H
#define ERA_FLOW_TICK_H

#include <stddef.h>
#include <stdint.h>

struct tick {
	/* Device bytes done and to do in all (0: not known yet), and stream bytes so far. */
	void (*fn)(void *arg, uint64_t done, uint64_t total, uint64_t stream);
	void *arg;
};

static inline void tick(const struct tick *t, uint64_t done, uint64_t total, uint64_t stream)
{
/* A build for benchmarks, which shows what progress costs (docs/testing.md). */
#ifdef ERA_BENCH_NO_PROGRESS
	(void)t, (void)done, (void)total, (void)stream;
#else
	if (t->fn)
		t->fn(t->arg, done, total, stream);
#endif
}

#endif
