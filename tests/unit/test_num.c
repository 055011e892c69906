/* SPDX-License-Identifier: GPL-3.0-or-later */
/* num and le: whole strings or nothing, no silent overflow, and bytes in little-endian order. */
#include "words/num.h"

#include <string.h>

#include "tap.h"
#include "words/le.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX UINT64_MAX
#define UNTOUCHED 12345u

struct row {
	const char *text;
	uint64_t min, max;
	int rc;
	uint64_t want;
};

static const struct row decimal[] = {
	{"0", 0, MAX, 0, 0},
	{"1", 1, 1, 0, 1},
	{"007", 0, MAX, 0, 7},
	{"18446744073709551615", 0, MAX, 0, MAX},
	{"18446744073709551616", 0, MAX, -1, 0},
	{"18446744073709551620", 0, MAX, -1, 0},
	{"99999999999999999999", 0, MAX, -1, 0},
	{"184467440737095516150", 0, MAX, -1, 0},
	{"4", 5, 9, -1, 0},
	{"5", 5, 9, 0, 5},
	{"9", 5, 9, 0, 9},
	{"10", 5, 9, -1, 0},
	{"", 0, MAX, -1, 0},
	{"-1", 0, MAX, -1, 0},
	{"+1", 0, MAX, -1, 0},
	{" 1", 0, MAX, -1, 0},
	{"1 ", 0, MAX, -1, 0},
	{"1\n", 0, MAX, -1, 0},
	{"0x10", 0, MAX, -1, 0},
	{"1e3", 0, MAX, -1, 0},
	{"1.5", 0, MAX, -1, 0},
	{"1K", 0, MAX, -1, 0},
};

static const struct row sizes[] = {
	{"0", 0, MAX, 0, 0},
	{"512", 0, MAX, 0, 512},
	{"1K", 0, MAX, 0, 1024},
	{"1k", 0, MAX, 0, 1024},
	{"1KiB", 0, MAX, 0, 1024},
	{"3M", 0, MAX, 0, 3145728},
	{"3MiB", 0, MAX, 0, 3145728},
	{"4G", 0, MAX, 0, UINT64_C(4294967296)},
	{"5T", 0, MAX, 0, UINT64_C(5497558138880)},
	{"2P", 0, MAX, 0, UINT64_C(2251799813685248)},
	{"16383P", 0, MAX, 0, UINT64_C(16383) << 50},
	{"16384P", 0, MAX, -1, 0},
	{"18446744073709551615", 0, MAX, 0, MAX},
	{"18446744073709551615K", 0, MAX, -1, 0},
	{"18446744073709551616", 0, MAX, -1, 0},
	{"1K", 1025, MAX, -1, 0},
	{"1K", 0, 1023, -1, 0},
	{"1K", 1024, 1024, 0, 1024},
	{"", 0, MAX, -1, 0},
	{"K", 0, MAX, -1, 0},
	{"1E", 0, MAX, -1, 0},
	{"1m", 0, MAX, -1, 0},
	{"1KB", 0, MAX, -1, 0},
	{"1Ki", 0, MAX, -1, 0},
	{"1kib", 0, MAX, -1, 0},
	{"1KiBx", 0, MAX, -1, 0},
	{"1KK", 0, MAX, -1, 0},
	{"1 K", 0, MAX, -1, 0},
	{"1iB", 0, MAX, -1, 0},
	{"1B", 0, MAX, -1, 0},
	{"-1K", 0, MAX, -1, 0},
	{"1.5M", 0, MAX, -1, 0},
};

static void parse(const char *name, int (*fn)(const char *, uint64_t, uint64_t, uint64_t *),
		  const struct row *r, size_t n)
{
	uint64_t v;

	for (; n > 0; n--, r++) {
		v = UNTOUCHED;
		ok(fn(r->text, r->min, r->max, &v) == r->rc && v == (r->rc ? UNTOUCHED : r->want),
		   "%s '%s' in %llu..%llu", name, r->text[0] == '1' && r->text[1] == '\n' ? "1\\n" : r->text,
		   (unsigned long long)r->min, (unsigned long long)r->max);
	}
}

