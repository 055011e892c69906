/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/pinned.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* More than the requests to device-mapper between a suspend and a resume ask for. */
#define HEAP_READY 1048576u

/* Free heap that the allocator keeps: what is asked for later is there and touched. */
static void ready_heap(void)
{
	void *p;

	mallopt(M_TRIM_THRESHOLD, 4 * HEAP_READY);
	mallopt(M_MMAP_THRESHOLD, 4 * HEAP_READY);
	p = malloc(HEAP_READY);
	if (p)
		explicit_bzero(p, HEAP_READY);
	free(p);
}

int pinned_begin(struct err *e)
{
	ready_heap();
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return err_sys(e, "cannot lock memory");
	return 0;
}

void pinned_end(void)
{
	munlockall();
}
