/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * feed: one request to the era_copy of a source, over ssh or on this machine, and its answer.
 *
 *	ssh channel or child ──► thread ──► file (where one is given) and pipe ──► the caller reads
 *	                            └─► lines of standard error
 *
 * The pipe ends when the answer does, however that came about: the end of the pipe says nothing. feed_close tells
 * whether the far side ended well: end of file, and exit status 0, and every byte handed on and in the file.
 */
#ifndef ERA_FLOW_FEED_H
#define ERA_FLOW_FEED_H

#include <stdint.h>

#include "pure/jobconf.h"
#include "words/err.h"

struct feed;

struct feed_opts {
	const struct job *job;
	const char *request; /* request_print's */
	int file;	     /* all bytes are written to it too; -1: none */
	const char *file_name;
	/*
	 * A line of the far side's standard error, without its end, printable. Called in the feed's thread. The last ones of
	 * a far side that fails are not told here: they are in the error.
	 */
	void (*line)(void *ctx, const char *text);
	void *ctx;
};

/*
 * Connect, authenticate, send. ERR_IDENTITY where the host's key is not the known one, with its fingerprint and what to
 * do. Close also after a failure; NULL is fine. Of a source here, the request ends with the thread that opens; its
 * words are separated by blanks and have no quotes, unless the job has commands for the cut: then the shell runs it.
 */
int feed_open(struct feed **f, const struct feed_opts *o, struct err *e);

/* What the caller reads. Stays the feed's. */
int feed_fd(const struct feed *f);

/* Bytes that have come so far. Any thread. */
uint64_t feed_bytes(const struct feed *f);

/*
 * The far side's exit status and what it said last, behind "era_copy: " and without it; "" where it said nothing.
 * Valid after feed_end. -1: it has none (a signal, a dead connection).
 */
int feed_status(const struct feed *f);
const char *feed_reason(const struct feed *f);

/*
 * Wait for the end, after the caller has read to the end of the pipe, or gives up: then the far side is cut off. 0 only
 * where all is well. A far side that ended with status 1 to 5 gives the error of that kind with its reason.
 *
 * *e may hold the caller's own error: that of a stream which stopped short, say. Where the far side's end, or the file,
 * explains it, it gives way; where the caller simply gave up, it stays.
 */
int feed_end(struct feed *f, struct err *e);
void feed_close(struct feed *f);

#endif
