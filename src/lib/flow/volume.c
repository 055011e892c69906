/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow/identity.h"
#include "flow/labelled.h"
#include "flow/rundir.h"
#include "flow/runkernel.h"
#include "flow/untracked.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/fingerprint.h"
#include "world/labelio.h"
#include "world/metasuper.h"
#include "world/metawalk.h"
#include "world/resolve.h"
#include "world/source.h"
#include "world/usage.h"

#define ull unsigned long long

/* What an open knows so far, also when it fails. */
struct opening {
	const struct eratab_entry *v;
	const struct volume_opts *o;
	struct volume_opened *out;
	char data[PATH_MAX]; /* empty: not found */
	char meta[PATH_MAX];
	bool has_label;
	struct label label;
};

/* Find the devices */

#define POLL_MS 100

static int look(const char *spec, enum resolve_role role, char path[PATH_MAX], struct err *e)
{
	if (path[0])
		return 0;
	if (resolve_device(spec, role, path, e) == 1)
		return 0;
	path[0] = '\0';
	return e->kind ? -1 : 0;
}

static int find_devices(struct opening *p, struct err *e)
{
	unsigned int waited = 0;
	struct err meta = {0};

	/* What is wrong with META must not hide where DATA is: the plain mapping needs it. */
	for (;; waited += POLL_MS) {
		err_clear(&meta);
		look(p->v->meta, RESOLVE_META, p->meta, &meta);
		if (look(p->v->data, RESOLVE_DATA, p->data, e))
			return -1;
		if ((p->meta[0] && p->data[0]) || waited >= p->v->timeout * 1000)
			break;
		if (stop_check(e))
			return -1;
		usleep(POLL_MS * 1000);
	}
	if (!p->data[0]) {
		err_set(e, ERR_RUNTIME, "the data device %s is not there", p->v->data);
		return err_hint(e, "waited %u seconds for it", p->v->timeout);
	}
	if (p->meta[0])
		return 0;
	if (meta.kind) {
		*e = meta;
		return -1;
	}
	err_set(e, ERR_RUNTIME, "the metadata device %s is not there", p->v->meta);
	return err_hint(e, "waited %u seconds for it", p->v->timeout);
}

/* Judge */

static int check_free(const char *path, struct err *e)
{
	struct usage u;

	if (usage_find(path, &u, e))
		return -1;
	if (u.kind == USAGE_FREE)
		return 0;
	err_set(e, ERR_BUSY, "%s: is in use: %s", path, u.text);
	return err_hint(e, "only the volume may stand on it: unmount it, or end what uses it");
}

static int look_ext(const char *path, enum extstate *x, struct err *e)
{
	struct source s = {.fd = -1};
	uint8_t *buf = aligned_alloc(SOURCE_ALIGN, SOURCE_ALIGN);
	int rc = -1;

	if (!buf)
		err_set(e, ERR_RUNTIME, "%s: no memory", path);
	else if (source_open(&s, path, e) == 0)
		rc = source_read(&s, buf, 0, num_min(SOURCE_ALIGN, s.size), e);
	if (rc == 0 && s.size >= EXTSTATE_OFFSET + EXTSTATE_LEN)
		*x = extstate_look(buf + EXTSTATE_OFFSET);
	source_close(&s);
	free(buf);
	return rc;
}

static int gather(const struct opening *p, struct label_facts *f, struct err *e)
{
	const struct label *l = &p->label;
	struct metasuper s;

	memset(f, 0, sizeof(*f));
	if (blkdev_size(p->data, &f->data_bytes, e) ||
	    metasuper_read(p->meta, l->meta_offset, l->meta_bytes, &s, e))
		return -1;
	identity_partuuid(p->data, f->partuuid);
	f->blank_meta = s.blank;
	f->meta_era = s.era;
	f->meta_block_bytes = s.block_bytes;
	f->meta_used = s.used;
	f->meta_total = s.total;
	if (l->state == LABEL_OPEN)
		return look_ext(p->data, &f->ext, e);
	/* Of less data than there was there is nothing to compare: the judge refuses. */
	if (l->state != LABEL_CLEAN || f->data_bytes < l->data_bytes)
		return 0;
	return fingerprint_device(p->data, l->data_bytes, f->fingerprint, e);
}

/* Which history goes on; every block of the metadata is looked at before the kernel relies on it. */
static int judge(struct opening *p, struct err *e)
{
	const struct label *l = &p->label;
	struct label_facts f;
	struct metacheck_report r;
	struct untracked kept;
	int verdict;

	if (gather(p, &f, e))
		return -1;
	verdict = label_judge(l, &f, p->out->reason, e);
	if (verdict < 0)
		return -1;
	if (!f.blank_meta && metawalk_check(p->meta, l->meta_offset, l->meta_bytes, &r, e))
		return -1;
	p->out->new_generation = verdict == 1;
	if (untracked_kept(p->v->name, &kept)) {
		p->out->new_generation = true;
		labelled_reason(&kept, p->out->reason);
	}
	p->label.era = f.blank_meta ? 0 : f.meta_era;
	/* Whether a resize was finished when the volume was cut off, nobody knows. */
	if (l->state == LABEL_OPEN && l->grown_era)
		p->label.grown_era = num_max(l->grown_era, p->label.era);
	if (f.data_bytes > l->data_bytes)
		snprintf(p->out->warning, sizeof(p->out->warning),
			 "%.100s: has grown from %llu to %llu bytes: era_setup resize %.60s", p->data,
			 (ull)l->data_bytes, (ull)f.data_bytes, p->v->name);
	return 0;
}

/* Open with tracking */

