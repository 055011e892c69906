/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/restoreout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/copyflow.h"
#include "system/fdio.h"
#include "words/num.h"

/* What differs in one byte is written as a whole page of the device. */
#define UNIT 4096u
#define READ_LEN 1048576u

static int no_memory(const struct restoreout *o, struct err *e)
{
	return err_set(e, ERR_RUNTIME, "%s: no memory for %u threads", o->name, o->threads);
}

static int open_sources(struct restoreout *o, struct err *e)
{
	unsigned int i;

	o->sources = calloc(o->threads, sizeof(*o->sources));
	if (!o->sources)
		return no_memory(o, e);
	for (i = 0; i < o->threads; i++)
		o->sources[i].fd = -1;
	for (i = 0; i < o->threads; i++)
		if (source_open(&o->sources[i], o->name, e))
			return -1;
	return 0;
}

int restoreout_open(struct restoreout *o, enum restoreout_mode mode, const char *name, unsigned int threads,
		    struct err *e)
{
	unsigned int i;

	memset(o, 0, sizeof(*o));
	o->mode = mode;
	o->name = name;
	o->threads = threads;
	if (mode != RESTOREOUT_DIFFERENCES && mode != RESTOREOUT_COMPARE)
		return 0;
	o->there = calloc(threads, sizeof(*o->there));
	if (!o->there)
		return no_memory(o, e);
	for (i = 0; i < threads; i++) {
		o->there[i] = aligned_alloc(SOURCE_ALIGN, READ_LEN + SOURCE_ALIGN);
		if (!o->there[i])
			return no_memory(o, e);
	}
	return mode == RESTOREOUT_COMPARE ? open_sources(o, e) : 0;
}

void restoreout_close(struct restoreout *o)
{
	unsigned int i;

	for (i = 0; o->sources && i < o->threads; i++)
		source_close(&o->sources[i]);
	for (i = 0; o->there && i < o->threads; i++)
		free(o->there[i]);
	free(o->sources);
	free(o->there);
	memset(o, 0, sizeof(*o));
}

int restoreout_check_size(const struct restoreout *o, uint64_t size, struct err *e)
{
	const struct source *s = &o->sources[0];

	if (s->size == size || (s->device && s->size > size))
		return 0;
	return err_set(e, ERR_IDENTITY, "%s: differs: it has %llu bytes, the chain gives %llu", o->name,
		       (unsigned long long)s->size, (unsigned long long)size);
}

/* Are the len bytes `there` those of content, or zeros where content is NULL? */
static bool same(const uint8_t *content, const uint8_t *there, uint64_t len)
{
	return content ? memcmp(content, there, len) == 0 : copyflow_is_zero(there, len);
}

/* Compare */

static int differs(const struct restoreout *o, const uint8_t *content, const uint8_t *there, uint64_t off,
		   struct err *e)
{
	uint64_t i = 0;

	while (there[i] == (content ? content[i] : 0))
		i++;
	return err_set(e, ERR_IDENTITY, "%s: differs at byte %llu", o->name, (unsigned long long)(off + i));
}

static int compare(struct restoreout *o, unsigned int thread, const uint8_t *content, uint64_t off, uint64_t len,
		   struct err *e)
{
	uint8_t *there = o->there[thread];

	if (source_read(&o->sources[thread], there, off, len, e))
		return -1;
	return same(content, there, len) ? 0 : differs(o, content, there, off, e);
}

/* Differences */

static int put(struct restoreout *o, const uint8_t *content, uint64_t off, uint64_t len, struct err *e)
{
	return content ? sink_write(o->sink, content, off, len, e) : sink_zero(o->sink, off, len, e);
}

/* Runs of units in which something differs. */
static int put_differing(struct restoreout *o, const uint8_t *content, const uint8_t *there, uint64_t off,
			 uint64_t len, struct err *e)
{
	uint64_t run = 0; /* where the pending run begins */
	uint64_t at = 0;
	uint64_t n;

	for (; at < len; at += n) {
		n = num_min(UNIT - (off + at) % UNIT, len - at);
		if (!same(content ? content + at : NULL, there + at, n))
			continue;
		if (at > run && put(o, content ? content + run : NULL, off + run, at - run, e))
			return -1;
		__atomic_fetch_add(&o->written, at - run, __ATOMIC_RELAXED);
		run = at + n;
	}
	__atomic_fetch_add(&o->written, len - run, __ATOMIC_RELAXED);
	return len > run ? put(o, content ? content + run : NULL, off + run, len - run, e) : 0;
}

static int put_where_different(struct restoreout *o, unsigned int thread, const uint8_t *content, uint64_t off,
			       uint64_t len, struct err *e)
{
	uint8_t *there = o->there[thread];
	size_t got;

	if (fdio_pread(o->sink->fd, o->name, there, len, off, &got, e))
		return -1;
	if (got < len)
		return err_set(e, ERR_RUNTIME, "%s: ends at byte %llu", o->name, (unsigned long long)(off + got));
	return same(content, there, len) ? 0 : put_differing(o, content, there, off, len, e);
}

/* Zeros */

/* Where a hole ends that begins at off, at most `end`; off where it is none, or nobody can say. */
static uint64_t hole_end(struct restoreout *o, unsigned int thread, uint64_t off, uint64_t end)
{
	uint64_t same_end;
	bool hole;
	off_t data;

	if (o->mode == RESTOREOUT_COMPARE) {
		same_end = source_same(&o->sources[thread], off, end, &hole);
		return hole ? same_end : off;
	}
	if (o->sink->blank)
		return end;
	if (o->sink->device)
		return off;
	data = lseek(o->sink->fd, (off_t)off, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? end : off;
	return num_min((uint64_t)data, end);
}

/* Only what is no hole already is read. */
static int zeros(struct restoreout *o, unsigned int thread, uint64_t off, uint64_t len, struct err *e)
{
	const uint64_t end = off + len;
	uint64_t n;
	int rc;

	while ((off = hole_end(o, thread, off, end)) < end) {
		n = num_min(end - off, READ_LEN - off % READ_LEN);
		rc = o->mode == RESTOREOUT_COMPARE ? compare(o, thread, NULL, off, n, e)
						   : put_where_different(o, thread, NULL, off, n, e);
		if (rc)
			return -1;
		off += n;
	}
	return 0;
}

int restoreout_put(struct restoreout *o, unsigned int thread, const uint8_t *content, uint64_t off, uint64_t len,
		   struct err *e)
{
	switch (o->mode) {
	case RESTOREOUT_NOTHING:
		return 0;
	case RESTOREOUT_WRITE:
		return put(o, content, off, len, e);
	case RESTOREOUT_DIFFERENCES:
		return !content ? zeros(o, thread, off, len, e)
				: put_where_different(o, thread, content, off, len, e);
	case RESTOREOUT_COMPARE:
		return !content ? zeros(o, thread, off, len, e)
				: compare(o, thread, content, off, len, e);
	}
	return err_set(e, ERR_RUNTIME, "%s: no such way to restore", o->name);
}
