/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/zst.h"

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
