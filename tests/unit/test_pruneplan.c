/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pruneplan: random catalogs are pruned step by step, in memory, and what has to hold is looked at behind each step:
 * what is kept stays, what is damaged is not merged, the head stays, and it ends.
 */
#include "pure/pruneplan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define MAX 60

static unsigned int next_id;

static void fill(uint8_t id[16], unsigned int n)
{
	memset(id, 0, 16);
	memcpy(id, &n, sizeof(n));
	id[15] = 1;
}

static struct catalog_stream stream(bool full, const struct catalog_stream *parent, uint64_t time)
{
	struct catalog_stream s = {.cut = WIRE_CUT_SNAPSHOT, .consistency = WIRE_CRASH_CONSISTENT};

	fill(s.stream_id, ++next_id);
	memcpy(s.state_id, s.stream_id, 16);
	fill(s.generation, 7);
	if (!full)
		memcpy(s.parent_id, parent->state_id, 16);
	s.kind = full ? WIRE_FULL : WIRE_INCREMENTAL;
	s.time = time;
	s.size = 4096;
	s.passes = 1 + (unsigned int)rand() % 6;
	if (rand() % 8 == 0)
		s.consistency = WIRE_CONVERGING;
	catalog_name(&s);
	return s;
}

static void make(struct catalog *c, bool damage)
{
	const size_t nr = 1 + (size_t)rand() % MAX;
	uint64_t time = 1700000000;
	struct err e = {0};
	size_t i;

	catalog_init(c);
	for (i = 0; i < nr; i++) {
		const bool full = i == 0 || rand() % 12 == 0;
		struct catalog_stream s = stream(full, i ? &c->streams[i - 1] : NULL, time);

		s.damaged = damage && rand() % 10 == 0;
		catalog_append(c, &s, &e);
		time += 3600 * (uint64_t)(1 + rand() % 60);
	}
}

/* What a merge makes: the parent of the first, the state of the last. */
static struct catalog_stream merged(const struct catalog *c, const struct prunestep *step)
{
	struct catalog_stream s = c->streams[step->last];

	fill(s.stream_id, ++next_id);
	memcpy(s.parent_id, c->streams[step->first].parent_id, 16);
	s.kind = c->streams[step->first].kind;
	s.passes = 1;
	catalog_name(&s);
	return s;
}

static bool is_there(const struct catalog *c, const uint8_t state[16])
{
	return catalog_by_state(c, state) < c->nr;
}

/* One catalog to its end. NULL, or what was wrong. */
static const char *prune(struct catalog *c, const struct retention *r, unsigned int layers, bool damage)
{
	unsigned int why[MAX];
	unsigned int now[MAX];
	uint8_t kept[MAX][16];
	struct catalog_stream head = c->streams[c->nr - 1];
	struct prunestep step;
	struct err e = {0};
	size_t nr_kept = 0;
	size_t before = c->nr;
	size_t i;

	pruneplan_keep(c, r, why, &e);
	for (i = 0; i < c->nr; i++)
		if (why[i])
			memcpy(kept[nr_kept++], c->streams[i].state_id, 16);
	for (;;) {
		struct catalog_stream s;
		unsigned int passes = 0;

		pruneplan_keep(c, r, now, &e);
		for (i = 0; i < nr_kept; i++) {
			const size_t at = catalog_by_state(c, kept[i]);

			if (at == c->nr || !now[at])
				return "what was kept is not kept any more";
		}
		if (!pruneplan_next(c, now, layers, &step))
			break;
		for (i = step.first; i <= step.last; i++) {
			passes += c->streams[i].passes;
			if (step.merge && c->streams[i].damaged)
				return "something damaged is merged";
		}
		if (step.merge && (step.first == step.last || (passes > layers && step.last - step.first > 1)))
			return "a merge of too few or too many";
		s = merged(c, &step);
		if (catalog_replace(c, step.first, step.last, step.merge ? &s : NULL, &e))
			return "a step that breaks a chain";
		if (c->nr >= before)
			return "a step that makes nothing smaller";
		before = c->nr;
	}
	if (!is_there(c, head.state_id))
		return "the head is gone";
	for (i = 0; i < c->nr && !damage; i++)
		if (!now[i])
			return "something is left that nobody keeps";
	return NULL;
}

static void test_random(bool damage)
{
	unsigned int seed;
	const char *wrong = NULL;

	for (seed = 1; seed <= 3000 && !wrong; seed++) {
		struct retention r = {0};
		struct catalog c;

		srand(seed);
		make(&c, damage);
		r.last = (unsigned int)rand() % 5;
		r.daily = (unsigned int)rand() % 5;
		r.weekly = (unsigned int)rand() % 3;
		r.monthly = (unsigned int)rand() % 3;
		wrong = prune(&c, &r, 2 + (unsigned int)rand() % 20, damage);
		catalog_free(&c);
	}
	ok(!wrong, "3000 random catalogs%s, up to seed %u: %s", damage ? " with damage" : "", seed - 1,
	   wrong ? wrong : "all well");
}

static void test_damaged_points(void)
{
	const struct retention r = {.last = 2};
	unsigned int why[4];
	struct catalog c;
	struct err e = {0};
	struct catalog_stream s = stream(true, NULL, 100);
	size_t i;

	catalog_init(&c);
	for (i = 0; i < 4; i++) {
		s.consistency = WIRE_CRASH_CONSISTENT;
		catalog_append(&c, &s, &e);
		s = stream(i == 1, &c.streams[i], 200 + i);
	}
	/* full, incr, full, incr: with the last one lost, two others are the newest two that can be restored. */
	c.streams[3].damaged = true;
	pruneplan_keep(&c, &r, why, &e);
	ok(why[3] && why[2] && why[1] && !why[0], "a lost point takes nobody's place, and stays itself: %u %u %u %u", why[0],
	   why[1], why[2], why[3]);
	catalog_free(&c);
}

static void test_nothing_set(void)
{
	const struct retention none = {0};
	unsigned int why[MAX];
	struct catalog c;
	struct err e = {0};
	struct prunestep step;

	srand(5);
	make(&c, false);
	pruneplan_keep(&c, &none, why, &e);
	ok(!pruneplan_next(&c, why, 100, &step), "without a rule nothing goes");
	catalog_free(&c);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	test_random(false);
	test_random(true);
	test_damaged_points();
	test_nothing_set();
	return tap_done();
}
