/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * headroom: figures worked out by hand. With N era blocks: W = ceil(ceil(N/64)/509) blocks of bits,
 * A = ceil(N/1018) blocks of eras, T(n) btree nodes at 126 keys above n leaves. Free must be
 * W + T(W) + 64, and A + T(A) more while a snapshot is held.
 */
#include "pure/headroom.h"

#include "tap.h"

static const struct {
	uint64_t blocks, free, held;
} rows[] = {
	/* N: W + T(W), A + T(A) */
	{1, 64 + 1 + 1, 64 + 2 + 1 + 1},
	{1018, 64 + 1 + 1, 64 + 2 + 1 + 1},
	{1019, 64 + 1 + 1, 64 + 2 + 2 + 1},
	{32576, 64 + 1 + 1, 64 + 2 + 32 + 1},	      /* 509 words */
	{32577, 64 + 2 + 1, 64 + 3 + 33 + 1},	      /* 510 words */
	{65536, 64 + 3 + 1, 64 + 4 + 65 + 1},	      /* 1024 words */
	{128268, 64 + 4 + 1, 64 + 5 + 126 + 1},	      /* 126 * 1018: one node */
	{128269, 64 + 4 + 1, 64 + 5 + 127 + 2 + 1},   /* two nodes and a root */
	{4104576, 64 + 126 + 1, 64 + 127 + 4032 + 32 + 1},
	{4104577, 64 + 127 + 2 + 1, 64 + 130 + 4033 + 33 + 1},
	/* 16 TiB at 64 KiB: 4194304 words, 8241 blocks, 66 nodes and a root; 263690 blocks of eras, 2093
	 * nodes, 17, and a root */
	{268435456, 64 + 8241 + 66 + 1, 64 + 8308 + 263690 + 2093 + 17 + 1},
};

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(headroom_needed(rows[i].blocks, false) == rows[i].free, "%llu era blocks: %llu (%llu)",
		   (unsigned long long)rows[i].blocks, (unsigned long long)rows[i].free,
		   (unsigned long long)headroom_needed(rows[i].blocks, false));
		ok(headroom_needed(rows[i].blocks, true) == rows[i].held,
		   "%llu era blocks, a snapshot held: %llu (%llu)", (unsigned long long)rows[i].blocks,
		   (unsigned long long)rows[i].held, (unsigned long long)headroom_needed(rows[i].blocks, true));
	}
	return tap_done();
}
