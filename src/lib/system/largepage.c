/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/largepage.h"

#include <stdlib.h>
#include <sys/mman.h>

uint8_t *largepage_new(void)
{
	uint8_t *p = aligned_alloc(LARGEPAGE_LEN, LARGEPAGE_LEN);

	if (p)
		(void)madvise(p, LARGEPAGE_LEN, MADV_HUGEPAGE);
	return p;
}
