/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/mergecopy.h"

#include <stdlib.h>
#include <string.h>

#include "flow/copyflow.h"
#include "system/lanes.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/pack.h"
#include "world/streamin.h"
#include "world/zst.h"

/*
 * No frame crosses a multiple of 1 MiB of the device. So a batch ends there as soon as it is worth a thread's while,
 * and what is cut out of one frame is cut by one thread, which decodes it once. Between two multiples there is 1 MiB
 * at the most.
 */
#define BATCH_WORTH 524288u
#define BATCH_LEN (BATCH_WORTH + WIRE_MIB)
#define PIECES_MAX 256u

/* Frames that are cut in many pieces, with pieces of others between them, are decoded once a batch. */
#define SLOTS 4u

struct piece {
	struct sweep_segment segment;
	struct wire_header header; /* what is written; ZERO: offset and logical_len only */
	uint32_t at;		   /* of its stored bytes, in the batch */
};

struct batch {
	unsigned int nr_pieces;
	uint32_t used;
	uint8_t *stored;
	struct piece pieces[PIECES_MAX];
};

struct slot {
	const struct streamfile *file; /* NULL: empty */
	uint64_t position;
	uint64_t used; /* when */
	uint8_t *content;
};

struct worker {
	struct zst *zst;
	uint8_t *room; /* WIRE_CONTENT_MAX: as stored, before or after */
	struct slot slots[SLOTS];
	uint64_t clock;
};

struct merge {
	struct sweep *sweep;
	struct streamout *out;
	const struct mergecopy_opts *opts;
	struct mergecopy_result *result;
	struct sweep_segment next; /* not yet in a batch, where there is one */
	int more;		   /* 1: there is; 0: no more; -1: failed */
	struct err failed;
	struct worker *workers;
	struct batch **batches;
	unsigned int nr_batches;
};

/* Fill */

/* What its stored bytes take at the most: moved, they are known; cut out, no more than the piece has. */
static uint64_t room_for(const struct sweep_segment *g)
{
	if (g->entry.type == WIRE_ZERO)
		return 0;
	return g->whole ? g->entry.stored_len : g->len;
}

static bool has_room(const struct batch *b, const struct sweep_segment *g)
{
	if (b->nr_pieces == PIECES_MAX || room_for(g) > BATCH_LEN - b->used)
		return false;
	return b->used < BATCH_WORTH ||
	       g->offset / WIRE_MIB == b->pieces[b->nr_pieces - 1].segment.offset / WIRE_MIB;
}

static int fill(void *ctx, void *slot, struct err *e)
{
	struct merge *m = ctx;
	struct batch *b = slot;
	struct piece *x;

	b->nr_pieces = 0;
	b->used = 0;
	if (stop_check(e))
		return -1;
	while (m->more == 1 && has_room(b, &m->next)) {
		x = &b->pieces[b->nr_pieces++];
		x->segment = m->next;
		x->at = b->used;
		b->used += (uint32_t)room_for(&m->next);
		m->more = sweep_next(m->sweep, &m->next, &m->failed);
	}
	if (b->nr_pieces > 0)
		return 1;
	/* What came before it is written first: the error that is reported is the first one in order. */
	*e = m->failed;
	return m->more;
}

/* Work */

static int move(const struct streamfile *s, struct piece *x, uint8_t *stored, struct err *e)
{
	struct streamin_frame f = {.position = x->segment.entry.position};

	if (streamfile_data(s, &x->segment.entry, &f.header, stored, e) || streamin_check(&f, s->name, stored, e))
		return -1;
	x->header = f.header;
	return 0;
}

/* The decoded frame, which stays valid until SLOTS others were asked for. */
static const uint8_t *content(struct worker *w, const struct streamfile *s, const struct wire_entry *n, struct err *e)
{
	struct streamin_frame f = {.position = n->position};
	struct slot *oldest = &w->slots[0];
	const uint8_t *p;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		struct slot *c = &w->slots[i];

		if (c->used < oldest->used)
			oldest = c;
		if (c->file != s || c->position != n->position)
			continue;
		c->used = ++w->clock;
		return c->content;
	}
	oldest->file = NULL;
	if (streamfile_data(s, n, &f.header, w->room, e) ||
	    streamin_decode(&f, s->name, w->zst, w->room, oldest->content, &p, e))
		return NULL;
	if (p != oldest->content)
		memcpy(oldest->content, p, n->len);
	*oldest = (struct slot){s, n->position, ++w->clock, oldest->content};
	return oldest->content;
}

/* A part of a frame becomes a frame. */
static int recode(struct worker *w, const struct streamfile *s, struct piece *x, int level, uint8_t *stored,
		  struct err *e)
{
	const struct sweep_segment *g = &x->segment;
	const uint8_t *p = content(w, s, &g->entry, e);
	const void *packed;

