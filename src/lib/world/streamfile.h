/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamfile: a stored stream, read through its index (docs/format.md, 5.6 and 6).
 *
 * It was read front to back and found whole once, by whoever stored it. Here every structure that is used is checked
 * again by its own checksums, each header against the entry that leads to it, each payload by streamin_decode. So
 * damage since then is an error where it is met, ERR_CORRUPT with the file and the position, never wrong bytes.
 *
 * The entries as a whole are checked when the file is opened: those of a pass in order and on the device, their number
 * and bytes those that END says. That they tile a MAP is not: whoever relies on it counts.
 *
 * Memory: 8 bytes for each INDEX piece, which has up to 4096 entries; a walk holds one piece, 160 KiB.
 */
#ifndef ERA_WORLD_STREAMFILE_H
#define ERA_WORLD_STREAMFILE_H

#include <stdint.h>

#include "pure/wire.h"
#include "words/err.h"

struct zst;

struct streamfile {
	int fd;
	const char *name;
	uint64_t length; /* bytes of the file, as the footer says too */
	uint64_t end_position;
	struct wire_head head;
	struct wire_end end;
	struct zst *zst;  /* while it is opened: one for all its frames */
	uint64_t *pieces; /* positions of the INDEX frames, in the order of the stream */
	uint32_t nr_pieces;
	uint64_t nr_entries;
	/* Number of the first entry of each pass, from 1; in [end.passes + 1] nr_entries. */
	uint64_t starts[WIRE_PASSES_MAX + 2];
};

/*
 * Reads preamble, HEAD, footer, END and the chain of INDEX frames. `name` is the path and must stay valid. Close also after a
 * failure.
 */
int streamfile_open(struct streamfile *s, const char *name, struct err *e);

/* Only preamble, HEAD, footer and END: enough to know which stream it is and that none of it is missing. */
int streamfile_look(struct streamfile *s, const char *name, struct err *e);

void streamfile_close(struct streamfile *s);

/* The entries of one piece, at most WIRE_ENTRIES_MAX: *nr of them. */
int streamfile_piece(const struct streamfile *s, uint32_t piece, struct wire_entry *entries, uint32_t *nr,
		     struct err *e);

/*
 * A DATA entry: its header, checked against the entry, and its stored bytes, not yet verified, into `stored` of
 * WIRE_CONTENT_MAX. Any thread.
 */
int streamfile_data(const struct streamfile *s, const struct wire_entry *n, struct wire_header *h, uint8_t *stored,
		    struct err *e);

/* The entries of one pass, in their order. */
struct streamfile_walk {
	const struct streamfile *s;
	uint64_t next; /* number of an entry */
	uint64_t end;
	uint32_t piece; /* the one in `entries`; nr_pieces: none yet */
	uint32_t nr;
	struct wire_entry *entries;
};

/* Requires 1 <= pass <= s->end.passes. Reads nothing yet; s must stay open. End also after a failure. */
int streamfile_walk_begin(struct streamfile_walk *w, const struct streamfile *s, uint32_t pass, struct err *e);
void streamfile_walk_end(struct streamfile_walk *w);

/* 1: *n is the next entry; 0: there is no more; -1: error. */
int streamfile_walk_next(struct streamfile_walk *w, struct wire_entry *n, struct err *e);

#endif
