/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/snaplayer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/standstill.h"
#include "world/blkdev.h"

/* The DM UUIDs of a volume's own layers begin with it (flow/stack). */
#define OWN_LAYER "ERA-"

void snaplayer_names(const char *name, char snap[DM_WORD], char cow[DM_WORD])
{
	snprintf(snap, DM_WORD, "%.*s-snap", DM_WORD - 8, name);
	snprintf(cow, DM_WORD, "%.*s-cow", DM_WORD - 8, name);
}

int snaplayer_part(const char *name, struct dm_dev *d, bool *taken, struct err *e)
{
	const int rc = dm_find(name, d, e);

	if (rc == 1 && strncmp(d->uuid, SNAPLAYER_PREFIX, strlen(SNAPLAYER_PREFIX)) == 0)
		return 1;
	if (rc == 1)
		*taken = true;
	memset(d, 0, sizeof(*d));
	return rc < 0 ? -1 : 0;
}

int snaplayer_find(struct snaplayer *l, const struct dm_era *dev, struct err *e)
{
	memset(l, 0, sizeof(*l));
	snprintf(l->name, sizeof(l->name), "%s", dev->name);
	snaplayer_names(dev->name, l->snap_name, l->cow_name);
	if (dm_find_number(dev->orig_major, dev->orig_minor, &l->layer, e) < 0)
		return -1;
	if (snaplayer_part(l->snap_name, &l->snap, &l->taken, e) < 0 ||
	    snaplayer_part(l->cow_name, &l->cow, &l->taken, e) < 0)
		return -1;
	return 0;
}

static bool is_origin(const struct dm_dev *layer)
{
	return strcmp(layer->type, "snapshot-origin") == 0;
}

bool snaplayer_is_left(const struct snaplayer *l)
{
	return l->snap.name[0] || l->cow.name[0] ||
	       (is_origin(&l->layer) && strncmp(l->layer.uuid, OWN_LAYER, strlen(OWN_LAYER)) == 0);
}

int snaplayer_discards(const struct dm_era *dev, const struct dm_dev *layer, struct err *e)
{
	uint64_t top;

	if (blkdev_discard_max(dev->major, dev->minor, &top, e))
		return -1;
	return top == 0 ? blkdev_discards_off(layer->major, layer->minor, layer->name, e) : 0;
}

/* Back to the linear table on the device that the origin is. */
static int switch_back(const struct dm_era *dev, const struct dm_dev *layer, unsigned int limit_s,
		       struct err *e)
{
	char params[32];
	const struct dm_table t = {
		.name = layer->name,
		.type = "linear",
		.params = params,
		.len_sectors = layer->len_sectors,
	};
	struct standstill s = {
		.name = dev->name,
		.pinned = true,
		.job = {.devs = {{layer->major, layer->minor}}, .nr = 1, .thaw_fd = -1,
			.limit_ms = limit_s * 1000},
	};
	struct dm_fence *f;
	uint32_t major;
	uint32_t minor;
	int rc = -1;

	if (dm_first_number(layer->params, &major, &minor))
		return err_set(e, ERR_RUNTIME, "%s: cannot read its table '%s'", layer->name, layer->params);
	snprintf(params, sizeof(params), "%" PRIu32 ":%" PRIu32 " 0", major, minor);
	f = dm_fence_new(layer->major, layer->minor, e);
	if (f && dm_load(&t, e) == 0)
		rc = standstill_swap(&s, &f, 1, e);
	dm_fence_free(f);
	return rc ? -1 : snaplayer_discards(dev, layer, e);
}

static int clear_layer(const struct dm_era *dev, const struct dm_dev *layer, unsigned int limit_s,
		       struct err *e)
{
	if (is_origin(layer))
		return switch_back(dev, layer, limit_s, e);
	/* Loaded, and its run killed before it was made the live one. */
	return layer->pending ? dm_clear(layer->name, e) : 0;
}

int snaplayer_clear(const struct dm_era *dev, unsigned int limit_s, struct err *e)
{
	struct snaplayer l;

	if (snaplayer_find(&l, dev, e))
		return -1;
	if (!snaplayer_is_left(&l))
		return 0;
	/* The layer first: nobody has to copy for a snapshot that goes away. */
	if (l.layer.name[0] && clear_layer(dev, &l.layer, limit_s, e))
		return -1;
	if (l.snap.name[0] && dm_remove(l.snap.name, e))
		return -1;
	return l.cow.name[0] ? dm_remove(l.cow.name, e) : 0;
}
