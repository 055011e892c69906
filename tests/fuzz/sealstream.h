/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sealstream: streams whose checksums are right, made of any bytes, so that a fuzzer gets past them.
 *
 *   seal_stream   magics, ids and checksums only, in place: what the frames say is left as it is
 *   mend_stream   besides, the frames up to END are numbered, and END, INDEX and the footer are written for them. So frames
 *                 can be put in, left out and changed, and the stream is judged by what they say.
 *
 * Which of the two is for the target to choose; it also tries the bytes as they are.
 */
#ifndef ERA_TESTS_SEALSTREAM_H
#define ERA_TESTS_SEALSTREAM_H

#include "fuzz.h"

#include "pure/streamindex.h"
#include "pure/wire.h"
#include "words/hash.h"
#include "words/le.h"
#include "words/num.h"
#include "world/zst.h"

/* What mend_stream adds at most to what it is given. */
#define MEND_MORE (2 * WIRE_HEADER_LEN + WIRE_END_LEN + WIRE_FOOTER_LEN + sizeof(((struct streamindex *)0)->piece))

struct seal {
	struct zst *zst;
	struct hash *digest; /* of the headers up to END */
	uint8_t id[WIRE_ID_LEN];
	/* For mend_stream. */
	struct wire_end end;
	uint32_t pass;
	struct streamindex index;
};

/* Not allocated: sanitizers make large pieces slow. */
static struct seal seal_room;
static uint8_t seal_content_room[WIRE_CONTENT_MAX];

static struct seal *seal_new(const uint8_t *preamble)
{
	struct seal *s = &seal_room;

	memset(&s->end, 0, sizeof(s->end));
	s->pass = 0;
	streamindex_next(&s->index, 0);
	s->zst = zst_new();
	s->digest = hash_new();
	must(s->zst && s->digest);
	memcpy(s->id, preamble + 16, WIRE_ID_LEN);
	hash_add(s->digest, preamble, WIRE_PREAMBLE_LEN);
	return s;
}

static void seal_free(struct seal *s)
{
	zst_free(s->zst);
	hash_free(s->digest);
}

static void seal_preamble(uint8_t *p)
{
	static const uint8_t magic[8] = {0x89, 'E', 'R', 'A', '\r', '\n', 0x1a, '\n'};

	memcpy(p, magic, sizeof(magic));
	le64_put(p + 32, hash64(p, 32));
}

/* The sum of the content of `stored` bytes behind the header h; what zstd does not take keeps the one it has. */
static uint64_t seal_content(struct seal *s, const uint8_t *h, size_t stored)
{
	const uint64_t logical = le64_get(h + 24);
	struct err e = {0};

	if (h[5] == WIRE_CODEC_NONE)
		return hash64(h + WIRE_HEADER_LEN, stored);
	if (logical > WIRE_CONTENT_MAX ||
	    zst_decompress(s->zst, h + WIRE_HEADER_LEN, stored, seal_content_room, (size_t)logical, &e))
		return le64_get(h + 48);
	return hash64(seal_content_room, (size_t)logical);
}

static void seal_header(struct seal *s, uint8_t *h, size_t stored)
{
	memcpy(h, "ERF1", 4);
	le64_put(h + 40, hash64(h + WIRE_HEADER_LEN, stored));
	le64_put(h + 48, seal_content(s, h, stored));
	le64_put(h + 56, hash64_two(s->id, WIRE_ID_LEN, h, 56));
}

static void seal_footer(struct seal *s, uint8_t *p)
{
	le64_put(p + 40, hash64_two(s->id, WIRE_ID_LEN, p, 40));
}

__attribute__((unused)) static void seal_stream(uint8_t *p, size_t len)
{
	size_t at = WIRE_PREAMBLE_LEN;
	struct seal *s;
	size_t stored;

	if (len < WIRE_PREAMBLE_LEN)
		return;
	seal_preamble(p);
	s = seal_new(p);
	while (len - at >= WIRE_HEADER_LEN) {
		uint8_t *h = p + at;

		stored = (size_t)num_min(le32_get(h + 32), len - at - WIRE_HEADER_LEN);
		if (h[4] == WIRE_END && stored >= WIRE_END_LEN)
			hash_get(s->digest, h + WIRE_HEADER_LEN + 72);
		seal_header(s, h, stored);
		hash_add(s->digest, h, WIRE_HEADER_LEN);
		at += WIRE_HEADER_LEN + stored;
	}
	if (len - at >= WIRE_FOOTER_LEN)
		seal_footer(s, p + at);
	seal_free(s);
}

/* Mending */

