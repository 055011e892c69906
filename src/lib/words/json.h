/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json: values for programs. The only module that includes jansson's header.
 *
 * Long lists are never built in memory: the caller prints the brackets and calls json_value for each
 * element.
 */
#ifndef ERA_WORDS_JSON_H
#define ERA_WORDS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "words/err.h"

/*
 * One value on f, without a line end. fmt is jansson's json_pack: "{s:s, s:I}" with "I" taking a
 * json_int_t, which is a long long here. Strings must have gone through json_text.
 */
int json_value(FILE *f, struct err *e, const char *fmt, ...);

/* For "I", where somebody else chose the number: jansson has none above INT64_MAX, and such a one becomes that. */
long long json_count(uint64_t v);

/* Before each element of a list: a comma where *any says that there is one before it. */
void json_comma(FILE *f, bool *any);

/* A copy that is printable ASCII; all else becomes '?'. What a stream says is somebody's bytes. */
#define JSON_TEXT_LEN 256
const char *json_text(const char *s, char buf[JSON_TEXT_LEN]);

/* The number that an object, given as text, has under a key: not negative. 0, or -1. */
int json_number(const char *text, const char *key, uint64_t *v);

/* Flush, and say whether everything reached the file. */
int json_end(FILE *f, const char *name, struct err *e);

#endif
