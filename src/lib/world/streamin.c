/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/streamin.h"

#include <stdlib.h>
#include <string.h>

#include "system/fdio.h"
#include "words/hash.h"
#include "words/num.h"

#define AHEAD_LEN 262144u

static int truncated(const struct streamin *s, struct err *e)
{
	err_set(e, ERR_CORRUPT, "%s: the stream is truncated: it ends after %llu bytes, without %s",
		s->name, (unsigned long long)s->position,
		s->check.end_position ? "its footer" : "END");
	return err_hint(e, "the program that wrote it did not finish; see its messages and make the "
			   "stream again");
}

/* Exactly len bytes, or the stream is truncated. */
static int take(struct streamin *s, uint8_t *buf, size_t len, struct err *e)
{
	size_t n;
	size_t got;

	while (len > 0) {
		n = (size_t)num_min(len, s->ahead_end - s->ahead_begin);
		memcpy(buf, s->ahead + s->ahead_begin, n);
		s->ahead_begin += n;
		s->position += n;
		buf += n;
		len -= n;
		if (len == 0)
			break;
		if (len >= AHEAD_LEN) {
			if (fdio_read(s->fd, s->name, buf, len, &got, e))
				return -1;
			s->position += got;
			return got == len ? 0 : truncated(s, e);
		}
		if (fdio_read_some(s->fd, s->name, s->ahead, AHEAD_LEN, &got, e))
			return -1;
		if (got == 0)
			return truncated(s, e);
		s->ahead_begin = 0;
		s->ahead_end = got;
	}
	return 0;
}

static int at(const struct streamin *s, uint64_t position, struct err *e)
{
	return err_prefix(e, "%s: at byte %llu", s->name, (unsigned long long)position);
}

static int next_header(struct streamin *s, struct err *e)
{
	struct streamin_frame *f = &s->frame;
	uint8_t raw[WIRE_HEADER_LEN];

	f->position = s->position;
	if (take(s, raw, sizeof(raw), e))
		return -1;
	if (wire_get_header(raw, &f->header, s->check.head.stream_id, e) ||
	    streamcheck_header(&s->check, &f->header, raw, f->position, e))
		return at(s, f->position, e);
	return 0;
}

int streamin_stored(struct streamin *s, uint8_t *buf, struct err *e)
{
	return take(s, buf, s->frame.header.stored_len, e);
}

static int decode(const struct wire_header *h, struct zst *zst, const uint8_t *stored,
		  uint8_t *room, const uint8_t **content, struct err *e)
{
	if (hash64(stored, h->stored_len) != h->stored_sum)
		return err_set(e, ERR_CORRUPT, "the checksum of the frame's stored bytes is wrong");
	*content = stored;
	if (h->codec == WIRE_CODEC_NONE)
		return 0; /* wire_get_header saw that both checksums are one */
	if (zst_decompress(zst, stored, h->stored_len, room, (size_t)h->logical_len, e))
		return -1;
	if (hash64(room, (size_t)h->logical_len) != h->content_sum)
		return err_set(e, ERR_CORRUPT, "the checksum of the frame's content is wrong");
	*content = room;
	return 0;
}

int streamin_decode(const struct streamin_frame *f, const char *name, struct zst *zst,
		    const uint8_t *stored, uint8_t *room, const uint8_t **content, struct err *e)
{
	if (decode(&f->header, zst, stored, room, content, e) == 0)
		return 0;
	if (f->header.type != WIRE_DATA)
		return err_prefix(e, "%s: at byte %llu", name, (unsigned long long)f->position);
	return err_prefix(e, "%s: at byte %llu, device offset %llu", name,
			  (unsigned long long)f->position, (unsigned long long)f->header.offset);
}

/* A frame that is neither DATA nor ZERO: read, decode, check. */
static int control(struct streamin *s, struct err *e)
{
	struct streamin_frame *f = &s->frame;
	const uint8_t *content;

	if (streamin_stored(s, s->stored, e))
		return -1;
	if (f->header.type > WIRE_INDEX) {
		if (hash64(s->stored, f->header.stored_len) != f->header.stored_sum) {
			err_set(e, ERR_CORRUPT, "the checksum of the frame's stored bytes is wrong");
			return at(s, f->position, e);
		}
		return 0;
	}
	if (decode(&f->header, s->zst, s->stored, s->content, &content, e) ||
	    streamcheck_content(&s->check, &f->header, f->position, content, e))
		return at(s, f->position, e);
	s->map = content;
	s->nr_map = (uint32_t)(f->header.logical_len / WIRE_EXTENT_LEN);
	return 0;
}

/* END and the last INDEX were seen: the footer, and nothing behind it. */
static int finish(struct streamin *s, struct err *e)
{
	const uint64_t position = s->position;
	uint8_t raw[WIRE_FOOTER_LEN];
	uint8_t more;
	size_t got;

	if (take(s, raw, sizeof(raw), e))
		return -1;
	if (streamcheck_footer(&s->check, raw, position, e))
		return at(s, position, e);
	got = s->ahead_end - s->ahead_begin;
	if (got == 0 && fdio_read(s->fd, s->name, &more, 1, &got, e))
		return -1;
	if (got > 0)
		return err_set(e, ERR_CORRUPT, "%s: there is more behind the end of the stream, at byte %llu",
			       s->name, (unsigned long long)s->position);
	return 0;
}

int streamin_next(struct streamin *s, enum streamin_event *event, struct err *e)
{
	for (;;) {
		if (next_header(s, e))
			return -1;
		if (s->frame.header.type == WIRE_DATA || s->frame.header.type == WIRE_ZERO) {
			*event = STREAMIN_EXTENT;
			return 0;
		}
		if (control(s, e))
			return -1;
		if (s->frame.header.type == WIRE_PASS) {
			*event = STREAMIN_PASS;
			return 0;
		}
		if (s->frame.header.type == WIRE_MAP) {
			*event = STREAMIN_MAP;
			return 0;
		}
		if (streamcheck_complete(&s->check)) {
			*event = STREAMIN_END;
			return finish(s, e);
		}
	}
}

static int open_head(struct streamin *s, struct err *e)
{
	uint8_t raw[WIRE_PREAMBLE_LEN];
	uint8_t id[WIRE_ID_LEN];

	if (take(s, raw, sizeof(raw), e))
		return -1;
	if (wire_get_preamble(raw, id, e))
		return at(s, 0, e);
	if (streamcheck_init(&s->check, raw, e) || next_header(s, e))
		return -1;
	/* check_order let nothing but HEAD pass here. */
	return control(s, e);
}

int streamin_open(struct streamin *s, int fd, const char *name, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->name = name;
	s->zst = zst_new();
	s->content = malloc(WIRE_CONTENT_MAX);
	s->stored = malloc(WIRE_CONTENT_MAX);
	s->ahead = malloc(AHEAD_LEN);
	if (!s->zst || !s->content || !s->stored || !s->ahead)
		return err_set(e, ERR_RUNTIME, "no memory to read a stream");
	return open_head(s, e);
}

void streamin_close(struct streamin *s)
{
	streamcheck_fini(&s->check);
	zst_free(s->zst);
	free(s->content);
	free(s->stored);
	free(s->ahead);
	memset(s, 0, sizeof(*s));
}
