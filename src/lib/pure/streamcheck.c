/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/streamcheck.h"

#include <string.h>

#include "words/hash.h"

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, "%s", what);
}

/* Runs */

static void runsum_flush(struct runsum *r)
{
	const struct wire_extent x = {r->offset, r->len};
	uint8_t raw[WIRE_EXTENT_LEN];

	if (r->len == 0)
		return;
	wire_put_extent(raw, &x);
	hash_add(r->hash, raw, sizeof(raw));
	r->len = 0;
}

static void runsum_add(struct runsum *r, uint64_t offset, uint64_t len)
{
	r->bytes += len;
	if (r->len > 0 && r->offset + r->len == offset) {
		r->len += len;
		return;
	}
	runsum_flush(r);
	r->offset = offset;
	r->len = len;
}

static int runsum_reset(struct runsum *r, struct err *e)
{
	hash_free(r->hash);
	memset(r, 0, sizeof(*r));
	r->hash = hash_new();
	return r->hash ? 0 : err_set(e, ERR_RUNTIME, "no memory for a checksum");
}

static bool runsum_equal(struct runsum *a, struct runsum *b)
{
	uint8_t sum_a[HASH128_LEN];
	uint8_t sum_b[HASH128_LEN];

	runsum_flush(a);
	runsum_flush(b);
	hash_get(a->hash, sum_a);
	hash_get(b->hash, sum_b);
	return a->bytes == b->bytes && memcmp(sum_a, sum_b, HASH128_LEN) == 0;
}

/* Begin and end */

int streamcheck_init(struct streamcheck *c, const uint8_t preamble[WIRE_PREAMBLE_LEN],
		     struct err *e)
{
	memset(c, 0, sizeof(*c));
	c->digest = hash_new();
	if (!c->digest)
		return err_set(e, ERR_RUNTIME, "no memory for a checksum");
	hash_add(c->digest, preamble, WIRE_PREAMBLE_LEN);
	memcpy(c->head.stream_id, preamble + 16, WIRE_ID_LEN);
	return 0;
}

void streamcheck_fini(struct streamcheck *c)
{
	hash_free(c->digest);
	hash_free(c->mapped.hash);
	hash_free(c->covered.hash);
	c->digest = NULL;
	c->mapped.hash = NULL;
	c->covered.hash = NULL;
}

/* Headers */

/* Section 5.3: what the MAP of the first pass must have at least. c->mapped has its last extent. */
static int check_first_map(const struct streamcheck *c, struct err *e)
{
	const struct runsum *last = &c->mapped;
	const uint64_t end = last->len ? last->offset + last->len : 0;

	if (c->pass.number != 1)
		return 0;
	if (c->head.kind == WIRE_FULL && (last->offset != 0 || last->len != c->head.size))
		return bad(e, "the MAP of a full stream is not the whole device");
	if (c->head.size > c->head.parent_size && c->head.kind != WIRE_FULL &&
	    (end != c->head.size || last->offset > c->head.parent_size))
		return bad(e, "the MAP has not the space by which the device grew");
	return 0;
}

/* A pass ends where the next begins, and at END. */
static int check_coverage(struct streamcheck *c, struct err *e)
{
	if (check_first_map(c, e))
		return -1;
	if (!runsum_equal(&c->mapped, &c->covered))
		return bad(e, "the pass's extents are not those of its MAP");
	return 0;
}

/* Section 2: what may stand behind what. */
static int check_order(const struct streamcheck *c, uint8_t type, struct err *e)
{
	const uint8_t last = c->last_type;
	bool good = false;

	switch (type) {
	case WIRE_HEAD:
		good = last == 0;
		break;
	case WIRE_PASS:
		good = last == WIRE_HEAD || last == WIRE_MAP || last == WIRE_DATA || last == WIRE_ZERO;
		break;
	case WIRE_MAP:
		good = last == WIRE_PASS || (last == WIRE_MAP && !c->map_short);
		break;
	case WIRE_DATA:
	case WIRE_ZERO:
	case WIRE_END:
		good = last == WIRE_MAP || last == WIRE_DATA || last == WIRE_ZERO;
		break;
	case WIRE_INDEX:
		good = c->index_due || (last == WIRE_END && c->end_position != 0);
		break;
	default: /* optional */
		good = last != 0 && c->end_position == 0;
	}
	if (c->index_due && type != WIRE_INDEX)
		good = false;
	if (good)
		return 0;
	return err_set(e, ERR_CORRUPT, "%s may not stand here", wire_type_name(type));
}

