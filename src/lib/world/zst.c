/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/zst.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "words/le.h"

struct zst {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
};

struct zst *zst_new(void)
{
	return calloc(1, sizeof(struct zst));
}

void zst_free(struct zst *z)
{
	if (!z)
		return;
	ZSTD_freeCCtx(z->c);
	ZSTD_freeDCtx(z->d);
	free(z);
}

struct zst **zst_new_each(unsigned int nr)
{
	struct zst **each = calloc(nr, sizeof(*each));
	unsigned int i;

	for (i = 0; each && i < nr; i++) {
		each[i] = zst_new();
		if (!each[i]) {
			zst_free_each(each, nr);
			return NULL;
		}
	}
	return each;
}

void zst_free_each(struct zst **each, unsigned int nr)
{
	unsigned int i;

	for (i = 0; each && i < nr; i++)
		zst_free(each[i]);
	free(each);
}

/*
 * What looks like noise is looked at twice. From level 5 on zstd searches noise as patiently as anything else, at ten to four
 * hundred times the cost of level 2, which gives up soon. So a glance at some bytes says what might be noise, and level 2
 * whether it is: then it is stored as it is. Below level 5 the search costs about as much as the look. In noise, level 2 steps
 * over what is small; in short content that could be more than one part in a hundred. Level 1 looks back no further than
 * 512 KiB, and misses noise that comes twice.
 */
#define LOOK_LEVEL_MIN 5
#define LOOK_LEVEL 2
#define LOOK_LEN_MIN 262144u
#define SAMPLES 4u
#define SAMPLE_LEN 1024u

/*
 * Are the bytes of the samples about as different from each other as random ones? Of those one pair in 256 is two of a kind, of
 * text one in 16.
 */
static bool looks_noisy(const uint8_t *p, size_t len)
{
	const size_t step = (len - SAMPLE_LEN) / (SAMPLES - 1);
	const uint32_t total = SAMPLES * SAMPLE_LEN;
	uint32_t count[256] = {0};
	uint32_t pairs = 0;
	size_t i, k;

	for (i = 0; i < SAMPLES; i++)
		for (k = 0; k < SAMPLE_LEN; k++)
			count[p[i * step + k]]++;
	for (i = 0; i < 256; i++)
		pairs += count[i] * (count[i] - 1);
	return pairs < total * total / 128;
}

/* Only where level 2 gains next to nothing: a higher level may find ten times as much. */
static bool is_noise(struct zst *z, const void *in, size_t len, void *out, size_t cap)
{
	const size_t worth = len - len / 512;
	size_t n;

	if (len < LOOK_LEN_MIN || cap < worth || !looks_noisy(in, len))
		return false;
	n = ZSTD_compressCCtx(z->c, out, cap, in, len, LOOK_LEVEL);
	return ZSTD_isError(n) ? ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall : n >= worth;
}

int zst_compress(struct zst *z, int level, const void *in, size_t len, void *out, size_t cap,
		 size_t *out_len, struct err *e)
{
	const size_t worth = len - len / 64;
	size_t n;

	*out_len = 0;
	if (!z->c)
		z->c = ZSTD_createCCtx();
	if (!z->c)
		return err_set(e, ERR_RUNTIME, "no memory for the compressor");
	if (level >= LOOK_LEVEL_MIN && is_noise(z, in, len, out, cap))
		return 0;
	n = ZSTD_compressCCtx(z->c, out, cap, in, len, level);
	if (ZSTD_isError(n)) {
		/* No room means no gain: the caller's room is about the input's length. */
		if (ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall)
			return 0;
		return err_set(e, ERR_RUNTIME, "zstd cannot compress: %s", ZSTD_getErrorName(n));
	}
	if (n < worth)
		*out_len = n;
	return 0;
}

int zst_decompress(struct zst *z, const void *in, size_t len, void *out, size_t out_len,
		   struct err *e)
{
	size_t n;

	if (!z->d)
		z->d = ZSTD_createDCtx();
	if (!z->d)
		return err_set(e, ERR_RUNTIME, "no memory for the decompressor");
	if (len < 4 || le32_get(in) != ZSTD_MAGICNUMBER || ZSTD_getDictID_fromFrame(in, len) != 0 ||
	    ZSTD_findFrameCompressedSize(in, len) != len)
		return err_set(e, ERR_CORRUPT, "the stored bytes are not one zstd frame");
	n = ZSTD_decompressDCtx(z->d, out, out_len, in, len);
	if (ZSTD_isError(n))
		return err_set(e, ERR_CORRUPT, "zstd cannot decompress: %s", ZSTD_getErrorName(n));
	if (n != out_len)
		return err_set(e, ERR_CORRUPT, "%zu bytes decompressed where %zu were promised", n,
			       out_len);
	return 0;
}
