/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metasize: figures worked out by hand, sizes that others found by trial, what is given holds what is
 * promised at every size, and where it ends.
 */
#include "pure/metasize.h"

#include <string.h>

#include "pure/headroom.h"
#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define PIB (1024 * TIB)

typedef unsigned long long ull;

static const struct {
	uint64_t data, block, n, idle, bytes;
} known[] = {
	{1, 4096, 1, 5 + 1 + 1 + 1 + 1, 4 * MIB},
	{4096, 4096, 1, 9, 4 * MIB},
	{4097, 4096, 2, 9, 4 * MIB},
	{4 * GIB, 64 * KIB, 65536, 75, 4 * MIB},	  /* 300 KiB: 65 and 1, 3 and 1 */
	{128268 * 64 * KIB, 64 * KIB, 128268, 5 + 126 + 1 + 4 + 1, 4 * MIB},
	{128269 * 64 * KIB, 64 * KIB, 128269, 5 + 127 + 3 + 4 + 1, 4 * MIB},
	{196608 * 64 * KIB, 64 * KIB, 196608, 5 + 194 + 3 + 7 + 1, 4 * MIB}, /* 16 N is 3 MiB */
	{196609 * 64 * KIB, 64 * KIB, 196609, 5 + 194 + 3 + 7 + 1, 4 * MIB + 4096},
	{1 * TIB, 64 * KIB, 16777216, 5 + 16481 + 134 + 516 + 6, 257 * MIB},
	{16 * TIB, 64 * KIB, 268435456, 5 + 263690 + 2111 + 8241 + 67, 4097 * MIB},
	{4 * TIB, 4 * KIB, 1073741824, 5 + 1054757 + 8440 + 32962 + 266, METASIZE_MAX_BYTES},
};

/* Published trials: era blocks in sectors, size of the data in GiB, KiB that were just enough. */
static const struct {
	uint64_t sectors, gib, kib;
} trials[] = {
	{4096, 128, 344},   {4096, 1024, 2768},	 {4096, 2048, 5568},   {4096, 4096, 11248},
	{4096, 8192, 22308}, {4096, 16384, 42388}, {8192, 128, 204},	  {8192, 1024, 1320},
	{8192, 16384, 21168},
};

static void test_known(void)
{
	struct metasize s;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		err_clear(&e);
		rc = metasize_for(known[i].data, known[i].block, &s, &e);
		ok(rc == 0 && s.nr_era_blocks == known[i].n && s.idle == known[i].idle &&
			   s.bytes == known[i].bytes,
		   "%llu bytes in blocks of %llu: %llu era blocks, idle %llu, give %llu", (ull)known[i].data,
		   (ull)known[i].block, (ull)s.nr_era_blocks, (ull)s.idle, (ull)s.bytes);
	}
	err_clear(&e);
	metasize_for(4 * GIB, 64 * KIB, &s, &e);
	ok(s.bound == 3 * 66 + 12 * 4 + 64 + 2 * (1 + 2), "the bound of 65536 era blocks: %llu",
	   (ull)s.bound);
	ok(s.least == 75 + (4 + 64) + 66, "the least for them has room for a cut: %llu", (ull)s.least);
	metasize_for(16 * TIB, 64 * KIB, &s, &e);
	ok(s.bound == 3 * 265801 + 12 * 8308 + 64 + 2 * (65 + 2), /* ceil(1048832 / 16320) = 65 */
	   "the bound of 268435456: %llu", (ull)s.bound);
	ok(s.least == 274114 + 8308 + 64 + 265801, "and the least: %llu", (ull)s.least);
}

/* What a trial found is what was idle and a few blocks for the work: never less, never much more. */
static void test_trials(void)
{
	struct metasize s;
	struct err e;
	uint64_t kib;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(trials); i++) {
		err_clear(&e);
		metasize_for(trials[i].gib * GIB, trials[i].sectors * 512, &s, &e);
		kib = 4 * s.idle;
		ok(kib > 0 && kib <= trials[i].kib && trials[i].kib <= kib + kib / 3 + 64,
		   "%llu GiB in blocks of %llu sectors: idle %llu KiB, by trial %llu", (ull)trials[i].gib,
		   (ull)trials[i].sectors, (ull)kib, (ull)trials[i].kib);
		ok(4 * s.least >= trials[i].kib && 4 * s.bound >= trials[i].kib &&
			   s.bytes / 1024 >= trials[i].kib,
		   "least %llu KiB, bound %llu KiB, given %llu KiB", (ull)s.least * 4, (ull)s.bound * 4,
		   (ull)s.bytes / 1024);
	}
}

