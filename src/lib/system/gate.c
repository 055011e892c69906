/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/gate.h"

#include <stdlib.h>

int gate_init(struct gate *g, unsigned int nr, struct err *e)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->left, NULL);
	g->nr_free = 0;
	g->places = calloc(nr, sizeof(*g->places));
	if (!g->places)
		return err_set(e, ERR_RUNTIME, "no memory for %u threads", nr);
	while (g->nr_free < nr) {
		g->places[g->nr_free] = nr - 1 - g->nr_free;
		g->nr_free++;
	}
	return 0;
}

void gate_fini(struct gate *g)
{
	free(g->places);
	pthread_cond_destroy(&g->left);
	pthread_mutex_destroy(&g->lock);
}

unsigned int gate_enter(struct gate *g)
{
	unsigned int place;

	pthread_mutex_lock(&g->lock);
	while (g->nr_free == 0)
		pthread_cond_wait(&g->left, &g->lock);
	/* The one left last: its caches are warm. */
	place = g->places[--g->nr_free];
	pthread_mutex_unlock(&g->lock);
	return place;
}

void gate_leave(struct gate *g, unsigned int place)
{
	pthread_mutex_lock(&g->lock);
	g->places[g->nr_free++] = place;
	pthread_cond_signal(&g->left);
	pthread_mutex_unlock(&g->lock);
}
