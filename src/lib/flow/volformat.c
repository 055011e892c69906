/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/volformat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow/identity.h"
#include "flow/labelled.h"
#include "pure/metasize.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/labelio.h"
#include "world/probe.h"
#include "world/resolve.h"
#include "world/usage.h"

#define ull unsigned long long

/* Snapshots lie on whole MiB. */
#define COW_ALIGN UINT64_C(1048576)

int volformat_data_size(const char *spec, uint64_t *bytes, struct err *e)
{
	char path[PATH_MAX];

	if (spec[0] >= '0' && spec[0] <= '9')
		return err_set(e, ERR_USAGE, "%s: is neither a size as 500G nor a device", spec);
	return resolve_existing(spec, RESOLVE_DATA, path, e) ? -1 : blkdev_size(path, bytes, e);
}

/* May META be overwritten? */

static int check_content(const char *meta, bool force, struct err *e)
{
	struct err ignored = {0};
	struct label old;
	struct probe p;
	char volume[2 * LABEL_ID_LEN + 1];
	int fd = open(meta, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, "%s", meta);
	probe_fd(fd, &p);
	close(fd);
	if (force)
		return 0;
	if (p.type[0]) {
		err_set(e, ERR_USAGE, "%s: holds %.100s%s%.100s", meta, p.type, p.uuid[0] ? " " : "", p.uuid);
		return err_hint(e, "the metadata device is overwritten; --force if that is meant");
	}
	if (labelio_read(meta, &old, NULL, &ignored) && ignored.kind != ERR_CORRUPT)
		return ignored.kind == ERR_IDENTITY ? 0 : (*e = ignored, -1);
	if (ignored.kind == ERR_CORRUPT) {
		err_set(e, ERR_USAGE, "%s: holds a damaged label of an era volume", meta);
		return err_hint(e, "--force to make a new one; its history is gone then");
	}
	num_hex(old.volume, LABEL_ID_LEN, volume);
	err_set(e, ERR_USAGE, "%s: holds the label of era volume %s", meta, volume);
	return err_hint(e, "era_setup reset begins its history again; --force makes another volume");
}

/* A root that came up without tracking: what it stands on can only become a volume again while it does. */
static bool is_plain_mapping(const struct usage *u)
{
	return u->kind == USAGE_HOLDER && u->nr_holders == 1 &&
	       strncmp(u->dm_uuid, STACK_PLAIN_PREFIX, strlen(STACK_PLAIN_PREFIX)) == 0;
}

/*
 * META for us alone: nobody opens it, formats it or resets it meanwhile. A descriptor to close, or -1. Whoever
 * else has it was told better before, by usage_find.
 */
static int claim(const char *meta, struct err *e)
{
	const int fd = open(meta, O_RDWR | O_EXCL | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != EBUSY)
		return err_sys(e, "%s: cannot open for writing", meta);
	return err_set(e, ERR_BUSY, "%s: has come into use", meta);
}

static int check_use(const char *meta, const char *data, bool force, char warning[256],
		     struct err *e)
{
	struct usage u;

	if (usage_overlap(meta, data, e) || usage_find(meta, &u, e))
		return -1;
	if (u.kind != USAGE_FREE)
		return err_set(e, ERR_BUSY, "%s: is in use: %s", meta, u.text);
	if (usage_find(data, &u, e))
		return -1;
	if (u.kind == USAGE_FREE)
		return 0;
	if ((u.kind == USAGE_MOUNTED || is_plain_mapping(&u)) && force) {
		snprintf(warning, 256, "%.80s: is %.120s: tracking starts when it is opened", data, u.text);
		return 0;
	}
	err_set(e, ERR_BUSY, "%s: is in use: %s", data, u.text);
	if (u.kind == USAGE_MOUNTED || is_plain_mapping(&u))
		err_hint(e, "unmount it; or --force to open it as a volume later, as with the root");
	return -1;
}

/* Geometry */

static int too_small(const char *meta, uint64_t has, uint64_t needs, const char *hint, struct err *e)
{
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];

	err_set(e, ERR_USAGE, "%s: has %s, and %s are needed", meta, num_size(has, a, sizeof(a)),
		num_size(needs, b, sizeof(b)));
	return err_hint(e, "%s", hint);
}

/*
 * The rule's room where there is as much, else what is there, if it can do. Below the bound a digest
 * with a snapshot held can run out of it; below `least` a cut finds no headroom from the first day.
 */
