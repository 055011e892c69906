/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * erameta against a model: images written by metaimage, and what they say computed from the numbers
 * they were written from. Damage of every rule is in test_erameta_damage.c.
 */
#include "pure/erameta.h"

#include <stdlib.h>
#include <string.h>

#include "metasample.h"
#include "tap.h"

/* Every pair of bounds, in both views, against the model. */
static void every_bound(enum erameta_view view)
{
	struct sample s;
	struct blockset set;
	struct err e = {0};
	struct erameta *m;
	bool good = true;
	uint64_t since, before;

	sample_make(&s);
	m = erameta_open(&s.io, view, &e);
	if (!ok(m != NULL, "view %d opens: %s", view, e.text))
		return;
	for (since = 0; since <= SAMPLE_ERA + 2; since++) {
		for (before = 0; before <= SAMPLE_ERA + 3; before++) {
			const uint64_t end = before == SAMPLE_ERA + 3 ? ERAMETA_NO_LIMIT : before;

			blockset_init(&set, SAMPLE_BLOCKS, &e);
			good &= erameta_changed(m, since, end, &set, &e) == 0;
			good &= sample_agrees(&s, view, since, end, &set);
			blockset_fini(&set);
		}
	}
	ok(good, "view %d: every pair of bounds gives what the model has %s", view, e.text);
	ok(erameta_recheck(m, &e) == 0, "view %d: nothing changed %s", view, e.text);
	erameta_close(m);
	sample_free(&s);
}

static void says(void)
{
	const struct erameta_info *i;
	struct sample s;
	struct err e = {0};
	struct erameta *m;

	sample_make(&s);
	m = erameta_open(&s.io, ERAMETA_CURRENT, &e);
	i = erameta_info(m);
	ok(i->block_size == 128 && i->nr_blocks == SAMPLE_BLOCKS, "the sizes");
	ok(i->era == SAMPLE_ERA, "the era of the device's own superblock");
	ok(i->held_root == s.held, "where the held snapshot is");
	erameta_close(m);
	m = erameta_open(&s.io, ERAMETA_HELD, &e);
	ok(erameta_info(m)->era == SAMPLE_HELD_ERA, "the era of the held superblock");
	ok(erameta_info(m)->held_root == s.held, "and where it is");
	erameta_close(m);
	sample_free(&s);
	erameta_close(NULL);
}

/* Changed blocks of the image in the given view; -1 where erameta_changed fails. */
static int64_t count(struct sample *s, enum erameta_view view, uint64_t since, uint64_t before)
{
	struct blockset set;
	struct err e = {0};
	struct erameta *m = erameta_open(&s->io, view, &e);
	int64_t n = -1;

	if (m && blockset_init(&set, SAMPLE_BLOCKS + 100, &e) == 0) {
		if (erameta_changed(m, since, before, &set, &e) == 0)
			n = (int64_t)blockset_count(&set);
		blockset_fini(&set);
	}
	if (e.kind)
		printf("# %s\n", e.text);
	erameta_close(m);
	return n;
}

/* After a power cut the superblock names a writeset nobody archived; see erameta.h. */
static void power_cut(void)
{
	struct sample s;

	sample_make(&s);
	ok(count(&s, ERAMETA_CURRENT, SAMPLE_ERA, ERAMETA_NO_LIMIT) == SAMPLE_CURRENT_BLOCKS,
	   "power cut: the current writeset counts, as the current era");
	ok(count(&s, ERAMETA_CURRENT, SAMPLE_ERA + 1, ERAMETA_NO_LIMIT) == 0,
	   "power cut: and as no later one");
	ok(count(&s, ERAMETA_HELD, SAMPLE_HELD_ERA, ERAMETA_NO_LIMIT) == 0,
	   "held: the current writeset is not followed");
	memset(mi_at(&s.img, s.held_current), 0xee, MI_LEN);
	ok(count(&s, ERAMETA_HELD, 1, ERAMETA_NO_LIMIT) > 0,
	   "held: even where the kernel has put something else there");
	s.own.current_root = 0;
	mi_super(&s.img, 0, &s.own);
	ok(count(&s, ERAMETA_CURRENT, SAMPLE_ERA, ERAMETA_NO_LIMIT) == 0,
	   "orderly end: no current writeset");
	sample_free(&s);
}

/* A current writeset that is damaged is an error, not an empty one. */
static void damaged_current(void)
{
	struct sample s;

	sample_make(&s);
	mi_at(&s.img, s.own.current_root)[100] ^= 1;
	ok(count(&s, ERAMETA_CURRENT, 1, ERAMETA_NO_LIMIT) == -1,
	   "power cut: damage in the current writeset is found");
	ok(count(&s, ERAMETA_CURRENT, 1, SAMPLE_ERA) > 0, "but not read when out of bounds");
	sample_free(&s);
}

/* An image with one writeset of era 2, and an era array that is all zero. */
static int64_t with_writeset(uint32_t nr_blocks, uint32_t nr_bits, uint32_t bits_stored)
{
	struct sample s = {.img = {.nr_blocks = 40, .used = 1, .per_node = 126}};
	struct mi_super own = {.block_size = 8, .nr_blocks = nr_blocks, .era = 3};
	struct mi_writeset w = {.era = 2, .nr_bits = nr_bits};
	uint8_t *eras = calloc(nr_blocks + 1, 4);
	uint8_t *bits = malloc(bits_stored + 1);
	int64_t n;

	memset(bits, 1, bits_stored);
	sample_memory(&s);
	w.root = mi_bitset(&s.img, bits, bits_stored);
	own.writeset_root = mi_writesets(&s.img, &w, 1);
	own.array_root = mi_array(&s.img, eras, nr_blocks, 4);
	mi_super(&s.img, 0, &own);
	n = count(&s, ERAMETA_CURRENT, 1, ERAMETA_NO_LIMIT);
	sample_free(&s);
	free(eras);
	free(bits);
	return n;
}

