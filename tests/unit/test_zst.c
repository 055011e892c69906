/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zst: there and back at every level; what is not worth it; and what becomes of noise, and of what only resembles it. */
#include "world/zst.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "tap.h"

#define LEN (1u << 20)
#define ROOM (LEN + 65536u)
#define SEED UINT64_C(20263)

static uint8_t *in, *out, *back;
static uint64_t state;

/* Nothing to be found in it by any compressor, and the same everywhere. */
static uint64_t number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

static void noise(uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(number() >> 56);
}

/* Words of a small language. */
static void text(uint8_t *p, size_t len)
{
	static const char *const words[] = {"block ", "stream ", "and ", "the ", "of ", "device ", "read ", "written\n",
					    "since ", "era ", "1234 ", "0x00ff ", "snapshot, ", "metadata. "};
	size_t i = 0;

	while (i < len) {
		const char *w = words[number() % (sizeof(words) / sizeof(words[0]))];

		for (; *w && i < len; w++)
			p[i++] = (uint8_t)*w;
	}
}

static void random_bytes(size_t len)
{
	noise(in, len);
}

static void words(size_t len)
{
	text(in, len);
}

/* Of 16 units of 4 KiB about so many are text. */
static void mixed(size_t len, unsigned int of_16)
{
	size_t at;

	for (at = 0; at < len; at += 4096)
		(number() % 16 < of_16 ? text : noise)(in + at, 4096);
}

static void half(size_t len)
{
	mixed(len, 8);
}

static void some(size_t len)
{
	mixed(len, 2);
}

/* All samples lie in noise. */
static void noise_in_front(size_t len)
{
	noise(in, len);
	text(in + len / 2, len / 8);
}

/* Hardly worth it. */
static void little(size_t len)
{
	noise(in, len);
	text(in + len / 2, len / 24);
}

/* Bytes as of noise, and the same again. */
static void twice(size_t len)
{
	noise(in, len / 2);
	memcpy(in + len / 2, in, len / 2);
}

/* Six bits of each byte. */
static void letters(size_t len)
{
	size_t i;

	noise(in, len);
	for (i = 0; i < len; i++)
		in[i] = 'A' + in[i] % 64;
}

/* Each of the bytes once, again and again. */
static void counted(size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		in[i] = (uint8_t)i;
}

/* Words of five bytes here and there, that level 5 finds and level 2 does not. */
static void hidden(size_t len)
{
	uint8_t known[32][5];
	size_t at;

	noise(known[0], sizeof(known));
	noise(in, len);
	for (at = 0; at + 64 <= len; at += 64)
		memcpy(in + at, known[number() % 32], 5);
}

static const struct {
	const char *name;
	void (*make)(size_t len);
	bool shrinks;
} kinds[] = {
	{"noise", random_bytes, false},
	{"text", words, true},
	{"half text, half noise", half, true},
	{"noise with some text", some, true},
	{"noise with text where no sample is", noise_in_front, true},
	{"noise with little text", little, true},
	{"noise that comes twice", twice, true},
	{"letters", letters, true},
	{"bytes that count", counted, true},
};

static size_t packed(struct zst *z, int level, size_t len)
{
	struct err e = {0};
	size_t n = 0;

	if (zst_compress(z, level, in, len, out, ROOM, &n, &e))
		return SIZE_MAX;
	return n;
}

static bool comes_back(struct zst *z, size_t n, size_t len)
{
	struct err e = {0};

	return n == 0 || (zst_decompress(z, out, n, back, len, &e) == 0 && memcmp(in, back, len) == 0);
}

/* What zstd alone makes of it; its length where that is no gain. */
static size_t by_zstd(ZSTD_CCtx *c, int level, size_t len)
{
	const size_t n = ZSTD_compressCCtx(c, out, ROOM, in, len, level);

	return n < len - len / 64 ? n : len;
}

static void test_kind(size_t i, size_t len)
{
	static const int levels[] = {1, 3, 4, 5, 9, 15, 19};
	struct zst *z = zst_new();
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t k, n, stored, alone;
	unsigned int wrong = 0, lost = 0;

	state = SEED;
	kinds[i].make(len);
	for (k = 0; k < sizeof(levels) / sizeof(levels[0]); k++) {
		alone = by_zstd(c, levels[k], len);
		n = packed(z, levels[k], len);
		wrong += n == SIZE_MAX || !comes_back(z, n, len) || (n > 0) != (alone < len);
		/* Lower ones miss what is small, and level 1 what is far. */
		wrong += levels[k] >= 5 && (n > 0) != kinds[i].shrinks;
		stored = n ? n : len;
		lost += stored > alone + alone / 100;
	}
	ok(wrong == 0 && lost == 0, "%s, %zu KiB: there and back, and within 1 %% of zstd, but for %u and %u levels",
	   kinds[i].name, len / 1024, wrong, lost);
	ZSTD_freeCCtx(c);
	zst_free(z);
}

/* The bytes and the level say it all: not what the context did before. */
static void test_same(void)
{
	struct zst *used = zst_new();
	uint8_t *copy = malloc(ROOM);
	unsigned int differ = 0;
	size_t i, n;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct zst *fresh = zst_new();

		state = SEED;
		kinds[i].make(LEN);
		n = packed(used, 5, LEN);
		memcpy(copy, out, n);
		differ += packed(fresh, 5, LEN) != n || memcmp(copy, out, n) != 0;
		differ += packed(used, 5, LEN) != n || memcmp(copy, out, n) != 0;
		zst_free(fresh);
	}
	ok(differ == 0, "used contexts and fresh ones make the same, but for %u", differ);
	free(copy);
	zst_free(used);
}

/* That there is a look at all shows in what it misses; where it does not look, nothing is missed. */
static void test_look(void)
{
	struct zst *z = zst_new();
	size_t n;

	state = SEED;
	hidden(LEN);
	n = packed(z, 5, LEN);
	ok(n == 0, "level 5: what level 2 finds nothing in is not searched, %zu", n);
	n = packed(z, 19, LEN);
	ok(n == 0, "nor at level 19, %zu", n);
	n = packed(z, 5, LEN / 4 + 1);
	ok(n == 0, "nor where it is just above 256 KiB, %zu", n);
	n = packed(z, 5, LEN / 4 - 1);
	ok(n > 0, "but where it is shorter, %zu", n);
	zst_free(z);
}

static void test_room(void)
{
	struct zst *z = zst_new();
	struct err e = {0};
	size_t n = 1;

	state = SEED;
	random_bytes(LEN);
	ok(zst_compress(z, 5, in, LEN, out, LEN, &n, &e) == 0 && n == 0, "noise, and room for no more than itself");
	n = 1;
	ok(zst_compress(z, 5, in, LEN, out, 1000, &n, &e) == 0 && n == 0, "and for less");
	words(LEN);
	ok(zst_compress(z, 5, in, LEN, out, 1000, &n, &e) == 0 && n == 0, "text, and no room for it");
	ok(zst_compress(z, 5, in, LEN, out, LEN / 2, &n, &e) == 0 && n > 0 && comes_back(z, n, LEN), "text, and half the room");
	zst_free(z);
}

int main(void)
{
	static const size_t lengths[] = {65536, LEN / 4, LEN};
	size_t i, k;

	in = malloc(LEN);
	out = malloc(ROOM);
	back = malloc(LEN);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++)
			test_kind(i, lengths[k]);
	test_kind(0, 4096);
	test_kind(1, 4096);
	test_same();
	test_look();
	test_room();
	free(in);
	free(out);
	free(back);
	return tap_done();
}