/* All sizes and blocks, and a little beside each. Refused only where there are too many era blocks. */
static void test_all_sizes(void)
{
	static const int64_t beside[] = {-512, 0, 512};
	unsigned int nr = 0, refused = 0, bad = 0;
	uint64_t data, block, n;
	struct metasize s;
	struct err e;
	size_t i;

	for (data = MIB; data <= 16 * TIB; data *= 2) {
		for (block = 4 * KIB; block <= 4 * MIB; block *= 2) {
			for (i = 0; i < ARRAY_SIZE(beside); i++, nr++) {
				n = (data + (uint64_t)beside[i] + block - 1) / block;
				err_clear(&e);
				if (metasize_for(data + (uint64_t)beside[i], block, &s, &e) == 0)
					bad += s.bytes < 4096 * s.bound || s.bytes < 4096 * s.least ||
					       s.bytes % 4096 != 0 || s.bytes < 4 * MIB ||
					       s.bytes > METASIZE_MAX_BYTES ||
					       s.idle + headroom_needed(n, true) != s.least ||
					       s.nr_era_blocks != n;
				else
					refused += n > UINT64_C(1) << 30 ? 1 : 1000;
			}
		}
	}
	ok(bad == 0, "what is given is at least the bound, from 1 MiB to 16 TiB: %u of %u", bad, nr);
	/* 4 TiB and a bit at 4K fit still; 8 TiB and 16 TiB at 4K, 16 TiB at 8K do not: 9. */
	ok(refused == 9, "refused are more than 2^30 era blocks alone: %u", refused);
}

static const struct {
	uint64_t data, block;
	const char *text, *hint;
} wrongs[] = {
	{GIB, 0, "an era block of 0 bytes is not a multiple of 4096", "for example --block-size 64K"},
	{GIB, 512, "an era block of 512 bytes is not a multiple of 4096", "for example --block-size 64K"},
	{GIB, 65536 + 512, "an era block of 66048 bytes is not a multiple of 4096",
	 "for example --block-size 64K"},
	{GIB, METASIZE_MAX_BLOCK_BYTES + 512, "an era block of 2199023255552 bytes is larger than dm-era takes",
	 ""},
	{0, 4096, "the data has no bytes", ""},
	{8 * TIB, 4 * KIB,
	 "8.00 TiB of data in era blocks of 4.00 KiB need more metadata than dm-era can use",
	 "take larger era blocks: --block-size 8K or more"},
	{16 * TIB, 4 * KIB,
	 "16.0 TiB of data in era blocks of 4.00 KiB need more metadata than dm-era can use",
	 "take larger era blocks: --block-size 16K or more"},
	{5 * TIB, 4 * KIB, "5.00 TiB of data in era blocks of 4.00 KiB need more metadata than dm-era can use",
	 "take larger era blocks: --block-size 8K or more"},
	{16 * PIB, 64 * KIB, "16.0 PiB of data in era blocks of 64.0 KiB need more metadata than dm-era can use",
	 "take larger era blocks: --block-size 16384K or more"},
	{UINT64_MAX, 4 * KIB,
	 "16.0 EiB of data in era blocks of 4.00 KiB need more metadata than dm-era can use",
	 "take larger era blocks: --block-size 16777216K or more"},
};

static void test_wrong(void)
{
	struct metasize s;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		err_clear(&e);
		memset(&s, 0xff, sizeof(s));
		rc = metasize_for(wrongs[i].data, wrongs[i].block, &s, &e);
		ok(rc == -1 && e.kind == ERR_USAGE && s.bytes == 0 && strcmp(e.text, wrongs[i].text) == 0 &&
			   strcmp(e.hint, wrongs[i].hint) == 0,
		   "%s; %s", e.text, e.hint);
	}
}

/* The size from which on era blocks of 4 KiB are too many, and that the hint tells the least block. */
static void test_limit(void)
{
	uint64_t low = UINT64_C(1) << 30, high = UINT64_C(1) << 31, n;
	struct metasize s;
	struct err e;

	while (high - low > 1) {
		n = (low + high) / 2;
		err_clear(&e);
		if (metasize_for(n * 4096, 4096, &s, &e) == 0)
			low = n;
		else
			high = n;
	}
	err_clear(&e);
	metasize_for(low * 4096, 4096, &s, &e);
	ok(s.bytes == METASIZE_MAX_BYTES && s.bound <= 16280 * 256 && s.bound > 16280 * 256 - 16,
	   "%llu era blocks are the most, they use %llu blocks", (ull)low, (ull)s.bound);
	err_clear(&e);
	ok(metasize_for(METASIZE_MAX_BLOCK_BYTES / 4096 * 4096, METASIZE_MAX_BLOCK_BYTES / 4096 * 4096, &s,
			&e) == 0 && s.nr_era_blocks == 1,
	   "the largest era block is taken");
}

static void test_enough(void)
{
	struct metasize s;
	struct err e;
	int rc;

	err_clear(&e);
	metasize_for(4 * GIB, 64 * KIB, &s, &e);
	ok(metasize_enough(&s, s.least * 4096, &e) == 0 && e.kind == ERR_NONE, "the least is enough");
	rc = metasize_enough(&s, s.least * 4096 - 1, &e);
	ok(rc == -1 && e.kind == ERR_USAGE &&
		   strcmp(e.text, "835 KiB of metadata are too little: 65536 era blocks need 836 KiB at "
				  "least") == 0 &&
		   strcmp(e.hint, "give 4.00 MiB, or take larger era blocks with --block-size") == 0,
	   "a byte less is not: %s; %s", e.text, e.hint);
}

int main(void)
{
	test_known();
	test_trials();
	test_all_sizes();
	test_wrong();
	test_limit();
	test_enough();
	return tap_done();
}