static void sizes(void)
{
	static const struct {
		uint32_t nr_blocks, nr_bits, stored;
		int64_t want;
		const char *what;
	} t[] = {
		{200, 200, 200, 200, "as many bits as blocks"},
		{200, 70, 70, 70, "a writeset from before a grow"},
		{70, 200, 200, 70, "a writeset from before a shrink"},
		{200, 70, 200, 70, "bits behind nr_bits in the same word and in later ones"},
		{200, 64, 200, 64, "nr_bits at the end of a word"},
		{200, 0, 0, 0, "a writeset without bits"},
		{200, 65, 64, -1, "a bitset one word short"},
		{0, 0, 0, 0, "a device of no blocks: a table that was loaded and never resumed"},
		{1, 1, 1, 1, "one block"},
		{1018, 1018, 1018, 1018, "one full block of eras"},
		{1019, 1019, 1019, 1019, "and one era more"},
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const int64_t n = with_writeset(t[i].nr_blocks, t[i].nr_bits, t[i].stored);

		ok(n == t[i].want, "%s: %d", t[i].what, (int)n);
	}
}

/*
 * An array of `pieces` blocks on a device of `room`, stride apart: in order, in no order, and with
 * wide gaps. At most max_reads reads, of at most thrice the blocks there are.
 */
static void long_array(unsigned int pieces, unsigned int room, uint64_t stride,
		       unsigned int max_reads)
{
	const uint32_t nr = 1018 * (pieces - 1) + 5;
	struct sample s = {
		.img = {.nr_blocks = room, .used = 1, .stride = stride, .per_node = 126}};
	struct mi_super own = {.block_size = 8, .nr_blocks = nr, .era = 9};
	uint8_t *eras = calloc(nr, 4);
	struct blockset set;
	struct err e = {0};
	struct erameta *m;
	bool good;
	uint32_t i;

	for (i = 0; i < nr; i++)
		mi32(eras + 4 * (size_t)i, (uint32_t)rand() % 9);
	sample_memory(&s);
	own.writeset_root = mi_writesets(&s.img, NULL, 0);
	own.array_root = mi_array(&s.img, eras, nr, 4);
	mi_super(&s.img, 0, &own);
	blockset_init(&set, nr, &e);
	m = erameta_open(&s.io, ERAMETA_CURRENT, &e);
	good = m && erameta_changed(m, 3, 6, &set, &e) == 0;
	for (i = 0; i < nr && good; i++)
		good = blockset_has(&set, i) ==
		       (eras[4 * (size_t)i] >= 3 && eras[4 * (size_t)i] < 6);
	ok(good, "%u blocks of eras on %u, stride %u, agree with the model %s", pieces, room,
	   (unsigned int)stride, e.text);
	ok(s.reads <= max_reads && s.read_blocks <= 3 * s.img.used && s.longest <= 512,
	   "%u blocks in %u reads, the longest of %u", s.read_blocks, s.reads, s.longest);
	blockset_fini(&set);
	erameta_close(m);
	sample_free(&s);
	free(eras);
}

/* Eras at the end of their 32 bits, as many as are looked at together and some more. */
static void large_eras(void)
{
	enum { TIMES = 17 };
	static const uint32_t eras[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
	struct sample s = {.img = {.nr_blocks = 10, .used = 1, .per_node = 126}};
	struct mi_super own = {.block_size = 8, .nr_blocks = 6 * TIMES, .era = 0xffffffff};
	uint8_t values[24 * TIMES];
	int i;

	for (i = 0; i < 6 * TIMES; i++)
		mi32(values + 4 * i, eras[i % 6]);
	sample_memory(&s);
	own.writeset_root = mi_writesets(&s.img, NULL, 0);
	own.array_root = mi_array(&s.img, values, 6 * TIMES, 4);
	mi_super(&s.img, 0, &own);
	ok(count(&s, ERAMETA_CURRENT, 0, ERAMETA_NO_LIMIT) == 5 * TIMES, "era 0 matches no bounds");
	ok(count(&s, ERAMETA_CURRENT, 0x80000000, ERAMETA_NO_LIMIT) == 3 * TIMES, "eras above 2^31");
	ok(count(&s, ERAMETA_CURRENT, 0xffffffff, ERAMETA_NO_LIMIT) == 1 * TIMES, "the last era");
	ok(count(&s, ERAMETA_CURRENT, 0xffffffff, 0xffffffff) == 0, "and none below it");
	ok(count(&s, ERAMETA_CURRENT, 0xfffffffe, 0xffffffff) == 1 * TIMES, "a bound just below");
	ok(count(&s, ERAMETA_CURRENT, UINT64_C(1) << 32, ERAMETA_NO_LIMIT) == 0, "since 2^32");
	sample_free(&s);
}

int main(void)
{
	srand(1);
	every_bound(ERAMETA_CURRENT);
	every_bound(ERAMETA_HELD);
	says();
	power_cut();
	damaged_current();
	sizes();
	long_array(700, 800, 0, 12);
	long_array(2500, 2600, 0, 32);
	long_array(2500, 2600, 997, 122);
	long_array(100, 2600, 1013, 110);
	large_eras();
	return tap_done();
}
