/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/wire.h"

#include <assert.h>
#include <string.h>

#include "words/hash.h"
#include "words/le.h"

static const uint8_t preamble_magic[8] = {0x89, 'E', 'R', 'A', '\r', '\n', 0x1a, '\n'};
static const uint8_t header_magic[4] = {'E', 'R', 'F', '1'};
static const uint8_t footer_magic[8] = {'E', 'R', 'A', 'F', 'O', 'O', 'T', '\n'};

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, "%s", what);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

bool wire_id_is_zero(const uint8_t id[WIRE_ID_LEN])
{
	return all_zero(id, WIRE_ID_LEN);
}

bool wire_id_same(const uint8_t a[WIRE_ID_LEN], const uint8_t b[WIRE_ID_LEN])
{
	return memcmp(a, b, WIRE_ID_LEN) == 0;
}

/* Section 3 */

void wire_put_preamble(uint8_t out[WIRE_PREAMBLE_LEN], const uint8_t id[WIRE_ID_LEN])
{
	memset(out, 0, WIRE_PREAMBLE_LEN);
	memcpy(out, preamble_magic, 8);
	le16_put(out + 8, WIRE_MAJOR);
	le16_put(out + 10, WIRE_MINOR);
	memcpy(out + 16, id, WIRE_ID_LEN);
	le64_put(out + 32, hash64(out, 32));
}

static int bad_magic(const uint8_t in[WIRE_PREAMBLE_LEN], struct err *e)
{
	if (memcmp(in + 1, "ERA", 3) == 0)
		return bad(e, "the stream's first bytes were changed on the way, as a transfer in "
			      "text mode does");
	return bad(e, "this is not an era stream");
}

int wire_get_preamble(const uint8_t in[WIRE_PREAMBLE_LEN], uint8_t id[WIRE_ID_LEN], struct err *e)
{
	if (memcmp(in, preamble_magic, 8) != 0)
		return bad_magic(in, e);
	if (le16_get(in + 8) != WIRE_MAJOR)
		return err_set(e, ERR_CORRUPT, "the stream has version %u; this program reads %u",
			       le16_get(in + 8), WIRE_MAJOR);
	if (le64_get(in + 32) != hash64(in, 32))
		return bad(e, "the preamble's checksum is wrong");
	if (le32_get(in + 12) != 0)
		return err_set(e, ERR_CORRUPT,
			       "the stream needs features 0x%x that this program does not have",
			       le32_get(in + 12));
	if (all_zero(in + 16, WIRE_ID_LEN))
		return bad(e, "the stream id is zero");
	memcpy(id, in + 16, WIRE_ID_LEN);
	return 0;
}

/* Section 4 */

void wire_put_header(uint8_t out[WIRE_HEADER_LEN], const struct wire_header *h,
		     const uint8_t id[WIRE_ID_LEN])
{
	memcpy(out, header_magic, 4);
	out[4] = h->type;
	out[5] = h->codec;
	le16_put(out + 6, h->flags);
	le64_put(out + 8, h->seq);
	le64_put(out + 16, h->offset);
	le64_put(out + 24, h->logical_len);
	le32_put(out + 32, h->stored_len);
	le32_put(out + 36, 0);
	le64_put(out + 40, h->stored_sum);
	le64_put(out + 48, h->content_sum);
	le64_put(out + 56, hash64_two(id, WIRE_ID_LEN, out, 56));
}

/* DATA and ZERO: the extent. */
static int check_extent(const struct wire_header *h, struct err *e)
{
	if (h->logical_len == 0)
		return bad(e, "an extent has no length");
	if (h->offset + h->logical_len < h->offset)
		return bad(e, "an extent wraps around");
	if (h->type == WIRE_ZERO) {
		if (h->stored_len != 0 || h->codec != WIRE_CODEC_NONE)
			return bad(e, "a ZERO frame has stored bytes");
		if (h->stored_sum != hash64("", 0) || h->content_sum != h->stored_sum)
			return bad(e, "a ZERO frame has checksums of something");
		return 0;
	}
	if (h->logical_len > WIRE_CONTENT_MAX)
		return bad(e, "a DATA frame is longer than 1 MiB");
	if (h->offset / WIRE_MIB != (h->offset + h->logical_len - 1) / WIRE_MIB)
		return bad(e, "a DATA frame crosses a multiple of 1 MiB");
	return 0;
}

