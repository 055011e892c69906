/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch gathers chunks until 1 MiB of content has come together, so that many small extents cost
 * one hand-over between threads and not one each. A chunk never crosses a multiple of 1 MiB of the
 * device. In a chunk, runs of zeros of at least ZERO_RUN become ZERO frames; shorter ones stay in the
 * data, where zstd makes nothing of them and a frame would cost more.
 */
#include "flow/copyflow.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "system/lanes.h"
#include "system/largepage.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/pack.h"
#include "world/zst.h"

#define BATCH_LEN WIRE_CONTENT_MAX
#define CHUNKS_MAX (BATCH_LEN / SOURCE_ALIGN)
#define ZERO_UNIT 4096u
#define ZERO_RUN 65536u
/* Each chunk is at least one piece, and each zero run inside chunks makes at most two more. */
#define PIECES_MAX (CHUNKS_MAX + 2 * (BATCH_LEN / ZERO_RUN) + 2)
/* Room for compressed pieces: each is shorter than what it was, and one that finds no room is stored as it is. */
#define PACKED_LEN BATCH_LEN
/* Threads that read for each that compresses. */
#define READERS 4u

struct chunk {
	uint64_t offset;
	uint64_t len;  /* of a hole: any length */
	uint32_t at;   /* in the batch's content */
	bool hole;
};

struct piece {
	struct wire_header header; /* ZERO: offset and logical_len only */
	const uint8_t *stored;
};

struct batch {
	unsigned int nr_chunks;
	unsigned int nr_pieces;
	uint32_t used;
	uint8_t *content; /* a large page: this and what comes out of it */
	uint8_t *packed;
	struct chunk chunks[CHUNKS_MAX];
	struct piece pieces[PIECES_MAX];
};

struct copy {
	struct source *src;
	const struct blockset *set;
	struct streamout *out;
	const struct copyflow_opts *opts;
	struct zst **zsts; /* one a thread that compresses */
	/* Where fill is: the rest of the current run, in bytes. */
	struct blockrun run;
	uint64_t begin;
	uint64_t end;
	bool started;
	/* For the rate limit. */
	struct timespec since;
	uint64_t read_bytes;
	uint64_t done;
	uint64_t total;
};

bool copyflow_is_zero(const uint8_t *p, size_t len)
{
	size_t head = num_min(len, 16);
	size_t i;

	for (i = 0; i < head; i++)
		if (p[i] != 0)
			return false;
	/* The first 16 are zero, and each byte equals the one 16 before it. */
	return len <= 16 || memcmp(p, p + 16, len - 16) == 0;
}

uint64_t copyflow_bytes(const struct blockset *set, uint64_t granule, uint64_t size)
{
	const uint64_t n = blockset_count(set);

	if (n == 0 || !blockset_has(set, set->nr_blocks - 1))
		return n * granule;
	return (n - 1) * granule + (size - (set->nr_blocks - 1) * granule);
}

/* Fill */

/* Set begin and end to what is left to do; false at the end of the set. */
static bool next_run(struct copy *c)
{
	if (c->started && c->begin < c->end)
		return true;
	if (!blockset_next(c->set, c->started ? c->run.end : 0, &c->run))
		return false;
	c->started = true;
	c->begin = c->run.begin * c->out->granule;
	c->end = c->run.end == c->set->nr_blocks ? c->out->size : c->run.end * c->out->granule;
	return true;
}

/* Sleep as long as what was read so far is ahead of the rate. Short steps, to see a stop. */
static int keep_rate(struct copy *c, struct err *e)
{
	const struct timespec step = {0, 50000000L};
	struct timespec now;
	double due;

	while (c->opts->limit_rate > 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		due = (double)c->read_bytes / (double)c->opts->limit_rate;
		if ((double)(now.tv_sec - c->since.tv_sec) +
			    (double)(now.tv_nsec - c->since.tv_nsec) / 1e9 >= due)
			break;
		if (stop_check(e))
			return -1;
		nanosleep(&step, NULL);
	}
	return stop_check(e);
}

