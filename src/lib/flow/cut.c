/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/cut.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/heldnote.h"
#include "flow/identity.h"
#include "flow/labelled.h"
#include "flow/leftover.h"
#include "flow/rundir.h"
#include "flow/runkernel.h"
#include "flow/standstill.h"
#include "flow/volshow.h"
#include "pure/erameta.h"
#include "pure/headroom.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/metaread.h"

#define ull unsigned long long

static int refuse_suspended(const struct dm_era *dev, struct err *e)
{
	err_set(e, ERR_BUSY, "%s: is suspended", dev->name);
	return err_hint(e, "if nobody is at work on it: dmsetup resume %s", dev->name);
}

static int identify_label(struct cut *c, struct err *e)
{
	char time[VOLSHOW_TIME];
	struct labelled l;
	struct stack s;

	if (stack_find(c->dev.name, &s, e) || labelled_settle_alone(&s, &l, e) < 0)
		return -1;
	c->labelled = true;
	memcpy(c->generation, l.label.generation, WIRE_ID_LEN);
	c->grown_from = l.label.grown_from;
	c->grown_era = l.label.grown_era;
	snprintf(c->room.path, sizeof(c->room.path), "%s", l.meta_path);
	c->room.begin_bytes = l.label.cow_offset;
	c->room.len_bytes = l.label.cow_bytes;
	snprintf(c->began, sizeof(c->began), "tracking began again on %s: %s",
		 volshow_time(l.label.time_generation, time), l.label.reason);
	return 0;
}

/* One more. */
static void warn(struct cut *c, const char *words)
{
	const size_t len = strlen(c->warning);

	if (words[0])
		snprintf(c->warning + len, sizeof(c->warning) - len, "%s%s", len ? "; " : "", words);
}

int cut_identify(struct cut *c, const struct dm_era *dev, struct err *e)
{
	char told[LEFTOVER_WORDS];

	memset(c, 0, sizeof(*c));
	c->dev = *dev;
	c->lock = -1;
	c->limit_s = STANDSTILL_LIMIT_S;
	c->nr_blocks = num_div_up(dev->len_sectors, dev->block_sectors);
	/* Status, messages and reads of a suspended device hang. */
	if (leftover_wake(&c->dev, told, e))
		return -1;
	warn(c, told);
	if (c->dev.suspended)
		return refuse_suspended(dev, e);
	if (labelled_uuid(dev->uuid))
		return identify_label(c, e);
	identity_weak_generation(dev->name, dev->uuid, dev->block_sectors * 512, c->generation);
	return 0;
}

int cut_open(struct cut *c, bool allow_kernel, struct err *e)
{
	char told[LEFTOVER_WORDS];
	struct runkernel kernel;
	struct dm_era_status s;

	c->lock = rundir_lock(c->dev.name, e);
	if (c->lock < 0 || runkernel_judge(allow_kernel, &kernel, e))
		return -1;
	warn(c, kernel.warning);
	if (dm_status(&c->dev, &s, e) || leftover_clear(&c->dev, &s, told, e))
		return -1;
	warn(c, told);
	c->era = s.era;
	return 0;
}

void cut_close(struct cut *c)
{
	if (c->lock >= 0)
		close(c->lock);
	c->lock = -1;
}

/* Make */

static int check_headroom(const struct cut *c, const struct dm_era_status *s, bool will_hold,
			  struct err *e)
{
	const uint64_t room = s->total_blocks - num_min(s->used_blocks, s->total_blocks);
	const uint64_t needed = headroom_needed(c->nr_blocks, will_hold);

	if (room >= needed)
		return 0;
	err_set(e, ERR_RUNTIME,
		"%s: its metadata is nearly full: %llu of %llu blocks are free and a cut may need %llu",
		c->dev.name, (ull)room, (ull)s->total_blocks, (ull)needed);
	return err_hint(e, "nothing was changed; recreate the device with a larger metadata device, then "
			   "make a full");
}

