/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/snaplayer.h"
#include "words/num.h"
#include "world/blkdev.h"

#define PARAMS 64

void stack_orig_name(const char *name, char out[DM_WORD])
{
	snprintf(out, DM_WORD, "%.*s-orig", DM_WORD - 8, name);
}

void stack_meta_name(const char *name, char out[DM_WORD])
{
	snprintf(out, DM_WORD, "%.*s-meta", DM_WORD - 8, name);
}

/* Find */

/* "ERA-" and 32 digits, and then `suffix`. */
static bool is_ours(const struct dm_dev *d, const char *suffix, char volume[33])
{
	uint8_t id[LABEL_ID_LEN];
	const size_t skip = strlen(STACK_PREFIX);

	if (strncmp(d->uuid, STACK_PREFIX, skip) != 0 || strlen(d->uuid) < skip + 32)
		return false;
	snprintf(volume, 33, "%.32s", d->uuid + skip);
	return num_unhex(volume, id, sizeof(id)) == 0 && strcmp(d->uuid + skip + 32, suffix) == 0;
}

static bool is_plain(const struct dm_dev *d)
{
	return strncmp(d->uuid, STACK_PLAIN_PREFIX, strlen(STACK_PLAIN_PREFIX)) == 0;
}

/* The kernel's name of the device that a table begins with. */
static int beneath(const struct dm_dev *d, char path[PATH_MAX], struct err *e)
{
	uint32_t major;
	uint32_t minor;

	if (dm_first_number(d->params, &major, &minor))
		return err_set(e, ERR_RUNTIME, "%s: cannot read its table '%s'", d->name, d->params);
	return blkdev_path(major, minor, path, PATH_MAX, e);
}

/* Is it not there, or a layer of ours, and of the volume that an upper one is of? */
static bool may_be_part(const struct dm_dev *d, const char *suffix, char volume[33])
{
	char own[33];

	if (!d->name[0])
		return true;
	if (!is_ours(d, suffix, own) || (volume[0] && strcmp(own, volume) != 0))
		return false;
	memcpy(volume, own, sizeof(own));
	return true;
}

static enum stack_kind judge(struct stack *s)
{
	/* Without a table it is what a killed run left. What has the names beneath is none of its layers. */
	if (s->top.name[0] && is_plain(&s->top)) {
		memset(&s->orig, 0, sizeof(s->orig));
		memset(&s->meta, 0, sizeof(s->meta));
		return s->top.type[0] ? STACK_PLAIN : STACK_PARTS;
	}
	if (!may_be_part(&s->top, "", s->volume) || !may_be_part(&s->orig, "-orig", s->volume) ||
	    !may_be_part(&s->meta, "-meta", s->volume))
		return STACK_FOREIGN;
	if (!s->top.name[0])
		return s->orig.name[0] || s->meta.name[0] || s->snap.name[0] || s->cow.name[0] ? STACK_PARTS
											    : STACK_NONE;
	if (!s->top.type[0])
		return STACK_PARTS;
	/* With another table it would be open and not tracked. */
	return strcmp(s->top.type, "era") == 0 && s->orig.type[0] && s->meta.type[0] ? STACK_ERA
										     : STACK_FOREIGN;
}

int stack_find(const char *name, struct stack *s, struct err *e)
{
	char orig[DM_WORD];
	char meta[DM_WORD];
	char snap[DM_WORD];
	char cow[DM_WORD];
	bool ignored;

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", name);
	stack_orig_name(name, orig);
	stack_meta_name(name, meta);
	if (dm_find(name, &s->top, e) < 0 || dm_find(orig, &s->orig, e) < 0 ||
	    dm_find(meta, &s->meta, e) < 0)
		return -1;
	snaplayer_names(name, snap, cow);
	/* Somebody else's device of that name is none of the stack's. */
	if (snaplayer_part(snap, &s->snap, &ignored, e) < 0 || snaplayer_part(cow, &s->cow, &ignored, e) < 0)
		return -1;
	s->kind = judge(s);
	if (s->kind == STACK_PLAIN)
		return beneath(&s->top, s->data_path, e);
	if (s->kind == STACK_ERA)
		return beneath(&s->orig, s->data_path, e) || beneath(&s->meta, s->meta_path, e) ? -1 : 0;
	return 0;
}

struct each {
	int (*fn)(void *ctx, const struct stack *s);
	void *ctx;
	struct err *e;
};

static int each(void *ctx, const char *name)
{
	const struct each *a = ctx;
	struct stack s;

	if (stack_find(name, &s, a->e))
		return -1;
	/* The layers beneath have our prefix too. */
	return s.kind == STACK_ERA || s.kind == STACK_PLAIN ? a->fn(a->ctx, &s) : 0;
}

int stack_each(int (*fn)(void *ctx, const struct stack *s), void *ctx, struct err *e)
{
	struct each a = {fn, ctx, e};

	return dm_list(STACK_PREFIX, each, &a, e);
}

