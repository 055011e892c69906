/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zst: compression of frames. The only module that includes zstd's header.
 *
 * Every frame stands alone: no dictionary, no history, so frames are compressed and decompressed in
 * any order by any number of threads, and the bytes are the same each time.
 */
#ifndef ERA_WORLD_ZST_H
#define ERA_WORLD_ZST_H

#include <stddef.h>

#include "words/err.h"

#define ZST_LEVEL_MIN 1
#define ZST_LEVEL_MAX 19
#define ZST_LEVEL_DEFAULT 3

/* Contexts for one thread; each is made when it is first used. NULL from zst_new: no memory. */
struct zst *zst_new(void);
void zst_free(struct zst *z);

/* The same for each of nr threads, which are numbered from 0. */
struct zst **zst_new_each(unsigned int nr);
void zst_free_each(struct zst **each, unsigned int nr);

/*
 * Compress into out, which has room for cap bytes. *out_len is 0 where the result would not be
 * shorter than the input by at least 1/64: store it as it is. At level 5 and above also where the input looks like noise, in
 * which level 2 finds nothing: a higher level takes long to find that it cannot do much better. What comes out depends on the
 * bytes, the level and the room alone.
 */
int zst_compress(struct zst *z, int level, const void *in, size_t len, void *out, size_t cap,
		 size_t *out_len, struct err *e);

/* Exactly one frame without dictionary that gives exactly out_len bytes, or ERR_CORRUPT. */
int zst_decompress(struct zst *z, const void *in, size_t len, void *out, size_t out_len,
		   struct err *e);

#endif
