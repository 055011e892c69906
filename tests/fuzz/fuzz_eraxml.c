/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * eraxml: what era_invalidate prints, cut into pieces whose length the first byte says; and rangelist, which prints sets.
 *
 * How it is cut makes no difference. A list that is accepted is printed, in XML and as text, and both say the same set.
 */
#include "fuzz.h"

#include "pure/eraxml.h"
#include "pure/rangelist.h"
#include "words/json.h"

#define NR_BLOCKS 4096

static int parse(const uint8_t *p, size_t len, size_t piece, struct blockset *set, struct err *e)
{
	struct eraxml *x;
	int rc = 0;
	size_t n;

	must(blockset_init(set, NR_BLOCKS, e) == 0);
	x = eraxml_new(set, e);
	must(x);
	for (; rc == 0 && len > 0; p += n, len -= n) {
		n = piece < len ? piece : len;
		rc = eraxml_feed(x, p, n, e);
	}
	if (rc == 0)
		rc = eraxml_finish(x, e);
	eraxml_free(x);
	return fuzz_told(rc, e);
}

static void must_be_same(const struct blockset *a, const struct blockset *b)
{
	must(a->nr_blocks == b->nr_blocks && memcmp(a->words, b->words, NR_BLOCKS / 8) == 0);
}

static void xml_again(const struct blockset *set)
{
	struct blockset again;
	struct err e = {0};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	must(f && rangelist_xml(f, set, &e) == 0 && fclose(f) == 0);
	must(parse((const uint8_t *)text, len, len, &again, &e) == 0);
	must_be_same(set, &again);
	blockset_fini(&again);
	free(text);
}

static void text_again(const struct blockset *set)
{
	struct blockset again;
	struct err e = {0};
	unsigned long begin;
	unsigned long end;
	unsigned long last = 0;
	char *text = NULL;
	char *line;
	char *rest;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	must(f && rangelist_text(f, set, &e) == 0 && fclose(f) == 0);
	must(blockset_init(&again, NR_BLOCKS, &e) == 0);
	for (rest = text; (line = strsep(&rest, "\n")) && *line;) {
		must(sscanf(line, "%lu %lu", &begin, &end) == 2);
		must(begin < end && end <= NR_BLOCKS && (begin > last || last == 0));
		blockset_add(&again, begin, end);
		last = end;
	}
	must_be_same(set, &again);
	blockset_fini(&again);
	free(text);
}

static void json_again(const struct blockset *set)
{
	const struct rangelist_about about = {.block_size = 128, .since = 1, .era = 2};
	struct err e = {0};
	char *text = NULL;
	uint64_t changed = 0;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	must(f && rangelist_json(f, set, &about, &e) == 0 && fclose(f) == 0);
	must(json_number(text, "changed_blocks", &changed) == 0 && changed == blockset_count(set));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const size_t piece = len > 0 ? 1u + data[0] : 1;
	const uint8_t *p = len > 0 ? data + 1 : data;
	struct blockset whole;
	struct blockset cut;
	struct err e = {0};
	struct err e_cut = {0};
	int rc;

	len -= len > 0;
	rc = parse(p, len, len, &whole, &e);
	must(parse(p, len, piece, &cut, &e_cut) == rc && e.kind == e_cut.kind);
	if (rc == 0) {
		must_be_same(&whole, &cut);
		xml_again(&whole);
		text_again(&whole);
		json_again(&whole);
	}
	blockset_fini(&whole);
	blockset_fini(&cut);
	return 0;
}
