/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pruneplan: which streams of a catalog stay, and the next step on the way there.
 *
 * Retention looks at restore points: streams that are consistent and can be restored. One that is damaged does not take
 * the place of a good one, and stays as long as it would if it were good: its file may be put back. The head stays always:
 * the next incremental starts there.
 *
 * A step makes the catalog smaller and changes neither what is kept nor why; so one is planned at a time, from what is
 * there then, and an interrupted prune is finished by the next.
 */
#ifndef ERA_PURE_PRUNEPLAN_H
#define ERA_PURE_PRUNEPLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "pure/catalog.h"
#include "pure/retention.h"
#include "words/err.h"

/* Into why[] of c->nr: RETENTION_* of each stream, 0 for those that go. */
int pruneplan_keep(const struct catalog *c, const struct retention *r, unsigned int *why, struct err *e);

struct prunestep {
	size_t first;
	size_t last;
	bool merge; /* into one, which ends where the last ends; else they are dropped */
};

/* The next step, with no more than `layers` passes to merge; false: everything is as it should be. */
bool pruneplan_next(const struct catalog *c, const unsigned int *why, unsigned int layers, struct prunestep *step);

#endif
