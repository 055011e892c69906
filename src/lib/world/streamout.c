/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/streamout.h"

#include <stdlib.h>
#include <string.h>

#include "words/hash.h"
#include "world/pack.h"

static int put(struct streamout *s, const void *a, size_t a_len, const void *b, size_t b_len,
	       struct err *e)
{
	if (longwrite_put(&s->file, a, a_len, b, b_len, e))
		return -1;
	s->position += a_len + b_len;
	return 0;
}

static int frame(struct streamout *s, struct wire_header *h, const void *stored, struct err *e)
{
	uint8_t raw[WIRE_HEADER_LEN];

	h->seq = s->seq++;
	wire_put_header(raw, h, s->id);
	/* END's digest stands in its content, so it covers the headers before END only. */
	if (h->type != WIRE_END)
		hash_add(s->digest, raw, sizeof(raw));
	return put(s, raw, sizeof(raw), stored, h->stored_len, e);
}

/* A frame that is no extent: compressed where that helps. */
static int control(struct streamout *s, uint8_t type, const void *content, size_t len,
		   struct err *e)
{
	struct wire_header h = {.type = type};
	const void *stored;

	if (pack(&h, s->zst, s->level, content, len, s->packed, WIRE_CONTENT_MAX, &stored, e))
		return -1;
	return frame(s, &h, stored, e);
}

static int put_index(struct streamout *s, struct err *e)
{
	const uint64_t position = s->position;
	const uint32_t len = streamindex_finish(&s->index);

	if (control(s, WIRE_INDEX, s->index.piece, len, e))
		return -1;
	streamindex_next(&s->index, position);
	return 0;
}

static int extent(struct streamout *s, struct wire_header *h, const void *stored, struct err *e)
{
	const struct wire_entry n = {
		.offset = h->offset,
		.len = h->logical_len,
		.position = s->position,
		.stored_len = h->stored_len,
		.pass = s->pass.number,
		.type = h->type,
	};

	if (frame(s, h, stored, e))
		return -1;
	streamindex_add(&s->index, &n);
	return streamindex_full(&s->index) ? put_index(s, e) : 0;
}

static int flush_zero(struct streamout *s, struct err *e)
{
	struct wire_header h = {
		.type = WIRE_ZERO,
		.offset = s->zero.offset,
		.logical_len = s->zero.len,
		.stored_sum = hash64("", 0),
		.content_sum = hash64("", 0),
	};

	if (s->zero.len == 0)
		return 0;
	s->counts.zero_frames++;
	s->counts.zero_bytes += s->zero.len;
	s->zero.len = 0;
	return extent(s, &h, NULL, e);
}

int streamout_data(struct streamout *s, struct wire_header *h, const void *stored, struct err *e)
{
	if (flush_zero(s, e))
		return -1;
	s->counts.data_frames++;
	s->counts.data_bytes += h->logical_len;
	s->counts.stored_bytes += h->stored_len;
	return extent(s, h, stored, e);
}

int streamout_zero(struct streamout *s, uint64_t offset, uint64_t len, struct err *e)
{
	if (s->zero.len > 0 && s->zero.offset + s->zero.len == offset) {
		s->zero.len += len;
		return 0;
	}
	if (flush_zero(s, e))
		return -1;
	s->zero.offset = offset;
	s->zero.len = len;
	return 0;
}

/* The MAP frames of a set; an empty set gives one empty frame. */
static int put_map(struct streamout *s, const struct blockset *set, uint8_t *room, struct err *e)
{
	struct blockrun r;
	size_t len = 0;
	bool any = false;

	blockset_for_each_run(set, r) {
		const uint64_t begin = r.begin * s->granule;
		/* The last block may be a part of one; its end may not even fit 64 bits. */
		const uint64_t end = r.end == set->nr_blocks ? s->size : r.end * s->granule;
		const struct wire_extent x = {begin, end - begin};

		wire_put_extent(room + len, &x);
		len += WIRE_EXTENT_LEN;
		any = true;
		if (len < (size_t)WIRE_EXTENTS_MAX * WIRE_EXTENT_LEN)
			continue;
		if (control(s, WIRE_MAP, room, len, e))
			return -1;
		len = 0;
	}
	return len > 0 || !any ? control(s, WIRE_MAP, room, len, e) : 0;
}

int streamout_pass(struct streamout *s, const struct wire_pass *pass, const struct blockset *set,
		   struct err *e)
{
	uint8_t content[WIRE_PASS_LEN];
	uint8_t *room;
	int rc;

	if (flush_zero(s, e))
		return -1;
	s->pass = *pass;
	wire_put_pass(content, pass);
	if (control(s, WIRE_PASS, content, sizeof(content), e))
		return -1;
	room = malloc((size_t)WIRE_EXTENTS_MAX * WIRE_EXTENT_LEN);
	if (!room)
		return err_set(e, ERR_RUNTIME, "no memory for a MAP");
	rc = put_map(s, set, room, e);
	free(room);
	return rc;
}

int streamout_hurry(struct streamout *s, struct err *e)
{
	return longwrite_end(&s->file, e);
}

int streamout_end(struct streamout *s, uint8_t consistency, uint64_t still_us, struct err *e)
{
	struct wire_footer f = {0};
	uint8_t content[WIRE_END_LEN];
	uint8_t footer[WIRE_FOOTER_LEN];

	if (flush_zero(s, e))
		return -1;
	s->counts.era_c = s->pass.era_c;
	s->counts.frames = s->seq;
	s->counts.passes = s->pass.number;
	s->counts.consistency = consistency;
	s->counts.still_us = still_us;
	hash_get(s->digest, s->counts.digest);
	wire_put_end(content, &s->counts);
	f.end_position = s->position;
	if (control(s, WIRE_END, content, sizeof(content), e))
		return -1;
	if (put_index(s, e))
		return -1;
	f.index_position = s->index.previous;
	f.length = s->position + WIRE_FOOTER_LEN;
	wire_put_footer(footer, &f, s->id);
	return put(s, footer, sizeof(footer), NULL, 0, e) || longwrite_end(&s->file, e) ? -1 : 0;
}

static int open_head(struct streamout *s, const struct wire_head *head, struct err *e)
{
	uint8_t preamble[WIRE_PREAMBLE_LEN];
	uint8_t content[WIRE_HEAD_MAX];
	const size_t len = wire_put_head(content, head);

	wire_put_preamble(preamble, s->id);
	hash_add(s->digest, preamble, sizeof(preamble));
	if (put(s, preamble, sizeof(preamble), NULL, 0, e))
		return -1;
	return control(s, WIRE_HEAD, content, len, e);
}

int streamout_open(struct streamout *s, int fd, const char *name, int level,
		   const struct wire_head *head, struct err *e)
{
	memset(s, 0, sizeof(*s));
	longwrite_open(&s->file, fd, name);
	s->level = level;
	s->size = head->size;
	s->granule = head->granule;
	memcpy(s->id, head->stream_id, WIRE_ID_LEN);
	s->digest = hash_new();
	s->zst = zst_new();
	s->packed = malloc(WIRE_CONTENT_MAX);
	if (!s->digest || !s->zst || !s->packed)
		return err_set(e, ERR_RUNTIME, "no memory to write a stream");
	return open_head(s, head, e);
}

void streamout_close(struct streamout *s)
{
	longwrite_close(&s->file);
	hash_free(s->digest);
	zst_free(s->zst);
	free(s->packed);
	memset(s, 0, sizeof(*s));
}
