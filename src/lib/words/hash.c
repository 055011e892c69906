/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/hash.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>
/* Installed where the library chooses by the processor: AVX2 is twice as fast as what all have. */
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif

/*
 * A build for benchmarks, which shows what the sums cost (docs/testing.md): all of them are the same. It checks nothing, and nothing
 * else reads what it writes.
 */
#ifdef ERA_BENCH_NO_SUMS
#define SUM64(p, len) ((void)(p), (void)(len), UINT64_C(0x0123456789abcdef))
#define SUM128(p, len) ((void)(p), (void)(len), (XXH128_hash_t){1, 2})
#define SUM_ADD(st, p, len) ((void)(st), (void)(p), (void)(len))
#else
#define SUM64(p, len) XXH3_64bits(p, len)
#define SUM128(p, len) XXH3_128bits(p, len)
#define SUM_ADD(st, p, len) XXH3_128bits_update(st, p, len)
#endif

static XXH3_state_t *state(const struct hash *h)
{
	return (XXH3_state_t *)h;
}

uint64_t hash64(const void *p, size_t len)
{
	return SUM64(p, len);
}

uint64_t hash64_two(const void *a, size_t a_len, const void *b, size_t b_len)
{
	uint8_t buf[HASH64_TWO_MAX];

	assert(a_len + b_len <= sizeof(buf));
	memcpy(buf, a, a_len);
	memcpy(buf + a_len, b, b_len);
	return SUM64(buf, a_len + b_len);
}

static void put128(XXH128_hash_t v, uint8_t out[HASH128_LEN])
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, v);
	memcpy(out, c.digest, HASH128_LEN);
}

void hash128(const void *p, size_t len, uint8_t out[HASH128_LEN])
{
	put128(SUM128(p, len), out);
}

struct hash *hash_new(void)
{
	XXH3_state_t *st = XXH3_createState();

	if (st)
		XXH3_128bits_reset(st);
	return (struct hash *)st;
}

void hash_free(struct hash *h)
{
	if (h)
		XXH3_freeState(state(h));
}

void hash_add(struct hash *h, const void *p, size_t len)
{
	SUM_ADD(state(h), p, len);
}

void hash_get(const struct hash *h, uint8_t out[HASH128_LEN])
{
	put128(XXH3_128bits_digest(state(h)), out);
}
