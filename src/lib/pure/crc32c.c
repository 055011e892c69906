/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/crc32c.h"

#include <assert.h>
#include <string.h>

#include "words/le.h"

#define POLYNOMIAL UINT32_C(0x82f63b78)

/* tables[k][b]: what byte b does to the register when k more zero bytes follow it. */
static uint32_t tables[8][256];

/* Before main, so that no two threads can fill the tables at once and no caller has to ask. */
__attribute__((constructor)) static void fill_tables(void)
{
	uint32_t b, crc;
	int k;

	for (b = 0; b < 256; b++) {
		crc = b;
		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][b] = crc;
	}
	for (k = 1; k < 8; k++) {
		for (b = 0; b < 256; b++)
			tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 0xff];
	}
}

uint32_t crc32c_table(uint32_t crc, const void *p, size_t len)
{
	const uint8_t *s = p;
	uint32_t hi;

	/* Eight look-ups that do not wait for each other beat eight that do. */
	for (; len >= 8; s += 8, len -= 8) {
		crc ^= le32_get(s);
		hi = le32_get(s + 4);
		crc = tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^
		      tables[5][crc >> 16 & 0xff] ^ tables[4][crc >> 24] ^ tables[3][hi & 0xff] ^
		      tables[2][hi >> 8 & 0xff] ^ tables[1][hi >> 16 & 0xff] ^ tables[0][hi >> 24];
	}
	for (; len > 0; s++, len--)
		crc = crc >> 8 ^ tables[0][(crc ^ *s) & 0xff];
	return crc;
}

#if defined(__x86_64__)

bool crc32c_has_hw(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) uint32_t crc32c_hw(uint32_t crc, const void *p, size_t len)
{
	const uint8_t *s = p;
	uint64_t wide = crc;
	uint64_t word;

	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&word, s, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; len > 0; s++, len--)
		crc = __builtin_ia32_crc32qi(crc, *s);
	return crc;
}

#else

bool crc32c_has_hw(void)
{
	return false;
}

uint32_t crc32c_hw(uint32_t crc, const void *p, size_t len)
{
	assert(!"crc32c_hw needs crc32c_has_hw");
	return crc32c_table(crc, p, len);
}

#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	return crc32c_has_hw() ? crc32c_hw(crc, p, len) : crc32c_table(crc, p, len);
}
