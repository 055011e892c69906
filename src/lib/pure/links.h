/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * links: is a stream the next of a chain?
 *
 * A chain is a full and incrementals, each of which names the state before it as its parent. In a stored chain nothing
 * is taken for a parent by its era alone: what is restored from it is exactly what the streams held.
 */
#ifndef ERA_PURE_LINKS_H
#define ERA_PURE_LINKS_H

#include <stdint.h>

#include "pure/wire.h"
#include "words/err.h"

/*
 * May b stand behind a, whose END has a_era_c? ERR_IDENTITY with the reason where not; the caller says which streams. Both
 * must be of one granule.
 */
int links_check(const struct wire_head *a, uint64_t a_era_c, const struct wire_head *b, struct err *e);

#endif
