/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crc32c: both ways against published vectors, and its definition at every length and offset. */
#include "pure/crc32c.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

struct way {
	const char *name;
	uint32_t (*crc)(uint32_t crc, const void *p, size_t len);
};

/* The values of RFC 3720, appendix B.4, and the usual check value: inverted before and after. */
static void vectors(const struct way *w)
{
	static const uint8_t iscsi_read[48] = {
		0x01,	     0xc0,	  [16] = 0x14, [22] = 0x04,
		[27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
	};
	uint8_t buf[32];
	int i;

	ok(~w->crc(~0u, "123456789", 9) == 0xe3069283, "%s: 123456789", w->name);
	ok(~w->crc(~0u, iscsi_read, 48) == 0xd9963a56, "%s: an iSCSI read command", w->name);
	memset(buf, 0, 32);
	ok(~w->crc(~0u, buf, 32) == 0x8a9136aa, "%s: 32 zero bytes", w->name);
	memset(buf, 0xff, 32);
	ok(~w->crc(~0u, buf, 32) == 0x62a8ab43, "%s: 32 bytes of ones", w->name);
	for (i = 0; i < 32; i++)
		buf[i] = (uint8_t)i;
	ok(~w->crc(~0u, buf, 32) == 0x46dd794e, "%s: bytes that ascend", w->name);
	for (i = 0; i < 32; i++)
		buf[i] = (uint8_t)(31 - i);
	ok(~w->crc(~0u, buf, 32) == 0x113fdb5c, "%s: bytes that descend", w->name);
	ok(w->crc(0x12345678, buf, 0) == 0x12345678, "%s: nothing changes nothing", w->name);
}

/* One bit at a time, as the definition says. */
static uint32_t by_definition(uint32_t crc, const uint8_t *p, size_t len)
{
	int k;

	for (; len > 0; p++, len--) {
		crc ^= *p;
		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void every_length(const struct way *w)
{
	uint8_t buf[96];
	bool good = true;
	size_t i, off, len;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)rand();
	for (off = 0; off < 9; off++) {
		for (len = 0; off + len <= sizeof(buf); len++)
			good &= w->crc(~0u, buf + off, len) == by_definition(~0u, buf + off, len);
	}
	ok(good, "%s: every length at every alignment", w->name);
}

int main(void)
{
	static const struct way ways[] = {
		{"dispatched", crc32c},
		{"table", crc32c_table},
		{"sse4.2", crc32c_hw},
	};
	size_t i;

	srand(1);
	for (i = 0; i < (crc32c_has_hw() ? 3 : 2); i++) {
		vectors(&ways[i]);
		every_length(&ways[i]);
	}
	return tap_done();
}
