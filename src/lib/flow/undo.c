/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/undo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/copyflow.h"
#include "flow/identity.h"
#include "flow/outfile.h"
#include "words/num.h"
#include "world/source.h"
#include "world/streamout.h"

/* A bitmap of at most 1 GiB: enough for 4 PiB at 512 KiB, or 512 TiB at 64 KiB. */
#define BLOCKS_MAX (UINT64_C(1) << 33)

int undo_begin(struct undo *u, const char *path, const struct target *t,
	       const struct wire_head *h, struct err *e)
{
	memset(u, 0, sizeof(*u));
	u->path = path;
	u->granule = h->granule;
	if (h->kind == WIRE_REVERSE)
		return err_set(e, ERR_USAGE, "--undo does not go with a reverse stream: the stream it "
					     "undoes is the way back");
	if (t->sink.fd < 0 || t->sink.size == 0)
		return err_set(e, ERR_USAGE, "%s: holds nothing yet, so there is nothing to undo to",
			       t->sink.name);
	if (t->state.applying) {
		err_set(e, ERR_IDENTITY, "%s: is in the middle of a stream; what it holds is nothing to "
					 "go back to", t->sink.name);
		return err_hint(e, "if that run was given --undo too, its file is the way back; else run "
				   "without --undo");
	}
	if (h->flags & WIRE_HEAD_PASSES) {
		err_set(e, ERR_USAGE, "--undo does not go with a stream of several passes");
		return err_hint(e, "copy the target first, or make the stream with another --cut");
	}
	if (num_div_up(h->size, h->granule) > BLOCKS_MAX)
		return err_set(e, ERR_USAGE, "the stream's era blocks are too small for --undo");
	return blockset_init(&u->set, num_div_up(h->size, h->granule), e);
}

void undo_end(struct undo *u)
{
	blockset_fini(&u->set);
}

void undo_add(struct undo *u, const struct wire_extent *x)
{
	blockset_add(&u->set, x->offset / u->granule, num_div_up(x->offset + x->len, u->granule));
}

bool undo_covers(const struct undo *u, uint64_t offset, uint64_t len)
{
	const uint64_t begin = offset / u->granule;
	struct blockrun r;

	return blockset_next(&u->set, begin, &r) && r.begin == begin &&
	       r.end >= num_div_up(offset + len, u->granule);
}

static void fill_head(struct wire_head *r, const struct target *t, const struct wire_head *h,
		      uint64_t size)
{
	const struct token *at = &t->state.at;

	memset(r, 0, sizeof(*r));
	identity_random(r->stream_id);
	memcpy(r->parent_id, h->state_id, WIRE_ID_LEN);
	memcpy(r->state_id, at->id, WIRE_ID_LEN); /* zero where the target had no state */
	memcpy(r->generation, at->full ? h->generation : at->generation, WIRE_ID_LEN);
	r->era_c = at->era_c;
	r->size = size;
	r->parent_size = h->size;
	r->granule = h->granule;
	r->sector = h->sector;
	r->kind = WIRE_REVERSE;
	r->cut = WIRE_CUT_NONE;
	r->consistency = WIRE_CALLERS;
	identity_describe(r, t->sink.name, t->sink.fd);
	if (h->flags & WIRE_HEAD_MERGED)
		num_hex(h->stream_id, WIRE_ID_LEN, r->field[WIRE_UNDOES]);
}

/*
 * The blocks of the older, possibly differently sized, target that change: those of the set that it
 * has, and all it has behind the new end.
 */
static int older_set(const struct undo *u, uint64_t size, uint64_t new_size, struct blockset *set,
		     struct err *e)
{
	struct blockrun r;

	if (blockset_init(set, num_div_up(size, u->granule), e))
		return -1;
	blockset_for_each_run(&u->set, r)
		if (r.begin < set->nr_blocks)
			blockset_add(set, r.begin, num_min(r.end, set->nr_blocks));
	if (new_size / u->granule < set->nr_blocks)
		blockset_add(set, new_size / u->granule, set->nr_blocks);
	return 0;
}

/* A stream never touches a device behind the stream's size; of an image it sets the size. */
static uint64_t older_size(const struct target *t, const struct wire_head *h)
{
	if (!t->state.at.full)
		return t->state.at.size;
	return t->sink.device ? num_min(t->sink.size, h->size) : t->sink.size;
}

static int write_stream(const struct undo *u, int fd, const struct target *t,
			const struct wire_head *h, unsigned int threads, struct err *e)
{
	const struct copyflow_opts opts = {.threads = threads};
	const uint64_t size = older_size(t, h);
	struct streamout *out = calloc(1, sizeof(*out));
	struct blockset set = {0};
	struct wire_pass pass = {.number = 1};
	struct source src = {.fd = -1};
	struct wire_head head;
	int rc = -1;

	if (!out)
		return err_set(e, ERR_RUNTIME, "no memory for an undo stream");
	fill_head(&head, t, h, size);
	pass.era_c = head.era_c;
	/* The device may be larger than what the stream knows of it. */
	if (older_set(u, size, h->size, &set, e) || source_open(&src, t->sink.name, e) ||
	    streamout_open(out, fd, u->path, ZST_LEVEL_MIN, &head, e) ||
	    streamout_pass(out, &pass, &set, e) || copyflow_pass(&src, &set, out, &opts, e) ||
	    streamout_end(out, WIRE_CALLERS, 0, e))
		goto out;
	rc = 0;
out:
	streamout_close(out);
	free(out);
	source_close(&src);
	blockset_fini(&set);
	return rc;
}

int undo_write(struct undo *u, const struct target *t, const struct wire_head *h,
	       unsigned int threads, struct err *e)
{
	struct outfile f;
	int rc = -1;

	if (u->written)
		return 0;
	if (access(u->path, F_OK) == 0) {
		err_set(e, ERR_USAGE, "%s: is there already", u->path);
		return err_hint(e, "an undo stream never replaces a file; name another");
	}
	if (outfile_open(&f, u->path, t->sink.fd, e) || write_stream(u, f.fd, t, h, threads, e) ||
	    outfile_publish(&f, false, e))
		goto out;
	u->written = true;
	rc = 0;
out:
	outfile_close(&f);
	return rc;
}
