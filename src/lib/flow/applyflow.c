/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch holds frames until 1 MiB of stored bytes, or of content, has come together. Threads fetch it, decode it and write
 * it, each a stage of its own: extents of a pass do not overlap, so their order does not matter, and lanes_run between
 * passes is the wait that makes a later pass supersede an earlier one.
 *
 * Of a file, fill reads headers only, and threads read what lies between: what one thread can read and hand to others is
 * less than two can hash. To verify, whoever reads decodes as well: bytes are fastest where they were just put.
 */
#include "flow/applyflow.h"

#include <stdlib.h>
#include <string.h>

#include "flow/target.h"
#include "flow/undo.h"
#include "system/lanes.h"
#include "system/largepage.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/streamin.h"
#include "world/zst.h"

#define BATCH_LEN WIRE_CONTENT_MAX
#define BATCH_FILE_LEN (2 * BATCH_LEN)
#define FRAMES_MAX 256u
/* How much a worker reads of a file at once, where frames are smaller: it stays in the processor's cache. */
#define READ_LEN 262144u

/* Threads that read a file, and that write, for each that decodes. */
#define READERS 1u
#define WRITERS 2u

struct frame {
	struct streamin_frame in;
	uint32_t at;		/* of the stored bytes in the batch */
	uint32_t content_at;	/* of what they are decoded to */
	const uint8_t *content; /* DATA, decoded */
};

struct batch {
	unsigned int nr_frames;
	uint32_t used;
	uint32_t content_used;
	uint64_t position; /* of the stream, and bytes mapped so far, when it was filled */
	uint64_t mapped;
	uint8_t *stored; /* a large page, the second half of it for content; NULL where a file is verified */
	struct frame frames[FRAMES_MAX];
};

/* To verify. */
struct worker {
	uint8_t *room; /* a large page, the second half of it for what is read */
	uint8_t *read; /* of a file: the bytes of the stream from read_begin to read_end */
	uint64_t read_begin;
	uint64_t read_end;
};

struct apply {
	const struct applyflow_opts *opts;
	struct streamin in;
	enum streamin_event event; /* the last one; EXTENT: not yet in a batch */
	struct err failed;	   /* of reading, behind what is in a batch */
	struct target target;
	struct sink *sink; /* NULL: verify only */
	struct undo undo;
	struct zst **zsts; /* one a thread that decodes */
	struct worker *workers;
	struct lanes_ops stages;
	struct batch **batches;
	unsigned int nr_batches;
	uint64_t done;
};

/* Fill */

/*
 * Where the stored bytes of the pending extent go. What is stored as it is will be written from there; the others lie as they do
 * in the stream, headers between them, so that they can be read together.
 */
static uint32_t place(const struct apply *a, const struct batch *b)
{
	const struct streamin_frame *now = &a->in.frame;
	const struct streamin_frame *last = b->nr_frames ? &b->frames[b->nr_frames - 1].in : NULL;

	if (now->header.type == WIRE_DATA && now->header.codec == WIRE_CODEC_NONE)
		return (uint32_t)num_div_up(b->used, SINK_ALIGN) * SINK_ALIGN;
	if (last && last->position + WIRE_HEADER_LEN + last->header.stored_len == now->position)
		return b->used + WIRE_HEADER_LEN;
	return b->used;
}

