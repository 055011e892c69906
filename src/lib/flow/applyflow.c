/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch holds frames until 1 MiB of stored bytes has come together. Workers verify, decompress and
 * write: extents of a pass do not overlap, so their order does not matter, and lanes_run between
 * passes is the wait that makes a later pass supersede an earlier one.
 *
 * Of a file, fill reads headers only, and each worker reads what it works on: what one thread can read and
 * hand to others is less than two can hash, and bytes are fastest where they were just put.
 */
#include "flow/applyflow.h"

#include <stdlib.h>
#include <string.h>

#include "flow/target.h"
#include "flow/undo.h"
#include "system/lanes.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/streamin.h"
#include "world/zstgate.h"

#define BATCH_LEN WIRE_CONTENT_MAX
#define BATCH_FILE_LEN (2 * BATCH_LEN)
#define FRAMES_MAX 256u
/* How much a worker reads of a file at once, where frames are smaller: it stays in the processor's cache. */
#define READ_LEN 262144u

struct batch {
	unsigned int nr_frames;
	uint32_t used;
	uint64_t position; /* of the stream, and bytes mapped so far, when it was filled */
	uint64_t mapped;
	uint8_t *stored; /* NULL where the stream is a file */
	uint32_t at[FRAMES_MAX]; /* in `stored` */
	struct streamin_frame frames[FRAMES_MAX];
};

struct worker {
	uint8_t *room;
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
	struct zstgate gate;
	struct worker *workers;
	unsigned int nr_workers;
	struct batch **batches;
	unsigned int nr_batches;
	uint64_t done;
};

/* Fill */

/* Take the pending extent into the batch, if it has room. */
static int take_extent(struct apply *a, struct batch *b, bool *taken, struct err *e)
{
	const struct wire_header *h = &a->in.frame.header;
	const uint32_t room = b->stored ? BATCH_LEN : BATCH_FILE_LEN;
	/* What is stored as it is will be written from here. */
	const bool plain = h->type == WIRE_DATA && h->codec == WIRE_CODEC_NONE;
	const uint32_t at = plain ? (uint32_t)num_div_up(b->used, SINK_ALIGN) * SINK_ALIGN : b->used;

	*taken = b->nr_frames < FRAMES_MAX && at <= room && h->stored_len <= room - at;
	if (!*taken)
		return 0;
	if (a->opts->undo && a->sink && !undo_covers(&a->undo, h->offset, h->logical_len))
		return err_set(e, ERR_CORRUPT, "%s: at byte %llu: an extent is not in the MAP",
			       a->in.name, (unsigned long long)a->in.frame.position);
	if (h->type == WIRE_DATA &&
	    (b->stored ? streamin_stored(&a->in, b->stored + at, e) : streamin_skip(&a->in, e)))
		return -1;
	b->at[b->nr_frames] = at;
	b->frames[b->nr_frames++] = a->in.frame;
	b->used = at + h->stored_len;
	return streamin_next(&a->in, &a->event, e);
}

