/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalog, catalogtext and point: what a repository holds, as text and back; what may follow what; which point a word
 * means.
 */
#include "pure/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/catalogtext.h"
#include "pure/point.h"
#include "tap.h"
#include "words/hash.h"

#define T0 1763600400 /* 2025-11-20 01:00 UTC */

static void fill(uint8_t id[16], unsigned int n)
{
	memset(id, 0, 16);
	id[0] = (uint8_t)n;
	id[1] = (uint8_t)(n >> 8);
	id[15] = 1;
}

/* Stream n of a chain; a full where `full`. */
static struct catalog_stream stream(unsigned int n, bool full, unsigned int parent)
{
	struct catalog_stream s = {.cut = WIRE_CUT_SNAPSHOT, .consistency = WIRE_CRASH_CONSISTENT, .passes = 1};

	fill(s.stream_id, n);
	fill(s.state_id, n);
	fill(s.generation, 7);
	fill(s.digest, n * 3);
	if (!full)
		fill(s.parent_id, parent);
	s.kind = full ? WIRE_FULL : WIRE_INCREMENTAL;
	s.era_c = n;
	s.time = T0 + 86400ull * n;
	s.size = 1 << 20;
	s.length = 1000 + n;
	s.changed = 4096;
	s.mtime_ns = 1234567890123456789u + n;
	catalog_name(&s);
	return s;
}

/* full 1, incr 2, 3, full 4, incr 5 */
static void make(struct catalog *c)
{
	static const unsigned int parents[] = {0, 1, 2, 0, 4};
	struct err e = {0};
	unsigned int i;

	catalog_init(c);
	fill(c->id, 99);
	for (i = 0; i < 5; i++) {
		const struct catalog_stream s = stream(i + 1, parents[i] == 0, parents[i]);

		if (catalog_append(c, &s, &e))
			printf("# %s\n", e.text);
	}
}

static bool same(const struct catalog *a, const struct catalog *b)
{
	size_t la;
	size_t lb;
	char *ta = catalogtext_print(a, &la);
	char *tb = catalogtext_print(b, &lb);
	const bool rc = la == lb && memcmp(ta, tb, la) == 0;

	free(ta);
	free(tb);
	return rc;
}

static void test_text(void)
{
	struct catalog c;
	struct catalog again;
	struct err e = {0};
	size_t len;
	char *text;

	make(&c);
	c.run_time = 5;
	c.run_seconds = 6;
	c.run_still_us = 7;
	c.meta_used = 8;
	c.meta_total = 9;
	c.verified = 10;
	c.checked = 11;
	c.pruned = 12;
	c.streams[1].damaged = true;
	c.streams[2].merged = true;
	c.streams[2].stream_id[3] = 77;
	catalog_name(&c.streams[2]);
	c.adding = stream(6, false, 5);
	c.has_adding = true;
	strcpy(c.merging, c.adding.name);
	ok(catalog_replace(&c, 3, 4, NULL, &e) == 0 && c.nr == 3 && c.nr_removing == 2, "two streams are to go");
	text = catalogtext_print(&c, &len);
	ok(catalogtext_parse(text, &again, &e) == 0 && same(&c, &again), "a catalog to text and back: %s", e.text);
	ok(again.nr == 3 && again.streams[1].damaged && again.streams[2].merged && again.has_adding &&
		   again.nr_removing == 2 && again.merging[0] && again.run_still_us == 7 && again.checked == 11,
	   "with everything that was in it");
	catalog_free(&again);
	free(text);
	catalog_free(&c);
}

/* Every byte of the text changed in one bit, and every truncation. */
static void test_damage(void)
{
	struct catalog c;
	struct catalog again;
	size_t accepted = 0;
	size_t len;
	size_t i;
	char *text;

	make(&c);
	text = catalogtext_print(&c, &len);
	for (i = 0; i < len; i++) {
		struct err e = {0};

		text[i] ^= 1;
		accepted += catalogtext_parse(text, &again, &e) == 0 || e.kind != ERR_CORRUPT;
		catalog_free(&again);
		text[i] ^= 1;
	}
	for (i = len; i-- > 0;) {
		struct err e = {0};

		text[i] = '\0';
		accepted += catalogtext_parse(text, &again, &e) == 0 || e.kind != ERR_CORRUPT;
		catalog_free(&again);
	}
	ok(accepted == 0, "%zu changed or cut texts, %zu accepted", 2 * len, accepted);
	free(text);
	catalog_free(&c);
}

