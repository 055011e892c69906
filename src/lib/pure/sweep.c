/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/sweep.h"

#include "words/num.h"

void sweep_begin(struct sweep *s, struct sweep_layer *layers, unsigned int nr)
{
	unsigned int i;

	s->layers = layers;
	s->nr = nr;
	s->at = 0;
	for (i = 0; i < nr; i++) {
		layers[i].end = 0;
		layers[i].ended = false;
	}
}

/* Pull until the layer's entry ends behind what was emitted. */
static int pull(const struct sweep *s, struct sweep_layer *l, struct err *e)
{
	uint64_t before;
	int rc;

	while (!l->ended && l->end <= s->at) {
		before = l->end;
		rc = l->next(l->ctx, &l->entry, e);
		if (rc < 0)
			return -1;
		l->ended = rc == 0;
		if (l->ended)
			break;
		if (l->entry.len == 0 || l->entry.offset < before || num_add(l->entry.offset, l->entry.len, &l->end))
			return err_set(e, ERR_CORRUPT, "the extent at %llu is not behind the one before it",
				       (unsigned long long)l->entry.offset);
	}
	return 0;
}

/* Where the next segment begins, and of which layer it is; false at the end. */
static bool find(const struct sweep *s, uint64_t *begin, unsigned int *owner)
{
	unsigned int i;
	bool any = false;

	for (i = 0; i < s->nr; i++) {
		const struct sweep_layer *l = &s->layers[i];
		const uint64_t from = num_max(l->entry.offset, s->at);

		/* Of two that begin at one place the upper was found first. */
		if (l->ended || (any && from >= *begin))
			continue;
		*begin = from;
		*owner = i;
		any = true;
	}
	return any;
}

int sweep_next(struct sweep *s, struct sweep_segment *g, struct err *e)
{
	uint64_t end;
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (pull(s, &s->layers[i], e))
			return -1;
	if (!find(s, &g->offset, &g->layer))
		return 0;
	g->entry = s->layers[g->layer].entry;
	end = s->layers[g->layer].end;
	/* Those above begin behind the segment's begin, and hide what is behind theirs. */
	for (i = 0; i < g->layer; i++)
		if (!s->layers[i].ended)
			end = num_min(end, s->layers[i].entry.offset);
	g->len = end - g->offset;
	g->whole = g->len == g->entry.len;
	s->at = end;
	return 1;
}