static void print_sizes(void)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} rows[] = {
		{0, "0 B"},
		{1, "1 B"},
		{1023, "1023 B"},
		{1024, "1.00 KiB"},
		{1536, "1.50 KiB"},
		{10240, "10.0 KiB"},
		{102400, "100 KiB"},
		{1048576, "1.00 MiB"},
		{UINT64_C(1) << 30, "1.00 GiB"},
		{UINT64_C(1) << 40, "1.00 TiB"},
		{UINT64_C(1) << 50, "1.00 PiB"},
		{UINT64_C(1) << 60, "1.00 EiB"},
		{MAX, "16.0 EiB"},
	};
	char buf[NUM_SIZE_LEN];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		ok(strcmp(num_size(rows[i].bytes, buf, sizeof(buf)), rows[i].want) == 0, "%llu bytes are %s",
		   (unsigned long long)rows[i].bytes, rows[i].want);
}

static void hex(void)
{
	static const char *const bad[] = {"",	   "0",	      "00010", "0001020", "000102030",
					  "0001FF", "00 102", "0x0102", "00010g"};
	const uint8_t bytes[3] = {0x00, 0x9a, 0xff};
	uint8_t back[3] = {1, 1, 1};
	char text[7];
	size_t i;

	num_hex(bytes, 3, text);
	ok(strcmp(text, "009aff") == 0, "hexadecimal of three bytes");
	ok(num_unhex("009aff", back, 3) == 0 && memcmp(back, bytes, 3) == 0, "and back");
	num_hex(bytes, 0, text);
	ok(text[0] == '\0' && num_unhex("", back, 0) == 0, "of no bytes");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(num_unhex(bad[i], back, 3) == -1, "'%s' is not three bytes", bad[i]);
}

static void arithmetic(void)
{
	uint64_t v;

	ok(num_add(MAX - 1, 1, &v) == 0 && v == MAX && num_add(MAX, 1, &v) == -1, "sums overflow aloud");
	ok(num_mul(UINT64_C(1) << 32, UINT64_C(1) << 31, &v) == 0 && v == UINT64_C(1) << 63 &&
		   num_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &v) == -1, "products overflow aloud");
	ok(num_div_up(0, 3) == 0 && num_div_up(1, 3) == 1 && num_div_up(3, 3) == 1 &&
		   num_div_up(4, 3) == 2 && num_div_up(MAX, 2) == UINT64_C(1) << 63 &&
		   num_div_up(MAX, 1) == MAX, "quotients round up, also at the top");
	ok(num_min(1, 2) == 1 && num_min(2, 1) == 1 && num_max(1, 2) == 2 && num_max(2, 1) == 2,
	   "the lesser and the greater");
}

static void little_endian(void)
{
	static const uint8_t bytes[8] = {0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0xf1};
	uint8_t out[9] = {0};

	ok(le16_get(bytes) == 0xcdef && le32_get(bytes) == 0x89abcdef &&
		   le64_get(bytes) == UINT64_C(0xf123456789abcdef), "little-endian numbers are read");
	ok(le32_get(bytes + 4) == 0xf1234567, "the highest bit is no sign");
	le64_put(out + 1, UINT64_C(0xf123456789abcdef));
	ok(out[0] == 0 && memcmp(out + 1, bytes, 8) == 0, "64 bits are written, at any address");
	memset(out, 0, sizeof(out));
	le32_put(out, 0x89abcdef);
	ok(memcmp(out, bytes, 4) == 0 && out[4] == 0, "32 bits are written, and no more");
	memset(out, 0, sizeof(out));
	le16_put(out, 0xcdef);
	ok(memcmp(out, bytes, 2) == 0 && out[2] == 0, "16 bits are written, and no more");
}

int main(void)
{
	parse("num_parse", num_parse, decimal, ARRAY_SIZE(decimal));
	parse("num_parse_size", num_parse_size, sizes, ARRAY_SIZE(sizes));
	print_sizes();
	hex();
	arithmetic();
	little_endian();
	return tap_done();
}
