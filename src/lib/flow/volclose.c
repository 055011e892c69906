/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow/identity.h"
#include "flow/labelled.h"
#include "flow/rundir.h"
#include "flow/untracked.h"
#include "flow/volume.h"
#include "pure/kernelver.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/fingerprint.h"
#include "world/labelio.h"
#include "world/metasuper.h"
#include "world/usage.h"

static void look_usage(const struct stack *s, struct usage *u)
{
	char path[PATH_MAX];
	struct err ignored = {0};

	memset(u, 0, sizeof(*u));
	if (blkdev_path(s->top.major, s->top.minor, path, sizeof(path), &ignored) == 0)
		usage_find(path, u, &ignored);
}

static int in_use(const struct stack *s, const struct usage *u, struct err *e)
{
	err_set(e, ERR_BUSY, "%s: is in use%s%s", s->name, u->text[0] ? ": " : "", u->text);
	return err_hint(e, "unmount it, or end what uses it, and close it then");
}

/* The data is still: say so in the label, and how it looks. */
static int mark_clean(const struct stack *s, struct labelled *l, struct err *e)
{
	struct metasuper m;

	if (metasuper_read(l->meta_path, l->label.meta_offset, l->label.meta_bytes, &m, e) ||
	    fingerprint_device(s->data_path, l->label.data_bytes, l->label.fingerprint, e))
		return -1;
	/* A resize that was not finished: the next open has the new size, which no era up to now knows of. */
	if (s->top.len_sectors * 512 < l->label.data_bytes)
		l->label.grown_era = num_max(l->label.grown_era, m.era);
	l->label.era = m.era;
	l->label.state = LABEL_CLEAN;
	l->label.time_state = (uint64_t)time(NULL);
	identity_partuuid(s->data_path, l->label.partuuid);
	return labelio_write(l->meta_path, &l->label, e);
}

static int close_era(const struct stack *s, struct err *e)
{
	struct labelled l;
	int rc = 0;

	/* A label that cannot be read does not keep the volume open; nor does it become clean. */
	if (labelled_read(s, &l, e) || labelled_settle(s, &l, e) < 0)
		rc = -1;
	if (stack_down_top(s, e))
		return -1;
	if (rc == 0)
		rc = mark_clean(s, &l, e);
	return stack_down_rest(s, e) ? -1 : rc;
}

/*
 * A kernel that loses the bits of the running era when nobody archives them: what was written in it is
 * only known after an orderly removal.
 */
static bool loses_running_era(const struct label *l)
{
	return l->kernel == KERNELVER_REFUSE;
}

static int close_in_place(const struct stack *s, struct err *e)
{
	struct labelled l;
	int rw = usage_mounted_rw(s->top.major, s->top.minor, e);

	if (rw < 0)
		return -1;
	if (rw) {
		err_set(e, ERR_BUSY, "%s: is mounted for writing, and not marked clean", s->name);
		return err_hint(e, "nothing is lost: the next open takes it as after a power cut");
	}
	if (labelled_read(s, &l, e) || labelled_settle(s, &l, e) < 0)
		return -1;
	if (loses_running_era(&l.label))
		return err_set(e, ERR_RUNTIME, "%s: kernel %s loses writes: not marked clean", s->name,
			       l.label.kernel_release);
	return mark_clean(s, &l, e);
}

static int close_plain(const struct stack *s, struct err *e)
{
	/* Kept once more: what was mounted since may hide where it was kept before. */
	return stack_down_top(s, e) || untracked_keep("", e) || untracked_forget_now(s->name, e) ? -1 : 0;
}

bool volume_is_root(const struct stack *s)
{
	char path[PATH_MAX];
	struct usage u = {0};
	struct err ignored = {0};

	return blkdev_path(s->top.major, s->top.minor, path, sizeof(path), &ignored) == 0 &&
	       usage_find(path, &u, &ignored) == 0 && strcmp(u.text, "mounted on /") == 0;
}

static int close_found(const struct stack *s, bool final, bool *in_place, struct err *e)
{
	struct usage u;

	if (s->kind == STACK_NONE || s->kind == STACK_FOREIGN)
		return 0;
	if (s->kind == STACK_PARTS)
		return stack_down(s, e);
	look_usage(s, &u);
	/* Open, and used by nobody one can name: udev has a look at it, and the removal waits for that. */
	if (u.kind == USAGE_FREE || s->top.open_count == 0)
		return s->kind == STACK_PLAIN ? close_plain(s, e) : close_era(s, e);
	if (!final || (s->kind == STACK_ERA && u.kind != USAGE_MOUNTED))
		return in_use(s, &u, e);
	if (s->kind == STACK_PLAIN)
		return 0;
	*in_place = true;
	return close_in_place(s, e);
}

int volume_close(const struct stack *s, bool final, bool *in_place, struct err *e)
{
	struct stack now;
	int lock;
	int rc = -1;

	*in_place = false;
	lock = rundir_lock(s->name, e);
	if (lock < 0)
		return -1;
	/* What was found without the lock may be gone, and another volume have its name. */
	if (stack_find(s->name, &now, e) == 0)
		rc = close_found(&now, final, in_place, e);
	close(lock);
	return rc;
}