int cut_fence(struct cut *c, struct err *e)
{
	struct standstill s = {
		.name = c->dev.name,
		.pinned = true,
		.still_us = &c->still_us,
		.job = {.devs = {{c->dev.major, c->dev.minor}}, .nr = 1, .thaw_fd = -1, .limit_ms = c->limit_s * 1000},
	};
	struct dm_fence *f = dm_fence_new(c->dev.major, c->dev.minor, e);
	const int rc = f ? standstill_swap(&s, &f, 1, e) : -1;

	dm_fence_free(f);
	return rc;
}

/* With the metadata snapshot held: the list, from that snapshot alone. */
static int read_ranges(struct cut *c, uint64_t at_least, uint64_t since, uint64_t before,
		       struct blockset *set, struct err *e)
{
	const struct erameta_info *info;
	struct metaread m = {0};
	int rc = -1;

	if (metaread_open_held(&m, c->dev.meta_major, c->dev.meta_minor, e))
		goto out;
	info = erameta_info(m.era);
	if (info->era < at_least) {
		err_set(e, ERR_RUNTIME, "%s: the metadata snapshot is of era %u, not %llu or later",
			c->dev.name, info->era, (ull)at_least);
		goto out;
	}
	if (info->nr_blocks != c->nr_blocks || info->block_size != c->dev.block_sectors) {
		err_set(e, ERR_CORRUPT,
			"%s: the metadata is of %u blocks of %u sectors, the device has %llu of %llu",
			c->dev.name, info->nr_blocks, info->block_size, (ull)c->nr_blocks,
			(ull)c->dev.block_sectors);
		goto out;
	}
	rc = metaread_changed(&m, since, before, set, e);
out:
	metaread_close(&m);
	return rc;
}

/* Take, read, drop: dropped whatever happens in between. */
static int ranges_held(struct cut *c, uint64_t since, uint64_t before, struct blockset *set, struct err *e)
{
	int rc;

	if (dm_message(&c->dev, "take_metadata_snap", e))
		return -1;
	rc = read_ranges(c, c->held_era, since, before, set, e);
	c->holding = dm_message(&c->dev, "drop_metadata_snap", e) != 0;
	return c->holding ? -1 : rc;
}

static int check_moved(const struct cut *c, struct err *e)
{
	struct dm_era_status s;

	if (dm_status(&c->dev, &s, e))
		return -1;
	if (s.era >= c->era_c)
		return 0;
	return err_set(e, ERR_RUNTIME, "%s: the era is %llu after the fence, not %llu or later",
		       c->dev.name, (ull)s.era, (ull)c->era_c);
}

int cut_ready(struct cut *c, bool fenced, bool listed, struct err *e)
{
	struct dm_era_status s;

	if (stop_check(e) || dm_status(&c->dev, &s, e) || check_headroom(c, &s, listed, e))
		return -1;
	c->meta_used = s.used_blocks;
	c->meta_total = s.total_blocks;
	c->era_c = s.era + 1;
	/* The resume begins C, the take C + 1; without a fence the take begins C. */
	c->held_era = s.era + (fenced ? 2 : 1);
	return listed ? heldnote_write(c->dev.name, c->held_era, e) : 0;
}

int cut_list(struct cut *c, bool fenced, uint64_t since, uint64_t before, struct blockset *set,
	     struct err *e)
{
	if (set)
		return ranges_held(c, since, before, set, e);
	/* A full needs a new era as much: what is written while it is copied belongs to the next. */
	if (!fenced && dm_message(&c->dev, "checkpoint", e))
		return -1;
	return check_moved(c, e);
}

void cut_settle(const struct cut *c)
{
	if (!c->holding)
		heldnote_remove(c->dev.name);
}

int cut_make(struct cut *c, enum wire_cut kind, uint64_t since, uint64_t before,
	     struct blockset *set, struct err *e)
{
	const bool fenced = kind == WIRE_CUT_FENCE;
	int rc;

	if (cut_ready(c, fenced, set != NULL, e))
		return -1;
	rc = (fenced && cut_fence(c, e)) || cut_list(c, fenced, since, before, set, e) ? -1 : 0;
	if (set)
		cut_settle(c);
	return rc;
}
