/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/cutkind.h"

#include <stdio.h>
#include <string.h>

#include "flow/sparecow.h"
#include "words/num.h"

/* Room for a snapshot nobody asked for: a hundredth of the device, or this much. */
#define AMPLE_PART 100u
#define AMPLE_BYTES (UINT64_C(1) << 30)

/* Which take part in a freeze as far as anybody has tried. Others may fail only when it is too late to choose. */
static bool can_freeze(const struct fsfreeze *f)
{
	static const char *const types[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "nilfs2", "reiserfs"};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(f->type, types[i]) == 0)
			return true;
	return false;
}

/* Why no filesystem can be frozen for this stream; "" where one can. */
static const char *no_freeze(const struct cutkind *k, int out_fd)
{
	if (k->fs.fd < 0 && k->fs.where[0])
		return "another mount hides each place where its filesystem is mounted";
	if (k->fs.fd < 0)
		return "no filesystem is mounted right from it here";
	if (out_fd >= 0 && fsfreeze_has(&k->fs, out_fd))
		return "the stream would be written to the filesystem that is frozen";
	return "";
}

static int find_room(struct cutkind *k, const struct cut *c, const struct cutkind_opts *o, struct err *e)
{
	k->room = c->room;
	return o->cow ? sparecow_take(&c->dev, o->cow, &k->room, e) : 0;
}

/* 1: a snapshot; 0: not, and why; -1. */
static int try_snapshot(struct cutkind *k, const struct cut *c, const struct cutkind_opts *o, char why[256], struct err *e)
{
	struct snaproom spare = {.len_bytes = SNAPCUT_ROOM_MIN};
	int rc;

	/* Before a spare device is marked: is there a layer at all? */
	rc = snapcut_able(&c->dev, o->cow ? &spare : &c->room, why, e);
	return rc == 1 && find_room(k, c, o, e) ? -1 : rc;
}

static int refuse(const struct cut *c, const char *kind, const char *why, const char *no_fs, struct err *e)
{
	err_set(e, ERR_USAGE, "%s: --cut=%s is not possible: %s", c->dev.name, kind, why);
	return err_hint(e, "possible here: %s--cut=fence", no_fs[0] ? "" : "--cut=freeze, ");
}

static int choose_snapshot(struct cutkind *k, const struct cut *c, const struct cutkind_opts *o, const char *no_fs, struct err *e)
{
	char why[256];
	const int rc = try_snapshot(k, c, o, why, e);

	k->kind = WIRE_CUT_SNAPSHOT;
	if (rc == 0)
		refuse(c, "snapshot", why, no_fs, e);
	return rc == 1 ? 0 : -1;
}

static int choose_freeze(struct cutkind *k, const struct cut *c, const char *no_fs, struct err *e)
{
	char why[256];
	int rc;

	k->kind = WIRE_CUT_FREEZE;
	if (!no_fs[0])
		return 0;
	rc = snapcut_able(&c->dev, &c->room, why, e);
	if (rc < 0)
		return -1;
	err_set(e, ERR_USAGE, "%s: --cut=freeze is not possible: %s", c->dev.name, no_fs);
	return err_hint(e, "possible here: %s--cut=fence", rc ? "--cut=snapshot, " : "");
}

/* What nobody asked for should not fail every night for want of room. */
static bool is_ample(const struct cut *c)
{
	return c->room.len_bytes >= num_min(c->dev.len_sectors * 512 / AMPLE_PART, AMPLE_BYTES);
}

static int choose_auto(struct cutkind *k, const struct cut *c, const struct cutkind_opts *o, const char *no_fs, struct err *e)
{
	char why[256];
	int rc;

	/* Who names a device for a snapshot means one. */
	if (o->cow)
		return choose_snapshot(k, c, o, no_fs, e);
	rc = try_snapshot(k, c, o, why, e);
	if (rc < 0)
		return -1;
	if (rc == 1 && is_ample(c))
		k->kind = WIRE_CUT_SNAPSHOT;
	else
		k->kind = !no_fs[0] && can_freeze(&k->fs) ? WIRE_CUT_FREEZE : WIRE_CUT_FENCE;
	return 0;
}

int cutkind_choose(struct cutkind *k, const struct cut *c, const struct cutkind_opts *o, struct err *e)
{
	const struct dm_era *dev = &c->dev;
	const char *no_fs;

	memset(k, 0, sizeof(*k));
	if (fsfreeze_open(&k->fs, dev->major, dev->minor, e) < 0)
		return -1;
	no_fs = no_freeze(k, o->out_fd);
	k->kind = o->kind;
	if (o->kind == WIRE_CUT_SNAPSHOT)
		return choose_snapshot(k, c, o, no_fs, e);
	if (o->kind == WIRE_CUT_FREEZE)
		return choose_freeze(k, c, no_fs, e);
	if (o->kind)
		return 0;
	if (!o->list_only)
		return choose_auto(k, c, o, no_fs, e);
	k->kind = WIRE_CUT_FENCE;
	return 0;
}
