/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restoreout: what becomes of restored bytes: they are written, written where the target differs, compared, or nothing.
 *
 * Each byte comes once, so the calls may come in any order and from all threads at once; each thread has a number.
 */
#ifndef ERA_FLOW_RESTOREOUT_H
#define ERA_FLOW_RESTOREOUT_H

#include <stdint.h>

#include "words/err.h"
#include "world/sink.h"
#include "world/source.h"

enum restoreout_mode {
	RESTOREOUT_NOTHING,
	RESTOREOUT_WRITE,
	RESTOREOUT_DIFFERENCES, /* the target is read first */
	RESTOREOUT_COMPARE,	/* the target is read past the page cache, and never written */
};

/* At most so many zeros a call, where the target is read: so that threads share them. */
#define RESTOREOUT_ZEROS_MAX (UINT64_C(64) << 20)

struct restoreout {
	enum restoreout_mode mode;
	const char *name;
	struct sink *sink;	/* to write to; the caller's */
	struct source *sources; /* to compare with; one a thread */
	uint8_t **there;	/* what the target holds; one a thread */
	unsigned int threads;
	uint64_t written; /* bytes that differed */
};

/* Before anything is written. `name` must stay valid; close also after a failure. */
int restoreout_open(struct restoreout *o, enum restoreout_mode mode, const char *name, unsigned int threads,
		    struct err *e);
void restoreout_close(struct restoreout *o);

/* RESTOREOUT_COMPARE: an image has the size, a device as much. ERR_IDENTITY where not. */
int restoreout_check_size(const struct restoreout *o, uint64_t size, struct err *e);

/* content, of at most 1 MiB, may be NULL: zeros. ERR_IDENTITY where compared bytes differ. */
int restoreout_put(struct restoreout *o, unsigned int thread, const uint8_t *content, uint64_t off, uint64_t len,
		   struct err *e);

#endif
