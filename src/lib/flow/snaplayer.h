/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snaplayer: the layer beneath an era device, and what a snapshot cut puts there for as long as it lasts.
 *
 *	NAME            era               on the layer
 *	the layer       linear            on DATA; while the snapshot lasts snapshot-origin on DATA
 *	NAME-snap       snapshot          of DATA, with its room in NAME-cow
 *	NAME-cow        linear            on the room
 *
 * NAME-snap and NAME-cow have a DM UUID of ours, so what a killed run left is told from other people's.
 *
 * Never: a device is removed, or a table changed, that is not ours or that ours does not stand on.
 */
#ifndef ERA_FLOW_SNAPLAYER_H
#define ERA_FLOW_SNAPLAYER_H

#include <stdbool.h>

#include "words/err.h"
#include "world/dm.h"

#define SNAPLAYER_PREFIX "ERA-cut-"

struct snaplayer {
	char name[DM_WORD];	 /* of the era device */
	struct dm_dev layer;	 /* beneath it; empty name: no device-mapper device */
	char snap_name[DM_WORD];
	char cow_name[DM_WORD];
	struct dm_dev snap;	 /* each with an empty name where it does not exist, or is not ours */
	struct dm_dev cow;
	bool taken;		 /* somebody else has one of the names */
};

void snaplayer_names(const char *name, char snap[DM_WORD], char cow[DM_WORD]);

/* A device of that name where it is ours by its DM UUID. 1; 0 with *d zero: none, or not ours (*taken); -1. */
int snaplayer_part(const char *name, struct dm_dev *d, bool *taken, struct err *e);

/* What is there. */
int snaplayer_find(struct snaplayer *l, const struct dm_era *dev, struct err *e);

/* Is anything of a snapshot cut there? An origin in a layer that is ours counts by itself. */
bool snaplayer_is_left(const struct snaplayer *l);

/*
 * Put all of it back: the layer linear, no snapshot, no room. The era device stands still for as long as its layer
 * is switched: its limit in seconds. With the device's lock held. What is not there is fine.
 */
int snaplayer_clear(const struct dm_era *dev, unsigned int limit_s, struct err *e);

/* A layer whose table was changed has its discard limit anew: none, where the era device has none. */
int snaplayer_discards(const struct dm_era *dev, const struct dm_dev *layer, struct err *e);

#endif
