/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fill walks the index and cuts off what newer streams have brought; threads fetch, verify and decode, and put, each a stage
 * of its own. Each byte is put once, so nothing has to wait for anything else: not for the streams before either. A stream is
 * closed when the last batch from it is through.
 *
 * What is covered is noted by granules, of which every MAP is made, and entries are smaller than these. So a run of joined
 * entries is noted when it is complete, and no entry of a pass can hide another of the same pass.
 */
#include "flow/restoreflow.h"

#include <stdlib.h>
#include <string.h>

#include "flow/restorechain.h"
#include "flow/restoreout.h"
#include "flow/target.h"
#include "pure/blockset.h"
#include "system/lanes.h"
#include "system/largepage.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/streamfile.h"
#include "world/streamin.h"
#include "world/zst.h"

#define PIECES_MAX 256u
#define BATCH_LEN  WIRE_CONTENT_MAX /* bytes decoded for a batch; bytes compared for it, more or less */

/* Threads that read streams, and that write or compare, for each that decodes. */
#define READERS 1u
#define WRITERS 2u

/* Bytes that nothing newer has. */
struct piece {
	uint64_t offset;
	uint64_t len;
	bool data;	    /* else zeros */
	unsigned int frame; /* of data */
};

/* What pieces are cut from; those of one frame are neighbours. */
struct frame {
	struct wire_entry entry;
	struct wire_header header;
	uint32_t at; /* of its stored bytes in the one half of the batch's memory, of its content in the other */
	const uint8_t *content;
};

struct batch {
	unsigned int nr;
	unsigned int nr_frames;
	uint32_t used; /* of both halves: what is stored is never longer than what it holds */
	uint64_t compared;
	uint64_t done;	 /* when it was filled, of the target and of the streams */
	uint64_t stream;
	uint8_t *stored; /* a large page: BATCH_LEN, and as much for content */
	struct streamfile *file;
	struct piece pieces[PIECES_MAX];
	struct frame frames[PIECES_MAX];
};

struct restore {
	const struct restoreflow_opts *opts;
	struct restoreflow_result *result;
	struct wire_head head; /* what is applied to the target, as if the chain had been merged */
	struct target target;
	struct restoreout out;
	struct blockset covered;
	struct streamfile *files; /* one a stream; open are those that fill, or a batch, is at */
	struct streamfile *file;  /* where fill is; NULL: it has none open */
	struct streamfile *drained;
	unsigned int nr_left; /* streams that fill has not come to */
	bool used;	      /* a batch is from `file` */
	/* The pass that is walked, 0 at the end; the entry, and how far it is done. */
	uint32_t pass;
	struct streamfile_walk walk;
	struct wire_entry entry;
	uint64_t at;
	uint64_t end; /* of the entry; at == end: take the next */
	struct wire_extent run;
	uint64_t done;
	uint64_t stream;
	struct zst **zsts; /* one a thread that decodes */
	struct lanes_ops stages;
	struct batch **batches;
	unsigned int nr_batches;
};

/* Fill */

static int not_tiled(const struct restore *r, uint64_t offset, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "%s: device offset %llu: the extents of pass %u are not whole era blocks",
		       r->file->name, (unsigned long long)offset, r->pass);
}

/* The run is complete: whatever is older is shadowed by it. */
static int close_run(struct restore *r, struct err *e)
{
	const uint64_t granule = r->head.granule;
	const uint64_t end = r->run.offset + r->run.len;

	if (r->run.len == 0)
		return 0;
	r->run.len = 0;
	if (r->run.offset % granule != 0)
		return not_tiled(r, r->run.offset, e);
	/* A granule in which an older, smaller device ended is in the stream that made it larger. */
	if (end % granule != 0 && end != r->head.size &&
	    (end != r->file->head.size || !blockset_has(&r->covered, end / granule)))
		return not_tiled(r, end, e);
	blockset_add(&r->covered, r->run.offset / granule, num_div_up(end, granule));
	return 0;
}

/* The entry is done: a part of its run. */
static int join_run(struct restore *r, struct err *e)
{
	const struct wire_entry *n = &r->entry;

	if (r->run.len > 0 && r->run.offset + r->run.len == n->offset) {
		r->run.len += n->len;
		return 0;
	}
	if (close_run(r, e))
		return -1;
	r->run.offset = n->offset;
	r->run.len = n->len;
	return 0;
}

/* 1: r->entry is one; 0: the stream is through. */
static int next_entry(struct restore *r, struct err *e)
{
	int rc;

	while (r->pass > 0) {
		rc = streamfile_walk_next(&r->walk, &r->entry, e);
		if (rc != 0) {
			r->at = r->entry.offset;
			r->end = r->entry.offset + r->entry.len;
			return rc;
		}
		streamfile_walk_end(&r->walk);
		if (close_run(r, e))
			return -1;
		r->pass--;
		if (r->pass > 0 && streamfile_walk_begin(&r->walk, r->file, r->pass, e))
			return -1;
	}
	return 0;
}

/* Will the target be read? Then zeros are as much work as data. */
static bool reads(const struct restore *r)
{
	return r->out.mode == RESTOREOUT_DIFFERENCES || r->out.mode == RESTOREOUT_COMPARE;
}

