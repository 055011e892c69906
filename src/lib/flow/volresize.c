/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/volresize.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "flow/labelled.h"
#include "flow/rundir.h"
#include "flow/snaplayer.h"
#include "flow/standstill.h"
#include "pure/headroom.h"
#include "pure/metasize.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/labelio.h"

#define ull unsigned long long

/* Room */

static int check_room(const struct stack *s, const struct label *l, uint64_t new_bytes,
		      const struct dm_era_status *st, struct err *e)
{
	const uint64_t room = st->total_blocks - num_min(st->used_blocks, st->total_blocks);
	struct metasize m;

	if (metasize_for(new_bytes, l->block_bytes, &m, e))
		return -1;
	if (st->total_blocks >= m.bound && room >= headroom_needed(m.nr_era_blocks, true))
		return 0;
	err_set(e, ERR_RUNTIME, "%s: its metadata has %llu blocks of 4 KiB, and the new size may need %llu",
		s->name, (ull)st->total_blocks, (ull)m.bound);
	return err_hint(e, "dm-era's metadata cannot grow: close the volume and format it again with more "
			   "room or a larger --block-size; the next backup is a full then");
}

/*
 * Said before it is done: a volume that is opened with the new size, because we died in between, has
 * grown as well. Whoever has a token of an era up to the one that the resume begins has it anew. That holds
 * also where the label has the new size from a resize that was not finished: eras have gone on since.
 */
static int write_label(struct labelled *l, const struct volresize *r, uint64_t era, struct err *e)
{
	struct label *n = &l->label;

	/* By the size that the table has: a run that was killed may have told the label and not grown. */
	if (r->old_bytes != r->new_bytes) {
		n->grown_from = n->grown_era ? num_min(n->grown_from, r->old_bytes) : r->old_bytes;
		n->grown_era = era + 1;
	}
	n->data_bytes = r->new_bytes;
	return labelio_write(l->meta_path, n, e);
}

/*
 * The tables were not swapped. With the new size in the label the next open would grow the volume, in an era
 * behind the one that the label has. The error is the one of the swap.
 */
static int take_back(struct labelled *l, const struct label *before, const char *name, struct err *e)
{
	struct stack s;

	/* A resume that is still to come would make the loaded table the live one. */
	if (stack_find(name, &s, e) || s.kind != STACK_ERA || s.top.suspended ||
	    s.top.len_sectors != before->data_bytes / 512)
		return -1;
	l->label.data_bytes = before->data_bytes;
	l->label.grown_from = before->grown_from;
	l->label.grown_era = before->grown_era;
	labelio_write(l->meta_path, &l->label, e);
	return -1;
}

/* Swap the tables */

struct swap {
	const struct stack *s;
	struct dm_fence *top;
	struct dm_fence *orig;
	struct dm_table top_table;
	struct dm_table orig_table;
	char orig_params[64];
	bool pass_discards;
};

static void prepare_tables(struct swap *w, uint64_t new_bytes)
{
	const struct stack *s = w->s;

	/* The new space begins where the old one ends, on the same device. */
	snprintf(w->orig_params, sizeof(w->orig_params), "%.60s", s->orig.params);
	w->orig_table.name = s->orig.name;
	w->orig_table.type = "linear";
	w->orig_table.params = w->orig_params;
	w->orig_table.len_sectors = new_bytes / 512;
	w->top_table.name = s->name;
	w->top_table.type = "era";
	w->top_table.params = s->top.params;
	w->top_table.len_sectors = new_bytes / 512;
}

static int swap_orig(struct swap *w, struct err *e)
{
	const struct dm_dev *o = &w->s->orig;
	int rc = dm_fence_suspend(w->orig, e);

	if (dm_fence_resume(w->orig, e) || rc)
		return -1;
	/* A new table has its limits anew; the era table, loaded next, takes them from here. */
	return w->pass_discards ? 0 : blkdev_discards_off(o->major, o->minor, o->name, e);
}

/*
 * An era table that was loaded while the old one ran has read metadata that is no longer so: it must not become
 * the live one. That the device is suspended now says that it was when the table was loaded, for only a
 * guard who lost patience resumes it, and nobody suspends it again.
 */
static int load_top(struct swap *w, struct err *e)
{
	struct dm_dev top;

	if (dm_load(&w->top_table, e))
		return -1;
	if (dm_find(w->s->name, &top, e) == 1 && top.suspended)
		return 0;
	dm_clear(w->s->name, e);
	return err_set(e, ERR_RUNTIME, "%s: it took too long, and the device runs again", w->s->name);
}

