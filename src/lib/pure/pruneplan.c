/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/pruneplan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct points {
	size_t nr;
	size_t *at; /* in the catalog */
	time_t *times;
	unsigned int *why;
};

static int points_new(struct points *p, size_t max, struct err *e)
{
	p->nr = 0;
	p->at = calloc(max + 1, sizeof(*p->at));
	p->times = calloc(max + 1, sizeof(*p->times));
	p->why = calloc(max + 1, sizeof(*p->why));
	return p->at && p->times && p->why ? 0 : err_set(e, ERR_RUNTIME, "no memory to plan");
}

static void points_free(struct points *p)
{
	free(p->at);
	free(p->times);
	free(p->why);
}

/* Rules over the points that count; what they say of those that are, or are not, restorable goes into why[]. */
static void apply(const struct catalog *c, const struct retention *r, bool all, struct points *p, unsigned int *why)
{
	size_t i;

	p->nr = 0;
	for (i = 0; i < c->nr; i++) {
		if (!catalog_consistent(&c->streams[i]) || (!all && !catalog_restorable(c, i)))
			continue;
		p->at[p->nr] = i;
		p->times[p->nr++] = (time_t)c->streams[i].time;
	}
	retention_apply(r, p->times, p->nr, p->why);
	for (i = 0; i < p->nr; i++)
		if (all != catalog_restorable(c, p->at[i]))
			why[p->at[i]] = p->why[i];
}

int pruneplan_keep(const struct catalog *c, const struct retention *r, unsigned int *why, struct err *e)
{
	struct points p = {0};
	size_t i;
	int rc = -1;

	if (points_new(&p, c->nr, e))
		goto out;
	memset(why, 0, c->nr * sizeof(*why));
	apply(c, r, false, &p, why);
	apply(c, r, true, &p, why);
	if (c->nr)
		why[c->nr - 1] |= RETENTION_HEAD;
	/* Nobody has said what may go. */
	for (i = 0; i < c->nr && !retention_is_set(r); i++)
		why[i] |= RETENTION_LAST;
	rc = 0;
out:
	points_free(&p);
	return rc;
}

/* From the last of a group backwards, as many as may be merged at once. */
static bool merge_step(const struct catalog *c, size_t first, size_t last, unsigned int layers, struct prunestep *step)
{
	uint64_t sum = c->streams[last].passes;
	size_t i;

	for (i = first; i <= last; i++)
		if (c->streams[i].damaged)
			return false;
	for (i = last; i > first && (i == last || sum + c->streams[i - 1].passes <= layers); i--)
		sum += c->streams[i - 1].passes;
	*step = (struct prunestep){.first = i, .last = last, .merge = true};
	return i < last;
}

static bool chain_step(const struct catalog *c, const unsigned int *why, size_t first, size_t end, unsigned int layers,
		       struct prunestep *step)
{
	size_t group = first;
	size_t i;

	for (i = first; i < end; i++) {
		if (!why[i])
			continue;
		if (merge_step(c, group, i, layers, step))
			return true;
		group = i + 1;
	}
	*step = (struct prunestep){.first = group, .last = end - 1, .merge = false};
	return group < end;
}

bool pruneplan_next(const struct catalog *c, const unsigned int *why, unsigned int layers, struct prunestep *step)
{
	size_t first;
	size_t end;

	for (first = 0; first < c->nr; first = end) {
		for (end = first + 1; end < c->nr && c->streams[end].kind != WIRE_FULL; end++)
			;
		if (chain_step(c, why, first, end, layers, step))
			return true;
	}
	return false;
}