static int check_lengths(const struct wire_header *h, struct err *e)
{
	const bool extent = h->type == WIRE_DATA || h->type == WIRE_ZERO;

	if (h->codec != WIRE_CODEC_NONE && h->codec != WIRE_CODEC_ZSTD)
		return err_set(e, ERR_CORRUPT, "the frame's codec %u is unknown", h->codec);
	if (h->stored_len > WIRE_CONTENT_MAX)
		return bad(e, "the frame stores more than 1 MiB");
	if (extent)
		if (check_extent(h, e))
			return -1;
	if (!extent && h->offset != 0)
		return bad(e, "a frame that is no extent has an offset");
	if (h->type == WIRE_ZERO)
		return 0;
	if (h->logical_len > WIRE_CONTENT_MAX)
		return bad(e, "the frame's content is longer than 1 MiB");
	if (h->codec == WIRE_CODEC_NONE &&
	    (h->stored_len != h->logical_len || h->stored_sum != h->content_sum))
		return bad(e, "a frame without compression has two lengths or two checksums");
	if (h->codec == WIRE_CODEC_ZSTD && h->stored_len >= h->logical_len)
		return bad(e, "a compressed frame is not shorter than its content");
	return 0;
}

int wire_get_header(const uint8_t in[WIRE_HEADER_LEN], struct wire_header *h,
		    const uint8_t id[WIRE_ID_LEN], struct err *e)
{
	if (memcmp(in, header_magic, 4) != 0)
		return bad(e, "no frame begins here");
	if (le64_get(in + 56) != hash64_two(id, WIRE_ID_LEN, in, 56))
		return bad(e, "the frame header's checksum is wrong, or the frame is of another stream");
	h->type = in[4];
	h->codec = in[5];
	h->flags = le16_get(in + 6);
	h->seq = le64_get(in + 8);
	h->offset = le64_get(in + 16);
	h->logical_len = le64_get(in + 24);
	h->stored_len = le32_get(in + 32);
	h->stored_sum = le64_get(in + 40);
	h->content_sum = le64_get(in + 48);
	if ((h->flags & ~WIRE_FLAG_OPTIONAL) != 0 || !all_zero(in + 36, 4))
		return bad(e, "the frame uses what this version keeps free");
	if (h->type < WIRE_HEAD || (h->type > WIRE_INDEX && h->type < WIRE_OPTIONAL_MIN))
		return err_set(e, ERR_CORRUPT, "the frame's type %u is unknown", h->type);
	if ((h->flags != 0) != (h->type >= WIRE_OPTIONAL_MIN))
		return bad(e, "the frame's type and its optional flag do not fit");
	if (h->type >= WIRE_OPTIONAL_MIN && h->codec != WIRE_CODEC_NONE)
		return bad(e, "an optional frame is compressed");
	return check_lengths(h, e);
}

/* Section 5.1 */

size_t wire_put_head(uint8_t out[WIRE_HEAD_MAX], const struct wire_head *h)
{
	size_t at = WIRE_HEAD_LEN;
	size_t len;
	unsigned int tag;

	memset(out, 0, WIRE_HEAD_LEN);
	memcpy(out, h->stream_id, WIRE_ID_LEN);
	memcpy(out + 16, h->state_id, WIRE_ID_LEN);
	memcpy(out + 32, h->parent_id, WIRE_ID_LEN);
	memcpy(out + 48, h->generation, WIRE_ID_LEN);
	le64_put(out + 64, h->since);
	le64_put(out + 72, h->era_c);
	le64_put(out + 80, h->size);
	le64_put(out + 88, h->parent_size);
	le64_put(out + 96, h->time);
	le64_put(out + 104, h->granule);
	le32_put(out + 112, h->sector);
	out[116] = h->kind;
	out[117] = h->cut;
	out[118] = h->consistency;
	out[119] = h->flags;
	le64_put(out + 120, h->still_us);
	for (tag = 1; tag < WIRE_FIELDS; tag++) {
		len = strlen(h->field[tag]);
		if (len == 0)
			continue;
		assert(len <= WIRE_FIELD_MAX);
		le16_put(out + at, (uint16_t)tag);
		le16_put(out + at + 2, (uint16_t)len);
		memcpy(out + at + 4, h->field[tag], len);
		at += 4 + len;
	}
	return at;
}