	if (!p)
		return -1;
	p += g->offset - g->entry.offset;
	x->header = (struct wire_header){.type = WIRE_DATA, .offset = g->offset, .logical_len = g->len};
	if (copyflow_is_zero(p, g->len)) {
		x->header.type = WIRE_ZERO;
		return 0;
	}
	if (pack(&x->header, w->zst, level, p, g->len, w->room, WIRE_CONTENT_MAX, &packed, e))
		return -1;
	memcpy(stored, packed, x->header.stored_len);
	return 0;
}

static int work(void *ctx, void *slot, unsigned int worker, struct err *e)
{
	struct merge *m = ctx;
	struct batch *b = slot;
	struct worker *w = &m->workers[worker];
	unsigned int i;

	for (i = 0; i < b->nr_pieces; i++) {
		struct piece *x = &b->pieces[i];
		const struct sweep_segment *g = &x->segment;
		const struct streamfile *s = m->opts->walks[g->layer].s;

		if (g->entry.type == WIRE_ZERO)
			x->header = (struct wire_header){.type = WIRE_ZERO, .offset = g->offset, .logical_len = g->len};
		else if (g->whole ? move(s, x, b->stored + x->at, e)
				  : recode(w, s, x, m->opts->level, b->stored + x->at, e))
			return -1;
	}
	return 0;
}

/* Drain */

static int put(struct merge *m, const struct batch *b, struct piece *x, struct err *e)
{
	struct wire_header *h = &x->header;

	if (h->type == WIRE_ZERO)
		return streamout_zero(m->out, h->offset, h->logical_len, e);
	if (x->segment.whole)
		m->result->moved++;
	else
		m->result->recoded++;
	return streamout_data(m->out, h, b->stored + x->at, e);
}

static int drain(void *ctx, void *slot, struct err *e)
{
	struct merge *m = ctx;
	struct batch *b = slot;
	unsigned int i;

	for (i = 0; i < b->nr_pieces; i++) {
		if (put(m, b, &b->pieces[i], e))
			return -1;
		m->result->bytes += b->pieces[i].segment.len;
	}
	tick(&m->opts->tick, m->result->bytes, m->opts->total, m->out->position);
	return 0;
}

/* All together */

static bool worker_make(struct worker *w)
{
	unsigned int i;
	bool good;

	w->zst = zst_new();
	w->room = malloc(WIRE_CONTENT_MAX);
	good = w->zst && w->room;
	for (i = 0; i < SLOTS; i++)
		good = (w->slots[i].content = malloc(WIRE_CONTENT_MAX)) && good;
	return good;
}

static int make_room(struct merge *m, struct err *e)
{
	const unsigned int threads = m->opts->threads;
	unsigned int i;
	bool good;

	m->nr_batches = threads + 2;
	m->workers = calloc(threads, sizeof(*m->workers));
	m->batches = calloc(m->nr_batches, sizeof(struct batch *));
	good = m->workers && m->batches;
	for (i = 0; good && i < threads; i++)
		good = worker_make(&m->workers[i]);
	for (i = 0; good && i < m->nr_batches; i++)
		good = (m->batches[i] = calloc(1, sizeof(struct batch))) && (m->batches[i]->stored = malloc(BATCH_LEN));
	return good ? 0 : err_set(e, ERR_RUNTIME, "no memory to merge with %u threads", threads);
}

static void give_back(struct merge *m)
{
	unsigned int i;
	unsigned int k;

	for (i = 0; m->workers && i < m->opts->threads; i++) {
		zst_free(m->workers[i].zst);
		free(m->workers[i].room);
		for (k = 0; k < SLOTS; k++)
			free(m->workers[i].slots[k].content);
	}
	for (i = 0; m->batches && i < m->nr_batches; i++) {
		if (m->batches[i])
			free(m->batches[i]->stored);
		free(m->batches[i]);
	}
	free(m->workers);
	free(m->batches);
}

int mergecopy(struct sweep *sweep, struct streamout *out, const struct mergecopy_opts *o, struct mergecopy_result *r,
	      struct err *e)
{
	const struct lanes_ops ops = {.fill = fill, .stages = {{work, o->threads}}, .drain = drain};
	struct merge m = {.sweep = sweep, .out = out, .opts = o, .result = r};
	int rc = make_room(&m, e);

	if (rc == 0) {
		m.more = sweep_next(sweep, &m.next, &m.failed);
		rc = lanes_run(&ops, &m, (void **)m.batches, m.nr_batches, e);
	}
	give_back(&m);
	return rc;
}
