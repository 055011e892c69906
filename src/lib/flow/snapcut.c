/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/snapcut.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/snaplayer.h"
#include "flow/standstill.h"
#include "words/num.h"
#include "world/blkdev.h"

/* What one write displaces. Small, so that the room lasts; larger where the kernel would need much memory. */
#define CHUNK_SECTORS 32u
#define CHUNKS_MAX 262144u

/* Able? */

static int unable(char why[256], const char *text, const char *name)
{
	snprintf(why, 256, "%s%.100s%s", text, name, name[0] ? "'" : "");
	return 0;
}

/* Has the layer a table that can be switched? */
static int judge_layer(const struct dm_dev *layer, char why[256])
{
	uint64_t begin = 0;

	if (!layer->name[0])
		return unable(why, "it lies right on its disk, and there is no layer that could be switched", "");
	if (strncmp(layer->uuid, "LVM-", 4) == 0)
		return unable(why, "LVM alone may change the table of the logical volume it lies on, '", layer->name);
	if (strcmp(layer->type, "linear") != 0)
		return unable(why, "only a linear layer can be switched, and it lies on another one, '", layer->name);
	if (sscanf(layer->params, "%*u:%*u %" SCNu64, &begin) != 1 || begin != 0)
		return unable(why, "the layer beneath does not begin where its disk begins, '", layer->name);
	return 1;
}

/* A table on a device of larger sectors has to end with one. */
static int judge_sectors(const struct dm_era *dev, const struct snaproom *room, char why[256], struct err *e)
{
	uint32_t sector;

	if (!room->path[0])
		return 1;
	if (blkdev_sector(room->path, &sector, e))
		return -1;
	return dev->len_sectors % (sector / 512) == 0 ? 1 : unable(why, "its size is no multiple of the sectors of the room", "");
}

static int judge_kernel(char why[256], struct err *e)
{
	const int snap = dm_has_target("snapshot", e);
	const int origin = snap == 1 ? dm_has_target("snapshot-origin", e) : snap;

	return origin ? origin : unable(why, "this kernel has no dm-snapshot", "");
}

int snapcut_able(const struct dm_era *dev, const struct snaproom *room, char why[256], struct err *e)
{
	struct snaplayer l;
	int rc;

	if (snaplayer_find(&l, dev, e))
		return -1;
	if (l.taken)
		return unable(why, "somebody else's device has the name of one of its parts, '", l.snap.name[0] ? l.cow_name
													     : l.snap_name);
	rc = judge_layer(&l.layer, why);
	if (rc != 1)
		return rc;
	if (room->len_bytes < SNAPCUT_ROOM_MIN)
		return unable(why, "there is no room for one beside its metadata, and no --cow DEVICE", "");
	rc = judge_sectors(dev, room, why, e);
	return rc == 1 ? judge_kernel(why, e) : rc;
}

/* Prepare */

static int make(const char *name, const char *kind, const struct dm_era *dev, const char *type, const char *params,
		uint64_t len_sectors, struct dm_dev *out, struct err *e)
{
	char uuid[64];
	const struct dm_table t = {
		.name = name,
		.uuid = uuid,
		.type = type,
		.params = params,
		.len_sectors = len_sectors,
		.hidden = true,
	};

	snprintf(uuid, sizeof(uuid), SNAPLAYER_PREFIX "%" PRIu32 ":%" PRIu32 "-%s", dev->major, dev->minor, kind);
	if (dm_create(&t, e))
		return -1;
	return dm_find(name, out, e) == 1 ? 0 : err_set(e, ERR_RUNTIME, "%s: is gone", name);
}

static int make_cow(const struct snapcut *s, const char *name, struct dm_dev *cow, struct err *e)
{
	char params[64];
	uint32_t major;
	uint32_t minor;

	if (blkdev_number(s->room.path, &major, &minor, e))
		return -1;
	snprintf(params, sizeof(params), "%" PRIu32 ":%" PRIu32 " %" PRIu64, major, minor,
		 s->room.begin_bytes / 512);
	return make(name, "cow", &s->dev, "linear", params, s->room.len_bytes / 512, cow, e);
}

static uint64_t chunk_for(uint64_t room_sectors)
{
	uint64_t chunk = CHUNK_SECTORS;

	while (room_sectors / chunk > CHUNKS_MAX)
		chunk *= 2;
	return chunk;
}