/* The entry is the batch's last frame; false where it has no room. */
static bool take_frame(struct restore *r, struct batch *b)
{
	const uint32_t room = (uint32_t)num_div_up(r->entry.len, SINK_ALIGN) * SINK_ALIGN;

	if (b->nr_frames > 0 && b->frames[b->nr_frames - 1].entry.position == r->entry.position)
		return true;
	if (room > BATCH_LEN - b->used)
		return false;
	b->frames[b->nr_frames++] = (struct frame){.entry = r->entry, .at = b->used};
	b->used += room;
	r->stream += r->entry.stored_len;
	return true;
}

/* The next bytes of the entry that are covered, or not: skipped, or a piece. False where the batch has no room. */
static bool take_piece(struct restore *r, struct batch *b)
{
	const uint64_t granule = r->head.granule;
	const bool data = r->entry.type == WIRE_DATA;
	uint64_t end;
	bool covered;

	end = blockset_same(&r->covered, r->at / granule, num_div_up(r->end, granule), &covered);
	/* The end of the last granule may not even fit 64 bits. */
	end = end >= num_div_up(r->end, granule) ? r->end : end * granule;
	if (covered) {
		r->at = end;
		return true;
	}
	if (b->nr == PIECES_MAX || b->compared >= BATCH_LEN || (data && !take_frame(r, b)))
		return false;
	if (reads(r)) {
		end = num_min(end, (r->at / RESTOREOUT_ZEROS_MAX + 1) * RESTOREOUT_ZEROS_MAX);
		b->compared += end - r->at;
	}
	b->pieces[b->nr++] = (struct piece){r->at, end - r->at, data, b->nr_frames - data};
	*(data ? &r->result->data_bytes : &r->result->zero_bytes) += end - r->at;
	r->done += end - r->at;
	r->at = end;
	return true;
}

/* The next older stream; 0: there is none, or nothing is left to be found. */
static int open_next(struct restore *r, struct err *e)
{
	if (r->nr_left == 0 || r->done == r->head.size)
		return 0;
	r->file = &r->files[--r->nr_left];
	r->used = false;
	if (streamfile_open(r->file, r->opts->paths[r->nr_left], e))
		return -1;
	r->pass = r->file->end.passes;
	r->at = r->end = 0;
	r->run.len = 0;
	return streamfile_walk_begin(&r->walk, r->file, r->pass, e) ? -1 : 1;
}

/* What the stream gives, as far as the batch has room. 1: it has more, 0: it is through, -1: error. */
static int take_pieces(struct restore *r, struct batch *b, struct err *e)
{
	bool taken = true;
	int rc;

	while (taken) {
		if (stop_check(e))
			return -1;
		if (r->at == r->end && (rc = next_entry(r, e)) <= 0)
			return rc;
		while (r->at < r->end && taken)
			taken = take_piece(r, b);
		if (r->at == r->end && join_run(r, e))
			return -1;
	}
	return 1;
}

static int fill(void *ctx, void *slot, struct err *e)
{
	struct restore *r = ctx;
	struct batch *b = slot;
	int rc;

	b->nr = b->nr_frames = 0;
	b->used = 0;
	b->compared = 0;
	while (b->nr == 0) {
		if (!r->file && (rc = open_next(r, e)) <= 0)
			return rc;
		rc = take_pieces(r, b, e);
		if (rc < 0)
			return -1;
		r->used |= b->nr > 0;
		b->file = r->file;
		if (rc == 0 && !r->used)
			streamfile_close(r->file);
		if (rc == 0)
			r->file = NULL;
	}
	b->done = r->done;
	b->stream = r->stream;
	return 1;
}

/* Stages */

static int fetch(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	struct batch *b = slot;
	unsigned int i;

	(void)ctx;
	(void)thread;
	for (i = 0; i < b->nr_frames; i++) {
		struct frame *f = &b->frames[i];

		if (streamfile_data(b->file, &f->entry, &f->header, b->stored + f->at, e))
			return -1;
	}
	return 0;
}

static int decode(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	const struct restore *r = ctx;
	struct batch *b = slot;
	unsigned int i;

	for (i = 0; i < b->nr_frames; i++) {
		struct frame *f = &b->frames[i];
		const struct streamin_frame in = {.header = f->header, .position = f->entry.position};

		if (streamin_decode(&in, b->file->name, r->zsts[thread], b->stored + f->at, b->stored + BATCH_LEN + f->at,
				    &f->content, e))
			return -1;
	}
	return 0;
}

static int put(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	struct restore *r = ctx;
	const struct batch *b = slot;
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		const struct piece *p = &b->pieces[i];
		const struct frame *f = p->data ? &b->frames[p->frame] : NULL;
		const uint8_t *content = f ? f->content + (p->offset - f->entry.offset) : NULL;

		if (restoreout_put(&r->out, thread, content, p->offset, p->len, e))
			return -1;
	}
	return 0;
}

