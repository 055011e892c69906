/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metasample: one image of dm-era metadata that has everything, its model, and a source of its
 * blocks that watches how it is read. For the tests of erameta.
 */
#ifndef ERA_TESTS_METASAMPLE_H
#define ERA_TESTS_METASAMPLE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../metaimage.h"
#include "pure/blockset.h"
#include "pure/erameta.h"

#define SAMPLE_BLOCKS	      2100 /* three blocks of eras */
#define SAMPLE_HELD_ERA	      8
#define SAMPLE_ERA	      10
#define SAMPLE_CURRENT_BLOCKS 33

/*
 * Two nodes above the era array's three blocks, and two levels of writesets. The held snapshot
 * shares all its blocks with the device's own trees except the root of the writesets, which had
 * fewer then.
 */
struct sample {
	struct metaimage img;
	struct mi_super own, then;
	uint64_t held, held_current;
	uint64_t wholly_read; /* blocks from here to the end are on no path */
	uint32_t eras[SAMPLE_BLOCKS];
	uint8_t sets[SAMPLE_ERA + 1][SAMPLE_BLOCKS]; /* bits of the writeset of an era */
	struct erameta_io io;
	unsigned int reads, read_blocks, longest;
	int fail_at;					       /* this read fails; 0: none */
	void (*before_read)(struct sample *s, uint64_t first); /* to change the image meanwhile */
	bool misused; /* a read outside of the device, or unaligned */
};

__attribute__((unused)) static int sample_read(void *ctx, uint64_t first, unsigned int nr,
					       uint8_t *buf, struct err *e)
{
	struct sample *s = ctx;

	s->reads++;
	s->read_blocks += nr;
	s->longest = nr > s->longest ? nr : s->longest;
	if (nr == 0 || first >= s->io.nr_blocks || nr > s->io.nr_blocks - first ||
	    (uintptr_t)buf % MI_LEN != 0) {
		s->misused = true;
		return err_set(e, ERR_RUNTIME, "a read that no device has");
	}
	if (s->before_read)
		s->before_read(s, first);
	if ((int)s->reads == s->fail_at)
		return err_set(e, ERR_RUNTIME, "read error");
	memcpy(buf, mi_at(&s->img, first), (size_t)nr * MI_LEN);
	return 0;
}

/* The memory of an image whose other fields are set, and the source that reads it. */
__attribute__((unused)) static void sample_memory(struct sample *s)
{
	s->img.p = aligned_alloc(MI_LEN, s->img.nr_blocks * MI_LEN);
	memset(s->img.p, 0, s->img.nr_blocks * MI_LEN);
	s->io.read = sample_read;
	s->io.ctx = s;
	s->io.nr_blocks = s->img.nr_blocks;
}

__attribute__((unused)) static void sample_free(struct sample *s)
{
	free(s->img.p);
	s->img.p = NULL;
}

__attribute__((unused)) static void sample_make(struct sample *s)
{
	static const uint32_t archived[] = {5, 6, 7, 8, 9};
	struct mi_writeset w[5];
	uint8_t eras[4 * SAMPLE_BLOCKS];
	unsigned int i, b;

	memset(s, 0, sizeof(*s));
	s->img = (struct metaimage){.nr_blocks = 48, .used = 1, .per_node = 2};
	sample_memory(s);
	for (b = 0; b < SAMPLE_BLOCKS; b++) {
		s->eras[b] = b % 7 ? 0 : b / 7 % 6;
		mi32(eras + 4 * b, s->eras[b]);
	}
	for (i = 0; i < 5; i++) {
		for (b = 0; b < SAMPLE_BLOCKS; b++)
			s->sets[archived[i]][b] = b % 11 == i && (b / 64 + i) % 3 != 0;
		w[i].era = archived[i];
		w[i].nr_bits = SAMPLE_BLOCKS;
		w[i].root = mi_bitset(&s->img, s->sets[archived[i]], SAMPLE_BLOCKS);
	}
	for (b = 0; b < SAMPLE_CURRENT_BLOCKS; b++)
		s->sets[SAMPLE_ERA][SAMPLE_BLOCKS - 1 - 3 * b] = 1;
	s->own.block_size = 128;
	s->own.nr_blocks = SAMPLE_BLOCKS;
	s->own.array_root = mi_array(&s->img, eras, SAMPLE_BLOCKS, 4);
	s->then = s->own;
	s->then.era = SAMPLE_HELD_ERA;
	s->then.writeset_root = mi_writesets(&s->img, w, 3);
	s->own.era = SAMPLE_ERA;
	s->own.writeset_root = mi_writesets(&s->img, w, 5);
	s->own.current_bits = SAMPLE_BLOCKS;
	s->own.current_root = mi_bitset(&s->img, s->sets[SAMPLE_ERA], SAMPLE_BLOCKS);
	s->held = mi_alloc(&s->img);
	s->wholly_read = s->img.used;
	s->held_current = mi_bitset(&s->img, s->sets[SAMPLE_ERA], SAMPLE_BLOCKS);
	s->then.current_bits = SAMPLE_BLOCKS;
	s->then.current_root = s->held_current;
	s->own.held = s->held;
	mi_super(&s->img, 0, &s->own);
	mi_super(&s->img, s->held, &s->then);
}

/* Does the set say what the sample was made of? */
__attribute__((unused)) static bool sample_agrees(const struct sample *s, enum erameta_view view,
						  uint64_t since, uint64_t before,
						  const struct blockset *set)
{
	const uint32_t last = view == ERAMETA_HELD ? SAMPLE_HELD_ERA - 1 : SAMPLE_ERA;
	uint32_t b, era;
	bool want;

	for (b = 0; b < SAMPLE_BLOCKS; b++) {
		want = s->eras[b] != 0 && s->eras[b] >= since && s->eras[b] < before;
		for (era = 1; era <= last; era++)
			want |= s->sets[era][b] && era >= since && era < before;
		if (want != blockset_has(set, b))
			return false;
	}
	return true;
}

#endif