static int check_extent(struct streamcheck *c, const struct wire_header *h, uint64_t position,
			struct err *e)
{
	const struct wire_entry n = {
		.offset = h->offset,
		.len = h->logical_len,
		.position = position,
		.stored_len = h->stored_len,
		.pass = c->pass.number,
		.type = h->type,
	};

	if (h->offset < c->next_offset)
		return bad(e, "an extent begins before the one before it ends");
	if (h->offset > c->head.size || h->logical_len > c->head.size - h->offset)
		return bad(e, "an extent reaches beyond the device");
	c->next_offset = h->offset + h->logical_len;
	runsum_add(&c->covered, h->offset, h->logical_len);
	if (h->type == WIRE_DATA) {
		c->end.data_frames++;
		c->end.data_bytes += h->logical_len;
		c->end.stored_bytes += h->stored_len;
	} else {
		c->end.zero_frames++;
		c->end.zero_bytes += h->logical_len;
	}
	streamindex_add(&c->index, &n);
	c->index_due = streamindex_full(&c->index);
	return 0;
}

int streamcheck_header(struct streamcheck *c, const struct wire_header *h,
		       const uint8_t raw[WIRE_HEADER_LEN], uint64_t position, struct err *e)
{
	if (h->seq != c->frames)
		return err_set(e, ERR_CORRUPT, "frame %llu stands where frame %llu is due",
			       (unsigned long long)h->seq, (unsigned long long)c->frames);
	if (check_order(c, h->type, e))
		return -1;
	if (h->type == WIRE_END || (h->type == WIRE_PASS && c->pass.number > 0))
		if (check_coverage(c, e))
			return -1;
	if (h->type == WIRE_END)
		c->end_position = position;
	else if (c->end_position == 0)
		hash_add(c->digest, raw, WIRE_HEADER_LEN);
	if (h->type == WIRE_DATA || h->type == WIRE_ZERO)
		if (check_extent(c, h, position, e))
			return -1;
	c->frames++;
	if (h->type >= WIRE_HEAD && h->type <= WIRE_END)
		c->last_type = h->type;
	return 0;
}

/* Contents */

static int on_head(struct streamcheck *c, const uint8_t *content, size_t len, struct err *e)
{
	struct wire_head head;

	if (wire_get_head(content, len, &head, e))
		return -1;
	if (!wire_id_same(head.stream_id, c->head.stream_id))
		return bad(e, "HEAD names another stream than the preamble");
	c->head = head;
	return 0;
}

static int on_pass(struct streamcheck *c, const uint8_t *content, size_t len, struct err *e)
{
	struct wire_pass pass;

	if (wire_get_pass(content, len, &pass, e))
		return -1;
	if (pass.number != c->pass.number + 1)
		return bad(e, "the passes are not numbered in order");
	if (pass.number > 1 && !(c->head.flags & WIRE_HEAD_PASSES))
		return bad(e, "a second pass comes where HEAD says there is one");
	if (pass.number == 1 && pass.since != c->head.since)
		return bad(e, "the first pass does not start where HEAD says");
	if (pass.number == 1 ? pass.era_c != c->head.era_c
			     : (pass.era_c < c->pass.era_c || pass.since > c->pass.era_c ||
				(pass.era_c == 0) != (c->pass.era_c == 0)))
		return bad(e, "the pass's eras do not fit those before");
	c->pass = pass;
	c->next_offset = 0;
	c->map_bytes = 0;
	c->map_short = false;
	return runsum_reset(&c->mapped, e) || runsum_reset(&c->covered, e) ? -1 : 0;
}

