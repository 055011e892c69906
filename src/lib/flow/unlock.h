/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unlock: the state of a repository, made again from the streams that are there.
 *
 * Only for a person to ask for: what only the state knew, which streams should be there and are not, is forgotten. Streams that do
 * not make a chain any more are moved to DIR/aside, none is removed.
 */
#ifndef ERA_FLOW_UNLOCK_H
#define ERA_FLOW_UNLOCK_H

#include <stddef.h>

#include "flow/report.h"
#include "words/err.h"

struct unlock_result {
	size_t found;
	size_t aside;
};

/* ERR_USAGE where the state is well: then nothing is done. */
int unlock(const char *dir, const struct report *report, struct unlock_result *u, struct err *e);

#endif
