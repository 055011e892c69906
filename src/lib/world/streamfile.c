/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/streamfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/num.h"
#include "world/streamin.h"
#include "world/zst.h"

/* Preamble, HEAD, PASS, an empty MAP, END, INDEX, footer: without what they store, which may be compressed. */
#define LENGTH_MIN (WIRE_PREAMBLE_LEN + 5 * WIRE_HEADER_LEN + WIRE_FOOTER_LEN)
#define HEAD_POSITION WIRE_PREAMBLE_LEN

#define ull unsigned long long

static int bad(const struct streamfile *s, uint64_t position, const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "%s: at byte %llu: %s", s->name, (ull)position, what);
}

static int ended(const struct streamfile *s, uint64_t position, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "%s: ends at byte %llu, where it had %llu bytes", s->name, (ull)position,
		       (ull)s->length);
}

/* Exactly len bytes. */
static int take(const struct streamfile *s, uint64_t position, void *buf, size_t len, struct err *e)
{
	size_t got;

	if (fdio_pread(s->fd, s->name, buf, len, position, &got, e))
		return -1;
	return got == len ? 0 : ended(s, position + got, e);
}

/* Is there a header and `stored` bytes more before the footer? */
static int check_room(const struct streamfile *s, uint64_t position, uint64_t stored, struct err *e)
{
	const uint64_t end = s->length - WIRE_FOOTER_LEN;

	if (position >= HEAD_POSITION && position <= end && WIRE_HEADER_LEN + stored <= end - position)
		return 0;
	return bad(s, position, "there is no room for a frame", e);
}

static int get_header(const struct streamfile *s, uint64_t position, const uint8_t raw[WIRE_HEADER_LEN],
		      uint8_t type, struct wire_header *h, struct err *e)
{
	if (wire_get_header(raw, h, s->head.stream_id, e))
		return err_prefix(e, "%s: at byte %llu", s->name, (ull)position);
	if (h->type != type)
		return bad(s, position, "the frame is of another type than it should be", e);
	return 0;
}

/* A frame that is no extent, verified and decoded. */
struct frame {
	struct streamin_frame f;
	uint8_t *stored;
	uint8_t *room;
	const uint8_t *content;
	size_t len;
	uint64_t end; /* position behind it */
};

static void frame_free(struct frame *f)
{
	free(f->stored);
	free(f->room);
	memset(f, 0, sizeof(*f));
}

/* Free it with frame_free, also after a failure. */
static int take_frame(const struct streamfile *s, uint64_t position, uint8_t type, struct frame *f,
		      struct err *e)
{
	struct wire_header *h = &f->f.header;
	struct zst *zst = s->zst;
	uint8_t raw[WIRE_HEADER_LEN];
	int rc = -1;

	memset(f, 0, sizeof(*f));
	if (check_room(s, position, 0, e) || take(s, position, raw, sizeof(raw), e) ||
	    get_header(s, position, raw, type, h, e) || check_room(s, position, h->stored_len, e))
		return -1;
	f->f.position = position;
	f->len = (size_t)h->logical_len;
	f->end = position + WIRE_HEADER_LEN + h->stored_len;
	f->stored = malloc(h->stored_len + 1u);
	f->room = malloc(f->len + 1);
	if (!zst)
		zst = zst_new();
	if (!f->stored || !f->room || !zst)
		err_set(e, ERR_RUNTIME, "%s: no memory to read a frame", s->name);
	else if (take(s, position + WIRE_HEADER_LEN, f->stored, h->stored_len, e) == 0)
		rc = streamin_decode(&f->f, s->name, zst, f->stored, f->room, &f->content, e);
	if (zst != s->zst)
		zst_free(zst);
	return rc;
}

/* Head and tail */

