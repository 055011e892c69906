/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/pruneplan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct point {
	time_t time;
	size_t at; /* in the catalog */
};

struct points {
	size_t nr;
	struct point *all;
	time_t *times;
	unsigned int *why;
};

static int points_new(struct points *p, size_t max, struct err *e)
{
	p->nr = 0;
	p->all = calloc(max + 1, sizeof(*p->all));
	p->times = calloc(max + 1, sizeof(*p->times));
	p->why = calloc(max + 1, sizeof(*p->why));
	return p->all && p->times && p->why ? 0 : err_set(e, ERR_RUNTIME, "no memory to plan");
}

static void points_free(struct points *p)
{
	free(p->all);
	free(p->times);
	free(p->why);
}

static int by_time(const void *a, const void *b)
{
	const struct point *x = a;
	const struct point *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* By their times: those of a catalog are out of order where our clock was. */
static void collect(const struct catalog *c, bool all, struct points *p)
{
	size_t i;

	p->nr = 0;
	for (i = 0; i < c->nr; i++)
		if (all || catalog_good(c, i))
			p->all[p->nr++] = (struct point){(time_t)c->streams[i].time, i};
	qsort(p->all, p->nr, sizeof(*p->all), by_time);
	for (i = 0; i < p->nr; i++)
		p->times[i] = p->all[i].time;
}

/* Rules over the good ones, or over all: what they say of the good ones, or of the others, goes into why[]. */
static void apply(const struct catalog *c, const struct retention *r, bool all, struct points *p, unsigned int *why)
{
	size_t i;

	collect(c, all, p);
	retention_apply(r, p->times, p->nr, p->why);
	for (i = 0; i < p->nr; i++)
		if (all != catalog_good(c, p->all[i].at))
			why[p->all[i].at] = p->why[i];
}

int pruneplan_keep(const struct catalog *c, const struct retention *r, unsigned int *why, struct err *e)
{
	struct points p = {0};
	int rc = -1;

	if (points_new(&p, c->nr, e))
		goto out;
	memset(why, 0, c->nr * sizeof(*why));
	apply(c, r, false, &p, why);
	apply(c, r, true, &p, why);
	if (c->nr)
		why[c->nr - 1] |= RETENTION_HEAD;
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

/* In a chain from first to end: with `merge` the first group that is to be merged, else what may be dropped behind all. */
static bool chain_step(const struct catalog *c, const unsigned int *why, size_t first, size_t end, bool merge,
		       unsigned int layers, struct prunestep *step)
{
	size_t group = first;
	size_t i;

	for (i = first; i < end; i++) {
		if (!why[i])
			continue;
		if (merge && merge_step(c, group, i, layers, step))
			return true;
		group = i + 1;
	}
	*step = (struct prunestep){.first = group, .last = end - 1, .merge = false};
	return !merge && group < end;
}

bool pruneplan_next(const struct catalog *c, const unsigned int *why, unsigned int layers, struct prunestep *step)
{
	size_t first;
	size_t end;
	int merge;

	/* What is dropped needs no room, and makes some. */
	for (merge = 0; merge <= 1; merge++)
		for (first = 0; first < c->nr; first = end) {
			end = catalog_chain_end(c, first);
			if (chain_step(c, why, first, end, merge, layers, step))
				return true;
		}
	return false;
}
