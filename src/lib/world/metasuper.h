/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metasuper: what the superblock of dm-era's metadata says, the kernel not asked. */
#ifndef ERA_WORLD_METASUPER_H
#define ERA_WORLD_METASUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"

struct metasuper {
	bool blank; /* all zero: dm-era would format it; the rest is zero then */
	uint32_t era;
	uint32_t nr_blocks;
	uint64_t block_bytes; /* an era block */
	uint64_t held;	      /* where a held metadata snapshot lies; 0: none */
	uint64_t used;	      /* blocks of 4 KiB */
	uint64_t total;
};

/*
 * Of metadata that lies at off_bytes, len_bytes of it (0: to the end). ERR_CORRUPT where it is
 * damaged or none.
 */
int metasuper_read(const char *path, uint64_t off_bytes, uint64_t len_bytes, struct metasuper *s,
		   struct err *e);

#endif
