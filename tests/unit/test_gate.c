/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate: never more inside than there are places, each place once at a time, and all of them come in. */
#include "system/gate.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tap.h"

#define PLACES 3u
#define THREADS 8u
#define ROUNDS 2000u

static struct gate gate;
static atomic_uint inside;
static atomic_uint most;
static atomic_uint bad;
static atomic_uint entered;
static atomic_uint taken[PLACES];

static void *thread_main(void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		const unsigned int place = gate_enter(&gate);
		const unsigned int now = atomic_fetch_add(&inside, 1) + 1;

		if (place >= PLACES || atomic_fetch_add(&taken[place], 1) != 0)
			atomic_fetch_add(&bad, 1);
		if (now > atomic_load(&most))
			atomic_store(&most, now);
		sched_yield();
		if (place < PLACES)
			atomic_fetch_sub(&taken[place], 1);
		atomic_fetch_sub(&inside, 1);
		atomic_fetch_add(&entered, 1);
		gate_leave(&gate, place);
	}
	return arg;
}

int main(void)
{
	pthread_t t[THREADS];
	struct err e = {0};
	unsigned int i;

	ok(gate_init(&gate, PLACES, &e) == 0, "a gate with %u places", PLACES);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, thread_main, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ok(atomic_load(&entered) == THREADS * ROUNDS, "everybody came in, each time");
	ok(atomic_load(&most) == PLACES, "at most %u at a time, and once as many", PLACES);
	ok(atomic_load(&bad) == 0, "no place was taken twice");
	gate_fini(&gate);
	return tap_done();
}