/*
 * Where the chunk that begins at c->begin ends. Holes as long as a ZERO frame is worth are chunks of
 * their own, of any length; shorter ones are read with what is around them.
 */
static uint64_t chunk_end(struct copy *c, bool *hole)
{
	const uint64_t limit = num_min((c->begin / WIRE_MIB + 1) * WIRE_MIB, c->end);
	uint64_t upto = c->begin;
	uint64_t same;

	while (upto < limit) {
		same = source_same(c->src, upto, c->end, hole);
		if (*hole && same - upto >= ZERO_RUN) {
			if (upto == c->begin)
				return same;
			break;
		}
		upto = same;
	}
	*hole = false;
	return num_min(upto, limit);
}

/* The next chunk of the run into the batch. 1 taken, 0 the batch has no room for it, -1 error. */
static int take_chunk(struct copy *c, struct batch *b, struct err *e)
{
	struct chunk *k = &b->chunks[b->nr_chunks];
	const uint64_t upto = chunk_end(c, &k->hole);

	k->offset = c->begin;
	k->len = upto - c->begin;
	k->at = b->used;
	if (!k->hole) {
		if (k->len > BATCH_LEN - b->used)
			return 0;
		if (keep_rate(c, e))
			return -1;
		b->used += (uint32_t)(num_div_up(k->len, SOURCE_ALIGN) * SOURCE_ALIGN);
		c->read_bytes += k->len;
	}
	b->nr_chunks++;
	c->begin = upto;
	return 1;
}

static int fill(void *ctx, void *slot, struct err *e)
{
	struct copy *c = ctx;
	struct batch *b = slot;
	int taken = 1;

	b->nr_chunks = 0;
	b->nr_pieces = 0;
	b->used = 0;
	if (stop_check(e))
		return -1;
	while (taken == 1 && b->nr_chunks < CHUNKS_MAX && b->used < BATCH_LEN && next_run(c))
		taken = take_chunk(c, b, e);
	if (taken < 0)
		return -1;
	return b->nr_chunks > 0;
}

/* Work */

static int add_piece(struct batch *b, struct copy *c, struct zst *zst, uint64_t offset,
		     const uint8_t *p, size_t len, uint32_t *packed_at, struct err *e)
{
	struct piece *x = &b->pieces[b->nr_pieces++];
	const void *stored;

	memset(x, 0, sizeof(*x));
	x->header.offset = offset;
	x->header.logical_len = len;
	x->header.type = p ? WIRE_DATA : WIRE_ZERO;
	if (!p)
		return 0;
	if (pack(&x->header, zst, c->out->level, p, len, b->packed + *packed_at, PACKED_LEN - *packed_at, &stored, e))
		return -1;
	x->stored = stored;
	if (stored != p)
		*packed_at += x->header.stored_len;
	return 0;
}

/* How many bytes from p on are zero units; `len` where all are. */
static size_t zero_length(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len && copyflow_is_zero(p + at, num_min(len - at, ZERO_UNIT)))
		at += num_min(len - at, ZERO_UNIT);
	return at;
}

/* Split a chunk into DATA and ZERO pieces. */
static int split(struct batch *b, struct copy *c, struct zst *zst, const struct chunk *k,
		 uint32_t *packed_at, struct err *e)
{
	const uint8_t *p = b->content + k->at;
	size_t data = 0; /* where the pending data begins */
	size_t at = 0;
	size_t zero;

	while (at < k->len) {
		zero = zero_length(p + at, k->len - at);
		if (zero < ZERO_RUN && zero < k->len) {
			at += num_min(num_max(zero, ZERO_UNIT), k->len - at);
			continue;
		}
		if (at > data &&
		    add_piece(b, c, zst, k->offset + data, p + data, at - data, packed_at, e))
			return -1;
		if (add_piece(b, c, zst, k->offset + at, NULL, zero, packed_at, e))
			return -1;
		at += zero;
		data = at;
	}
	if (at > data)
		return add_piece(b, c, zst, k->offset + data, p + data, at - data, packed_at, e);
	return 0;
}

