/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * erameta: whole metadata, of the short form in metasource.h, read in both views and checked as a volume is when it is opened.
 *
 * What the reader accepts is read a second time by one that shares no line with it: slow, of no more than these pages of the
 * kernel's structs, and without a check, because the reader made them. Both find the same blocks. So do the parts of a device
 * together, and a reader of eras never refuses what the check of everything calls whole.
 */
#include "metasource.h"

#include "pure/erameta.h"
#include "pure/metacheck.h"

#define NR_MAX 8192 /* era blocks: what is read is compared one by one */

struct slow {
	const struct metasource *s;
	const uint8_t *super;
	uint64_t since, before;
	uint32_t nr_blocks;
	uint8_t *changed; /* one byte a block */
};

static const uint8_t *at(const struct slow *w, uint64_t block)
{
	return w->s->p + block * ERAMETA_BLOCK_LEN;
}

/* Value i of the array at `block`, or NULL: where its tree has no entry for it. */
static const uint8_t *slow_value(const struct slow *w, uint64_t block, uint64_t i, unsigned int size)
{
	const uint64_t max = (4096 - 24) / size;
	const uint8_t *n;
	uint32_t k;

	for (;;) {
		n = at(w, block);
		for (k = le32_get(n + 16); k > 0 && le64_get(n + 32 + 8 * (k - 1)) > i / max; k--)
			;
		if (k == 0)
			return NULL;
		block = le64_get(n + 32 + 8 * le32_get(n + 20) + 8 * (k - 1));
		if (le32_get(n + 4) == 2)
			break;
	}
	return le64_get(n + 32 + 8 * (k - 1)) == i / max ? at(w, block) + 24 + i % max * size : NULL;
}

static void slow_eras(struct slow *w)
{
	const uint8_t *v;
	uint32_t i;

	for (i = 0; i < w->nr_blocks; i++) {
		v = slow_value(w, le64_get(w->super + 208), i, 4);
		must(v);
		if (le32_get(v) != 0 && le32_get(v) >= w->since && le32_get(v) < w->before)
			w->changed[i] = 1;
	}
}

static void slow_bitset(struct slow *w, uint64_t era, uint32_t nr_bits, uint64_t root)
{
	const uint8_t *v;
	uint32_t i;

	if (era == 0 || era < w->since || era >= w->before)
		return;
	for (i = 0; i < nr_bits && i < w->nr_blocks; i++) {
		v = slow_value(w, root, i / 64, 8);
		must(v);
		if (le64_get(v) >> i % 64 & 1)
			w->changed[i] = 1;
	}
}

static void slow_writesets(struct slow *w, uint64_t block)
{
	const uint8_t *n = at(w, block);
	const uint8_t *values = n + 32 + 8 * le32_get(n + 20);
	uint32_t i;

	for (i = 0; i < le32_get(n + 16); i++) {
		if (le32_get(n + 4) == 1)
			slow_writesets(w, le64_get(values + 8 * i));
		else
			slow_bitset(w, le64_get(n + 32 + 8 * i), le32_get(values + 12 * i), le64_get(values + 12 * i + 4));
	}
}

/* Does another reader say the same? */
static void compare(const struct metasource *s, const struct erameta *m, enum erameta_view view, uint64_t since,
		    uint64_t before, const struct blockset *set)
{
	struct slow w = {.s = s, .since = since, .before = before};
	uint64_t block;
	uint32_t i;

	erameta_superblock(m, &block);
	w.super = at(&w, block);
	w.nr_blocks = le32_get(w.super + 180);
	w.changed = calloc(w.nr_blocks + 1, 1);
	must(w.changed);
	slow_writesets(&w, le64_get(w.super + 200));
	if (view == ERAMETA_CURRENT && le64_get(w.super + 192) != 0)
		slow_bitset(&w, le32_get(w.super + 184), le32_get(w.super + 188), le64_get(w.super + 192));
	slow_eras(&w);
	for (i = 0; i < w.nr_blocks; i++)
		must(blockset_has(set, i) == (w.changed[i] != 0));
	free(w.changed);
}

/* Read by three threads' parts, one after the other. */
static void parts(const struct erameta *m, uint64_t since, uint64_t before, const struct blockset *whole)
{
	struct blockset set;
	struct err e = {0};
	unsigned int i;

	must(blockset_init(&set, whole->nr_blocks, &e) == 0);
	for (i = 0; i < 3; i++)
		must(erameta_changed_part(m, i, 3, since, before, &set, &e) == 0);
	must(memcmp(set.words, whole->words, (size_t)(whole->nr_blocks + 63) / 64 * 8) == 0);
	blockset_fini(&set);
}

/* 0 where all eras of this view could be read. */
static int read_view(struct metasource *s, enum erameta_view view, uint64_t since, uint64_t before)
{
	struct err e = {0};
	struct erameta *m = erameta_open(&s->io, view, &e);
	struct blockset set = {0};
	int rc = -1;

	fuzz_told(m ? 0 : -1, &e);
	if (!m || erameta_info(m)->nr_blocks > NR_MAX)
		goto out;
	must(blockset_init(&set, erameta_info(m)->nr_blocks, &e) == 0);
	rc = fuzz_told(erameta_changed(m, since, before, &set, &e), &e);
	must(erameta_recheck(m, &(struct err){0}) == 0);
	if (rc == 0 && (since ? since : 1) < before) {
		compare(s, m, view, since, before, &set);
		parts(m, since, before, &set);
	}
out:
	blockset_fini(&set);
	erameta_close(m);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct metacheck_report report;
	struct metasource s;
	struct err e = {0};
	int rc;

	if (len < 2)
		return 0;
	meta_source(&s, data + 2, len - 2);
	read_view(&s, ERAMETA_HELD, data[0] & 15, data[1] & 15);
	read_view(&s, ERAMETA_CURRENT, data[0] & 15, data[1] & 15);
	rc = read_view(&s, ERAMETA_CURRENT, 0, ERAMETA_NO_LIMIT);
	if (fuzz_told(metacheck_run(&s.io, &report, &e), &e) == 0)
		must(rc == 0 || le32_get(s.p + 180) > NR_MAX);
	return 0;
}
