/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restorechain: do these streams make a chain, and what does it lead to? Looks at their beginnings and ends only. */
#ifndef ERA_FLOW_RESTORECHAIN_H
#define ERA_FLOW_RESTORECHAIN_H

#include "pure/wire.h"
#include "words/err.h"

/*
 * From a full on, oldest first; nr >= 1. *last is the HEAD of the last one; *whole is that of the full that would do the same as
 * all of them. ERR_IDENTITY where a stream does not follow the one before it.
 */
int restorechain(const char *const *paths, unsigned int nr, struct wire_head *last, struct wire_head *whole, struct err *e);

#endif