/* The fields behind the fixed part. */
static int get_fields(const uint8_t *p, size_t len, struct wire_head *h, struct err *e)
{
	long last = -1;
	unsigned int tag;
	size_t n;

	for (; len > 0; p += 4 + n, len -= 4 + n, last = tag) {
		if (len < 4 || le16_get(p + 2) > len - 4)
			return bad(e, "HEAD ends inside a field");
		tag = le16_get(p);
		n = le16_get(p + 2);
		if ((long)tag <= last)
			return err_set(e, ERR_CORRUPT, "HEAD has field %u twice or out of order", tag);
		if (tag >= 0x8000)
			return err_set(e, ERR_CORRUPT, "HEAD has critical field %u, unknown here", tag);
		if (tag == 0 || tag >= WIRE_FIELDS)
			continue;
		if (n == 0 || n > WIRE_FIELD_MAX || memchr(p + 4, 0, n))
			return err_set(e, ERR_CORRUPT, "HEAD's field %u is malformed", tag);
		memcpy(h->field[tag], p + 4, n);
	}
	return 0;
}

/* The state a target is at afterwards is named by the stream, but where several became one. */
static int check_state(const struct wire_head *h, struct err *e)
{
	if (!(h->flags & WIRE_HEAD_MERGED)) {
		if (!wire_id_same(h->state_id, h->stream_id))
			return bad(e, "HEAD's state id is not the stream's");
		return 0;
	}
	if (h->flags & WIRE_HEAD_PASSES)
		return bad(e, "HEAD is of a merged stream and announces more than one pass");
	if (wire_id_is_zero(h->state_id))
		return bad(e, "HEAD is of a merged stream and has no state id");
	return 0;
}

static int check_kind(const struct wire_head *h, struct err *e)
{
	const bool parent = !wire_id_is_zero(h->parent_id);

	switch (h->kind) {
	case WIRE_FULL:
		if (parent || h->since != 0 || h->parent_size != 0)
			return bad(e, "HEAD is of a full stream and names a parent");
		break;
	case WIRE_INCREMENTAL:
		if (h->parent_size == 0 || h->parent_size > h->size)
			return bad(e, "HEAD is of an incremental stream, and its parent's size does not fit");
		break;
	case WIRE_REVERSE:
		if (!parent || h->parent_size == 0 || h->since != 0)
			return bad(e, "HEAD is of a reverse stream, and its parent is not named rightly");
		if (h->flags & WIRE_HEAD_MERGED)
			return bad(e, "HEAD is of a reverse stream and says that it was merged");
		return 0;
	default:
		return err_set(e, ERR_CORRUPT, "HEAD has kind %u, unknown here", h->kind);
	}
	if (check_state(h, e))
		return -1;
	if (h->era_c != 0 && h->era_c < h->since)
		return bad(e, "HEAD's era is below the one it starts from");
	return 0;
}

