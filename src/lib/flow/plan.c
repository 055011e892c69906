/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "flow/identity.h"
#include "flow/stack.h"
#include "flow/untracked.h"
#include "pure/erameta.h"
#include "pure/eraxml.h"
#include "system/fdio.h"
#include "words/num.h"
#include "world/dm.h"
#include "world/metaread.h"
#include "world/usage.h"

#define ull unsigned long long

/* The granule of a full of something that has no era blocks. */
#define FULL_GRANULE UINT64_C(1048576)

/* Compare a token with the device */

static int need_full(const struct plan_opts *o, struct err *e)
{
	return err_hint(e, "its history does not reach back to the target: make a full with "
			   "era_copy --full %s", o->device);
}

static int check_generation(const struct plan *p, const struct plan_opts *o, struct err *e)
{
	if (!p->is_era || wire_id_same(o->token.generation, p->cut.generation))
		return 0;
	if (p->cut.labelled)
		err_set(e, ERR_IDENTITY, "%s: the token is of another generation: %s", o->device,
			p->cut.began);
	else
		err_set(e, ERR_IDENTITY,
			"%s: the token is of another generation than the device: another host, device name "
			"or era block size, or tracking that began again", o->device);
	return need_full(o, e);
}

static int check_token(const struct plan *p, const struct plan_opts *o, struct err *e)
{
	const struct token *t = &o->token;

	if (check_generation(p, o, e))
		return -1;
	if (t->size > p->src.size) {
		err_set(e, ERR_IDENTITY, "%s: has %llu bytes, and had %llu when the token was made",
			o->device, (ull)p->src.size, (ull)t->size);
		return need_full(o, e);
	}
	if (o->ranges)
		return 0;
	if (t->era_c == 0) {
		err_set(e, ERR_IDENTITY, "%s: the token names no era, so what changed since is unknown",
			o->device);
		return need_full(o, e);
	}
	if (p->is_era && t->era_c > p->cut.era) {
		err_set(e, ERR_IDENTITY,
			"%s: is at era %llu, and the token is of era %llu: its metadata was begun again",
			o->device, (ull)p->cut.era, (ull)t->era_c);
		return need_full(o, e);
	}
	return 0;
}

/* Open */

/* Settle what the options leave to the device. */
static int check_source(struct plan *p, const struct plan_opts *o, struct err *e)
{
	p->full = o->full || (o->has_token && o->token.full);
	if (p->full || o->ranges || o->metadata || p->is_era)
		return 0;
	if (p->untracked[0]) {
		err_set(e, ERR_IDENTITY, "%s: is a plain mapping since this boot, without tracking: %s",
			o->device, p->untracked);
		return err_hint(e, "mend that and reboot, or close and open it; then make a full; era_setup "
				   "status tells more");
	}
	err_set(e, ERR_IDENTITY, "%s: is not a dm-era device, so what changed is unknown", o->device);
	return err_hint(e, "make a full with --full, or name the changes with --ranges or --metadata");
}

/*
 * An era of the caller's that has not begun: what is written until it does would be in no stream. Where
 * the device is at an era only dm-era can say.
 */
static int check_given_era(const struct plan *p, const struct plan_opts *o, struct err *e)
{
	struct dm_era_status s;

	if (!p->is_era || !o->ranges || o->era_c == 0)
		return 0;
	if (dm_status(&p->cut.dev, &s, e))
		return -1;
	if (o->era_c <= s.era)
		return 0;
	err_set(e, ERR_USAGE, "%s: is at era %llu, so --era %llu has not begun", o->device, (ull)s.era,
		(ull)o->era_c);
	return err_hint(e, "--era is the first era after the cut: what the device's status says behind "
			   "the resume");
}

/* A plain mapping in place of an era volume: why. */
static void look_plain(struct plan *p)
{
	struct err ignored = {0};
	struct untracked u;
	struct dm_dev d;

	if (dm_find_number(major(p->src.rdev), minor(p->src.rdev), &d, &ignored) != 1 ||
	    strncmp(d.uuid, STACK_PLAIN_PREFIX, strlen(STACK_PLAIN_PREFIX)) != 0)
		return;
	snprintf(p->untracked, sizeof(p->untracked), "%s",
		 untracked_now(d.name, &u) ? u.reason : "nobody knows why");
}

