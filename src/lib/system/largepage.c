/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Straight from the kernel and back to it: an allocator that has such pages in its heap keeps them, in part, when they are freed,
 * and a program that works through hundreds of streams would end with several times the memory it began with.
 */
#include "system/largepage.h"

#include <stddef.h>
#include <sys/mman.h>

uint8_t *largepage_new(void)
{
	/* Twice as much has a whole one in it; what lies before and behind goes back. */
	uint8_t *all = mmap(NULL, 2 * LARGEPAGE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = (LARGEPAGE_LEN - (uintptr_t)all % LARGEPAGE_LEN) % LARGEPAGE_LEN;
	if (before > 0)
		munmap(all, before);
	munmap(all + before + LARGEPAGE_LEN, LARGEPAGE_LEN - before);
	(void)madvise(all + before, LARGEPAGE_LEN, MADV_HUGEPAGE);
	return all + before;
}

void largepage_free(uint8_t *p)
{
	if (p)
		munmap(p, LARGEPAGE_LEN);
}
