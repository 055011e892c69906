/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * point: the restore point that a person means.
 *
 * Its id is that of the state it is, which stays when its stream is merged. A word is "latest", the beginning of an id (4
 * digits or more, of one point only), or a moment (words/when): then it is the youngest point that is not younger.
 */
#ifndef ERA_PURE_POINT_H
#define ERA_PURE_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "pure/catalog.h"
#include "words/err.h"

#define POINT_ID_LEN 9 /* as lists show it: 8 digits */

/* Returns buf. */
const char *point_id(const struct catalog_stream *s, char buf[POINT_ID_LEN]);

/* *i is its stream. ERR_USAGE where there is none. */
int point_find(const struct catalog *c, const char *word, time_t now, size_t *i, struct err *e);

/* May it be restored? ERR_CORRUPT where it builds on a damaged stream, ERR_USAGE where it is inconsistent. */
int point_check(const struct catalog *c, size_t i, bool allow_inconsistent, struct err *e);

#endif
