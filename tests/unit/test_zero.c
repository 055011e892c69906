/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * copyflow_is_zero: a byte that is not zero is found wherever it stands. A test that misses one makes a
 * hole where data was, and nothing after it can notice.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/copyflow.h"
#include "tap.h"

#define ALIGNMENTS 17

/* All zero; then each byte in turn. Bytes around it are never zero and do not count. */
static bool found_everywhere(uint8_t *room, size_t align, size_t len, uint8_t value)
{
	uint8_t *p = room + 64 + align;
	size_t i;

	memset(room, 0xff, len + 128 + ALIGNMENTS);
	memset(p, 0, len);
	if (!copyflow_is_zero(p, len))
		return false;
	for (i = 0; i < len; i++) {
		p[i] = value;
		if (copyflow_is_zero(p, len))
			return false;
		p[i] = 0;
	}
	return true;
}

static bool all_small(uint8_t *room, size_t align)
{
	size_t len;

	for (len = 0; len <= 300; len++)
		if (!found_everywhere(room, align, len, len % 2 ? 1 : 0x80))
			return false;
	return true;
}

/* Bytes that are all the same are zero only if they are. */
static bool same_bytes(uint8_t *room)
{
	unsigned int value;

	for (value = 1; value < 256; value++) {
		memset(room, (int)value, 4096);
		if (copyflow_is_zero(room, 4096) || copyflow_is_zero(room, 16) || copyflow_is_zero(room, 1))
			return false;
	}
	return true;
}

int main(void)
{
	static const size_t large[] = {4096, 65537};
	uint8_t *room = malloc(65537 + 128 + ALIGNMENTS);
	size_t align;
	size_t i;

	for (align = 0; align < ALIGNMENTS; align++)
		ok(all_small(room, align), "0 to 300 bytes, %zu past an aligned address", align);
	for (i = 0; i < 2; i++)
		for (align = 0; align < 3; align++)
			ok(found_everywhere(room, align * 7, large[i], 1), "%zu bytes, %zu past", large[i],
			   align * 7);
	ok(same_bytes(room), "equal bytes that are not zero");
	free(room);
	return tap_done();
}
