/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * largepage: memory that a disk reads into or writes from.
 *
 * A disk is given each page by itself, and some take only so many at a time. Of small ones there are 256 in a MiB, so one
 * request fills such a disk's queue, and what comes behind waits, or is passed by. Of large pages there is one.
 */
#ifndef ERA_SYSTEM_LARGEPAGE_H
#define ERA_SYSTEM_LARGEPAGE_H

#include <stdint.h>

#define LARGEPAGE_LEN 2097152u

/* LARGEPAGE_LEN bytes, zeros, aligned to that, which lie in one page where the kernel has such. NULL: no memory. */
uint8_t *largepage_new(void);
void largepage_free(uint8_t *p);

#endif