static int fill(void *ctx, void *slot, struct err *e)
{
	struct apply *a = ctx;
	struct batch *b = slot;
	bool taken = true;

	b->nr_frames = 0;
	b->used = 0;
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

/* Work */

/* Where a run of frames that lie side by side in the file, from frame i on, ends: what is read at once. */
static uint64_t run_end(const struct batch *b, unsigned int i)
{
	const uint64_t begin = b->frames[i].position + WIRE_HEADER_LEN;
	uint64_t end = begin + b->frames[i].header.stored_len;
	uint64_t next;

	while (++i < b->nr_frames && b->frames[i].position == end) {
		next = end + WIRE_HEADER_LEN + b->frames[i].header.stored_len;
		if (next - begin > READ_LEN)
			break;
		end = next;
	}
	return end;
}

/* The stored bytes of frame i; valid until the worker's next call. */
static const uint8_t *payload(const struct apply *a, struct worker *w, const struct batch *b, unsigned int i,
			      struct err *e)
{
	const uint64_t begin = b->frames[i].position + WIRE_HEADER_LEN;
	const uint64_t end = begin + b->frames[i].header.stored_len;

	if (b->stored)
		return b->stored + b->at[i];
	if (begin < w->read_begin || end > w->read_end) {
		w->read_begin = begin;
		w->read_end = run_end(b, i);
		if (streamin_pread(&a->in, begin, w->read, (size_t)(w->read_end - begin), e)) {
			w->read_end = begin;
			return NULL;
		}
	}
	return w->read + (begin - w->read_begin);
}

/* *content stays NULL where only stored bytes are checked. */
static int check_data(struct apply *a, struct worker *w, const struct streamin_frame *f, const uint8_t *stored,
		      const uint8_t **content, struct err *e)
{
	struct zst *zst;
	const unsigned int place = zstgate_enter(&a->gate, &zst);
	const int rc = a->opts->stored_only ? streamin_check(f, a->in.name, stored, e)
					    : streamin_decode(f, a->in.name, zst, stored, w->room, content, e);

	zstgate_leave(&a->gate, place);
	return rc;
}

static int do_data(struct apply *a, struct worker *w, const struct streamin_frame *f, const uint8_t *stored,
		   struct err *e)
{
	const uint8_t *content = NULL;

	if (check_data(a, w, f, stored, &content, e))
		return -1;
	return a->sink ? sink_write(a->sink, content, f->header.offset, f->header.logical_len, e) : 0;
}

static int work(void *ctx, void *slot, unsigned int worker, struct err *e)
{
	struct apply *a = ctx;
	struct batch *b = slot;
	struct worker *w = &a->workers[worker];
	const uint8_t *stored;
	unsigned int i;

	for (i = 0; i < b->nr_frames; i++) {
		const struct wire_header *h = &b->frames[i].header;

		if (h->type == WIRE_ZERO) {
			if (a->sink && sink_zero(a->sink, h->offset, h->logical_len, e))
				return -1;
			continue;
		}
		stored = payload(a, w, b, i, e);
		if (!stored || do_data(a, w, &b->frames[i], stored, e))
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
		a->done += b->frames[i].header.logical_len;
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

static int all_passes(struct apply *a, struct err *e)
{
	static const struct lanes_ops ops = {.fill = fill, .work = work, .drain = drain};
	bool begun = false;

	if (streamin_next(&a->in, &a->event, e))
		return -1;
	for (;;) {
		switch (a->event) {
		case STREAMIN_END:
			return before_writes(a, &begun, e);
		case STREAMIN_EXTENT:
			if (before_writes(a, &begun, e) ||
			    lanes_run(&ops, a, (void **)a->batches, a->nr_batches, a->nr_workers, e))
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

	/* To verify there is nothing to wait for. */
	a->nr_workers = (a->opts->target ? ZSTGATE_IO_THREADS : 1) * a->opts->threads;
	a->workers = calloc(a->nr_workers, sizeof(*a->workers));
	if (!a->workers)
		return no_memory(a, e);
	for (i = 0; i < a->nr_workers; i++) {
		a->workers[i].room = aligned_alloc(SINK_ALIGN, WIRE_CONTENT_MAX);
		a->workers[i].read = a->in.is_file ? aligned_alloc(SINK_ALIGN, WIRE_CONTENT_MAX) : NULL;
		if (!a->workers[i].room || (a->in.is_file && !a->workers[i].read))
			return no_memory(a, e);
	}
	return zstgate_init(&a->gate, a->opts->threads, e);
}

static int make_room(struct apply *a, struct err *e)
{
	unsigned int i;

	if (make_workers(a, e))
		return -1;
	a->nr_batches = a->nr_workers + 2;
	a->batches = calloc(a->nr_batches, sizeof(struct batch *));
	if (!a->batches)
		return no_memory(a, e);
	for (i = 0; i < a->nr_batches; i++) {
		if (!(a->batches[i] = calloc(1, sizeof(struct batch))))
			return no_memory(a, e);
		if (!a->in.is_file && !(a->batches[i]->stored = aligned_alloc(SINK_ALIGN, BATCH_LEN)))
			return no_memory(a, e);
	}
	return 0;
}

static void give_back(struct apply *a)
{
	unsigned int i;

	for (i = 0; a->workers && i < a->nr_workers; i++) {
		free(a->workers[i].room);
		free(a->workers[i].read);
	}
	for (i = 0; a->batches && i < a->nr_batches; i++) {
		if (a->batches[i])
			free(a->batches[i]->stored);
		free(a->batches[i]);
	}
	zstgate_fini(&a->gate);
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
