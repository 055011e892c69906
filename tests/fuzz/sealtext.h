/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sealtext: the texts that end in a line "sum HEX", with that line made right for whatever stands above it. */
#ifndef ERA_TESTS_SEALTEXT_H
#define ERA_TESTS_SEALTEXT_H

#include "fuzz.h"

#include "words/hash.h"

#define SEAL_SUM_LEN 21 /* "sum ", 16 digits, line end */

/* The bytes up to a NUL, with a sum in place of the last line where that is one, and else behind; to be freed. */
static char *seal_text(const uint8_t *data, size_t len)
{
	char *text = malloc(len + SEAL_SUM_LEN + 1);
	size_t used;

	must(text);
	memcpy(text, data, len);
	text[len] = '\0';
	used = strlen(text);
	if (used >= SEAL_SUM_LEN && strncmp(text + used - SEAL_SUM_LEN, "sum ", 4) == 0)
		used -= SEAL_SUM_LEN;
	snprintf(text + used, SEAL_SUM_LEN + 1, "sum %016llx\n", (unsigned long long)hash64(text, used));
	return text;
}

#endif
