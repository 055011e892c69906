/* SPDX-License-Identifier: GPL-3.0-or-later */
/* largepage: aligned, zero, all of it there, and gone when it is freed. */
#include "system/largepage.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tap.h"

#define PAGES 64u

/* Is there memory of ours at p? */
static bool mapped(uint8_t *p)
{
	unsigned char in_core;

	return mincore(p, 1, &in_core) == 0 || errno != ENOMEM;
}

int main(void)
{
	static uint8_t *pages[PAGES];
	bool aligned = true;
	bool zero = true;
	bool whole = true;
	bool gone = true;
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		uint8_t *p = pages[i] = largepage_new();

		aligned &= p && (uintptr_t)p % LARGEPAGE_LEN == 0;
		zero &= p && p[0] == 0 && memcmp(p, p + 1, LARGEPAGE_LEN - 1) == 0;
		if (p)
			memset(p, (int)i + 1, LARGEPAGE_LEN);
	}
	for (i = 0; i < PAGES; i++)
		whole &= pages[i] && pages[i][0] == i + 1 && memcmp(pages[i], pages[i] + 1, LARGEPAGE_LEN - 1) == 0;
	ok(aligned, "each begins at a multiple of its length");
	ok(zero, "each is zero");
	ok(whole, "none is another's");
	for (i = 0; i < PAGES; i++)
		largepage_free(pages[i]);
	for (i = 0; i < PAGES; i++)
		gone &= !mapped(pages[i]) && !mapped(pages[i] + LARGEPAGE_LEN / 2);
	ok(gone, "what is freed is the kernel's again, all of it");
	largepage_free(NULL);
	ok(true, "nothing can be freed");
	return tap_done();
}
