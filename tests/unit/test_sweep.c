/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sweep against a model: an array in which layers are painted from the bottom up. Positions are counted in places, some
 * of them larger than 1 MiB, so that extents of any size come together.
 */
#include "pure/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define PLACES 60
#define LAYERS 40
#define CASES  20000
#define SEED   20260117u

struct list {
	struct wire_entry entries[PLACES];
	unsigned int nr;
	unsigned int next;
	int fail_at; /* this call fails; -1: none */
};

static struct list lists[LAYERS];
static struct sweep_layer layers[LAYERS];
static uint64_t begin_of[PLACES + 1]; /* of a place, in bytes */

static int next(void *ctx, struct wire_entry *n, struct err *e)
{
	struct list *l = ctx;

	if ((int)l->next == l->fail_at)
		return err_set(e, ERR_RUNTIME, "as told");
	if (l->next == l->nr)
		return 0;
	*n = l->entries[l->next++];
	return 1;
}

/* Places of 1 byte to some MiB. */
static void make_places(void)
{
	static const uint64_t lens[] = {1, 512, 4096, 65536, 1048576, 5000000};
	unsigned int i;

	begin_of[0] = rand() % 2 ? 0 : lens[rand() % 6];
	for (i = 0; i < PLACES; i++)
		begin_of[i + 1] = begin_of[i] + lens[rand() % 6];
}

/* Entries with gaps or touching; a layer may be empty, or be one entry over everything. */
static void make_list(struct list *l, unsigned int dense, unsigned int longest)
{
	unsigned int at = 0;
	unsigned int len;

	memset(l, 0, sizeof(*l));
	l->fail_at = -1;
	if (rand() % 8 == 0)
		return;
	while (at < PLACES) {
		len = 1 + (unsigned int)rand() % longest;
		len = len < PLACES - at ? len : PLACES - at;
		if ((unsigned int)rand() % 10 < dense) {
			l->entries[l->nr] = (struct wire_entry){
				.offset = begin_of[at],
				.len = begin_of[at + len] - begin_of[at],
				.position = (uint64_t)rand(),
				.type = rand() % 2 ? WIRE_ZERO : WIRE_DATA,
			};
			l->nr++;
		}
		at += len;
	}
}

/* The model: who owns a place; layer and entry, or -1. */
struct owner {
	int layer;
	int entry;
};

static void paint(struct owner owners[PLACES], unsigned int nr_layers)
{
	unsigned int i = nr_layers;
	unsigned int n;
	unsigned int p;

	for (p = 0; p < PLACES; p++)
		owners[p].layer = owners[p].entry = -1;
	while (i-- > 0)
		for (n = 0; n < lists[i].nr; n++)
			for (p = 0; p < PLACES; p++)
				if (begin_of[p] >= lists[i].entries[n].offset &&
				    begin_of[p] < lists[i].entries[n].offset + lists[i].entries[n].len)
					owners[p] = (struct owner){(int)i, (int)n};
}

static unsigned int place_at(uint64_t offset)
{
	unsigned int p = 0;

	while (p < PLACES && begin_of[p] != offset)
		p++;
	return p;
}

/* The next segment that the model has, from place *p on. */
static bool model_next(const struct owner owners[PLACES], unsigned int *p, struct sweep_segment *g)
{
	const struct owner *o;
	unsigned int first;

	while (*p < PLACES && owners[*p].layer < 0)
		(*p)++;
	if (*p == PLACES)
		return false;
	first = *p;
	o = &owners[first];
	while (*p < PLACES && owners[*p].layer == o->layer && owners[*p].entry == o->entry)
		(*p)++;
	g->offset = begin_of[first];
	g->len = begin_of[*p] - begin_of[first];
	g->layer = (unsigned int)o->layer;
	g->entry = lists[o->layer].entries[o->entry];
	g->whole = g->len == g->entry.len;
	return true;
}

static bool same(const struct sweep_segment *a, const struct sweep_segment *b)
{
	return a->offset == b->offset && a->len == b->len && a->layer == b->layer && a->whole == b->whole &&
	       a->entry.offset == b->entry.offset && a->entry.len == b->entry.len &&
	       a->entry.position == b->entry.position && a->entry.type == b->entry.type;
}

static void begin(struct sweep *s, unsigned int nr_layers)
{
	unsigned int i;

	memset(layers, 0xa5, sizeof(layers));
	for (i = 0; i < nr_layers; i++) {
		layers[i].next = next;
		layers[i].ctx = &lists[i];
		lists[i].next = 0;
	}
	sweep_begin(s, layers, nr_layers);
}

static unsigned long nr_segments;
static unsigned long nr_whole;