int plan_open(struct plan *p, const struct plan_opts *o, struct err *e)
{
	struct dm_era dev = {0};
	int found = 0;

	memset(p, 0, sizeof(*p));
	p->cut.lock = -1;
	p->src.fd = -1;
	if (source_open(&p->src, o->device, e))
		return -1;
	if (p->src.device)
		found = dm_look(p->src.rdev, &dev, e);
	if (found < 0)
		return -1;
	p->is_era = found == 1;
	if (found == 0 && p->src.device)
		look_plain(p);
	if (check_source(p, o, e))
		return -1;
	if (p->is_era && o->metadata)
		return err_set(e, ERR_USAGE, "%s: is a dm-era device in use; its own metadata is read, not "
					     "--metadata", o->device);
	if (!p->is_era && o->cut.kind && o->cut.kind != WIRE_CUT_NONE)
		return err_set(e, ERR_USAGE, "%s: is not a dm-era device, so --cut=%s cannot be done",
			       o->device, wire_cut_name((uint8_t)o->cut.kind));
	if (!p->is_era && (o->cut.cow || o->cut.pre || o->cut.post))
		return err_set(e, ERR_USAGE, "%s: is not a dm-era device, so there is no cut for --cow, --pre-cut or "
					     "--post-cut", o->device);
	if (p->is_era && cut_identify(&p->cut, &dev, e))
		return -1;
	/* Whoever made the ranges may hold the metadata snapshot they came from. */
	if (p->is_era && !o->ranges && cut_open(&p->cut, o->allow_kernel, e))
		return -1;
	if (check_given_era(p, o, e))
		return -1;
	return o->has_token && !o->token.full ? check_token(p, o, e) : 0;
}

int plan_close(struct plan *p, struct err *e)
{
	int rc;

	/* The snapshot is not in use any more when it is taken away. */
	source_close(&p->src);
	rc = moment_end(&p->moment, e);
	cut_close(&p->cut);
	blockset_fini(&p->set);
	return rc;
}

/* Blocks */

static int make_set(struct plan *p, uint64_t granule, struct err *e)
{
	p->head.granule = granule;
	return blockset_init(&p->set, num_div_up(p->src.size, granule), e);
}