static int write_open(struct opening *p, const struct runkernel *k, struct err *e)
{
	struct label *l = &p->label;

	l->state = LABEL_OPEN;
	l->time_state = (uint64_t)time(NULL);
	l->kernel = k->verdict;
	snprintf(l->kernel_release, sizeof(l->kernel_release), "%.60s", k->release);
	memset(l->fingerprint, 0, sizeof(l->fingerprint));
	if (p->out->new_generation)
		return labelled_renew(p->meta, l, p->out->reason, e);
	return labelio_write(p->meta, l, e);
}

static int check_target(struct err *e)
{
	int rc = dm_has_target("era", e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	err_set(e, ERR_RUNTIME, "this kernel has no dm-era: its module dm-era is missing or refused");
	return err_hint(e, "modprobe dm-era tells why; in an initramfs it must be included: "
			   "update-initramfs -u");
}

/*
 * It did not open after all, so it is as clean as it was: what is written to the data now has to be
 * noticed by the next open.
 */
static int take_back(struct opening *p, const struct label *before)
{
	struct label *l = &p->label;
	/* The error of the open is the one that is told. */
	struct err ignored = {0};

	if (before->state == LABEL_CLEAN) {
		l->state = LABEL_CLEAN;
		memcpy(l->fingerprint, before->fingerprint, sizeof(l->fingerprint));
		labelio_write(p->meta, l, &ignored);
	}
	return -1;
}

static int track(struct opening *p, struct err *e)
{
	struct stack_spec s = {.name = p->v->name, .pass_discards = p->v->pass_discards};
	struct label before;
	struct runkernel k;

	if (find_devices(p, e))
		return -1;
	if (labelio_read(p->meta, &p->label, NULL, e))
		return -1;
	p->has_label = true;
	if (runkernel_judge(p->o->allow_kernel, &k, e) || check_target(e) ||
	    usage_overlap(p->meta, p->data, e) || check_free(p->data, e) || check_free(p->meta, e))
		return -1;
	snprintf(p->out->warning, sizeof(p->out->warning), "%s", k.warning);
	if (judge(p, e))
		return -1;
	before = p->label;
	/* One copy may say that it is open, though the other could not be written. */
	if (write_open(p, &k, e))
		return take_back(p, &before);
	s.data_path = p->data;
	s.meta_path = p->meta;
	s.label = &p->label;
	return stack_up(&s, e) ? take_back(p, &before) : 0;
}

/* Open without */

/* Whoever can be told that writes go untracked is told before the first one can happen. */
static int tell(struct opening *p, struct err *e)
{
	struct untracked u = {0};
	struct err ignored = {0};
	char reason[LABEL_REASON];

	snprintf(u.reason, sizeof(u.reason), "%s", p->out->reason);
	labelled_reason(&u, reason);
	p->label.state = LABEL_OPEN;
	u.label_told = p->has_label && labelled_renew(p->meta, &p->label, reason, &ignored) == 0;
	if (untracked_write(p->v->name, &u, e))
		return -1;
	return u.label_told || p->o->initramfs ? 0 : untracked_keep("", e);
}

static int plain(struct opening *p, const struct err *why, struct err *e)
{
	p->out->new_generation = false;
	p->out->warning[0] = '\0';
	snprintf(p->out->reason, sizeof(p->out->reason), "%.255s", why->text);
	snprintf(p->out->hint, sizeof(p->out->hint), "%.255s", why->hint);
	if (check_free(p->data, e) || tell(p, e))
		return -1;
	p->out->how = VOLUME_PLAIN;
	return stack_up_plain(p->v->name, p->data, e);
}

/* Open */

static int locked_open(struct opening *p, struct err *e)
{
	struct err why = {0};
	struct stack s;

	if (stack_find(p->v->name, &s, e))
		return -1;
	if (s.kind == STACK_PARTS && stack_down(&s, e))
		return -1;
	p->out->how = VOLUME_OPENED;
	if (track(p, &why) == 0)
		return untracked_forget_now(p->v->name, e) || untracked_forget_kept(p->v->name, e) ? -1 : 0;
	/* Told to stop, or nothing to map: no reason for a plain mapping. */
	if (p->v->no_fallback || !p->data[0] || stop_requested()) {
		*e = why;
		return -1;
	}
	return plain(p, &why, e);
}

static int taken(const char *name, struct err *e)
{
	err_set(e, ERR_BUSY, "%s: a device of this name, or of one beneath it, is there and is not ours", name);
	return err_hint(e, "dmsetup info -c shows it; choose another name");
}

static int was_open(const struct stack *s, struct volume_opened *out, struct err *e)
{
	struct labelled l;
	int rc;

	out->how = VOLUME_WAS_OPEN;
	rc = labelled_settle_alone(s, &l, e);
	if (rc == 1) {
		out->new_generation = true;
		snprintf(out->reason, sizeof(out->reason), "%s", l.label.reason);
	}
	return rc < 0 ? -1 : 0;
}

int volume_open(const struct eratab_entry *v, const struct volume_opts *o,
		struct volume_opened *out, struct err *e)
{
	struct opening p = {.v = v, .o = o, .out = out};
	struct untracked u;
	struct stack s;
	int lock;
	int rc;

	memset(out, 0, sizeof(*out));
	if (stack_find(v->name, &s, e))
		return -1;
	if (s.kind == STACK_FOREIGN)
		return taken(v->name, e);
	if (s.kind == STACK_PLAIN) {
		out->how = VOLUME_WAS_PLAIN;
		if (untracked_now(v->name, &u))
			snprintf(out->reason, sizeof(out->reason), "%s", u.reason);
		return 0;
	}
	if (s.kind == STACK_ERA)
		return was_open(&s, out, e);
	lock = rundir_lock(v->name, e);
	if (lock < 0)
		return -1;
	rc = locked_open(&p, e);
	close(lock);
	return rc;
}