/* Take the pending extent into the batch, if it has room. */
static int take_extent(struct apply *a, struct batch *b, bool *taken, struct err *e)
{
	const struct wire_header *h = &a->in.frame.header;
	const uint32_t room = b->stored ? BATCH_LEN : BATCH_FILE_LEN;
	const uint32_t at = place(a, b);
	const bool data = h->type == WIRE_DATA;

	*taken = b->nr_frames == 0 || (b->nr_frames < FRAMES_MAX && at <= room && h->stored_len <= room - at &&
		  (!data || !b->stored || h->logical_len <= BATCH_LEN - b->content_used));
	if (!*taken)
		return 0;
	if (a->opts->undo && a->sink && !undo_covers(&a->undo, h->offset, h->logical_len))
		return err_set(e, ERR_CORRUPT, "%s: at byte %llu: an extent is not in the MAP",
			       a->in.name, (unsigned long long)a->in.frame.position);
	if (data && (a->in.is_file ? streamin_skip(&a->in, e) : streamin_stored(&a->in, b->stored + at, e)))
		return -1;
	b->frames[b->nr_frames++] = (struct frame){.in = a->in.frame, .at = at, .content_at = b->content_used};
	b->used = at + h->stored_len;
	if (data)
		b->content_used += (uint32_t)num_div_up(h->logical_len, SINK_ALIGN) * SINK_ALIGN;
	return streamin_next(&a->in, &a->event, e);
}

static int fill(void *ctx, void *slot, struct err *e)
{
	struct apply *a = ctx;
	struct batch *b = slot;
	bool taken = true;

	b->nr_frames = 0;
	b->used = 0;
	b->content_used = 0;
	if (stop_check(e))
		return -1;
	while (taken && a->event == STREAMIN_EXTENT && a->failed.kind == ERR_NONE)
		take_extent(a, b, &taken, &a->failed);
	b->position = a->in.position;
	b->mapped = a->in.check.map_bytes_total;
	if (b->nr_frames > 0)
		return 1;
	/* What came before it is looked at first: the error that is reported is the first one of the stream. */
	*e = a->failed;
	return a->failed.kind == ERR_NONE ? 0 : -1;
}

/* Verify */

/* Where frame i's stored bytes begin in the stream, and end. */
static uint64_t begins(const struct batch *b, unsigned int i)
{
	return b->frames[i].in.position + WIRE_HEADER_LEN;
}

static uint64_t ends(const struct batch *b, unsigned int i)
{
	return begins(b, i) + b->frames[i].in.header.stored_len;
}

/* Where a run of frames that lie side by side in the file, from frame i on, ends: what is read at once. */
static uint64_t run_end(const struct batch *b, unsigned int i)
{
	const uint64_t begin = begins(b, i);

	while (i + 1 < b->nr_frames && b->frames[i + 1].in.position == ends(b, i) && ends(b, i + 1) - begin <= READ_LEN)
		i++;
	return ends(b, i);
}

/* The stored bytes of frame i; valid until the worker's next call. */
static const uint8_t *payload(const struct apply *a, struct worker *w, const struct batch *b, unsigned int i,
			      struct err *e)
{
	const uint64_t begin = begins(b, i);

	if (b->stored)
		return b->stored + b->frames[i].at;
	if (begin < w->read_begin || ends(b, i) > w->read_end) {
		w->read_begin = begin;
		w->read_end = run_end(b, i);
		if (streamin_pread(&a->in, begin, w->read, (size_t)(w->read_end - begin), e)) {
			w->read_end = begin;
			return NULL;
		}
	}
	return w->read + (begin - w->read_begin);
}

static int verify(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	const struct apply *a = ctx;
	const struct batch *b = slot;
	struct worker *w = &a->workers[thread];
	const uint8_t *content;
	const uint8_t *stored;
	unsigned int i;

	for (i = 0; i < b->nr_frames; i++) {
		const struct streamin_frame *f = &b->frames[i].in;

		if (f->header.type == WIRE_ZERO)
			continue;
		stored = payload(a, w, b, i, e);
		if (!stored || (a->opts->stored_only ? streamin_check(f, a->in.name, stored, e)
						     : streamin_decode(f, a->in.name, a->zsts[thread], stored, w->room,
								       &content, e)))
			return -1;
	}
	return 0;
}

/* Apply */