static int from_xml(struct plan *p, const struct plan_opts *o, struct err *e)
{
	const bool is_stdin = strcmp(o->ranges, "-") == 0;
	const char *name = is_stdin ? "standard input" : o->ranges;
	uint8_t buf[65536];
	struct eraxml *x = NULL;
	size_t got;
	int fd = STDIN_FILENO;
	int rc = -1;

	if (!is_stdin)
		fd = open(o->ranges, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s: cannot open", name);
	x = eraxml_new(&p->set, e);
	if (!x)
		goto out;
	do {
		if (fdio_read(fd, name, buf, sizeof(buf), &got, e) || eraxml_feed(x, buf, got, e))
			goto out;
	} while (got == sizeof(buf));
	rc = eraxml_finish(x, e);
out:
	if (rc && e->kind == ERR_CORRUPT)
		err_prefix(e, "%s", name);
	eraxml_free(x);
	if (!is_stdin)
		close(fd);
	return rc;
}

static int open_file(struct metaread *m, const char *path, bool held, struct err *e)
{
	return metaread_open(m, path, held ? ERAMETA_HELD : ERAMETA_CURRENT, e);
}

static int other_device(const char *metadata, uint32_t nr_blocks, uint64_t device_blocks,
			struct err *e)
{
	err_set(e, ERR_CORRUPT, "%s: is for %u era blocks, the device has %llu", metadata, nr_blocks,
		(ull)device_blocks);
	return err_hint(e, "it is the metadata of another device, or the device changed its size");
}

int plan_list_file(const char *metadata, bool held, uint64_t since, uint64_t before,
		   struct blockset *set, struct plan_listing *about, struct err *e)
{
	const struct erameta_info *info;
	struct metaread m;
	int rc = -1;

	if (open_file(&m, metadata, held, e))
		goto out;
	info = erameta_info(m.era);
	about->block_sectors = info->block_size;
	about->nr_blocks = info->nr_blocks;
	/* A held snapshot has every era below its own; metadata at rest has its own era too. */
	about->era_c = held ? info->era : (uint64_t)info->era + 1;
	if (set->nr_blocks == 0 && blockset_init(set, info->nr_blocks, e))
		goto out;
	if (set->nr_blocks < info->nr_blocks) {
		other_device(metadata, info->nr_blocks, set->nr_blocks, e);
		goto out;
	}
	rc = metaread_changed(&m, since, before, set, e);
out:
	metaread_close(&m);
	return rc;
}

/* The era block of metadata in a file: the set cannot be made before it is known. */
static int granule_of_file(const struct plan_opts *o, uint64_t *granule, struct err *e)
{
	struct metaread m;
	int rc = open_file(&m, o->metadata, o->held, e);

	if (rc == 0)
		*granule = (uint64_t)erameta_info(m.era)->block_size * 512;
	metaread_close(&m);
	return rc;
}

static int choose_granule(const struct plan *p, const struct plan_opts *o, uint64_t *granule,
			  struct err *e)
{
	*granule = o->block_sectors * 512;
	if (p->is_era) {
		*granule = p->cut.dev.block_sectors * 512;
		if (o->block_sectors && o->block_sectors != p->cut.dev.block_sectors)
			return err_set(e, ERR_IDENTITY, "%s: has era blocks of %llu sectors, not %llu",
				       o->device, (ull)p->cut.dev.block_sectors, (ull)o->block_sectors);
		return 0;
	}
	if (o->metadata)
		return granule_of_file(o, granule, e);
	if (*granule == 0 && p->full)
		*granule = FULL_GRANULE;
	if (*granule != 0)
		return 0;
	err_set(e, ERR_USAGE, "--ranges needs --block-size: how many sectors an era block has");
	return err_hint(e, "it is the last number of the era device's line in dmsetup table");
}

static int from_file(struct plan *p, const struct plan_opts *o, uint64_t since, struct err *e)
{
	struct plan_listing about = {0};

	if (plan_list_file(o->metadata, o->held, since, o->before, &p->set, &about, e))
		return -1;
	/* What the metadata does not reach was not tracked; only what a grow added need not be. */
	if (!p->full && about.nr_blocks < num_div_up(p->head.parent_size, p->head.granule))
		return other_device(o->metadata, about.nr_blocks, p->set.nr_blocks, e);
	p->head.era_c = about.era_c;
	if (!o->has_token || o->token.era_c <= p->head.era_c)
		return 0;
	err_set(e, ERR_IDENTITY, "%s: has the eras below %llu, and the token is of era %llu", o->metadata,
		(ull)about.era_c, (ull)o->token.era_c);
	return need_full(o, e);
}

/* Copy from the snapshot: as large as the device, to the byte. */
static int use_snapshot(struct plan *p, struct err *e)
{
	const uint64_t size = p->src.size;

	source_close(&p->src);
	if (source_open(&p->src, p->moment.snap.path, e))
		return -1;
	if (p->src.size == size)
		return 0;
	return err_set(e, ERR_RUNTIME, "%s: the snapshot has %llu bytes, and the device %llu", p->cut.dev.name,
		       (ull)p->src.size, (ull)size);
}

static int cut_native(struct plan *p, const struct plan_opts *o, int out_fd, struct err *e)
{
	struct wire_head *h = &p->head;
	struct moment *m = &p->moment;

	if (moment_open(m, &p->cut, &o->cut, out_fd, e) ||
	    moment_first(m, h->since, o->before, p->full ? NULL : &p->set, e))
		return -1;
	h->cut = (uint8_t)m->kind;
	h->era_c = p->cut.era_c;
	h->still_us = p->cut.still_us;
	snprintf(h->field[WIRE_METADATA], sizeof(h->field[WIRE_METADATA]), "%llu/%llu", (ull)p->cut.meta_used,
		 (ull)p->cut.meta_total);
	/* Of the first pass. */
	h->consistency = (uint8_t)(m->kind == WIRE_CUT_FREEZE ? WIRE_CONVERGING : moment_consistency(m));
	if (m->kind == WIRE_CUT_FREEZE)
		h->flags |= WIRE_HEAD_PASSES;
	return m->kind == WIRE_CUT_SNAPSHOT ? use_snapshot(p, e) : 0;
}

/*
 * Without a cut it is the caller's word that nobody writes. Where he did not give it, and a filesystem is mounted for writing, blocks
 * may be torn.
 */
static int look_live(struct plan *p, const struct plan_opts *o, struct err *e)
{
	int rw;

	if (!p->src.device || o->cut.kind == WIRE_CUT_NONE)
		return 0;
	rw = usage_mounted_rw(major(p->src.rdev), minor(p->src.rdev), e);
	if (rw < 0)
		return -1;
	p->live = rw > 0;
	if (p->live)
		p->head.consistency = WIRE_CONVERGING;
	return 0;
}

static int find_blocks(struct plan *p, const struct plan_opts *o, int out_fd, struct err *e)
{
	p->head.cut = WIRE_CUT_NONE;
	p->head.consistency = WIRE_CALLERS;
	p->head.era_c = o->era_c;
	/* Ranges are checked even where a full makes them superfluous: the caller's pipe may be broken. */
	if (o->ranges)
		return from_xml(p, o, e);
	if (o->metadata)
		return from_file(p, o, p->head.since, e);
	return p->is_era ? cut_native(p, o, out_fd, e) : look_live(p, o, e);
}

/* Make */

static void fill_head(struct plan *p, const struct plan_opts *o)
{
	struct wire_head *h = &p->head;

	h->kind = p->full ? WIRE_FULL : WIRE_INCREMENTAL;
	h->size = p->src.size;
	h->sector = p->src.sector;
	if (p->is_era)
		memcpy(h->generation, p->cut.generation, WIRE_ID_LEN);
	else if (o->has_token && !o->token.full)
		memcpy(h->generation, o->token.generation, WIRE_ID_LEN);
	else
		identity_random(h->generation);
	if (p->full)
		return;
	h->since = o->has_token ? o->token.era_c : o->since;
	h->parent_size = o->has_token ? o->token.size : p->src.size;
	if (o->has_token)
		memcpy(h->parent_id, o->token.id, WIRE_ID_LEN);
}

int plan_make(struct plan *p, const struct plan_opts *o, int out_fd, struct err *e)
{
	uint64_t granule;

	if (choose_granule(p, o, &granule, e) || make_set(p, granule, e))
		return -1;
	fill_head(p, o);
	if (find_blocks(p, o, out_fd, e))
		return -1;
	/* A full has everything; an incremental has the space that a grow added, old tail block included. */
	if (p->full)
		blockset_add(&p->set, 0, p->set.nr_blocks);
	else if (p->head.parent_size < p->head.size)
		blockset_add(&p->set, p->head.parent_size / granule, p->set.nr_blocks);
	/* The label knows of a grow where nobody had a token: --since. */
	if (!p->full && p->cut.grown_era != 0 && p->head.since <= p->cut.grown_era &&
	    p->cut.grown_from < p->head.size)
		blockset_add(&p->set, p->cut.grown_from / granule, p->set.nr_blocks);
	if (p->head.era_c != 0 && p->head.era_c < p->head.since) {
		err_set(e, ERR_IDENTITY, "%s: the cut is at era %llu, below the %llu it starts from",
			o->device, (ull)p->head.era_c, (ull)p->head.since);
		return need_full(o, e);
	}
	identity_describe(&p->head, o->device, p->src.fd);
	return 0;
}
