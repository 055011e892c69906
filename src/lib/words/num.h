/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * num: numbers as people write and read them.
 *
 * Parsing accepts a whole string or nothing: no sign, no blanks, no trailing characters, no silent
 * overflow.
 */
#ifndef ERA_WORDS_NUM_H
#define ERA_WORDS_NUM_H

#include <stddef.h>
#include <stdint.h>

/* Decimal digits only, min <= value <= max. Returns 0, or -1 and leaves *v alone. */
int num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *v);

/*
 * A size in bytes: decimal digits and an optional unit K, M, G, T, P (powers of 1024; KiB, MiB ...
 * are accepted too). Same result rules as num_parse.
 */
int num_parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *v);

/* Bytes as "512 B", "1.5 MiB". Returns buf. */
const char *num_size(uint64_t bytes, char *buf, size_t len);
#define NUM_SIZE_LEN 24

/* Lower-case hexadecimal of n bytes into out, which has room for 2n+1. */
void num_hex(const uint8_t *p, size_t n, char *out);

/* Exactly 2n hexadecimal digits, lower case, then NUL. Returns 0 or -1. */
int num_unhex(const char *s, uint8_t *p, size_t n);

/* a + b or a * b, or -1 where the result does not fit. */
static inline int num_add(uint64_t a, uint64_t b, uint64_t *sum)
{
	return __builtin_add_overflow(a, b, sum) ? -1 : 0;
}

static inline int num_mul(uint64_t a, uint64_t b, uint64_t *product)
{
	return __builtin_mul_overflow(a, b, product) ? -1 : 0;
}

static inline uint64_t num_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t num_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t num_div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

#endif
