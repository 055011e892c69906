/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamin: a stream from a descriptor, checked as it comes. One parser; apply, verify and dump call
 * it.
 *
 * What it hands out has passed every check that can be made by then. After STREAMIN_END the footer and
 * the end of the file have been seen too: only then is the stream whole. The payload of DATA is handed
 * out as stored, because decoding it is the work that other threads can do: streamin_decode.
 *
 * Of a regular file only the headers need to be read here: payloads can be skipped and read by those threads, out
 * of order, which is faster than one thread that reads all. A pipe gives its bytes once and in order.
 *
 * Errors name the stream and the position. Memory: about 3 MiB, whatever the stream says.
 */
#ifndef ERA_WORLD_STREAMIN_H
#define ERA_WORLD_STREAMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/streamcheck.h"
#include "pure/wire.h"
#include "words/err.h"
#include "world/zst.h"

enum streamin_event {
	STREAMIN_PASS,   /* check.pass is new; nothing of it has come yet */
	STREAMIN_MAP,    /* map, nr_map: some more extents of this pass */
	STREAMIN_EXTENT, /* frame: DATA or ZERO */
	STREAMIN_END,    /* the stream is whole */
};

struct streamin_frame {
	struct wire_header header;
	uint64_t position; /* of the header, in the stream */
};

struct streamin {
	int fd;
	const char *name;
	struct streamcheck check; /* check.head is valid once open */
	uint64_t position;        /* of the next byte */
	bool is_file;             /* streamin_pread works */
	uint64_t base;            /* a file: where in it the stream begins, and bytes from there on */
	uint64_t size;
	uint64_t asked; /* position up to which the disk was asked for it */
	struct streamin_frame frame;
	const uint8_t *map; /* wire_get_extent each */
	uint32_t nr_map;
	struct zst *zst;
	uint8_t *content; /* WIRE_CONTENT_MAX each */
	uint8_t *stored;
	uint8_t *ahead; /* read, not yet used: from ahead_begin to ahead_end */
	size_t ahead_begin;
	size_t ahead_end;
};

/* Reads preamble and HEAD. The descriptor stays the caller's. Close also after a failure. */
int streamin_open(struct streamin *s, int fd, const char *name, struct err *e);
void streamin_close(struct streamin *s);

/*
 * The next thing of interest. A DATA frame's payload must be taken with streamin_stored or streamin_skip before
 * the next call.
 */
int streamin_next(struct streamin *s, enum streamin_event *event, struct err *e);

/* frame.header.stored_len bytes into buf; not yet verified. */
int streamin_stored(struct streamin *s, uint8_t *buf, struct err *e);

/* Leave the payload out. In a file it is there as far as the file's length says: who wants it uses streamin_pread. */
int streamin_skip(struct streamin *s, struct err *e);

/* Only where is_file: len bytes of the stream from `position` on, where streamin_next has been. Any thread. */
int streamin_pread(const struct streamin *s, uint64_t position, uint8_t *buf, size_t len, struct err *e);

/* Verify a DATA frame's stored bytes, and not what they decode to. Any thread. */
int streamin_check(const struct streamin_frame *f, const char *name, const uint8_t *stored, struct err *e);

/*
 * Verify and decode a frame that has content, DATA or another: both checksums. *content points to the content: into `stored`, or
 * into `room` of WIRE_CONTENT_MAX bytes. Touches nothing of the stream: safe in any thread.
 */
int streamin_decode(const struct streamin_frame *f, const char *name, struct zst *zst,
		    const uint8_t *stored, uint8_t *room, const uint8_t **content, struct err *e);

#endif
