/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bytes: bytes as a test writes them by hand: hexadecimal digits, blanks where they help. */
#ifndef ERA_TESTS_BYTES_H
#define ERA_TESTS_BYTES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static int bytes_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Returns how many bytes the text has; out has room for them. */
__attribute__((unused)) static size_t bytes(const char *text, uint8_t *out)
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		assert(strchr("0123456789abcdef", text[0]) && strchr("0123456789abcdef", text[1]) && text[1]);
		out[n++] = (uint8_t)(bytes_digit(text[0]) << 4 | bytes_digit(text[1]));
		text++;
	}
	return n;
}

#endif