/* The tables that the switch makes live. Loading them changes nothing. */
static int load_tables(struct snapcut *s, const struct dm_dev *cow, struct err *e)
{
	char origin[32];
	char params[96];
	struct dm_table t = {.name = s->snap.name, .type = "snapshot", .params = params,
			     .len_sectors = s->dev.len_sectors};
	uint32_t major;
	uint32_t minor;

	if (dm_first_number(s->layer.params, &major, &minor))
		return err_set(e, ERR_RUNTIME, "%s: cannot read its table '%s'", s->layer.name, s->layer.params);
	snprintf(origin, sizeof(origin), "%" PRIu32 ":%" PRIu32, major, minor);
	/* N: not to outlive the boot. A snapshot nobody copies from is of no use. */
	snprintf(params, sizeof(params), "%s %" PRIu32 ":%" PRIu32 " N %" PRIu64, origin, cow->major, cow->minor,
		 chunk_for(cow->len_sectors));
	if (dm_load(&t, e))
		return -1;
	t.name = s->layer.name;
	t.type = "snapshot-origin";
	t.params = origin;
	t.len_sectors = s->layer.len_sectors;
	return dm_load(&t, e);
}

static int make_fences(struct snapcut *s, struct err *e)
{
	s->fence[0] = dm_fence_new(s->dev.major, s->dev.minor, e);
	s->fence[1] = dm_fence_new(s->layer.major, s->layer.minor, e);
	s->fence[2] = dm_fence_new(s->snap.major, s->snap.minor, e);
	return s->fence[0] && s->fence[1] && s->fence[2] ? 0 : -1;
}

int snapcut_prepare(struct snapcut *s, const struct dm_era *dev, const struct snaproom *room,
		    unsigned int limit_s, struct err *e)
{
	struct snaplayer l;
	struct dm_dev cow;

	memset(s, 0, sizeof(*s));
	s->dev = *dev;
	s->room = *room;
	s->limit_s = limit_s;
	if (snaplayer_find(&l, dev, e))
		return -1;
	s->layer = l.layer;
	s->made = true;
	/*
	 * NAME-snap gets a table in which nothing can be read first, and udev is told to make no links to what is on it:
	 * a second filesystem of the same UUID. The switch tells it the same again.
	 */
	if (make_cow(s, l.cow_name, &cow, e) ||
	    make(l.snap_name, "snap", dev, "error", "", dev->len_sectors, &s->snap, e) ||
	    load_tables(s, &cow, e) || make_fences(s, e))
		return -1;
	return blkdev_path(s->snap.major, s->snap.minor, s->path, sizeof(s->path), e);
}

/* Switch */

int snapcut_switch(struct snapcut *s, uint64_t *still_us, struct err *e)
{
	struct standstill still = {
		.name = s->dev.name,
		.pinned = true,
		.still_us = still_us,
		.job = {.devs = {{s->layer.major, s->layer.minor}, {s->dev.major, s->dev.minor}}, .nr = 2,
			.thaw_fd = -1, .limit_ms = s->limit_s * 1000},
	};

	/* Suspended from the top; resumed from the bottom, the snapshot before the origin that feeds it. */
	if (standstill_swap(&still, s->fence, 3, e))
		return -1;
	return snaplayer_discards(&s->dev, &s->layer, e);
}

/* End */

int snapcut_whole(const struct snapcut *s, uint64_t done, uint64_t total, struct err *e)
{
	char has[NUM_SIZE_LEN];
	char needs[NUM_SIZE_LEN];
	uint64_t used;
	uint64_t all;
	const int rc = dm_snapshot_status(s->snap.major, s->snap.minor, &used, &all, e);
	double share;

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	share = done > 0 && total > 0 ? (double)done / (double)total : 1.0 / 16;
	used = (uint64_t)((double)s->room.len_bytes / share);
	/* A quarter more, for rates vary; never more than every chunk displaced once. */
	used = num_min(used + used / 4, num_div_up(s->dev.len_sectors, CHUNKS_MAX) * CHUNKS_MAX * 512);
	err_set(e, ERR_RUNTIME,
		"%s: the snapshot overflowed its room of %s after %.0f %% was copied; at this rate of writes about %s "
		"would have been needed", s->dev.name, num_size(s->room.len_bytes, has, sizeof(has)), share * 100,
		num_size(used, needs, sizeof(needs)));
	return err_hint(e, "name a larger device with --cow; if the kernel's log has errors of "
			   "the room, it may have failed and not been full");
}

int snapcut_end(struct snapcut *s, struct err *e)
{
	int rc = 0;
	size_t i;

	if (s->made)
		rc = snaplayer_clear(&s->dev, s->limit_s, e);
	for (i = 0; i < 3; i++) {
		dm_fence_free(s->fence[i]);
		s->fence[i] = NULL;
	}
	s->made = false;
	return rc;
}
