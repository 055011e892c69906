/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobstart: from where the next stream of a repository starts: the head of its chain, or nothing, and why.
 */
#ifndef ERA_FLOW_JOBSTART_H
#define ERA_FLOW_JOBSTART_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/repo.h"
#include "pure/token.h"
#include "words/err.h"

/*
 * *from, and in reason, of `len` bytes, why it is "full"; empty where it is not. With `full` a person asked for it.
 * *damaged: the reason is that the chain is. A file that was touched is verified; the marks are committed where the repository is locked.
 */
int jobstart(struct repo *r, bool full, unsigned int threads, struct token *from, bool *damaged, char *reason, size_t len,
	     struct err *e);

#endif
