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

/* 1: was frozen. */
static int thaw(const struct dm_era *dev, struct err *e)
{
	struct fsfreeze f;
	int rc = fsfreeze_open(&f, dev->major, dev->minor, e);

	if (rc == 1)
		rc = fsfreeze_thaw(&f, e);
	fsfreeze_close(&f);
	return rc;
}

/* The lowest first. The filesystem may be frozen and the device run. 1: something stood still; 0; -1. */
static int wake(struct dm_era *dev, bool frozen, struct err *e)
{
	struct dm_dev layer;
	const int found = dm_find_number(dev->orig_major, dev->orig_minor, &layer, e);
	const bool still = found == 1 && layer.suspended;
	int thawed = 0;

	if (found < 0 || (still && resume(layer.major, layer.minor, e)) ||
	    (dev->suspended && resume(dev->major, dev->minor, e)))
		return -1;
	if (frozen)
		thawed = thaw(dev, e);
	return thawed < 0 ? -1 : still || dev->suspended || thawed;
}

static int look(struct dm_era *dev, struct err *e)
{
	const int rc = dm_look(makedev(dev->major, dev->minor), dev, e);

	return rc == 0 ? err_set(e, ERR_RUNTIME, "%s: is no dm-era device any more", dev->name) : rc < 0 ? -1 : 0;
}

static int wake_locked(struct dm_era *dev, char told[LEFTOVER_WORDS], struct err *e)
{
	bool frozen;
	int woken;

	/* Under the lock: whoever left the note may have ended well since. */
	if (!standstill_noted(dev->name, &frozen))
		return look(dev, e);
	woken = look(dev, e) ? -1 : wake(dev, frozen, e);
	if (woken < 0)
		return -1;
	standstill_forget(dev->name);
	if (woken)
		snprintf(told, LEFTOVER_WORDS, "%.100s: made it run again, which a killed run had not done", dev->name);
	return look(dev, e);
}

int leftover_wake(struct dm_era *dev, char told[LEFTOVER_WORDS], struct err *e)
{
	bool frozen;
	int lock;
	int rc;

	told[0] = '\0';
	if (!standstill_noted(dev->name, &frozen))
		return 0;
	lock = rundir_lock(dev->name, e);
	if (lock < 0)
		return -1;
	rc = wake_locked(dev, told, e);
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
	char held[LEFTOVER_WORDS] = "";

	told[0] = '\0';
	if (clear_layer(dev, told, e) || (s->held && clear_held(dev, held, e)))
		return -1;
	/* What held it had the rest as well: one of the two is enough to say. */
	if (held[0])
		snprintf(told, LEFTOVER_WORDS, "%s", held);
	return 0;
}
