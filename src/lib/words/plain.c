/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 character at p and its number; 0 where it is none. The text ends with NUL. */
static unsigned int decode(const uint8_t *p, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned int len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
	unsigned int i;

	*c = len < 2 ? p[0] : p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	return len && *c >= least[len] && *c <= 0x10ffff && (*c & ~0x7ffu) != 0xd800 ? len : 0;
}

static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0xfeff || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069);
}

char *plain_text(char *text)
{
	const uint8_t *in = (const uint8_t *)text;
	char *out = text;
	unsigned int len;
	uint32_t c;

	while (*in) {
		len = decode(in, &c);
		if (*in == '\t') {
			*out++ = ' ';
		} else if (len == 0 || is_harmful(c)) {
			*out++ = '?';
		} else {
			memmove(out, in, len);
			out += len;
		}
		in += len ? len : 1;
	}
	*out = '\0';
	return text;
}
