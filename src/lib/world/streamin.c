/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/streamin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/hash.h"
#include "words/num.h"

#define AHEAD_LEN 262144u
/* Of a file only headers are read this way, mostly, and what lies between them is skipped. */
#define AHEAD_FILE_LEN 4096u
/* What is read in where a file has to come from the disk. */
#define DISK_AHEAD_LEN 8388608u

static int ends(const struct streamin *s, uint64_t position, const char *without, struct err *e)
{
	err_set(e, ERR_CORRUPT, "%s: the stream is truncated: it ends after %llu bytes, without %s",
		s->name, (unsigned long long)position, without);
	return err_hint(e, "the program that wrote it did not finish; see its messages and make the "
			   "stream again");
}

static int truncated(const struct streamin *s, struct err *e)
{
	return ends(s, s->position, s->check.end_position ? "its footer" : "END", e);
}

/*
 * A header that has to be waited for: the payloads behind it are not in memory either. They are asked for here, in
 * their order: a disk that turns would else go to and fro between the headers and what the other threads read.
 */
static int refill_file(struct streamin *s, size_t *got, struct err *e)
{
	const uint64_t begin = num_max(s->position, s->asked);

	if (fdio_pread_cached(s->fd, s->ahead, AHEAD_FILE_LEN, s->base + s->position, got))
		return 0;
	s->asked = s->position + DISK_AHEAD_LEN;
	fdio_ahead(s->fd, s->base + begin, s->asked - begin);
	return fdio_pread(s->fd, s->name, s->ahead, AHEAD_FILE_LEN, s->base + s->position, got, e);
}

/* Some more of the stream into `ahead`, which is used up; *got is 0 at its end. */
static int refill(struct streamin *s, size_t *got, struct err *e)
{
	const int rc = s->is_file ? refill_file(s, got, e)
				  : fdio_read_some(s->fd, s->name, s->ahead, AHEAD_LEN, got, e);

	s->ahead_begin = 0;
	s->ahead_end = rc ? 0 : *got;
	return rc;
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
		if (len >= (s->is_file ? AHEAD_FILE_LEN : AHEAD_LEN)) {
			if (s->is_file ? fdio_pread(s->fd, s->name, buf, len, s->base + s->position, &got, e)
				       : fdio_read(s->fd, s->name, buf, len, &got, e))
				return -1;
			s->position += got;
			return got == len ? 0 : truncated(s, e);
		}
		if (refill(s, &got, e))
			return -1;
		if (got == 0)
			return truncated(s, e);
	}
	return 0;
}

/* How many bytes of stream the file has by now. */
static int find_size(struct streamin *s, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st))
		return err_sys(e, "%s: cannot look at", s->name);
	s->size = (uint64_t)st.st_size - num_min(s->base, (uint64_t)st.st_size);
	return 0;
}

int streamin_skip(struct streamin *s, struct err *e)
{
	const uint64_t len = s->frame.header.stored_len;
	const size_t n = (size_t)num_min(len, s->ahead_end - s->ahead_begin);

	if (!s->is_file)
		return take(s, s->stored, (size_t)len, e);
	if (len > s->size - num_min(s->position, s->size) && find_size(s, e))
		return -1;
	if (len > s->size - num_min(s->position, s->size)) {
		s->position = num_max(s->position, s->size);
		return truncated(s, e);
	}
	s->ahead_begin += n;
	s->position += len;
	return 0;
}

int streamin_pread(const struct streamin *s, uint64_t position, uint8_t *buf, size_t len, struct err *e)
{
	size_t got;

	if (fdio_pread(s->fd, s->name, buf, len, s->base + position, &got, e))
		return -1;
	return got == len ? 0 : ends(s, position + got, "END", e);
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

static int check_stored(const struct wire_header *h, const uint8_t *stored, struct err *e)
{
	if (hash64(stored, h->stored_len) == h->stored_sum)
		return 0;
	return err_set(e, ERR_CORRUPT, "the checksum of the frame's stored bytes is wrong");
}

static int decode(const struct wire_header *h, struct zst *zst, const uint8_t *stored,
		  uint8_t *room, const uint8_t **content, struct err *e)
{
	if (check_stored(h, stored, e))
		return -1;
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

/* The place before an error of a frame. */
static int blame(const struct streamin_frame *f, const char *name, struct err *e)
{
	if (f->header.type != WIRE_DATA)
		return err_prefix(e, "%s: at byte %llu", name, (unsigned long long)f->position);
	return err_prefix(e, "%s: at byte %llu, device offset %llu", name,
			  (unsigned long long)f->position, (unsigned long long)f->header.offset);
}

int streamin_check(const struct streamin_frame *f, const char *name, const uint8_t *stored, struct err *e)
{
	return check_stored(&f->header, stored, e) ? blame(f, name, e) : 0;
}

int streamin_decode(const struct streamin_frame *f, const char *name, struct zst *zst,
		    const uint8_t *stored, uint8_t *room, const uint8_t **content, struct err *e)
{
	return decode(&f->header, zst, stored, room, content, e) ? blame(f, name, e) : 0;
}

/* A frame that is neither DATA nor ZERO: read, decode, check. */
static int control(struct streamin *s, struct err *e)
{
	struct streamin_frame *f = &s->frame;
	const uint8_t *content;

	if (streamin_stored(s, s->stored, e))
		return -1;
	if (f->header.type > WIRE_INDEX)
		return check_stored(&f->header, s->stored, e) ? at(s, f->position, e) : 0;
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
	size_t got;

	if (take(s, raw, sizeof(raw), e))
		return -1;
	if (streamcheck_footer(&s->check, raw, position, e))
		return at(s, position, e);
	got = s->ahead_end - s->ahead_begin;
	if (got == 0 && refill(s, &got, e))
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

/*
 * A file that says its size can be read out of order. What says it is empty may be a file that the kernel makes as it
 * is read.
 */
static int look(struct streamin *s, struct err *e)
{
	struct stat st;
	off_t base;

	if (fstat(s->fd, &st))
		return err_sys(e, "%s: cannot look at", s->name);
	base = S_ISREG(st.st_mode) && st.st_size > 0 ? lseek(s->fd, 0, SEEK_CUR) : -1;
	if (base < 0)
		return 0;
	s->is_file = true;
	s->base = (uint64_t)base;
	return find_size(s, e);
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
	if (look(s, e))
		return -1;
	return open_head(s, e);
}

void streamin_close(struct streamin *s)
{
	/* Whoever has the descriptor goes on where the stream ended, as behind a pipe. */
	if (s->is_file)
		(void)lseek(s->fd, (off_t)(s->base + s->position), SEEK_SET);
	streamcheck_fini(&s->check);
	zst_free(s->zst);
	free(s->content);
	free(s->stored);
	free(s->ahead);
	memset(s, 0, sizeof(*s));
}