int wire_get_head(const uint8_t *in, size_t len, struct wire_head *h, struct err *e)
{
	memset(h, 0, sizeof(*h));
	if (len < WIRE_HEAD_LEN)
		return bad(e, "HEAD is too short");
	memcpy(h->stream_id, in, WIRE_ID_LEN);
	memcpy(h->state_id, in + 16, WIRE_ID_LEN);
	memcpy(h->parent_id, in + 32, WIRE_ID_LEN);
	memcpy(h->generation, in + 48, WIRE_ID_LEN);
	h->since = le64_get(in + 64);
	h->era_c = le64_get(in + 72);
	h->size = le64_get(in + 80);
	h->parent_size = le64_get(in + 88);
	h->time = le64_get(in + 96);
	h->granule = le64_get(in + 104);
	h->sector = le32_get(in + 112);
	h->kind = in[116];
	h->cut = in[117];
	h->consistency = in[118];
	h->flags = in[119];
	h->still_us = le64_get(in + 120);
	if (h->size == 0 || h->size > WIRE_SIZE_MAX || h->parent_size > WIRE_SIZE_MAX)
		return bad(e, "HEAD's device size is out of range");
	if (h->granule == 0 || h->granule % 512 != 0 || h->granule > WIRE_GRANULE_MAX)
		return bad(e, "HEAD's granule is not a multiple of 512, or out of range");
	if (h->sector < 512 || h->sector > 65536 || (h->sector & (h->sector - 1)) != 0)
		return bad(e, "HEAD's sector size is not a power of two, or out of range");
	if (h->cut < WIRE_CUT_NONE || h->cut > WIRE_CUT_SNAPSHOT ||
	    h->consistency < WIRE_CALLERS || h->consistency > WIRE_FS_CONSISTENT ||
	    (h->flags & ~(WIRE_HEAD_PASSES | WIRE_HEAD_MERGED)) != 0)
		return bad(e, "HEAD has a cut, consistency or flag unknown here");
	if (check_kind(h, e))
		return -1;
	return get_fields(in + WIRE_HEAD_LEN, len - WIRE_HEAD_LEN, h, e);
}

/* Section 5.2 */

void wire_put_pass(uint8_t out[WIRE_PASS_LEN], const struct wire_pass *p)
{
	le32_put(out, p->number);
	le32_put(out + 4, 0);
	le64_put(out + 8, p->since);
	le64_put(out + 16, p->era_c);
}

int wire_get_pass(const uint8_t *in, size_t len, struct wire_pass *p, struct err *e)
{
	if (len != WIRE_PASS_LEN || !all_zero(in + 4, 4))
		return bad(e, "PASS is malformed");
	p->number = le32_get(in);
	p->since = le64_get(in + 8);
	p->era_c = le64_get(in + 16);
	if (p->number == 0 || p->number > WIRE_PASSES_MAX)
		return bad(e, "PASS has a number out of range");
	return 0;
}

/* Section 5.3 */

void wire_put_extent(uint8_t out[WIRE_EXTENT_LEN], const struct wire_extent *x)
{
	le64_put(out, x->offset);
	le64_put(out + 8, x->len);
}

void wire_get_extent(const uint8_t in[WIRE_EXTENT_LEN], struct wire_extent *x)
{
	x->offset = le64_get(in);
	x->len = le64_get(in + 8);
}

/* Section 5.5 */

void wire_put_end(uint8_t out[WIRE_END_LEN], const struct wire_end *d)
{
	memset(out, 0, WIRE_END_LEN);
	le64_put(out, d->era_c);
	le64_put(out + 8, d->frames);
	le64_put(out + 16, d->data_frames);
	le64_put(out + 24, d->zero_frames);
	le64_put(out + 32, d->data_bytes);
	le64_put(out + 40, d->zero_bytes);
	le64_put(out + 48, d->stored_bytes);
	le32_put(out + 56, d->passes);
	out[60] = d->consistency;
	le64_put(out + 64, d->still_us);
	memcpy(out + 72, d->digest, 16);
}

int wire_get_end(const uint8_t *in, size_t len, struct wire_end *d, struct err *e)
{
	if (len != WIRE_END_LEN || !all_zero(in + 61, 3))
		return bad(e, "END is malformed");
	d->era_c = le64_get(in);
	d->frames = le64_get(in + 8);
	d->data_frames = le64_get(in + 16);
	d->zero_frames = le64_get(in + 24);
	d->data_bytes = le64_get(in + 32);
	d->zero_bytes = le64_get(in + 40);
	d->stored_bytes = le64_get(in + 48);
	d->passes = le32_get(in + 56);
	d->consistency = in[60];
	d->still_us = le64_get(in + 64);
	memcpy(d->digest, in + 72, 16);
	if (d->consistency < WIRE_CALLERS || d->consistency > WIRE_FS_CONSISTENT)
		return bad(e, "END has a consistency unknown here");
	return 0;
}

