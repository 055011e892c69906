/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz: what all targets share. A target is fuzz_NAME.c, and defines LLVMFuzzerTestOneInput alone: libFuzzer calls it, and so
 * does replay.c.
 *
 * A target does what a program would do with the bytes, and then more: what was accepted is written again and has to be read
 * as the same. It leaves nothing behind, in memory or on a disk, and does not depend on what came before.
 */
#ifndef ERA_TESTS_FUZZ_H
#define ERA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What has to be true whatever the input is. Not assert: it stays where NDEBUG is set. */
#define must(condition)                                                                                              \
	do {                                                                                                         \
		if (!(condition)) {                                                                                  \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                    \
			abort();                                                                                     \
		}                                                                                                    \
	} while (0)

/* Whoever fails says why, in words and with a kind that is an exit code; whoever does not says nothing. */
__attribute__((unused)) static int fuzz_told(int rc, const struct err *e)
{
	must(rc >= -1);
	must((rc < 0) == (e->kind != ERR_NONE));
	must(rc >= 0 || e->text[0] != '\0');
	must(memchr(e->text, '\0', sizeof(e->text)) && memchr(e->hint, '\0', sizeof(e->hint)));
	return rc;
}

/* The bytes as a text with a NUL behind them, to be freed. */
__attribute__((unused)) static char *fuzz_text(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	must(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

/* A copy of exactly that length, so that a byte read behind it is found; to be freed. */
__attribute__((unused)) static uint8_t *fuzz_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	must(copy);
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

#endif
