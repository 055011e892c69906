/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * leftover: what a run of era_copy that was killed may have left on the machine, and taking it away.
 *
 *	device suspended, filesystem frozen   only where the guard was killed too; a note in /run/era says it was us
 *	NAME-snap, NAME-cow, snapshot-origin  ours by their DM UUID
 *	metadata snapshot held                ours by the note in /var/lib/era
 *
 * Never: what somebody else suspended, froze or holds.
 */
#ifndef ERA_FLOW_LEFTOVER_H
#define ERA_FLOW_LEFTOVER_H

#include "words/err.h"
#include "world/dm.h"

#define LEFTOVER_WORDS 256

/*
 * Resume and thaw what a dead run left standing still; before anything is read from the device. `told`: what was done,
 * in words, empty for nothing. ERR_BUSY where the run is alive. *dev is looked at anew.
 */
int leftover_wake(struct dm_era *dev, char told[LEFTOVER_WORDS], struct err *e);

/* The snapshot and its layer, and the metadata snapshot, by the status just read. With the device's lock held. */
int leftover_clear(const struct dm_era *dev, const struct dm_era_status *s, char told[LEFTOVER_WORDS],
		   struct err *e);

#endif
