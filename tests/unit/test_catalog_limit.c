/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalog: one that is full takes no more streams, says what to do, and can be read, written and made smaller like any
 * other.
 */
#include "pure/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/catalogtext.h"
#include "tap.h"

static struct catalog_stream full(unsigned int n)
{
	struct catalog_stream s = {.kind = WIRE_FULL, .cut = WIRE_CUT_SNAPSHOT, .consistency = WIRE_CRASH_CONSISTENT,
				   .passes = 1, .size = 4096, .length = 1000, .time = 1700000000 + n};

	memcpy(s.stream_id, &n, sizeof(n));
	s.stream_id[15] = 1;
	memcpy(s.state_id, s.stream_id, WIRE_ID_LEN);
	s.generation[0] = 7;
	catalog_name(&s);
	return s;
}

static bool readable(const struct catalog *c, size_t nr)
{
	struct catalog again;
	struct err e = {0};
	size_t len;
	char *text = catalogtext_print(c, &len);
	const bool good = text && catalogtext_parse(text, &again, &e) == 0 && again.nr == nr;

	if (e.kind)
		printf("# %s\n", e.text);
	catalog_free(&again);
	free(text);
	return good;
}

static void test_limit(void)
{
	struct catalog c;
	struct catalog_stream s;
	struct err e = {0};
	unsigned int i;
	bool all = true;

	catalog_init(&c);
	c.id[0] = 9;
	for (i = 0; i < CATALOG_STREAMS_MAX - 1; i++) {
		s = full(i);
		all = all && catalog_append(&c, &s, &e) == 0;
	}
	s = full(i);
	ok(all && catalog_takes(&c, &s, &e) == 0 && catalog_append(&c, &s, &e) == 0, "the last one that it takes: %s", e.text);
	s = full(i + 1);
	ok(catalog_takes(&c, &s, &e) && e.kind == ERR_RUNTIME && strstr(e.hint, "prune"), "the one behind it: %s", e.text);
	err_clear(&e);
	ok(readable(&c, CATALOG_STREAMS_MAX), "what is full is read again");
	/* Announced when there still was a place: who takes the lock next has to get rid of it. */
	c.adding = s;
	c.has_adding = true;
	ok(readable(&c, CATALOG_STREAMS_MAX), "so it is with one that was announced");
	ok(catalog_append(&c, &s, &e) == 0, "which can be finished: %s", e.text);
	c.has_adding = false;
	ok(readable(&c, CATALOG_STREAMS_MAX + 1), "and what comes of it is read again");
	ok(catalog_replace(&c, 0, 9, NULL, &e) == 0, "some are dropped: %s", e.text);
	s = full(i + 2);
	ok(catalog_takes(&c, &s, &e) == 0, "and then it takes more: %s", e.text);
	catalog_free(&c);
}

int main(void)
{
	test_limit();
	return tap_done();
}