static bool one(unsigned int nr_layers)
{
	struct owner owners[PLACES];
	struct sweep_segment want;
	struct sweep_segment got;
	struct err e = {0};
	struct sweep s;
	unsigned int p = 0;

	paint(owners, nr_layers);
	begin(&s, nr_layers);
	while (model_next(owners, &p, &want)) {
		if (sweep_next(&s, &got, &e) != 1 || !same(&want, &got)) {
			printf("# at place %u of %u\n", place_at(want.offset), PLACES);
			return false;
		}
		nr_segments++;
		nr_whole += got.whole;
	}
	return sweep_next(&s, &got, &e) == 0 && sweep_next(&s, &got, &e) == 0;
}

static void against_model(void)
{
	unsigned int nr_layers = 0;
	unsigned int i;
	unsigned int n;

	for (n = 0; n < CASES; n++) {
		make_places();
		nr_layers = (unsigned int)rand() % (n % 10 ? 6 : LAYERS + 1);
		for (i = 0; i < nr_layers; i++)
			make_list(&lists[i], 1 + (unsigned int)rand() % 10, rand() % 4 ? 5 : PLACES);
		if (!one(nr_layers))
			break;
	}
	ok(n == CASES, "%u random cases are what the model says (the last of %u layers, seed %u)", n, nr_layers, SEED);
	ok(nr_whole > 50000 && nr_segments - nr_whole > 40000, "among them %lu whole entries, %lu parts of one",
	   nr_whole, nr_segments - nr_whole);
}

static void put(struct list *l, uint64_t offset, uint64_t len)
{
	l->entries[l->nr++] = (struct wire_entry){.offset = offset, .len = len, .type = WIRE_DATA};
}

static void by_hand(void)
{
	struct sweep_segment g[4];
	struct err e = {0};
	struct sweep s;
	int nr = 0;

	memset(lists, 0, sizeof(lists));
	lists[0].fail_at = lists[1].fail_at = -1;
	put(&lists[0], 4, 2);
	put(&lists[1], 0, 10);
	begin(&s, 2);
	while (nr < 4 && sweep_next(&s, &g[nr], &e) == 1)
		nr++;
	ok(nr == 3 && g[0].offset == 0 && g[0].len == 4 && !g[0].whole && g[0].layer == 1 && g[1].offset == 4 &&
		   g[1].len == 2 && g[1].whole && g[1].layer == 0 && g[2].offset == 6 && g[2].len == 4 && !g[2].whole,
	   "a hole in the middle: three segments");
	begin(&s, 0);
	ok(sweep_next(&s, &g[0], &e) == 0, "no layers: nothing");
}

/* A layer that is wrong, alone and below another. */
static void refuses(void)
{
	static const struct {
		uint64_t offset[2], len[2];
		const char *why;
	} rows[] = {
		{{0, 5}, {10, 10}, "overlaps"},
		{{10, 0}, {5, 5}, "falls"},
		{{0, 0}, {5, 5}, "comes twice"},
		{{0, 5}, {5, 0}, "is empty"},
		{{0, UINT64_MAX - 1}, {5, 3}, "wraps around"},
	};
	struct sweep_segment g;
	struct sweep s;
	size_t i;
	int below;

	for (i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		below = i % 2;
		memset(lists, 0, sizeof(lists));
		lists[0].fail_at = lists[1].fail_at = -1;
		put(&lists[below], rows[i / 2].offset[0], rows[i / 2].len[0]);
		put(&lists[below], rows[i / 2].offset[1], rows[i / 2].len[1]);
		if (below)
			put(&lists[0], 0, 3);
		begin(&s, 2);
		while (sweep_next(&s, &g, &e) > 0)
			;
		ok(e.kind == ERR_CORRUPT, "an extent that %s%s", rows[i / 2].why, below ? ", below another layer" : "");
	}
}

static void hands_on(void)
{
	struct sweep_segment g;
	struct err e = {0};
	struct sweep s;

	memset(lists, 0, sizeof(lists));
	put(&lists[0], 0, 10);
	put(&lists[1], 20, 10);
	lists[0].fail_at = -1;
	lists[1].fail_at = 1;
	begin(&s, 2);
	ok(sweep_next(&s, &g, &e) == 1 && sweep_next(&s, &g, &e) == 1 && g.offset == 20 &&
		   sweep_next(&s, &g, &e) == -1 && e.kind == ERR_RUNTIME,
	   "a layer that fails: what came before it, then its error");
}

int main(void)
{
	srand(SEED);
	against_model();
	by_hand();
	refuses();
	hands_on();
	return tap_done();
}