/* Section 5.6 */

void wire_put_index(uint8_t out[WIRE_INDEX_LEN], uint64_t previous, uint32_t entries)
{
	le64_put(out, previous);
	le32_put(out + 8, entries);
	le32_put(out + 12, 0);
}

int wire_get_index(const uint8_t *in, size_t len, uint64_t *previous, uint32_t *entries, struct err *e)
{
	if (len < WIRE_INDEX_LEN || len != WIRE_INDEX_LEN + (uint64_t)le32_get(in + 8) * WIRE_ENTRY_LEN)
		return bad(e, "INDEX has not the length of its entries");
	*previous = le64_get(in);
	*entries = le32_get(in + 8);
	return 0;
}

void wire_get_entry(const uint8_t in[WIRE_ENTRY_LEN], struct wire_entry *n)
{
	n->offset = le64_get(in);
	n->len = le64_get(in + 8);
	n->position = le64_get(in + 16);
	n->stored_len = le32_get(in + 24);
	n->pass = le32_get(in + 28);
	n->type = in[32];
}

void wire_put_entry(uint8_t out[WIRE_ENTRY_LEN], const struct wire_entry *n)
{
	memset(out, 0, WIRE_ENTRY_LEN);
	le64_put(out, n->offset);
	le64_put(out + 8, n->len);
	le64_put(out + 16, n->position);
	le32_put(out + 24, n->stored_len);
	le32_put(out + 28, n->pass);
	out[32] = n->type;
}

/* Section 6 */

void wire_put_footer(uint8_t out[WIRE_FOOTER_LEN], const struct wire_footer *f,
		     const uint8_t id[WIRE_ID_LEN])
{
	memset(out, 0, WIRE_FOOTER_LEN);
	memcpy(out, footer_magic, 8);
	le64_put(out + 8, f->end_position);
	le64_put(out + 16, f->index_position);
	le64_put(out + 24, f->length);
	le64_put(out + 40, hash64_two(id, WIRE_ID_LEN, out, 40));
}

int wire_get_footer(const uint8_t in[WIRE_FOOTER_LEN], struct wire_footer *f,
		    const uint8_t id[WIRE_ID_LEN], struct err *e)
{
	if (memcmp(in, footer_magic, 8) != 0)
		return bad(e, "the footer is missing");
	if (le64_get(in + 40) != hash64_two(id, WIRE_ID_LEN, in, 40))
		return bad(e, "the footer's checksum is wrong, or it is of another stream");
	if (!all_zero(in + 32, 8))
		return bad(e, "the footer uses what this version keeps free");
	f->end_position = le64_get(in + 8);
	f->index_position = le64_get(in + 16);
	f->length = le64_get(in + 24);
	return 0;
}

/* Words */

#define NAME(table, i) ((i) < sizeof(table) / sizeof((table)[0]) && (table)[i] ? (table)[i] : "?")

const char *wire_kind_name(uint8_t kind)
{
	static const char *const names[] = {NULL, "full", "incremental", "reverse"};

	return NAME(names, kind);
}

const char *wire_type_name(uint8_t type)
{
	static const char *const names[] = {NULL, "HEAD", "MAP", "DATA", "ZERO", "PASS", "END", "INDEX"};

	return NAME(names, type);
}

const char *wire_cut_name(uint8_t cut)
{
	static const char *const names[] = {NULL, "none", "fence", "freeze", "snapshot"};

	return NAME(names, cut);
}

const char *wire_consistency_name(uint8_t consistency)
{
	static const char *const names[] = {NULL, "caller", "converging", "crash-consistent",
					    "filesystem-consistent"};

	return NAME(names, consistency);
}

const char *wire_field_name(unsigned int tag)
{
	static const char *const names[] = {NULL,     "host", "device", "fs_type", "fs_uuid",
					    "fs_label", "tool", "kernel", "metadata", "undoes"};

	return NAME(names, tag);
}
