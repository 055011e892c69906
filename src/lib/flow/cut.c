/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/cut.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "flow/heldnote.h"
#include "flow/identity.h"
#include "flow/labelled.h"
#include "flow/rundir.h"
#include "flow/runkernel.h"
#include "flow/volshow.h"
#include "pure/erameta.h"
#include "pure/headroom.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/guard.h"
#include "world/metaread.h"

#define ull unsigned long long

/* The held snapshot on the device's metadata device. */
static int open_held(struct metaread *m, const struct dm_era *dev, struct err *e)
{
	char path[64];

	if (blkdev_path(dev->meta_major, dev->meta_minor, path, sizeof(path), e))
		return -1;
	return metaread_open(m, path, ERAMETA_HELD, e);
}

/* Open */

static int refuse_held(const struct cut *c, struct err *e)
{
	err_set(e, ERR_BUSY, "%s: somebody else holds a snapshot of its metadata", c->dev.name);
	return err_hint(e, "if nobody uses it any more: dmsetup message %s 0 drop_metadata_snap",
			c->dev.name);
}

/* A held snapshot is dropped where our note says that it is ours. The lock says that we are alone. */
static int clean_up(struct cut *c, const struct dm_era_status *s, struct err *e)
{
	struct metaread m = {0};
	uint64_t noted;
	int rc = -1;

	if (!s->held)
		return 0;
	if (!heldnote_read(c->dev.name, &noted))
		return refuse_held(c, e);
	if (open_held(&m, &c->dev, e))
		goto out;
	if (erameta_info(m.era)->era != noted) {
		refuse_held(c, e);
		goto out;
	}
	if (dm_message(&c->dev, "drop_metadata_snap", e))
		goto out;
	heldnote_remove(c->dev.name);
	snprintf(c->warning, sizeof(c->warning),
		 "%.100s: dropped the metadata snapshot that a killed run had left", c->dev.name);
	rc = 0;
out:
	metaread_close(&m);
	return rc;
}

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
	snprintf(c->began, sizeof(c->began), "tracking began again on %s: %s",
		 volshow_time(l.label.time_generation, time), l.label.reason);
	return 0;
}

int cut_identify(struct cut *c, const struct dm_era *dev, struct err *e)
{
	memset(c, 0, sizeof(*c));
	c->dev = *dev;
	c->lock = -1;
	c->nr_blocks = num_div_up(dev->len_sectors, dev->block_sectors);
	/* Status, messages and reads of a suspended device hang. */
	if (dev->suspended)
		return refuse_suspended(dev, e);
	if (labelled_uuid(dev->uuid))
		return identify_label(c, e);
	identity_weak_generation(dev->name, dev->uuid, dev->block_sectors * 512, c->generation);
	return 0;
}

int cut_open(struct cut *c, bool allow_kernel, struct err *e)
{
	struct runkernel kernel;
	struct dm_era_status s;

	c->lock = rundir_lock(c->dev.name, e);
	if (c->lock < 0 || runkernel_judge(allow_kernel, &kernel, e))
		return -1;
	snprintf(c->warning, sizeof(c->warning), "%s", kernel.warning);
	if (dm_status(&c->dev, &s, e) || clean_up(c, &s, e))
		return -1;
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

/* Between the suspend and the resume stands nothing. */
static int suspend_resume(struct cut *c, struct dm_fence *f, struct err *e)
{
	struct timespec begin;
	struct timespec end;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	rc = dm_fence_suspend(f, e);
	if (dm_fence_resume(f, e))
		rc = -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	c->still_us = (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000 +
		      (uint64_t)((end.tv_nsec - begin.tv_nsec) / 1000);
	return rc;
}

static int fence(struct cut *c, struct err *e)
{
	struct dm_fence *f = dm_fence_new(c->dev.major, c->dev.minor, e);
	const struct guard_dev dev = {c->dev.major, c->dev.minor};
	struct guard g = {0};
	int rc = -1;

	if (!f)
		return -1;
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		err_sys(e, "cannot lock memory");
		goto out;
	}
	if (guard_start(&g, &dev, 1, e) == 0)
		rc = suspend_resume(c, f, e);
	guard_done(&g, rc == 0);
	munlockall();
out:
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

	if (open_held(&m, &c->dev, e))
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
static int ranges_held(struct cut *c, uint64_t expected, uint64_t since, uint64_t before,
		       struct blockset *set, struct err *e)
{
	int rc;

	if (dm_message(&c->dev, "take_metadata_snap", e))
		return -1;
	rc = read_ranges(c, expected, since, before, set, e);
	if (dm_message(&c->dev, "drop_metadata_snap", e))
		rc = -1;
	heldnote_remove(c->dev.name);
	return rc;
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

int cut_make(struct cut *c, enum wire_cut kind, uint64_t since, uint64_t before,
	     struct blockset *set, struct err *e)
{
	const bool fenced = kind == WIRE_CUT_FENCE;
	struct dm_era_status s;
	uint64_t held_era;

	if (stop_check(e) || dm_status(&c->dev, &s, e) ||
	    check_headroom(c, &s, set != NULL, e))
		return -1;
	c->era_c = s.era + 1;
	/* The resume begins C, the take C + 1; without a fence the take begins C. */
	held_era = s.era + (fenced ? 2 : 1);
	if (set && heldnote_write(c->dev.name, held_era, e))
		return -1;
	if (fenced && fence(c, e))
		return -1;
	if (set)
		return ranges_held(c, held_era, since, before, set, e);
	/* A full needs a new era as much: what is written while it is copied belongs to the next. */
	if (!fenced && dm_message(&c->dev, "checkpoint", e))
		return -1;
	return check_moved(c, e);
}