static int check_mapped(const struct streamcheck *c, const struct wire_extent *x, struct err *e)
{
	const uint64_t end = x->offset + x->len;

	if (x->len == 0 || end < x->offset || end > c->head.size)
		return bad(e, "an extent of the MAP is empty or reaches beyond the device");
	if (x->offset % c->head.granule != 0 ||
	    (end % c->head.granule != 0 && end != c->head.size))
		return bad(e, "an extent of the MAP is not of whole era blocks");
	if (c->mapped.len > 0 && x->offset <= c->mapped.offset + c->mapped.len)
		return bad(e, "the extents of the MAP are not in order");
	return 0;
}

static int on_map(struct streamcheck *c, const uint8_t *content, size_t len, struct err *e)
{
	struct wire_extent x;
	size_t at;

	if (len % WIRE_EXTENT_LEN != 0)
		return bad(e, "MAP ends inside an extent");
	if (len == 0 && c->map_bytes > 0)
		return bad(e, "an empty MAP follows another");
	for (at = 0; at < len; at += WIRE_EXTENT_LEN) {
		wire_get_extent(content + at, &x);
		if (check_mapped(c, &x, e))
			return -1;
		runsum_add(&c->mapped, x.offset, x.len);
		c->map_bytes += x.len;
		c->map_bytes_total += x.len;
	}
	c->map_short = len < (size_t)WIRE_EXTENTS_MAX * WIRE_EXTENT_LEN;
	return 0;
}

static int on_end(struct streamcheck *c, const uint8_t *content, size_t len, struct err *e)
{
	struct wire_end d;
	uint8_t digest[HASH128_LEN];

	if (wire_get_end(content, len, &d, e))
		return -1;
	hash_get(c->digest, digest);
	if (memcmp(d.digest, digest, sizeof(digest)) != 0)
		return bad(e, "END's digest is not that of what came before");
	/* END itself is counted in frames by now. */
	if (d.frames != c->frames - 1 || d.data_frames != c->end.data_frames ||
	    d.zero_frames != c->end.zero_frames || d.data_bytes != c->end.data_bytes ||
	    d.zero_bytes != c->end.zero_bytes || d.stored_bytes != c->end.stored_bytes ||
	    d.passes != c->pass.number)
		return bad(e, "END's counts are not those of what came before");
	if (d.era_c != c->pass.era_c)
		return bad(e, "END's era is not that of the last pass");
	c->end = d;
	return 0;
}

static int on_index(struct streamcheck *c, uint64_t position, const uint8_t *content, size_t len,
		    struct err *e)
{
	if (len != streamindex_finish(&c->index) || memcmp(content, c->index.piece, len) != 0)
		return bad(e, "INDEX does not say where the frames are");
	streamindex_next(&c->index, position);
	c->index_due = false;
	if (c->end_position != 0)
		c->last_type = WIRE_INDEX;
	return 0;
}

int streamcheck_content(struct streamcheck *c, const struct wire_header *h, uint64_t position,
			const uint8_t *content, struct err *e)
{
	const size_t len = (size_t)h->logical_len;

	switch (h->type) {
	case WIRE_HEAD:
		return on_head(c, content, len, e);
	case WIRE_PASS:
		return on_pass(c, content, len, e);
	case WIRE_MAP:
		return on_map(c, content, len, e);
	case WIRE_END:
		return on_end(c, content, len, e);
	case WIRE_INDEX:
		return on_index(c, position, content, len, e);
	default:
		return bad(e, "a frame of this type has no content to check");
	}
}

bool streamcheck_complete(const struct streamcheck *c)
{
	return c->last_type == WIRE_INDEX;
}

int streamcheck_footer(const struct streamcheck *c, const uint8_t in[WIRE_FOOTER_LEN],
		       uint64_t position, struct err *e)
{
	struct wire_footer f;

	if (wire_get_footer(in, &f, c->head.stream_id, e))
		return -1;
	if (f.end_position != c->end_position || f.index_position != c->index.previous ||
	    f.length != position + WIRE_FOOTER_LEN)
		return bad(e, "the footer does not say where END, INDEX and the end are");
	return 0;
}
