/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * token: one printable word that names a state, from which the next incremental starts.
 *
 *	era1.<generation>.<stream id>.<C>.<size>
 *
 * Generation and id are 32 hexadecimal digits, C and size (bytes) decimal. "full" is the token of a
 * target that holds nothing yet. No character needs quoting in a shell.
 */
#ifndef ERA_PURE_TOKEN_H
#define ERA_PURE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/wire.h"
#include "words/err.h"

struct token {
	bool full; /* holds nothing: the rest is zero */
	uint8_t generation[WIRE_ID_LEN];
	uint8_t id[WIRE_ID_LEN];
	uint64_t era_c; /* 0: unknown */
	uint64_t size;  /* bytes, not 0 */
};

#define TOKEN_LEN 128

/* ERR_USAGE where the word is no token. */
int token_parse(const char *word, struct token *t, struct err *e);

/* Returns buf. */
const char *token_print(const struct token *t, char buf[TOKEN_LEN]);

#endif
