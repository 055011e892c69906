/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink: the image or device a stream is written to.
 *
 * It knows how to open without doing harm, how to write, how to make zeros, and how to be durable.
 * It does not know whether the stream belongs here: that is target's.
 *
 * Never: a mounted device, a device somebody else has opened exclusively, an image behind a loop
 * device, an image another era_apply is writing, a new file in /dev.
 */
#ifndef ERA_WORLD_SINK_H
#define ERA_WORLD_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "system/longwrite.h"
#include "words/err.h"

/* What begins at a multiple of it, in memory and in the sink, and is long, need not go through the page cache. */
#define SINK_ALIGN LONGWRITE_ALIGN

struct sink {
	int fd;     /* -1: not there yet */
	int direct; /* the same, past the page cache; -1: not here */
	uint64_t direct_align; /* of offset and length there; SINK_ALIGN or more */
	const char *name;
	bool device;
	bool blank;      /* no byte of it was ever written: zeros are there already */
	bool created;    /* by us, in this run */
	bool no_punch;   /* the kernel refused to punch holes here; set by any thread */
	uint64_t size;   /* bytes */
};

/*
 * Can the name be a target at all? Looks without opening: ERR_USAGE for a directory and the like,
 * ERR_RUNTIME for a name in /dev that does not exist.
 */
int sink_check_name(const char *name, struct err *e);

/*
 * Open what is there, for reading and writing, locked. An image that does not exist is no error:
 * fd stays -1. ERR_BUSY where it is in use. `name` must stay valid. Close also after a failure.
 */
int sink_open(struct sink *s, const char *name, struct err *e);

/* Make the image that was not there, locked. ERR_BUSY where it is there by now. */
int sink_create(struct sink *s, struct err *e);

void sink_close(struct sink *s);

/* Give an image the size; a device must have at least as much (ERR_IDENTITY). */
int sink_resize(struct sink *s, uint64_t size, struct err *e);

/*
 * From now on what is written goes through the page cache. For whoever reads the sink too while it is written: the cache
 * reads ahead, and what was read is not to be written past it.
 */
void sink_cached(struct sink *s);

/* Both may run in several threads on extents that do not overlap. */
int sink_write(struct sink *s, const uint8_t *buf, uint64_t off, uint64_t len, struct err *e);
int sink_zero(struct sink *s, uint64_t off, uint64_t len, struct err *e);

/* Everything written is durable, the name of an image too: also where this run did not make it. */
int sink_sync(struct sink *s, struct err *e);

/* XXH3-128 over the first and last MiB of the first `size` bytes: has somebody else written here? */
int sink_fingerprint(struct sink *s, uint64_t size, uint8_t out[16], struct err *e);

#endif
