/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zst: stored bytes that say they are a zstd frame; the first two say how many bytes should come out, in sixteens. And the
 * input itself, compressed and back.
 */
#include "fuzz.h"

#include "words/le.h"
#include "world/zst.h"

static void there_and_back(struct zst *z, const uint8_t *data, size_t len)
{
	uint8_t *stored = malloc(len + 1);
	uint8_t *back = malloc(len + 1);
	struct err e = {0};
	size_t n;

	must(stored && back);
	must(zst_compress(z, 1 + (int)(len % 7), data, len, stored, len, &n, &e) == 0);
	must(n < len || n == 0);
	if (n > 0) {
		must(zst_decompress(z, stored, n, back, len, &e) == 0);
		must(memcmp(data, back, len) == 0);
		must(zst_decompress(z, stored, n - 1, back, len, &e) != 0);
		must(zst_decompress(z, stored, n, back, len + 1, &e) != 0);
	}
	free(stored);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct zst *z = zst_new();
	struct err e = {0};
	uint8_t *out;
	size_t want;

	must(z);
	if (len > 2) {
		want = 16 * (size_t)le16_get(data);
		out = malloc(want + 1);
		must(out);
		fuzz_told(zst_decompress(z, data + 2, len - 2, out, want, &e), &e);
		there_and_back(z, data, len);
		free(out);
	}
	zst_free(z);
	return 0;
}