/* Of a file: read the stored bytes, as many at once as lie in the batch as they do in the stream. */
static int fetch(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	const struct apply *a = ctx;
	struct batch *b = slot;
	unsigned int i;
	unsigned int k;

	(void)thread;
	for (i = 0; i < b->nr_frames; i = k) {
		k = i + 1;
		if (b->frames[i].in.header.type == WIRE_ZERO)
			continue;
		while (k < b->nr_frames && b->frames[k].in.header.type == WIRE_DATA &&
		       b->frames[k].at - b->frames[i].at == begins(b, k) - begins(b, i))
			k++;
		if (streamin_pread(&a->in, begins(b, i), b->stored + b->frames[i].at,
				   (size_t)(ends(b, k - 1) - begins(b, i)), e))
			return -1;
	}
	return 0;
}

static int decode(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	const struct apply *a = ctx;
	struct batch *b = slot;
	unsigned int i;

	for (i = 0; i < b->nr_frames; i++) {
		struct frame *f = &b->frames[i];

		if (f->in.header.type == WIRE_DATA &&
		    streamin_decode(&f->in, a->in.name, a->zsts[thread], b->stored + f->at,
				    b->stored + BATCH_LEN + f->content_at, &f->content, e))
			return -1;
	}
	return 0;
}

static int store(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	const struct apply *a = ctx;
	const struct batch *b = slot;
	unsigned int i;

	(void)thread;
	for (i = 0; i < b->nr_frames; i++) {
		const struct frame *f = &b->frames[i];
		const struct wire_header *h = &f->in.header;

		if (h->type == WIRE_ZERO ? sink_zero(a->sink, h->offset, h->logical_len, e)
					 : sink_write(a->sink, f->content, h->offset, h->logical_len, e))
			return -1;
	}
	return 0;
}

/* Drain */

static int drain(void *ctx, void *slot, struct err *e)
{
	struct apply *a = ctx;
	const struct batch *b = slot;
	unsigned int i;

	(void)e;
	for (i = 0; i < b->nr_frames; i++)
		a->done += b->frames[i].in.header.logical_len;
	tick(&a->opts->tick, a->done, b->mapped, b->position);
	return 0;
}

/* Passes */

static int on_pass(struct apply *a, struct err *e)
{
	const struct wire_pass *p = &a->in.check.pass;

	if (!a->sink || p->number == 1)
		return 0;
	/* What the passes before wrote is no longer blank. */
	a->sink->blank = false;
	return target_later_pass(&a->target, p->era_c, e);
}

static void on_map(struct apply *a)
{
	struct wire_extent x;
	uint32_t i;

	if (!a->sink || !a->opts->undo)
		return;
	for (i = 0; i < a->in.nr_map; i++) {
		wire_get_extent(a->in.map + (size_t)i * WIRE_EXTENT_LEN, &x);
		undo_add(&a->undo, &x);
	}
}

/* Behind the MAP, before the first write: what must be on disk by then. */
static int before_writes(struct apply *a, bool *begun, struct err *e)
{
	if (!a->sink || *begun)
		return 0;
	if (a->opts->undo &&
	    undo_write(&a->undo, &a->target, &a->in.check.head, a->opts->threads, e))
		return -1;
	if (target_begin(&a->target, &a->in.check.head, e))
		return -1;
	*begun = true;
	return 0;
}

static struct lanes_ops make_stages(const struct apply *a)
{
	const unsigned int threads = a->opts->threads;
	struct lanes_ops ops = {.fill = fill, .drain = drain};
	struct lanes_stage *stage = ops.stages;

	if (!a->sink) {
		*stage = (struct lanes_stage){verify, threads};
		return ops;
	}
	if (a->in.is_file)
		*stage++ = (struct lanes_stage){fetch, lanes_io_threads(threads, READERS)};
	*stage++ = (struct lanes_stage){decode, threads};
	*stage = (struct lanes_stage){store, lanes_io_threads(threads, WRITERS)};
	return ops;
}

