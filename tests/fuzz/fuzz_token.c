/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token: a word. What is a token has one text, and that text is the same token. */
#include "fuzz.h"

#include "pure/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *word = fuzz_text(data, len);
	struct err e = {0};
	struct token t;
	struct token again;
	char print[TOKEN_LEN];

	if (fuzz_told(token_parse(word, &t, &e), &e) == 0) {
		must(strlen(token_print(&t, print)) < TOKEN_LEN);
		must(token_parse(print, &again, &e) == 0);
		must(memcmp(&t, &again, sizeof(t)) == 0);
	}
	free(word);
	return 0;
}
