/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/moment.h"

#include <string.h>

#include "flow/cutkind.h"
#include "pure/erameta.h"
#include "system/pinned.h"
#include "system/stop.h"

int moment_open(struct moment *m, struct cut *c, const struct moment_opts *o, int out_fd, struct err *e)
{
	const struct cutkind_opts wanted = {o->kind, o->list_only, o->cow, out_fd};
	struct cutkind k;
	int rc;

	memset(m, 0, sizeof(*m));
	m->cut = c;
	c->limit_s = o->limit_s;
	m->hooks.pre = o->pre;
	m->hooks.post = o->post;
	m->hooks.limit_s = o->hook_limit_s;
	rc = cutkind_choose(&k, c, &wanted, e);
	m->kind = k.kind;
	m->room = k.room;
	m->fs = k.fs;
	return rc;
}

static bool is_fenced(const struct moment *m)
{
	return m->kind != WIRE_CUT_NONE;
}

/* The instant itself, when all is ready for it. */
static int instant(struct moment *m, struct err *e)
{
	if (!is_fenced(m))
		return 0;
	fsfreeze_sync(&m->fs);
	return m->kind == WIRE_CUT_SNAPSHOT ? snapcut_switch(&m->snap, &m->cut->still_us, e)
					    : cut_fence(m->cut, e);
}

/* What is dirty is written ahead of a command that may take its time, so that little is left behind it. */
static int before(struct moment *m, struct err *e)
{
	if (m->hooks.pre)
		fsfreeze_sync(&m->fs);
	return cuthooks_before(&m->hooks, m->cut->dev.name, wire_cut_name((uint8_t)m->kind), e);
}

/* The commands stand around as little as can be: a database is in its backup mode meanwhile. */
static int instant_hooked(struct moment *m, struct err *e)
{
	int rc = before(m, e);

	if (rc == 0)
		rc = instant(m, e);
	cuthooks_after(&m->hooks);
	return rc;
}

static int first(struct moment *m, bool listed, struct err *e)
{
	if (m->kind == WIRE_CUT_SNAPSHOT &&
	    snapcut_prepare(&m->snap, &m->cut->dev, &m->room, m->cut->limit_s, e))
		return -1;
	if (cut_ready(m->cut, is_fenced(m), listed, e))
		return -1;
	/* A freeze has them around its last pass. */
	return m->kind == WIRE_CUT_FREEZE ? instant(m, e) : instant_hooked(m, e);
}

int moment_first(struct moment *m, uint64_t since, uint64_t before, struct blockset *set, struct err *e)
{
	int rc = first(m, set != NULL, e);

	/* A descriptor on it would keep it from being unmounted. */
	if (m->kind != WIRE_CUT_FREEZE)
		fsfreeze_close(&m->fs);
	if (rc == 0)
		rc = cut_list(m->cut, is_fenced(m), since, before, set, e);
	if (set)
		cut_settle(m->cut);
	return rc;
}

int moment_estimate(struct moment *m, uint64_t since, struct blockset *set, struct err *e)
{
	return cut_make(m->cut, WIRE_CUT_NONE, since, ERAMETA_NO_LIMIT, set, e);
}

int moment_pass(struct moment *m, uint64_t since, struct blockset *set, struct err *e)
{
	fsfreeze_sync(&m->fs);
	return cut_make(m->cut, WIRE_CUT_FENCE, since, ERAMETA_NO_LIMIT, set, e);
}

/* Freeze, and fence what writes past the filesystem. */
static int freeze(struct moment *m, struct dm_fence *f, struct err *e)
{
	int rc;

	/* Another one's freeze is not ours to thaw. */
	if (fsfreeze_freeze(&m->fs, e))
		goto not_frozen;
	m->freezing = true;
	rc = dm_fence_suspend(f, e);
	if (dm_fence_resume(f, e))
		rc = -1;
	/* From here on the device runs: it can be read, and so can the program. */
	pinned_end();
	m->frozen.pinned = false;
	return rc;
not_frozen:
	standstill_end(&m->frozen, true, e);
	return -1;
}

static int freeze_guarded(struct moment *m, struct err *e)
{
	const struct dm_era *dev = &m->cut->dev;
	struct dm_fence *f = dm_fence_new(dev->major, dev->minor, e);
	int rc = -1;

	if (!f)
		return -1;
	/* A frozen filesystem cannot be frozen again by the suspend. */
	dm_fence_leave_fs(f);
	m->frozen = (struct standstill){
		.name = dev->name,
		.pinned = true,
		.still_us = &m->cut->still_us,
		.job = {.devs = {{dev->major, dev->minor}}, .nr = 1, .thaw_fd = m->fs.fd,
			.limit_ms = m->cut->limit_s * 1000},
	};
	fsfreeze_sync(&m->fs);
	if (standstill_begin(&m->frozen, e) == 0) {
		stop_deadline(m->cut->limit_s * 1000);
		rc = freeze(m, f, e);
	}
	dm_fence_free(f);
	return rc;
}

int moment_freeze(struct moment *m, uint64_t since, struct blockset *set, struct err *e)
{
	if (cut_ready(m->cut, true, true, e))
		return -1;
	if (before(m, e) || freeze_guarded(m, e))
		return -1;
	return cut_list(m->cut, true, since, ERAMETA_NO_LIMIT, set, e);
}

/* Was it frozen up to now? */
static int thaw(struct moment *m, struct err *e)
{
	const int was = fsfreeze_thaw(&m->fs, e);

	if (standstill_end(&m->frozen, was >= 0, e) || was < 0)
		return -1;
	return was ? 0 : err_set(e, ERR_RUNTIME, "%s: was thawed by somebody else before the last pass was done",
				 m->fs.where);
}

int moment_thaw(struct moment *m, struct err *e)
{
	int rc = 0;

	if (m->freezing)
		rc = thaw(m, e);
	m->freezing = false;
	stop_deadline(0);
	cuthooks_after(&m->hooks);
	cut_settle(m->cut);
	return rc;
}

int moment_whole(const struct moment *m, uint64_t done, uint64_t total, struct err *e)
{
	return m->snap.made ? snapcut_whole(&m->snap, done, total, e) : 0;
}

enum wire_consistency moment_consistency(const struct moment *m)
{
	switch (m->kind) {
	case WIRE_CUT_SNAPSHOT: return WIRE_CRASH_CONSISTENT;
	case WIRE_CUT_FREEZE: return WIRE_FS_CONSISTENT;
	case WIRE_CUT_FENCE: return WIRE_CONVERGING;
	case WIRE_CUT_NONE:
	default: return WIRE_CALLERS;
	}
}

int moment_end(struct moment *m, struct err *e)
{
	/* Of its own: what failed before must not be taken for a failure of this. */
	struct err own = {0};

	if (m->freezing)
		moment_thaw(m, &own);
	if (m->snap.made)
		snapcut_end(&m->snap, &own);
	if (m->cut)
		fsfreeze_close(&m->fs);
	if (own.kind == ERR_NONE)
		return 0;
	if (e->kind == ERR_NONE)
		*e = own;
	return -1;
}
