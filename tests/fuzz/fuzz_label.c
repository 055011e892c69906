/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * label: the block on a metadata device. The first 48 bytes are what an open finds, the others the beginning of the block, with
 * zeros for what is missing and the checksum put right. What is accepted is written as the same bytes, where the minor version
 * is ours; and a label that was judged, and changed by that, can be read.
 */
#include "fuzz.h"

#include "pure/label.h"
#include "words/hash.h"
#include "words/le.h"

#define SUM_AT 4080
#define FACTS_LEN 48

/* In front of the label, so that short inputs have them. */
static void get_facts(const uint8_t p[FACTS_LEN], struct label_facts *f)
{
	memset(f, 0, sizeof(*f));
	f->blank_meta = p[0] & 1;
	f->ext = (enum extstate)(p[0] >> 1 & 3);
	f->meta_era = le32_get(p + 4);
	f->meta_era_blocks = le32_get(p + 8);
	f->meta_block_bytes = le32_get(p + 12);
	f->meta_used = le64_get(p + 16);
	f->meta_total = le64_get(p + 24);
	f->data_bytes = le64_get(p + 32);
	memset(f->fingerprint, p[40], sizeof(f->fingerprint));
	memset(f->partuuid, p[41] ? 'a' : 0, p[41] % LABEL_WORD);
}

static void judge(const struct label *l, const struct label_facts *f)
{
	struct label later = *l;
	struct err e = {0};
	char reason[LABEL_REASON];
	uint8_t raw[LABEL_LEN];
	bool blank;
	const int rc = fuzz_told(label_judge(l, f, reason, &e), &e);

	must(rc <= 1 && (rc == 1) == (reason[0] != '\0'));
	label_grow_late(&later, f);
	if (rc == 1)
		label_renew(&later, l->volume, 1, reason);
	if (rc < 0)
		return;
	label_put(raw, &later);
	must(fuzz_told(label_get(raw, &later, &blank, &e), &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t facts[FACTS_LEN] = {0};
	uint8_t raw[LABEL_LEN] = {0};
	uint8_t again[LABEL_LEN];
	struct label_facts f;
	struct label l;
	struct err e = {0};
	bool blank = false;
	const size_t n = len < FACTS_LEN ? len : FACTS_LEN;

	memcpy(facts, data, n);
	memcpy(raw, data + n, len - n < SUM_AT ? len - n : SUM_AT);
	hash128(raw, SUM_AT, raw + SUM_AT);
	get_facts(facts, &f);
	if (fuzz_told(label_get(raw, &l, &blank, &e), &e))
		return 0;
	must(!blank);
	label_put(again, &l);
	must(le32_get(raw + 20) > 0 || memcmp(raw, again, sizeof(raw)) == 0);
	judge(&l, &f);
	return 0;
}
