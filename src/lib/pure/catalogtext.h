/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogtext: a catalog as the text of a repository's file `state`. erabackup-repository(5) is the contract.
 *
 *	era-repository-state 1
 *	repository ID
 *	run TIME SECONDS STILL_US USED TOTAL
 *	verified TIME CHECKED
 *	pruned TIME
 *	stream NAME STATE PARENT GENERATION CUT CONSISTENCY PASSES C SIZE CHANGED LENGTH MTIME DIGEST FLAGS
 *	adding NAME ...       will be the next stream, once its file has its name
 *	merging NAME          a file of that name is half of an exchange that was not committed
 *	removing NAME         no longer of a chain; its file is to go
 *	sum HEX               XXH3-64 of the lines above
 *
 * NAME is TIME-full-ID.era or TIME-incr-ID.era: the stream's UTC time and id. The text is for people too; the sum
 * catches an edit and a torn copy.
 */
#ifndef ERA_PURE_CATALOGTEXT_H
#define ERA_PURE_CATALOGTEXT_H

#include <stddef.h>

#include "pure/catalog.h"
#include "words/err.h"

/* The text, to be freed. NULL: no memory. */
char *catalogtext_print(const struct catalog *c, size_t *len);

/*
 * ERR_CORRUPT where the text is not one of ours, or its streams are no chains; the caller names the file. catalog_free
 * always.
 */
int catalogtext_parse(const char *text, struct catalog *c, struct err *e);

#endif