/* Whatever fails in between, the volume runs again, with the table it had. */
static int swap_suspended(struct swap *w, struct err *e)
{
	int rc = -1;

	if (dm_fence_suspend(w->top, e) == 0 && swap_orig(w, e) == 0 && load_top(w, e) == 0)
		rc = 0;
	return dm_fence_resume(w->top, e) ? -1 : rc;
}

static int swap_guarded(struct swap *w, struct err *e)
{
	struct standstill s = {
		.name = w->s->name,
		.pinned = true,
		.job = {.devs = {{w->s->orig.major, w->s->orig.minor}, {w->s->top.major, w->s->top.minor}}, .nr = 2,
			.thaw_fd = -1, .limit_ms = STANDSTILL_LIMIT_S * 1000},
	};
	int rc;

	if (standstill_begin(&s, e))
		return -1;
	rc = swap_suspended(w, e);
	return standstill_end(&s, rc == 0, e) ? -1 : rc;
}

static int swap_tables(const struct stack *s, uint64_t new_bytes, bool pass_discards, struct err *e)
{
	struct swap w = {.s = s, .pass_discards = pass_discards};
	int rc = -1;

	prepare_tables(&w, new_bytes);
	w.top = dm_fence_new(s->top.major, s->top.minor, e);
	w.orig = dm_fence_new(s->orig.major, s->orig.minor, e);
	/* A linear table may be loaded while the old one is live. */
	if (w.top && w.orig && dm_load(&w.orig_table, e) == 0)
		rc = swap_guarded(&w, e);
	dm_fence_free(w.top);
	dm_fence_free(w.orig);
	if (rc == 0 && !pass_discards)
		rc = blkdev_discards_off(s->top.major, s->top.minor, s->name, e);
	return rc;
}

/* Resize */

static int shrunk(const struct stack *s, uint64_t has, uint64_t had, struct err *e)
{
	err_set(e, ERR_IDENTITY, "%s: has %llu bytes, and the volume has %llu: it can only grow", s->data_path,
		(ull)has, (ull)had);
	return err_hint(e, "give the device its size back before anything is written; to make the volume "
			   "smaller, close it and format it again");
}

static int resize_locked(const struct stack *s, struct volresize *r, struct err *e)
{
	struct dm_era dev = {.major = s->top.major, .minor = s->top.minor};
	struct dm_era_status st;
	struct labelled l;
	struct label before;
	uint64_t discards;

	snprintf(dev.name, sizeof(dev.name), "%s", s->name);
	r->old_bytes = s->top.len_sectors * 512;
	if (labelled_read(s, &l, e) || labelled_settle(s, &l, e) < 0 ||
	    blkdev_size(s->data_path, &r->new_bytes, e))
		return -1;
	r->new_bytes -= r->new_bytes % 512;
	if (r->new_bytes < r->old_bytes)
		return shrunk(s, r->new_bytes, r->old_bytes, e);
	if (r->new_bytes == r->old_bytes && l.label.data_bytes == r->new_bytes)
		return 0;
	if (dm_status(&dev, &st, e) || check_room(s, &l.label, r->new_bytes, &st, e) ||
	    blkdev_discard_max(s->top.major, s->top.minor, &discards, e))
		return -1;
	before = l.label;
	if (write_label(&l, r, st.era, e) || swap_tables(s, r->new_bytes, discards != 0, e))
		return take_back(&l, &before, s->name, e);
	return 0;
}

/* Status and messages to a suspended device hang. */
static int check_stack(const struct stack *s, struct err *e)
{
	if (s->kind != STACK_ERA)
		return err_set(e, ERR_USAGE, "%s: is not a volume that is open", s->name);
	if (!s->top.suspended)
		return 0;
	err_set(e, ERR_BUSY, "%s: is suspended", s->name);
	return err_hint(e, "if nobody is at work on it: dmsetup resume %s", s->name);
}

/* What a cut that was killed left, its snapshot, stands on the tables that are to change. */
static int clear_cut(struct stack *s, struct err *e)
{
	struct dm_era dev;

	if (dm_look(makedev(s->top.major, s->top.minor), &dev, e) != 1)
		return err_set(e, ERR_RUNTIME, "%s: is gone", s->name);
	return snaplayer_clear(&dev, STANDSTILL_LIMIT_S, e) || stack_find(dev.name, s, e) ? -1 : 0;
}

int volresize(const char *name, struct volresize *r, struct err *e)
{
	struct stack s;
	int lock;
	int rc = -1;

	memset(r, 0, sizeof(*r));
	lock = rundir_lock(name, e);
	if (lock < 0)
		return -1;
	if (stack_find(name, &s, e) == 0 && check_stack(&s, e) == 0 && clear_cut(&s, e) == 0)
		rc = resize_locked(&s, r, e);
	close(lock);
	return rc;
}
