/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * longwrite: much written, from begin to end, and past the page cache where that is cheaper.
 *
 * Copying into fresh pages of the cache costs a tenth of what compressing the same bytes does, and pushes out of memory what
 * the machine is there for. So a file on a filesystem that is known to write well past it is written in whole pieces from a
 * buffer here; anything else, pipes first of all, is written as it comes. There the disk is told early what it will have
 * to write, so that little is left to wait for at the end.
 */
#ifndef ERA_SYSTEM_LONGWRITE_H
#define ERA_SYSTEM_LONGWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "words/err.h"

/* What is written past the page cache begins at a multiple of this, in memory and in the file. */
#define LONGWRITE_ALIGN 4096u

/*
 * A second descriptor of what fd is, a regular file or a device, to write past the page cache; -1 where that cannot be done or
 * is not known to be good, as each write of NFS would wait for the server's disk, or where fd is not open for writing. Fails
 * silently: it is never needed.
 */
int longwrite_direct(int fd);

struct longwrite {
	int fd;
	int direct;
	const char *name;
	uint8_t *buf;	 /* where direct is not -1; `used` bytes of it are not yet written */
	size_t used;
	uint64_t at;	 /* where in the file the next byte goes that is not in buf; bytes from the begin elsewhere */
	uint64_t pushed; /* up to where the disk was told to begin */
};

/* From where fd stands on. `name` must stay valid; the descriptor stays the caller's. */
void longwrite_open(struct longwrite *w, int fd, const char *name);
void longwrite_close(struct longwrite *w);

/* Both, one behind the other. Of a file it may be in no file before longwrite_end. */
int longwrite_put(struct longwrite *w, const void *a, size_t a_len, const void *b, size_t b_len, struct err *e);

/*
 * The rest; fd then stands behind it. Not durable: that is fsync's. What is put after it goes through the page cache, for
 * whoever must not wait for a disk from then on.
 */
int longwrite_end(struct longwrite *w, struct err *e);

#endif