static int open_file(struct streamfile *s, struct err *e)
{
	struct stat st;

	s->fd = open(s->name, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		return err_sys(e, "%s: cannot open", s->name);
	if (fstat(s->fd, &st))
		return err_sys(e, "%s: cannot open", s->name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: is no file", s->name);
	s->length = (uint64_t)st.st_size;
	if (s->length < LENGTH_MIN)
		return err_set(e, ERR_CORRUPT, "%s: has %llu bytes, less than any stream", s->name, (ull)s->length);
	return 0;
}

static int get_head(struct streamfile *s, struct err *e)
{
	uint8_t raw[WIRE_PREAMBLE_LEN];
	uint8_t id[WIRE_ID_LEN];
	struct frame f = {0};
	int rc = -1;

	if (take(s, 0, raw, sizeof(raw), e))
		return -1;
	if (wire_get_preamble(raw, id, e))
		return err_prefix(e, "%s", s->name);
	memcpy(s->head.stream_id, id, WIRE_ID_LEN);
	if (take_frame(s, HEAD_POSITION, WIRE_HEAD, &f, e))
		goto out;
	if (wire_get_head(f.content, f.len, &s->head, e))
		err_prefix(e, "%s: at byte %u", s->name, HEAD_POSITION);
	else if (!wire_id_same(id, s->head.stream_id))
		bad(s, HEAD_POSITION, "HEAD names another stream than the preamble", e);
	else
		rc = 0;
out:
	frame_free(&f);
	return rc;
}

/* What END says of itself and of HEAD. */
static int check_end(const struct streamfile *s, const struct frame *f, uint64_t index_position, struct err *e)
{
	const struct wire_end *d = &s->end;

	if (f->end != index_position || f->f.header.seq != d->frames)
		return bad(s, f->f.position, "END does not stand before the last INDEX, or miscounts", e);
	if (d->passes < 1 || d->passes > WIRE_PASSES_MAX ||
	    (d->passes > 1 && !(s->head.flags & WIRE_HEAD_PASSES)) || d->era_c < s->head.era_c)
		return bad(s, f->f.position, "END does not fit HEAD", e);
	if (d->data_frames > s->length / WIRE_HEADER_LEN || d->zero_frames > s->length / WIRE_HEADER_LEN)
		return bad(s, f->f.position, "END counts more frames than there is room for", e);
	return 0;
}

/* The footer and END; *index_position is that of the last INDEX. */
static int get_tail(struct streamfile *s, uint64_t *index_position, struct err *e)
{
	const uint64_t position = s->length - WIRE_FOOTER_LEN;
	uint8_t raw[WIRE_FOOTER_LEN];
	struct wire_footer foot;
	struct frame f = {0};
	int rc = -1;

	if (take(s, position, raw, sizeof(raw), e))
		return -1;
	if (wire_get_footer(raw, &foot, s->head.stream_id, e)) {
		err_prefix(e, "%s: at byte %llu", s->name, (ull)position);
		return err_hint(e, "the file is not whole: it was truncated, or changed since it was written");
	}
	if (foot.length != s->length)
		return bad(s, position, "the footer says another length than the file has", e);
	if (take_frame(s, foot.end_position, WIRE_END, &f, e))
		goto out;
	if (wire_get_end(f.content, f.len, &s->end, e)) {
		err_prefix(e, "%s: at byte %llu", s->name, (ull)foot.end_position);
		goto out;
	}
	rc = check_end(s, &f, foot.index_position, e);
	s->nr_entries = s->end.data_frames + s->end.zero_frames;
	*index_position = foot.index_position;
	s->end_position = foot.end_position;
out:
	frame_free(&f);
	return rc;
}

static int look(struct streamfile *s, const char *name, uint64_t *index_position, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->name = name;
	s->zst = zst_new();
	return open_file(s, e) || get_head(s, e) || get_tail(s, index_position, e) ? -1 : 0;
}

/* It is read: hundreds may stay open, and a decompressor is large. */
static void drop_zst(struct streamfile *s)
{
	zst_free(s->zst);
	s->zst = NULL;
}

int streamfile_look(struct streamfile *s, const char *name, struct err *e)
{
	uint64_t index_position;
	const int rc = look(s, name, &index_position, e);

	drop_zst(s);
	return rc;
}

void streamfile_close(struct streamfile *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->pieces);
	s->fd = -1;
	s->pieces = NULL;
}

/* The index */

/* An entry by itself. */
static bool entry_fits(const struct streamfile *s, const struct wire_entry *n)
{
	if ((n->type != WIRE_DATA && n->type != WIRE_ZERO) || n->pass < 1 || n->pass > s->end.passes ||
	    n->len == 0 || n->offset > s->head.size || n->len > s->head.size - n->offset)
		return false;
	if (n->position < HEAD_POSITION + WIRE_HEADER_LEN || n->position > s->end_position ||
	    WIRE_HEADER_LEN + (uint64_t)n->stored_len > s->end_position - n->position)
		return false;
	if (n->type == WIRE_ZERO)
		return n->stored_len == 0;
	return n->len <= WIRE_CONTENT_MAX && n->stored_len <= n->len && n->stored_len > 0 &&
	       n->offset / WIRE_MIB == (n->offset + n->len - 1) / WIRE_MIB;
}

/* May b be the entry behind a? */
static bool entry_follows(const struct wire_entry *a, const struct wire_entry *b)
{
	if (b->position < a->position + WIRE_HEADER_LEN + a->stored_len || b->pass < a->pass)
		return false;
	return b->pass > a->pass || b->offset >= a->offset + a->len;
}

/* The entries a piece must have: all pieces but the last are full. */
static uint32_t piece_entries(const struct streamfile *s, uint32_t piece)
{
	return piece + 1 < s->nr_pieces ? WIRE_ENTRIES_MAX : (uint32_t)(s->nr_entries % WIRE_ENTRIES_MAX);
}

/* A piece as it stands in the file, checked; *previous is the position of the one before. */
static int get_piece(const struct streamfile *s, uint32_t piece, struct wire_entry *entries, uint64_t *previous,
		     uint64_t *end, struct err *e)
{
	const uint64_t position = s->pieces[piece];
	const uint32_t nr = piece_entries(s, piece);
	struct frame f;
	uint32_t said;
	uint32_t i;
	int rc = -1;

	if (take_frame(s, position, WIRE_INDEX, &f, e))
		goto out;
	if (wire_get_index(f.content, f.len, previous, &said, e)) {
		err_prefix(e, "%s: at byte %llu", s->name, (ull)position);
		goto out;
	}
	if (said != nr) {
		bad(s, position, "INDEX has not as many entries as it should", e);
		goto out;
	}
	*end = f.end;
	for (i = 0; i < nr; i++) {
		wire_get_entry(f.content + WIRE_INDEX_LEN + (size_t)i * WIRE_ENTRY_LEN, &entries[i]);
		if (entry_fits(s, &entries[i]) && (i == 0 || entry_follows(&entries[i - 1], &entries[i])))
			continue;
		bad(s, position, "INDEX has an entry that cannot be", e);
		goto out;
	}
	rc = 0;
out:
	frame_free(&f);
	return rc;
}

int streamfile_piece(const struct streamfile *s, uint32_t piece, struct wire_entry *entries, uint32_t *nr,
		     struct err *e)
{
	uint64_t previous;
	uint64_t end;

	*nr = piece_entries(s, piece);
	return get_piece(s, piece, entries, &previous, &end, e);
}

/* What is added up while the index is read from its end. */
struct sums {
	struct wire_entry after; /* the first entry of the piece behind; len 0: none */
	uint64_t data;
	uint64_t zero;
	uint64_t stored;
	uint64_t data_bytes;
};

static int add_piece(struct streamfile *s, uint32_t piece, const struct wire_entry *entries, struct sums *t,
		     struct err *e)
{
	const uint64_t first = (uint64_t)piece * WIRE_ENTRIES_MAX;
	uint32_t i = piece_entries(s, piece);

	if (i > 0 && t->after.len > 0 && !entry_follows(&entries[i - 1], &t->after))
		return bad(s, s->pieces[piece], "INDEX does not lead on to the next", e);
	while (i-- > 0) {
		const struct wire_entry *n = &entries[i];

		s->starts[n->pass] = first + i;
		if (n->type == WIRE_ZERO) {
			t->zero += n->len;
			continue;
		}
		t->data++;
		t->data_bytes += n->len;
		t->stored += n->stored_len;
	}
	if (piece_entries(s, piece) > 0)
		t->after = entries[0];
	return 0;
}

/* From the last piece to the first, each checked with what lies behind it. */
static int walk_pieces(struct streamfile *s, uint64_t position, struct wire_entry *entries, struct sums *t,
		       struct err *e)
{
	const uint64_t last_end = s->length - WIRE_FOOTER_LEN;
	uint32_t i = s->nr_pieces;
	uint64_t behind = last_end; /* where what stands behind the piece begins */
	uint64_t end;

	while (i-- > 0) {
		s->pieces[i] = position;
		if (position >= behind || get_piece(s, i, entries, &position, &end, e) || end > behind ||
		    (behind == last_end && end != behind) || add_piece(s, i, entries, t, e))
			return bad(s, s->pieces[i], "INDEX does not stand where it should", e);
		behind = s->pieces[i];
	}
	if (position != 0)
		return bad(s, s->pieces[0], "INDEX names one before it, and should be the first", e);
	return 0;
}

static int check_sums(const struct streamfile *s, const struct sums *t, struct err *e)
{
	const struct wire_end *d = &s->end;

	if (t->data == d->data_frames && t->data_bytes == d->data_bytes && t->zero == d->zero_bytes &&
	    t->stored == d->stored_bytes)
		return 0;
	return bad(s, s->end_position, "the entries of INDEX are not what END counts", e);
}

/* Passes without an entry begin where the next does. */
static void fill_starts(struct streamfile *s)
{
	uint32_t p;

	for (p = s->end.passes; p >= 1; p--)
		s->starts[p] = num_min(s->starts[p], s->starts[p + 1]);
}

static int get_index(struct streamfile *s, uint64_t index_position, struct err *e)
{
	struct wire_entry *entries = malloc(WIRE_ENTRIES_MAX * sizeof(*entries));
	struct sums t = {0};
	uint32_t p;
	int rc = -1;

	/* At most as many as the file has frames: check_end. */
	s->nr_pieces = (uint32_t)(s->nr_entries / WIRE_ENTRIES_MAX + 1);
	s->pieces = calloc(s->nr_pieces, sizeof(*s->pieces));
	for (p = 0; p < sizeof(s->starts) / sizeof(s->starts[0]); p++)
		s->starts[p] = s->nr_entries;
	if (!entries || !s->pieces)
		err_set(e, ERR_RUNTIME, "%s: no memory for its index", s->name);
	else if (walk_pieces(s, index_position, entries, &t, e) == 0)
		rc = check_sums(s, &t, e);
	fill_starts(s);
	free(entries);
	return rc;
}

int streamfile_open(struct streamfile *s, const char *name, struct err *e)
{
	uint64_t index_position;
	int rc = look(s, name, &index_position, e);

	if (rc == 0) {
		/* Only advice: much of it will be read, and mostly in order. */
		posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		rc = get_index(s, index_position, e);
	}
	drop_zst(s);
	return rc;
}

/* DATA */

int streamfile_data(const struct streamfile *s, const struct wire_entry *n, struct wire_header *h, uint8_t *stored,
		    struct err *e)
{
	uint8_t raw[WIRE_HEADER_LEN];
	size_t got;

	if (check_room(s, n->position, n->stored_len, e) ||
	    fdio_pread2(s->fd, s->name, raw, sizeof(raw), stored, n->stored_len, n->position, &got, e))
		return -1;
	if (got < sizeof(raw) + n->stored_len)
		return ended(s, n->position + got, e);
	if (get_header(s, n->position, raw, WIRE_DATA, h, e))
		return -1;
	if (h->offset != n->offset || h->logical_len != n->len || h->stored_len != n->stored_len)
		return bad(s, n->position, "the frame is not the one that INDEX says", e);
	return 0;
}

/* Walks */

int streamfile_walk_begin(struct streamfile_walk *w, const struct streamfile *s, uint32_t pass, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->s = s;
	w->next = s->starts[pass];
	w->end = s->starts[pass + 1];
	w->piece = s->nr_pieces;
	if (w->next == w->end)
		return 0;
	w->entries = malloc(WIRE_ENTRIES_MAX * sizeof(*w->entries));
	return w->entries ? 0 : err_set(e, ERR_RUNTIME, "%s: no memory for its index", s->name);
}

void streamfile_walk_end(struct streamfile_walk *w)
{
	free(w->entries);
	w->entries = NULL;
	w->next = w->end;
}

int streamfile_walk_next(struct streamfile_walk *w, struct wire_entry *n, struct err *e)
{
	const uint32_t piece = (uint32_t)(w->next / WIRE_ENTRIES_MAX);

	if (w->next == w->end)
		return 0;
	if (piece != w->piece && streamfile_piece(w->s, piece, w->entries, &w->nr, e))
		return -1;
	w->piece = piece;
	*n = w->entries[w->next++ % WIRE_ENTRIES_MAX];
	return 1;
}