static int read_chunks(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	const struct copy *c = ctx;
	struct batch *b = slot;
	unsigned int i;

	(void)thread;
	for (i = 0; i < b->nr_chunks; i++) {
		const struct chunk *k = &b->chunks[i];

		if (!k->hole && source_read(c->src, b->content + k->at, k->offset, k->len, e))
			return -1;
	}
	return 0;
}

static int split_chunks(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	struct copy *c = ctx;
	struct batch *b = slot;
	uint32_t packed_at = 0;
	unsigned int i;

	for (i = 0; i < b->nr_chunks; i++) {
		const struct chunk *k = &b->chunks[i];

		if (k->hole ? add_piece(b, c, NULL, k->offset, NULL, k->len, &packed_at, e)
			    : split(b, c, c->zsts[thread], k, &packed_at, e))
			return -1;
	}
	return 0;
}

static int read_and_split(void *ctx, void *slot, unsigned int thread, struct err *e)
{
	return read_chunks(ctx, slot, thread, e) || split_chunks(ctx, slot, thread, e) ? -1 : 0;
}

/* Drain */

static int drain(void *ctx, void *slot, struct err *e)
{
	struct copy *c = ctx;
	struct batch *b = slot;
	unsigned int i;

	for (i = 0; i < b->nr_pieces; i++) {
		struct piece *x = &b->pieces[i];
		const uint64_t len = x->header.logical_len;

		if (x->header.type == WIRE_ZERO ? streamout_zero(c->out, x->header.offset, len, e)
						: streamout_data(c->out, &x->header, x->stored, e))
			return -1;
		c->done += len;
	}
	tick(&c->opts->tick, c->done, c->total, c->out->position);
	return 0;
}

/* All together */

static void batch_free(struct batch *b)
{
	if (b)
		largepage_free(b->content);
	free(b);
}

static struct batch *batch_new(void)
{
	struct batch *b = malloc(sizeof(*b));

	if (!b)
		return NULL;
	b->content = largepage_new();
	if (!b->content) {
		free(b);
		return NULL;
	}
	b->packed = b->content + BATCH_LEN;
	return b;
}

static int make_room(struct copy *c, void **batches, unsigned int nr_batches, struct err *e)
{
	unsigned int i;

	c->zsts = zst_new_each(c->opts->threads);
	for (i = 0; batches && i < nr_batches && (batches[i] = batch_new()); i++)
		;
	if (!c->zsts || !batches || i < nr_batches)
		return err_set(e, ERR_RUNTIME, "no memory for %u threads", c->opts->threads);
	return 0;
}

/* Reading through the page cache is work for the processor, and best done by the thread that uses what it read. */
static struct lanes_ops make_stages(const struct source *src, unsigned int threads)
{
	struct lanes_ops ops = {.fill = fill, .stages = {{read_and_split, threads}}, .drain = drain};

	if (src->direct) {
		ops.stages[0] = (struct lanes_stage){read_chunks, lanes_io_threads(threads, READERS)};
		ops.stages[1] = (struct lanes_stage){split_chunks, threads};
	}
	return ops;
}

int copyflow_pass(struct source *src, const struct blockset *set, struct streamout *out,
		  const struct copyflow_opts *opts, struct err *e)
{
	const struct lanes_ops ops = make_stages(src, opts->threads);
	const unsigned int nr_batches = lanes_slots(&ops);
	struct copy c = {.src = src, .set = set, .out = out, .opts = opts};
	void **batches = calloc(nr_batches, sizeof(*batches));
	unsigned int i;
	int rc = -1;

	c.total = copyflow_bytes(set, out->granule, out->size);
	clock_gettime(CLOCK_MONOTONIC, &c.since);
	if (make_room(&c, batches, nr_batches, e) == 0)
		rc = lanes_run(&ops, &c, batches, nr_batches, e);
	for (i = 0; batches && i < nr_batches; i++)
		batch_free(batches[i]);
	zst_free_each(c.zsts, opts->threads);
	free(batches);
	return rc;
}