/* Texts with a right sum that are wrong all the same. */
static void test_refused(void)
{
	static const struct {
		const char *name;
		const char *from;
		const char *to;
	} cases[] = {
		{"another first line", "state 1", "state 2"},
		{"an unknown key", "pruned", "prunes"},
		{"a word too few", "pruned 0", "pruned"},
		{"a word too many", "pruned 0", "pruned 0 0"},
		{"a number that is none", "pruned 0", "pruned x"},
		{"two blanks", "pruned 0", "pruned  0"},
		{"a flag that is none", " good\n", " fine\n"},
		{"a cut that is none", " snapshot ", " snapshut "},
		{"another kind in the name", "-full-", "-incr-"},
		{"a time that is none", "20251121T", "20251321T"},
		{"an id in capitals", "repository 63", "repository 6F"},
		{"no repository", "repository 63000000000000000000000000000001", "repository 00000000000000000000000000000000"},
		{"a path for a name", "stream 2025", "stream ../2025"},
	};
	struct catalog c;
	size_t i;

	make(&c);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog again;
		struct err e = {0};
		size_t len;
		char *text = catalogtext_print(&c, &len);
		char *at = strstr(text, cases[i].from);
		char *bad = NULL;
		char sum[32];

		text[len - 21] = '\0';
		if (at && asprintf(&bad, "%.*s%s%s", (int)(at - text), text, cases[i].to, at + strlen(cases[i].from)) > 0) {
			snprintf(sum, sizeof(sum), "sum %016llx\n", (unsigned long long)hash64(bad, strlen(bad)));
			bad = realloc(bad, strlen(bad) + 32);
			strcat(bad, sum);
		}
		ok(bad && catalogtext_parse(bad, &again, &e) != 0 && e.kind == ERR_CORRUPT, "refused: %s", cases[i].name);
		catalog_free(&again);
		free(bad);
		free(text);
	}
	catalog_free(&c);
}

static void test_links(void)
{
	struct catalog c;
	struct catalog_stream s;
	struct err e = {0};

	make(&c);
	s = stream(6, false, 4);
	ok(catalog_append(&c, &s, &e) && e.kind == ERR_IDENTITY, "an incremental from an older point than the head");
	err_clear(&e);
	s = stream(6, false, 5);
	s.size = 1;
	ok(catalog_append(&c, &s, &e) && e.kind == ERR_IDENTITY, "one of a smaller device");
	err_clear(&e);
	s = stream(6, false, 5);
	s.generation[4] = 1;
	ok(catalog_append(&c, &s, &e) && e.kind == ERR_IDENTITY, "one of another generation");
	err_clear(&e);
	s = stream(5, true, 0);
	ok(catalog_append(&c, &s, &e) && e.kind == ERR_IDENTITY, "one that is there already");
	err_clear(&e);
	s = stream(6, false, 5);
	ok(catalog_append(&c, &s, &e) == 0 && c.nr == 6, "the right one");
	ok(catalog_replace(&c, 1, 1, NULL, &e) && e.kind == ERR_IDENTITY && c.nr == 6 && c.nr_removing == 0,
	   "a link of a chain cannot simply go");
	err_clear(&e);
	s = stream(3, false, 1);
	s.stream_id[9] = 1;
	catalog_name(&s);
	ok(catalog_replace(&c, 1, 2, &s, &e) == 0 && c.nr == 5 && c.nr_removing == 2, "two become one: %s", e.text);
	ok(catalog_chain(&c, 1) == 0 && catalog_chain(&c, 4) == 2 && catalog_chain(&c, 2) == 2, "fulls begin chains");
	c.streams[3].damaged = true;
	ok(catalog_restorable(&c, 2) && !catalog_restorable(&c, 3) && !catalog_restorable(&c, 4) &&
		   catalog_restorable(&c, 1), "what builds on a damaged stream is lost, and nothing else");
	catalog_free(&c);
}

static void test_point(void)
{
	static const struct {
		const char *word;
		int i; /* -1: none */
	} cases[] = {
		{"latest", 4}, {"0300", 2}, {"03000000000000000000000000000001", 2}, {"030", -1}, {"9999", -1},
		{"@1763600400", -1}, {"@1763686800", 0}, {"@1763686799", -1}, {"@1763859600", 2}, {"@1763859599", 1},
		{"2025-11-23T01:00Z", 2}, {"yesterday", 4}, {"nonsense", -1}, {"", -1}, {"0300g", -1},
	};
	struct catalog c;
	struct err e = {0};
	size_t at;
	size_t i;

	make(&c);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int rc = point_find(&c, cases[i].word, T0 + 86400 * 30, &at, &e);

		ok(cases[i].i < 0 ? rc && e.kind == ERR_USAGE : rc == 0 && at == (size_t)cases[i].i, "'%s': %s",
		   cases[i].word, e.text);
		err_clear(&e);
	}
	c.streams[1].damaged = true;
	ok(point_check(&c, 2, false, &e) && e.kind == ERR_CORRUPT && strstr(e.text, c.streams[1].name) &&
		   strstr(e.hint, "01000000"), "a lost point names the stream, and an older point: %s", e.hint);
	err_clear(&e);
	c.streams[4].consistency = WIRE_CONVERGING;
	ok(point_check(&c, 4, false, &e) && e.kind == ERR_USAGE && strstr(e.hint, "04000000"),
	   "an inconsistent one is not restored without a word: %s", e.hint);
	err_clear(&e);
	ok(point_check(&c, 4, true, &e) == 0 && point_check(&c, 3, false, &e) == 0, "with the word it is");
	catalog_free(&c);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	test_text();
	test_damage();
	test_refused();
	test_links();
	test_point();
	return tap_done();
}