/* In order: the first batch of a stream is behind the last one of the stream before. */
static int drain(void *ctx, void *slot, struct err *e)
{
	struct restore *r = ctx;
	const struct batch *b = slot;

	(void)e;
	if (r->drained && r->drained != b->file)
		streamfile_close(r->drained);
	r->drained = b->file;
	tick(&r->opts->tick, b->done, r->head.size, b->stream);
	return 0;
}

static int all_streams(struct restore *r, struct err *e)
{
	const struct restoreflow_opts *o = r->opts;

	r->nr_left = o->nr;
	if (lanes_run(&r->stages, r, (void **)r->batches, r->nr_batches, e))
		return -1;
	if (r->done == r->head.size)
		return 0;
	return err_set(e, ERR_CORRUPT, "%s and the streams behind it hold %llu of the device's %llu bytes",
		       o->paths[0], (unsigned long long)r->done, (unsigned long long)r->head.size);
}

/* The target */

static enum restoreout_mode mode(const struct restoreflow_opts *o)
{
	if (!o->target)
		return RESTOREOUT_NOTHING;
	if (o->compare)
		return RESTOREOUT_COMPARE;
	return o->differences ? RESTOREOUT_DIFFERENCES : RESTOREOUT_WRITE;
}

static bool writes(const struct restore *r)
{
	return r->out.mode == RESTOREOUT_WRITE || r->out.mode == RESTOREOUT_DIFFERENCES;
}

static int prepare(struct restore *r, struct err *e)
{
	const struct restoreflow_opts *o = r->opts;
	bool done;

	if (restoreout_open(&r->out, mode(o), o->target ? o->target : "restore", r->stages.stages[2].nr_threads, e))
		return -1;
	if (r->out.mode == RESTOREOUT_COMPARE)
		return restoreout_check_size(&r->out, r->head.size, e);
	if (!writes(r))
		return 0;
	if (target_open(&r->target, o->target, o->state, e))
		return -1;
	r->target.careful = true;
	r->target.known = o->known;
	r->target.known_uuid = o->differences ? r->head.field[WIRE_FSUUID] : NULL;
	/* A target that is there already is written all the same: a state is no proof of what lies on a disk. */
	if (target_accepts(&r->target, &r->head, o->force, &done, e) || target_begin(&r->target, &r->head, e))
		return -1;
	r->out.sink = &r->target.sink;
	if (o->differences)
		sink_cached(r->out.sink);
	return 0;
}

static int no_memory(const struct restore *r, struct err *e)
{
	return err_set(e, ERR_RUNTIME, "no memory for %u threads", r->opts->threads);
}

static int make_room(struct restore *r, struct err *e)
{
	const unsigned int threads = r->opts->threads;
	unsigned int i;

	r->stages = (struct lanes_ops){
		.fill = fill,
		.stages = {{fetch, lanes_io_threads(threads, READERS)},
			   {decode, threads},
			   {put, lanes_io_threads(threads, WRITERS)}},
		.drain = drain,
	};
	r->nr_batches = lanes_slots(&r->stages);
	r->batches = calloc(r->nr_batches, sizeof(struct batch *));
	r->zsts = zst_new_each(threads);
	if (!r->batches || !r->zsts)
		return no_memory(r, e);
	for (i = 0; i < r->nr_batches; i++) {
		r->batches[i] = calloc(1, sizeof(struct batch));
		if (!r->batches[i] || !(r->batches[i]->stored = largepage_new()))
			return no_memory(r, e);
	}
	r->files = calloc(r->opts->nr, sizeof(*r->files));
	if (!r->files)
		return no_memory(r, e);
	for (i = 0; i < r->opts->nr; i++)
		r->files[i].fd = -1;
	return blockset_init(&r->covered, num_div_up(r->head.size, r->head.granule), e);
}

static void give_back(struct restore *r)
{
	unsigned int i;

	for (i = 0; r->batches && i < r->nr_batches; i++) {
		if (r->batches[i])
			largepage_free(r->batches[i]->stored);
		free(r->batches[i]);
	}
	streamfile_walk_end(&r->walk);
	for (i = 0; r->files && i < r->opts->nr; i++)
		streamfile_close(&r->files[i]);
	free(r->files);
	zst_free_each(r->zsts, r->opts->threads);
	free(r->batches);
	blockset_fini(&r->covered);
	restoreout_close(&r->out);
	target_close(&r->target);
	free(r);
}

int restoreflow(const struct restoreflow_opts *o, struct restoreflow_result *result, struct err *e)
{
	struct restore *r;
	int rc = -1;

	memset(result, 0, sizeof(*result));
	if (o->nr == 0)
		return err_set(e, ERR_USAGE, "there is no stream to restore");
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(e, ERR_RUNTIME, "no memory to restore");
	r->opts = o;
	r->result = result;
	r->target.sink.fd = -1;
	if (restorechain(o->paths, o->nr, &result->head, &r->head, e) || make_room(r, e) || prepare(r, e) || all_streams(r, e))
		goto out;
	result->written = r->out.written;
	if (writes(r) && target_commit(&r->target, &r->head, r->head.era_c, e))
		goto out;
	rc = 0;
out:
	give_back(r);
	return rc;
}
