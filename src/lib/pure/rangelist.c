/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists have millions of lines. They are put together here and handed to stdio in large pieces: for each number by itself
 * printf takes longer than all of the metadata takes to read.
 */
#include "pure/rangelist.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define NUMBER_MAX 20
#define ROOM 32768u

struct text {
	FILE *f;
	size_t used;
	char buf[ROOM];
};

static void begin(struct text *t, FILE *f)
{
	t->f = f;
	t->used = 0;
}

static void flush(struct text *t)
{
	fwrite(t->buf, 1, t->used, t->f);
	t->used = 0;
}

/* Words, of less than ROOM. */
static void put(struct text *t, const char *words)
{
	const size_t len = strlen(words);

	if (len > ROOM - t->used)
		flush(t);
	memcpy(t->buf + t->used, words, len);
	t->used += len;
}

static void put_number(struct text *t, uint64_t n)
{
	char digits[NUMBER_MAX];
	size_t at = NUMBER_MAX;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	if (NUMBER_MAX > ROOM - t->used)
		flush(t);
	memcpy(t->buf + t->used, digits + at, NUMBER_MAX - at);
	t->used += NUMBER_MAX - at;
}

/* stdio remembers that a write failed, so one look at the end is enough, however long the list. */
static int done(struct text *t, struct err *e)
{
	flush(t);
	if (fflush(t->f) != 0)
		return err_sys(e, "writing the list of blocks");
	if (ferror(t->f))
		return err_set(e, ERR_RUNTIME, "writing the list of blocks failed");
	return 0;
}

int rangelist_text(FILE *f, const struct blockset *s, struct err *e)
{
	struct text t;
	struct blockrun r;

	begin(&t, f);
	blockset_for_each_run(s, r) {
		put_number(&t, r.begin);
		put(&t, " ");
		put_number(&t, r.end);
		put(&t, "\n");
	}
	return done(&t, e);
}

int rangelist_json(FILE *f, const struct blockset *s, const struct rangelist_about *about,
		   struct err *e)
{
	struct text t;
	const char *comma = "[";
	struct blockrun r;

	begin(&t, f);
	fprintf(f,
		"{\"block_size\":%" PRIu32 ",\"nr_blocks\":%" PRIu64 ",\"since\":%" PRIu32
		",\"era\":%" PRIu32 ",\"changed_blocks\":%" PRIu64 ",\"ranges\":[",
		about->block_size, s->nr_blocks, about->since, about->era, blockset_count(s));
	blockset_for_each_run(s, r) {
		put(&t, comma);
		put_number(&t, r.begin);
		put(&t, ",");
		put_number(&t, r.end);
		put(&t, "]");
		comma = ",[";
	}
	put(&t, "]}\n");
	return done(&t, e);
}

int rangelist_xml(FILE *f, const struct blockset *s, struct err *e)
{
	struct text t;
	struct blockrun r;

	begin(&t, f);
	put(&t, "<blocks>\n");
	blockset_for_each_run(s, r) {
		put(&t, r.end - r.begin == 1 ? "  <block block=\"" : "  <range begin=\"");
		put_number(&t, r.begin);
		if (r.end - r.begin > 1) {
			put(&t, "\" end=\"");
			put_number(&t, r.end);
		}
		put(&t, "\"/>\n");
	}
	put(&t, "</blocks>");
	return done(&t, e);
}
