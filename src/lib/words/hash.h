/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash: the checksums of the stream. The only module that includes xxHash's header.
 *
 * XXH3, unseeded, so that `xxhsum -H3` (64 bits) and `xxhsum -H2` (128 bits) print the same numbers.
 * They find damage; they do not resist an attacker.
 *
 * The module is pure (bytes in, a value out), which is why it lies below the wire format.
 */
#ifndef ERA_WORDS_HASH_H
#define ERA_WORDS_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH128_LEN 16

uint64_t hash64(const void *p, size_t len);

/* XXH3-64 of a followed by b, together at most HASH64_TWO_MAX bytes: for headers. */
#define HASH64_TWO_MAX 256
uint64_t hash64_two(const void *a, size_t a_len, const void *b, size_t b_len);

/* XXH3-128, most significant byte first, as xxhsum prints it. */
void hash128(const void *p, size_t len, uint8_t out[HASH128_LEN]);

/* A running XXH3-128. NULL from hash_new means no memory; freeing NULL is fine. */
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_add(struct hash *h, const void *p, size_t len);

/* The value so far, as hash128 gives it. */
void hash_get(const struct hash *h, uint8_t out[HASH128_LEN]);

#endif
