/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hash: the numbers that xxhsum -H3 and xxhsum -H2 (0.8.1) print, whole and in pieces. */
#include "words/hash.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "words/num.h"

#define LEN_MAX 100000

/* Byte i is i * step; XXH3 has other ways for 0, 1-3, 4-8, 9-16, 17-128, 129-240 and longer. */
static const struct {
	size_t len;
	unsigned int step, first;
	uint64_t h64;
	const char *h128;
} vectors[] = {
	{0, 0, 0, UINT64_C(0x2d06800538d394c2), "99aa06d3014798d86001c324468d497f"},
	{1, 0, 'a', UINT64_C(0xe6c632b61e964e1f), "a96faf705af16834e6c632b61e964e1f"},
	{3, 1, 'a', UINT64_C(0x78af5f94892f3950), "06b05ab6733a618578af5f94892f3950"},
	{17, 1, 0, UINT64_C(0x9ef341a99de37328), "685bc458b37d057fc06e233df7729217"},
	{240, 0, 0, UINT64_C(0x053f07444f70da08), "0550e1dd88b6c17ca499f0a80fd3850a"},
	{256, 1, 0, UINT64_C(0x9408a4433b952d71), "f1f8a93f50849ac39408a4433b952d71"},
	{4096, 0, 0, UINT64_C(0x93d76fe148c689ba), "3ee8dc4f9e7ee49593d76fe148c689ba"},
	{LEN_MAX, 7, 0, UINT64_C(0x01271d2740e5fca3), "4fb78cd2670dad5801271d2740e5fca3"},
};

static const char *in_pieces(const uint8_t *p, size_t len, size_t piece, char text[33])
{
	struct hash *h = hash_new();
	uint8_t out[HASH128_LEN];
	size_t at;

	for (at = 0; at < len; at += piece) {
		hash_add(h, p + at, (size_t)num_min(piece, len - at));
		hash_get(h, out); /* asking on the way changes nothing */
	}
	hash_get(h, out);
	hash_free(h);
	num_hex(out, sizeof(out), text);
	return text;
}

static const char *at_once(const uint8_t *p, size_t len, char text[33])
{
	uint8_t out[HASH128_LEN];

	hash128(p, len, out);
	num_hex(out, sizeof(out), text);
	return text;
}

static bool two(const uint8_t *p, size_t len, uint64_t want)
{
	size_t a;

	for (a = 0; a <= len; a++)
		if (hash64_two(p, a, p + a, len - a) != want)
			return false;
	return true;
}

int main(void)
{
	static const size_t pieces[] = {1, 64, 255, 1000, LEN_MAX};
	uint8_t *p = malloc(LEN_MAX);
	char text[33];
	size_t i;
	size_t k;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		for (k = 0; k < vectors[i].len; k++)
			p[k] = (uint8_t)(vectors[i].first + k * vectors[i].step);
		ok(hash64(p, vectors[i].len) == vectors[i].h64, "XXH3-64 of %zu bytes", vectors[i].len);
		ok(strcmp(at_once(p, vectors[i].len, text), vectors[i].h128) == 0,
		   "XXH3-128 of %zu bytes", vectors[i].len);
		for (k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
			ok(strcmp(in_pieces(p, vectors[i].len, pieces[k], text), vectors[i].h128) == 0,
			   "XXH3-128 of %zu bytes, %zu at a time", vectors[i].len, pieces[k]);
		if (vectors[i].len <= HASH64_TWO_MAX)
			ok(two(p, vectors[i].len, vectors[i].h64), "%zu bytes in two areas, cut anywhere",
			   vectors[i].len);
	}
	hash_free(NULL);
	free(p);
	return tap_done();
}
