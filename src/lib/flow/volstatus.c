/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/volstatus.h"

#include <stdio.h>
#include <string.h>

#include "flow/heldnote.h"
#include "pure/headroom.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/metaread.h"

/* How old the held snapshot is: in eras by its own superblock, in seconds by our note of it. */
static void look_held(struct volstatus *v)
{
	struct err ignored = {0};
	struct metaread m = {0};
	uint64_t noted;

	v->held_seconds = -1;
	if (metaread_open_at(&m, v->l.meta_path, v->l.label.meta_offset, v->l.label.meta_bytes,
			     ERAMETA_HELD, &ignored) == 0)
		v->held_era = erameta_info(m.era)->era;
	metaread_close(&m);
	if (!v->held_era || !heldnote_read(v->stack->name, &noted) || noted != v->held_era)
		return;
	v->held_ours = true;
	v->held_seconds = heldnote_age(v->stack->name);
}

static void look_era(struct volstatus *v)
{
	struct dm_era dev = {.major = v->stack->top.major, .minor = v->stack->top.minor};

	snprintf(dev.name, sizeof(dev.name), "%s", v->stack->name);
	if (dm_status(&dev, &v->era, &v->era_err) == 0 && v->era.held)
		look_held(v);
}

int volstatus(const struct stack *s, struct volstatus *v, struct err *e)
{
	struct err ignored = {0};

	memset(v, 0, sizeof(*v));
	v->stack = s;
	v->held_seconds = -1;
	runkernel_judge(true, &v->kernel, &ignored);
	if (blkdev_discard_max(s->top.major, s->top.minor, &v->discard_max, e))
		return -1;
	if (s->kind == STACK_PLAIN) {
		untracked_now(s->name, &v->plain);
		return 0;
	}
	if (labelled_read(s, &v->l, &v->label_err))
		memset(&v->l, 0, sizeof(v->l));
	else
		v->headroom = headroom_needed(num_div_up(v->l.label.data_bytes, v->l.label.block_bytes), false);
	if (!s->top.suspended)
		look_era(v);
	return 0;
}
