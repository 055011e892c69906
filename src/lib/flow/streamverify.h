/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamverify: is a stored stream what the catalog says, to the last byte?
 *
 * All of it is read, every checksum and the END are checked, and it is the one that is meant: two files that
 * were exchanged are both whole. Nothing is changed but the catalog in memory.
 */
#ifndef ERA_FLOW_STREAMVERIFY_H
#define ERA_FLOW_STREAMVERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/repo.h"
#include "flow/tick.h"
#include "words/err.h"

/*
 * May a stream with this HEAD stand behind stream i? Asked of the file, as whoever restores will ask. A full always may.
 * ERR_IDENTITY where not; another error where stream i cannot be looked at.
 */
int streamverify_link(const struct repo *r, size_t i, const struct wire_head *h, struct err *e);

/*
 * 0, the stream marked good; -1 with ERR_CORRUPT, the stream marked damaged; -1 with another error, nothing marked.
 * stored_only: its blocks are not decompressed, unless it is marked as damaged.
 */
int streamverify(struct repo *r, size_t i, bool stored_only, unsigned int threads, const struct tick *t, struct err *e);

/*
 * May an incremental be built on the head? Its chain is looked at: a file that is not as it was left is verified, and
 * what is marked as damaged too, it may have been put back. 1; 0 with the reason in *e; -1. *changed: there are new marks to commit.
 */
int streamverify_chain(struct repo *r, unsigned int threads, bool *changed, struct err *e);

#endif
