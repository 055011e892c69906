/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plain: what stays, and that nothing a terminal would obey does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/plain.h"
#include "tap.h"

static const struct {
	const char *what;
	const char *in;
	const char *out;
} cases[] = {
	{"nothing", "", ""},
	{"plain text", "era_copy: /dev/x: no (1 %~)", "era_copy: /dev/x: no (1 %~)"},
	{"a tab", "a\tb", "a b"},
	{"escape sequences", "\033[2J\033]0;t\007x", "?[2J?]0;t?x"},
	{"a return and a new line", "a\rb\nc", "a?b?c"},
	{"delete", "a\177", "a?"},
	{"two, three and four bytes", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7"},
	{"CSI in one byte", "\x9b" "2J", "?2J"},
	{"CSI in UTF-8", "\xc2\x9b" "2J", "?2J"},
	{"the first that is no control character any more", "\xc2\xa0", "\xc2\xa0"},
	{"right to left", "a\xe2\x80\xae" "b\xe2\x81\xa6", "a?b?"},
	{"a line separator", "a\xe2\x80\xa8" "b", "a?b"},
	{"escape, longer than it need be", "\xc0\x9b \xe0\x80\x9b \xf0\x80\x80\x9b", "?? ??? ????"},
	{"a surrogate", "\xed\xa0\x80", "???"},
	{"beyond Unicode", "\xf4\x90\x80\x80 \xff", "???? ?"},
	{"cut short", "\xe2\x82", "??"},
	{"cut short, then text", "\xe2\x82" "a", "??a"},
};

static bool is_harmless(const char *text)
{
	const uint8_t *p;

	for (p = (const uint8_t *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return false;
	return true;
}

/* Whatever comes: no longer than it was, harmless, and done twice the same as once. */
static void random_texts(void)
{
	const unsigned int seed = 20261121;
	bool good = true;
	char text[33];
	char again[33];
	int i;

	srand(seed);
	for (i = 0; i < 200000 && good; i++) {
		const size_t len = (size_t)rand() % sizeof(text);
		size_t k;

		for (k = 0; k < len; k++)
			text[k] = (char)(rand() % 3 ? 0x80 + rand() % 0x80 : 1 + rand() % 0xff);
		text[len] = '\0';
		plain_text(text);
		strcpy(again, text);
		good = strlen(text) <= len && is_harmless(text) && strcmp(plain_text(again), text) == 0;
	}
	ok(good, "random bytes, seed %u", seed);
}

int main(void)
{
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(text, cases[i].in);
		ok(strcmp(plain_text(text), cases[i].out) == 0, "%s: '%s'", cases[i].what, text);
	}
	random_texts();
	return tap_done();
}
