/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repochange: a repository that is changed, and what a dead run left is finished or discarded.
 *
 * The order of every change: the new file whole and durable in incoming/; the intent in the state; the name in streams/,
 * durable; the change in the state; only then are old files removed. Whoever takes the lock finds one of these steps.
 */
#ifndef ERA_FLOW_REPOCHANGE_H
#define ERA_FLOW_REPOCHANGE_H

#include <stddef.h>

#include "flow/repo.h"
#include "words/err.h"

/* As repo_open, locked, and what a dead run left is finished or discarded. ERR_BUSY names the holder. */
int repochange_lock(struct repo *r, const char *dir, struct err *e);

/* repochange_lock, and where nothing can be written repo_read: r->lock tells which. */
int repochange_lock_to_verify(struct repo *r, const char *dir, struct err *e);

/* An empty file in incoming/: a descriptor, or -1. Locked. */
int repochange_incoming(const struct repo *r, const char *name, struct err *e);

/*
 * The file `incoming` is whole; make it durable, place it as s->name behind the head, and commit. s->mtime_ns is set.
 */
int repochange_add(struct repo *r, int fd, const char *incoming, struct catalog_stream *s, struct err *e);

/* The same, in place of the streams first to last, whose files are removed then. */
int repochange_exchange(struct repo *r, int fd, const char *incoming, size_t first, size_t last, struct catalog_stream *s,
		  struct err *e);

/* Streams first to last go. */
int repochange_drop(struct repo *r, size_t first, size_t last, struct err *e);

#endif
