/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * erameta_io: where the reader of dm-era's metadata gets its blocks from.
 *
 * A callback and not a descriptor, so that the reader stays pure: tests and fuzzers give it an
 * array, world/metadev gives it a device. Nothing here can write, and nothing ever should: the
 * kernel alone writes this metadata.
 */
#ifndef ERA_PURE_ERAMETA_IO_H
#define ERA_PURE_ERAMETA_IO_H

#include <stdint.h>

#include "words/err.h"

/* The one size dm-era knows; superblocks that say otherwise are refused. */
#define ERAMETA_BLOCK_LEN 4096

struct erameta_io {
	/*
	 * Read nr blocks from block `first` on into buf, which is aligned to ERAMETA_BLOCK_LEN and
	 * has room for them; first + nr <= nr_blocks. All of it or an error: 0, or -1 with *e.
	 */
	int (*read)(void *ctx, uint64_t first, unsigned int nr, uint8_t *buf, struct err *e);
	void *ctx;
	uint64_t nr_blocks; /* whole blocks the metadata device has */
};

#endif