static int all_passes(struct apply *a, struct err *e)
{
	bool begun = false;

	if (streamin_next(&a->in, &a->event, e))
		return -1;
	for (;;) {
		switch (a->event) {
		case STREAMIN_END:
			return before_writes(a, &begun, e);
		case STREAMIN_EXTENT:
			if (before_writes(a, &begun, e) ||
			    lanes_run(&a->stages, a, (void **)a->batches, a->nr_batches, e))
				return -1;
			continue; /* fill has the next event already */
		case STREAMIN_PASS:
			if (on_pass(a, e))
				return -1;
			break;
		case STREAMIN_MAP:
			on_map(a);
			break;
		}
		if (streamin_next(&a->in, &a->event, e))
			return -1;
	}
}

/* The target, unless only verifying or it is there already. */
static int prepare(struct apply *a, struct applyflow_result *r, struct err *e)
{
	const struct applyflow_opts *o = a->opts;

	if (!o->target)
		return 0;
	if (target_open(&a->target, o->target, o->state, e) ||
	    target_accepts(&a->target, &a->in.check.head, o->force, &r->was_there, e))
		return -1;
	if (r->was_there)
		return 0;
	if (o->undo && undo_begin(&a->undo, o->undo, &a->target, &a->in.check.head, e))
		return -1;
	a->sink = &a->target.sink;
	return 0;
}

static int no_memory(const struct apply *a, struct err *e)
{
	return err_set(e, ERR_RUNTIME, "no memory for %u threads", a->opts->threads);
}

static int make_workers(struct apply *a, struct err *e)
{
	unsigned int i;

	a->zsts = zst_new_each(a->opts->threads);
	a->workers = calloc(a->opts->threads, sizeof(*a->workers));
	if (!a->zsts || !a->workers)
		return no_memory(a, e);
	for (i = 0; !a->sink && i < a->opts->threads; i++) {
		if (!(a->workers[i].room = largepage_new()))
			return no_memory(a, e);
		a->workers[i].read = a->workers[i].room + WIRE_CONTENT_MAX;
	}
	return 0;
}

static int make_room(struct apply *a, struct err *e)
{
	unsigned int i;

	if (make_workers(a, e))
		return -1;
	a->stages = make_stages(a);
	a->nr_batches = lanes_slots(&a->stages);
	a->batches = calloc(a->nr_batches, sizeof(struct batch *));
	if (!a->batches)
		return no_memory(a, e);
	for (i = 0; i < a->nr_batches; i++) {
		if (!(a->batches[i] = calloc(1, sizeof(struct batch))))
			return no_memory(a, e);
		if ((a->sink || !a->in.is_file) && !(a->batches[i]->stored = largepage_new()))
			return no_memory(a, e);
	}
	return 0;
}

static void give_back(struct apply *a)
{
	unsigned int i;

	for (i = 0; a->workers && i < a->opts->threads; i++)
		largepage_free(a->workers[i].room);
	for (i = 0; a->batches && i < a->nr_batches; i++) {
		if (a->batches[i])
			largepage_free(a->batches[i]->stored);
		free(a->batches[i]);
	}
	zst_free_each(a->zsts, a->opts->threads);
	free(a->workers);
	free(a->batches);
	undo_end(&a->undo);
	target_close(&a->target);
	streamin_close(&a->in);
	free(a);
}

int applyflow_run(int fd, const char *name, const struct applyflow_opts *opts,
		  struct applyflow_result *r, struct err *e)
{
	struct apply *a = calloc(1, sizeof(*a));
	int rc = -1;

	memset(r, 0, sizeof(*r));
	if (!a)
		return err_set(e, ERR_RUNTIME, "no memory to apply a stream");
	a->opts = opts;
	a->target.sink.fd = -1;
	if (streamin_open(&a->in, fd, name, e))
		goto out;
	r->head = a->in.check.head;
	if (opts->look && opts->look(opts->ctx, &r->head, e)) {
		err_prefix(e, "%s", name);
		goto out;
	}
	if (prepare(a, r, e) || make_room(a, e) || all_passes(a, e))
		goto out;
	r->end = a->in.check.end;
	r->stream_bytes = a->in.position;
	if (a->sink && target_commit(&a->target, &r->head, r->end.era_c, e))
		goto out;
	rc = 0;
out:
	give_back(a);
	return rc;
}
