/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/leftover.h"

#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "flow/heldnote.h"
#include "flow/rundir.h"
#include "flow/snaplayer.h"
#include "flow/standstill.h"
#include "pure/erameta.h"
#include "world/fsfreeze.h"
#include "world/metaread.h"

/* Still */

static int resume(uint32_t major, uint32_t minor, struct err *e)
{
	struct dm_fence *f = dm_fence_new(major, minor, e);
	const int rc = f ? dm_fence_resume(f, e) : -1;

	dm_fence_free(f);
	return rc;
}

/* The lowest first. The filesystem may be frozen and the device run. */
static int wake(struct dm_era *dev, struct err *e)
{
	struct fsfreeze f;
	struct dm_dev layer;
	const int found = dm_find_number(dev->orig_major, dev->orig_minor, &layer, e);

	if (found < 0 || (found && layer.suspended && resume(layer.major, layer.minor, e)) ||
	    (dev->suspended && resume(dev->major, dev->minor, e)))
		return -1;
	if (fsfreeze_open(&f, dev->major, dev->minor, e) == 1)
		fsfreeze_thaw(&f, e);
	fsfreeze_close(&f);
	return e->kind ? -1 : 0;
}

int leftover_wake(struct dm_era *dev, char told[LEFTOVER_WORDS], struct err *e)
{
	const uint64_t rdev = makedev(dev->major, dev->minor);
	int rc = -1;
	int lock;

	told[0] = '\0';
	if (!standstill_noted(dev->name))
		return 0;
	lock = rundir_lock(dev->name, e);
	if (lock < 0)
		return -1;
	/* Under the lock: whoever left the note may have ended well since. */
	if (standstill_noted(dev->name) && dm_look(rdev, dev, e) == 1 && wake(dev, e) == 0) {
		standstill_forget(dev->name);
		snprintf(told, LEFTOVER_WORDS, "%.100s: made it run again, which a killed run had not done", dev->name);
	}
	if (e->kind == ERR_NONE)
		rc = dm_look(rdev, dev, e) == 1 ? 0 : -1;
	close(lock);
	return rc;
}

/* Snapshots */

static int clear_layer(const struct dm_era *dev, char told[LEFTOVER_WORDS], struct err *e)
{
	struct snaplayer l;

	if (snaplayer_find(&l, dev, e))
		return -1;
	if (!snaplayer_is_left(&l))
		return 0;
	if (snaplayer_clear(dev, STANDSTILL_LIMIT_S, e))
		return -1;
	snprintf(told, LEFTOVER_WORDS, "%.100s: took away the snapshot that a killed run had left", dev->name);
	return 0;
}

static int refuse_held(const struct dm_era *dev, struct err *e)
{
	err_set(e, ERR_BUSY, "%s: somebody else holds a snapshot of its metadata", dev->name);
	return err_hint(e, "if nobody uses it any more: dmsetup message %s 0 drop_metadata_snap", dev->name);
}

static int clear_held(const struct dm_era *dev, char told[LEFTOVER_WORDS], struct err *e)
{
	struct metaread m = {0};
	uint64_t noted;
	int rc = -1;

	if (!heldnote_read(dev->name, &noted))
		return refuse_held(dev, e);
	if (metaread_open_held(&m, dev->meta_major, dev->meta_minor, e))
		goto out;
	if (erameta_info(m.era)->era != noted) {
		refuse_held(dev, e);
		goto out;
	}
	if (dm_message(dev, "drop_metadata_snap", e))
		goto out;
	heldnote_remove(dev->name);
	snprintf(told, LEFTOVER_WORDS, "%.100s: dropped the metadata snapshot that a killed run had left",
		 dev->name);
	rc = 0;
out:
	metaread_close(&m);
	return rc;
}

int leftover_clear(const struct dm_era *dev, const struct dm_era_status *s, char told[LEFTOVER_WORDS],
		   struct err *e)
{
	told[0] = '\0';
	if (clear_layer(dev, told, e))
		return -1;
	return s->held ? clear_held(dev, told, e) : 0;
}