/* HEAD names the stream that the preamble names. */
static void mend_head(struct seal *s, uint8_t *content, size_t len)
{
	if (len < WIRE_HEAD_LEN)
		return;
	memcpy(content, s->id, WIRE_ID_LEN);
	if (!(content[119] & WIRE_HEAD_MERGED))
		memcpy(content + 16, s->id, WIRE_ID_LEN);
	s->end.consistency = content[118];
	s->end.era_c = le64_get(content + 72);
}

static void mend_extent(struct seal *s, const uint8_t *h, uint64_t position)
{
	const struct wire_entry n = {
		.offset = le64_get(h + 16),
		.len = le64_get(h + 24),
		.position = position,
		.stored_len = le32_get(h + 32),
		.pass = s->pass,
		.type = h[4],
	};

	if (!streamindex_full(&s->index))
		streamindex_add(&s->index, &n);
	if (h[4] == WIRE_DATA) {
		s->end.data_frames++;
		s->end.data_bytes += n.len;
		s->end.stored_bytes += n.stored_len;
	} else {
		s->end.zero_frames++;
		s->end.zero_bytes += n.len;
	}
}

/* One frame that is taken over, its stored bytes behind it. */
static void mend_frame(struct seal *s, uint8_t *h, size_t stored, uint64_t position)
{
	uint8_t *content = h + WIRE_HEADER_LEN;

	le64_put(h + 8, s->end.frames++);
	le32_put(h + 32, (uint32_t)stored);
	if (h[5] == WIRE_CODEC_NONE && h[4] != WIRE_ZERO)
		le64_put(h + 24, stored);
	if (h[4] == WIRE_HEAD && h[5] == WIRE_CODEC_NONE)
		mend_head(s, content, stored);
	if (h[4] == WIRE_PASS)
		s->pass++;
	if (h[4] == WIRE_PASS && stored == WIRE_PASS_LEN) {
		le32_put(content, s->pass);
		s->end.era_c = le64_get(content + 16);
	}
	if (h[4] == WIRE_DATA || h[4] == WIRE_ZERO)
		mend_extent(s, h, position);
	seal_header(s, h, stored);
	hash_add(s->digest, h, WIRE_HEADER_LEN);
}

/* A frame of ours behind the others: returns where it ends. */
static size_t mend_put(struct seal *s, uint8_t *out, size_t at, uint8_t type, uint64_t seq, const uint8_t *content, size_t len)
{
	uint8_t *h = out + at;

	memset(h, 0, WIRE_HEADER_LEN);
	h[4] = type;
	le64_put(h + 8, seq);
	le64_put(h + 24, len);
	le32_put(h + 32, (uint32_t)len);
	memcpy(h + WIRE_HEADER_LEN, content, len);
	seal_header(s, h, len);
	return at + WIRE_HEADER_LEN + len;
}

/* END, INDEX and the footer. */
static size_t mend_tail(struct seal *s, uint8_t *out, size_t at)
{
	const uint64_t frames = s->end.frames;
	struct wire_footer f = {.end_position = at};
	uint8_t content[WIRE_END_LEN];

	s->end.passes = s->pass;
	hash_get(s->digest, s->end.digest);
	wire_put_end(content, &s->end);
	at = mend_put(s, out, at, WIRE_END, frames, content, sizeof(content));
	f.index_position = at;
	at = mend_put(s, out, at, WIRE_INDEX, frames + 1, s->index.piece, streamindex_finish(&s->index));
	f.length = at + WIRE_FOOTER_LEN;
	wire_put_footer(out + at, &f, s->id);
	return (size_t)f.length;
}

/* `out` has room for len + MEND_MORE bytes. Returns how many it has; 0: the bytes are too few for a stream. */
__attribute__((unused)) static size_t mend_stream(const uint8_t *in, size_t len, uint8_t *out)
{
	size_t from = WIRE_PREAMBLE_LEN;
	size_t at = WIRE_PREAMBLE_LEN;
	struct seal *s;
	size_t stored;

	if (len < WIRE_PREAMBLE_LEN)
		return 0;
	memcpy(out, in, WIRE_PREAMBLE_LEN);
	seal_preamble(out);
	s = seal_new(out);
	for (; len - from >= WIRE_HEADER_LEN && in[from + 4] != WIRE_END; from += WIRE_HEADER_LEN + stored) {
		stored = (size_t)num_min(le32_get(in + from + 32), len - from - WIRE_HEADER_LEN);
		if (in[from + 4] == WIRE_ZERO)
			stored = 0;
		if (in[from + 4] == WIRE_INDEX)
			continue;
		memcpy(out + at, in + from, WIRE_HEADER_LEN + stored);
		mend_frame(s, out + at, stored, at);
		at += WIRE_HEADER_LEN + stored;
	}
	at = mend_tail(s, out, at);
	seal_free(s);
	return at;
}

#endif
