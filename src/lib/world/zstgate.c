/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/zstgate.h"

#include <stdlib.h>

int zstgate_init(struct zstgate *g, unsigned int nr, struct err *e)
{
	unsigned int i;

	g->zsts = calloc(nr, sizeof(struct zst *));
	g->nr = g->zsts ? nr : 0;
	for (i = 0; i < g->nr && (g->zsts[i] = zst_new()); i++)
		;
	if (i < nr)
		return err_set(e, ERR_RUNTIME, "no memory for %u threads", nr);
	return gate_init(&g->gate, nr, e);
}

void zstgate_fini(struct zstgate *g)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		zst_free(g->zsts[i]);
	free(g->zsts);
	gate_fini(&g->gate);
}

unsigned int zstgate_enter(struct zstgate *g, struct zst **zst)
{
	const unsigned int place = gate_enter(&g->gate);

	*zst = g->zsts[place];
	return place;
}

void zstgate_leave(struct zstgate *g, unsigned int place)
{
	gate_leave(&g->gate, place);
}
