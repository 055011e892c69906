/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pruneplan: which points of small catalogs stay, where some were copied live, some are damaged, and times are out of
 * order; and that what is dropped goes before anything is merged.
 */
#include "pure/pruneplan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define T0 1700006400 /* 2023-11-15, a Wednesday, 00:00 UTC */
#define MAX 16

static struct catalog_stream stream(char what, unsigned int n, unsigned int parent, double day)
{
	struct catalog_stream s = {.cut = WIRE_CUT_SNAPSHOT, .consistency = WIRE_CRASH_CONSISTENT, .passes = 1};

	s.stream_id[0] = (uint8_t)n;
	memcpy(s.state_id, s.stream_id, WIRE_ID_LEN);
	s.generation[0] = 7;
	s.kind = what == 'F' || what == 'L' || what == 'D' ? WIRE_FULL : WIRE_INCREMENTAL;
	if (s.kind == WIRE_INCREMENTAL)
		s.parent_id[0] = (uint8_t)parent;
	if (what == 'L' || what == 'l') {
		s.cut = WIRE_CUT_FENCE;
		s.consistency = WIRE_CONVERGING;
	}
	s.damaged = what == 'D' || what == 'd';
	s.time = (uint64_t)(T0 + day * 86400);
	s.size = 4096;
	catalog_name(&s);
	return s;
}

/* F and i: a good full, a good incremental; L and l: copied live; D and d: damaged. Times in days. */
static void make(struct catalog *c, const char *streams, const double *days)
{
	struct err e = {0};
	unsigned int i;

	catalog_init(c);
	for (i = 0; streams[i]; i++) {
		const struct catalog_stream s = stream(streams[i], i + 1, i, days[i]);

		if (catalog_append(c, &s, &e))
			printf("# %s\n", e.text);
	}
}

static void test_keep(void)
{
	static const struct {
		const char *name;
		struct retention r;
		const char *streams;
		double days[MAX];
		const char *kept;
	} cases[] = {
		{"all were copied live: the newest ones stay", {.last = 3}, "Lllll", {0, 1, 2, 3, 4}, "..+++"},
		{"and one of each day", {.daily = 2}, "Lllll", {0, 1, 1.2, 2, 2.2}, "..+.+"},
		{"live ones behind good ones take none of their places", {.last = 2}, "FiiLll", {0, 1, 2, 3, 4, 5}, ".++.++"},
		{"a month of live ones is not a month of none", {.daily = 30}, "Fillli", {0, 1, 2, 3, 4, 5}, "++++++"},
		{"a live one does not stand for a day that has a good one", {.daily = 2}, "Fil", {0, 1, 1.5}, "+++"},
		{"one of 1970 hides none", {.daily = 7}, "FFFFF", {0, 1, 2, 3, -19676}, "+++++"},
		{"nor does one that is two months back", {.daily = 7, .weekly = 4, .monthly = 12}, "FFFFF",
		 {0, 1, 2, 3, -60}, "+++++"},
		{"one of 1970 in the middle takes one place of its own", {.daily = 3}, "FFFFF", {0, 1, -19676, 3, 4}, ".+.++"},
		{"one of the far future hides none, and takes one place", {.daily = 3}, "FFFFF", {0, 1, 20000, 3, 4}, "..+++"},
		{"the newest ones are those of the newest times", {.last = 2}, "FFFF", {0, 5, 1, 2}, ".+.+"},
		{"of one time the last ones are the newest", {.last = 2}, "FFFF", {1, 1, 1, 1}, "..++"},
		{"an hour back over midnight", {.daily = 2}, "FFF", {0.5, 1.01, 0.98}, ".++"},
		{"a damaged one stays as long as a good one would, and takes nobody's place", {.last = 2}, "FFDF",
		 {0, 1, 2, 3}, ".+++"},
		{"the head stays, whatever its time is", {.last = 1}, "FF", {5, 1}, "++"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int why[MAX] = {0};
		char kept[MAX + 1] = "";
		struct catalog c;
		struct err e = {0};
		size_t k;

		make(&c, cases[i].streams, cases[i].days);
		ok(pruneplan_keep(&c, &cases[i].r, why, &e) == 0 && c.nr == strlen(cases[i].streams), "it is planned");
		for (k = 0; k < c.nr; k++)
			kept[k] = why[k] ? '+' : '.';
		ok(strcmp(kept, cases[i].kept) == 0, "%s: %s", cases[i].name, kept);
		catalog_free(&c);
	}
}

/* What is kept is given: + and . as above. Steps until none is left, as "drop 3-4, merge 0-1". */
static void test_steps(void)
{
	static const struct {
		const char *name;
		const char *streams;
		const char *kept;
		const char *steps;
	} cases[] = {
		{"a chain that may go goes before the one in front of it is merged", "FiFiF", ".+..+", "drop 2-3, merge 0-1"},
		{"so does one that stands behind several merges", "FiFiFiF", ".+.+..+", "drop 4-5, merge 0-1, merge 1-2"},
		{"and the end of a chain", "FiiFi", ".+..+", "drop 2-2, merge 0-1, merge 1-2"},
		{"what may only be merged is merged", "FiiF", "..++", "merge 0-2"},
		{"nothing is left to do", "FiF", "+++", ""},
	};
	static const double days[MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int why[MAX] = {0};
		struct prunestep step;
		struct catalog c;
		struct err e = {0};
		char steps[200] = "";
		size_t k;

		make(&c, cases[i].streams, days);
		for (k = 0; k < c.nr; k++)
			why[k] = cases[i].kept[k] == '+';
		while (pruneplan_next(&c, why, 100, &step) && strlen(steps) < 100) {
			struct catalog_stream s = c.streams[step.last];
			const size_t gone = step.last - step.first + !step.merge;

			snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), "%s%s %zu-%zu", steps[0] ? ", " : "",
				 step.merge ? "merge" : "drop", step.first, step.last);
			s.kind = c.streams[step.first].kind;
			memcpy(s.parent_id, c.streams[step.first].parent_id, WIRE_ID_LEN);
			if (catalog_replace(&c, step.first, step.last, step.merge ? &s : NULL, &e))
				break;
			memmove(why + step.last + 1 - gone, why + step.last + 1, (c.nr + gone - step.last - 1) * sizeof(*why));
			if (step.merge)
				why[step.first] = 1;
		}
		ok(strcmp(steps, cases[i].steps) == 0 && e.kind == ERR_NONE, "%s: %s", cases[i].name, steps);
		catalog_free(&c);
	}
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	test_keep();
	test_steps();
	return tap_done();
}