/* Build */

static int linear(const char *name, const char *uuid, const char *path, uint64_t start_bytes,
		  uint64_t len_bytes, bool hidden, struct err *e)
{
	char params[PARAMS];
	struct dm_table t = {
		.name = name,
		.uuid = uuid,
		.type = "linear",
		.params = params,
		.len_sectors = len_bytes / 512,
		.hidden = hidden,
	};
	uint32_t major;
	uint32_t minor;

	if (blkdev_number(path, &major, &minor, e))
		return -1;
	snprintf(params, sizeof(params), "%" PRIu32 ":%" PRIu32 " %" PRIu64, major, minor,
		 start_bytes / 512);
	return dm_create(&t, e);
}

/*
 * Discards are turned off below, before the era device has its limits from there: so there is no moment in
 * which it takes one. And once more on itself, which is verified.
 */
static int discards_off(const char *name, struct err *e)
{
	struct dm_dev d;

	if (dm_find(name, &d, e) != 1)
		return err_set(e, ERR_RUNTIME, "%s: is gone", name);
	return blkdev_discards_off(d.major, d.minor, name, e);
}

static int up_era(const struct stack_spec *s, const char *uuid, const char *orig, const char *meta,
		  struct err *e)
{
	char params[PARAMS];
	struct dm_table t = {
		.name = s->name,
		.uuid = uuid,
		.type = "era",
		.params = params,
		.len_sectors = s->label->data_bytes / 512,
	};
	struct dm_dev o;
	struct dm_dev m;

	if (dm_find(orig, &o, e) != 1 || dm_find(meta, &m, e) != 1)
		return err_set(e, ERR_RUNTIME, "%s: a layer beneath it is gone", s->name);
	snprintf(params, sizeof(params), "%" PRIu32 ":%" PRIu32 " %" PRIu32 ":%" PRIu32 " %" PRIu64,
		 m.major, m.minor, o.major, o.minor, s->label->block_bytes / 512);
	return dm_create(&t, e);
}

static int up(const struct stack_spec *s, struct err *e)
{
	const struct label *l = s->label;
	char volume[2 * LABEL_ID_LEN + 1];
	char orig[DM_WORD];
	char meta[DM_WORD];
	char uuid[DM_WORD];

	stack_orig_name(s->name, orig);
	stack_meta_name(s->name, meta);
	num_hex(l->volume, LABEL_ID_LEN, volume);
	snprintf(uuid, sizeof(uuid), STACK_PREFIX "%s-meta", volume);
	if (linear(meta, uuid, s->meta_path, l->meta_offset, l->meta_bytes, true, e))
		return -1;
	snprintf(uuid, sizeof(uuid), STACK_PREFIX "%s-orig", volume);
	if (linear(orig, uuid, s->data_path, 0, l->data_bytes, true, e) ||
	    (!s->pass_discards && discards_off(orig, e)))
		return -1;
	snprintf(uuid, sizeof(uuid), STACK_PREFIX "%s", volume);
	if (up_era(s, uuid, orig, meta, e))
		return -1;
	return s->pass_discards ? 0 : discards_off(s->name, e);
}

int stack_up(const struct stack_spec *s, struct err *e)
{
	struct err ignored = {0};
	struct stack left;

	if (up(s, e) == 0)
		return 0;
	/* The first failure is the one that is told. */
	if (stack_find(s->name, &left, &ignored) == 0 &&
	    (left.kind == STACK_PARTS || left.kind == STACK_ERA))
		stack_down(&left, &ignored);
	return -1;
}

int stack_up_plain(const char *name, const char *data_path, struct err *e)
{
	char uuid[DM_WORD];
	uint64_t bytes;

	if (blkdev_size(data_path, &bytes, e))
		return -1;
	snprintf(uuid, sizeof(uuid), STACK_PLAIN_PREFIX "%.*s", (int)(DM_WORD - sizeof(STACK_PLAIN_PREFIX)),
		 name);
	return linear(name, uuid, data_path, 0, bytes, false, e);
}

/* Take down */

int stack_down_top(const struct stack *s, struct err *e)
{
	return s->top.name[0] ? dm_remove(s->top.name, e) : 0;
}

int stack_down_rest(const struct stack *s, struct err *e)
{
	int rc = 0;

	/* The snapshot stands on the room, and both stand on what is beneath the others. */
	if (s->snap.name[0] && dm_remove(s->snap.name, e))
		rc = -1;
	if (s->cow.name[0] && dm_remove(s->cow.name, e))
		rc = -1;
	if (s->orig.name[0] && dm_remove(s->orig.name, e))
		rc = -1;
	if (s->meta.name[0] && dm_remove(s->meta.name, e))
		rc = -1;
	return rc;
}

int stack_down(const struct stack *s, struct err *e)
{
	return stack_down_top(s, e) ? -1 : stack_down_rest(s, e);
}