static int place_meta(struct label *l, const char *meta, uint64_t size, bool force, struct err *e)
{
	const uint64_t room = size > LABEL_AREA ? (size - LABEL_AREA) / LABEL_LEN * LABEL_LEN : 0;
	struct metasize m;
	struct err tight = {0};

	if (metasize_for(l->data_bytes, l->block_bytes, &m, e))
		return -1;
	if (metasize_enough(&m, room, &tight))
		return too_small(meta, size, LABEL_AREA + m.bytes,
				 "a larger --block-size needs less; see era_setup size", e);
	if (room < m.bytes && room / LABEL_LEN < m.bound && !force)
		return too_small(meta, size, LABEL_AREA + m.bytes,
				 "a larger --block-size needs less; --force if this is meant to be tight", e);
	l->meta_offset = LABEL_AREA;
	l->meta_bytes = num_min(room, m.bytes);
	return 0;
}

static int place_cow(struct label *l, const char *meta, uint64_t size, uint64_t wanted,
		     struct err *e)
{
	const uint64_t begin = num_div_up(l->meta_offset + l->meta_bytes, COW_ALIGN) * COW_ALIGN;
	const uint64_t rest = size > begin ? (size - begin) / COW_ALIGN * COW_ALIGN : 0;

	if (wanted != VOLFORMAT_COW_REST && wanted > rest)
		return too_small(meta, size, begin + wanted, "give a smaller --cow-size, or 0", e);
	l->cow_bytes = wanted == VOLFORMAT_COW_REST ? rest : wanted / LABEL_LEN * LABEL_LEN;
	l->cow_offset = l->cow_bytes ? begin : 0;
	return 0;
}

static int describe(const struct volformat_opts *o, const char *meta, const char *data,
		    struct label *l, struct err *e)
{
	uint64_t size;

	memset(l, 0, sizeof(*l));
	l->block_bytes = o->block_bytes;
	if (blkdev_size(meta, &size, e) || blkdev_size(data, &l->data_bytes, e) ||
	    place_meta(l, meta, size, o->force, e) || place_cow(l, meta, size, o->cow_bytes, e))
		return -1;
	identity_random(l->volume);
	identity_random(l->generation);
	identity_partuuid(data, l->partuuid);
	l->state = LABEL_FRESH;
	l->time_formatted = l->time_state = l->time_generation = (uint64_t)time(NULL);
	snprintf(l->reason, sizeof(l->reason), "formatted");
	return 0;
}

static int format_claimed(const struct volformat_opts *o, const char *meta, const char *data,
			  struct label *l, struct err *e)
{
	if (check_content(meta, o->force, e) || describe(o, meta, data, l, e))
		return -1;
	/* An old label goes first, so that it does not vouch for wiped metadata; the new one comes last. */
	if (labelio_wipe_meta(meta, 0, l->meta_offset + l->meta_bytes, e))
		return -1;
	return labelio_write(meta, l, e);
}

int volformat(const struct volformat_opts *o, struct label *l, char warning[256], struct err *e)
{
	char meta[PATH_MAX];
	char data[PATH_MAX];
	int fd;
	int rc;

	warning[0] = '\0';
	if (resolve_existing(o->meta, RESOLVE_META, meta, e) ||
	    resolve_existing(o->data, RESOLVE_DATA, data, e) ||
	    check_use(meta, data, o->force, warning, e))
		return -1;
	fd = claim(meta, e);
	if (fd < 0)
		return -1;
	rc = format_claimed(o, meta, data, l, e);
	close(fd);
	return rc;
}

static int reset_claimed(const char *meta, const char *reason, struct label *l, struct err *e)
{
	if (labelio_read(meta, l, NULL, e))
		return -1;
	/* The generation first: a wipe broken off must not be taken for the old history. */
	l->era = 0;
	l->state = LABEL_FRESH;
	l->time_state = (uint64_t)time(NULL);
	memset(l->fingerprint, 0, sizeof(l->fingerprint));
	if (labelled_renew(meta, l, reason, e))
		return -1;
	return labelio_wipe_meta(meta, l->meta_offset, l->meta_bytes, e);
}

int volformat_reset(const char *spec, const char *reason, struct label *l, struct err *e)
{
	char meta[PATH_MAX];
	struct usage u;
	int fd;
	int rc;

	if (resolve_existing(spec, RESOLVE_META, meta, e) || usage_find(meta, &u, e))
		return -1;
	if (u.kind != USAGE_FREE) {
		err_set(e, ERR_BUSY, "%s: is in use: %s", meta, u.text);
		return err_hint(e, "close the volume first; a root can be reset from a plain mapping or a "
				   "rescue system");
	}
	fd = claim(meta, e);
	if (fd < 0)
		return -1;
	rc = reset_claimed(meta, reason, l, e);
	close(fd);
	return rc;
}
