/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate: lets as many threads compute at once as there are processors to use, while others wait for disks.
 *
 * Who is inside has a place, numbered from 0: what one computation needs, such as a compressor, exists once a place and
 * not once a thread.
 */
#ifndef ERA_SYSTEM_GATE_H
#define ERA_SYSTEM_GATE_H

#include <pthread.h>

#include "words/err.h"

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	unsigned int *places; /* those that are free */
	unsigned int nr_free;
};

/* With nr >= 1 places. Fini also after a failure, and of one that is all zeros. */
int gate_init(struct gate *g, unsigned int nr, struct err *e);
void gate_fini(struct gate *g);

/* Wait for a place; its number. Never wait for anything but computing while inside. */
unsigned int gate_enter(struct gate *g);
void gate_leave(struct gate *g, unsigned int place);

#endif
