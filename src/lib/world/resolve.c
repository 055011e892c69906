/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/resolve.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "words/num.h"
#include "world/blkdev.h"
#include "world/labelio.h"
#include "world/probe.h"
#include "world/sysblock.h"

#define BY_ID "/dev/disk/by-id"
/* More of them make the answer no clearer. */
#define FOUND_MAX 16

enum tag { TAG_PATH, TAG_PARTUUID, TAG_PARTLABEL, TAG_UUID, TAG_LABEL };

struct wanted {
	enum resolve_role role;
	enum tag tag;
	char value[PROBE_WORD];
	uint8_t volume[LABEL_ID_LEN]; /* role META, TAG_UUID */
};

struct found {
	const struct wanted *w;
	unsigned int nr;
	char name[FOUND_MAX][SYSBLOCK_NAME];
};

/* What is asked for */

static const struct {
	const char *word;
	const char *dir; /* of udev's links that stand for it */
	enum tag tag;
} tags[] = {
	{"PARTUUID=", "/dev/disk/by-partuuid/", TAG_PARTUUID},
	{"PARTLABEL=", "/dev/disk/by-partlabel/", TAG_PARTLABEL},
	{"UUID=", "/dev/disk/by-uuid/", TAG_UUID},
	{"LABEL=", "/dev/disk/by-label/", TAG_LABEL},
};

/* With quotes taken off. */
static int take_value(const char *spec, const char *text, struct wanted *w, struct err *e)
{
	size_t len = strlen(text);

	if (text[0] == '"') {
		if (len < 2 || text[len - 1] != '"')
			return err_set(e, ERR_USAGE, "%s: the quotes do not end", spec);
		text++;
		len -= 2;
	}
	if (len == 0)
		return err_set(e, ERR_USAGE, "%s: there is nothing behind the =", spec);
	if (len >= sizeof(w->value))
		return err_set(e, ERR_USAGE, "%s: is too long", spec);
	memcpy(w->value, text, len);
	w->value[len] = '\0';
	return 0;
}

/* udev writes what has no place in a file name as \x2f. */
static void take_link(const char *text, struct wanted *w)
{
	uint8_t byte;
	char hex[3] = "";
	size_t n = 0;

	for (; *text && n + 1 < sizeof(w->value); text++) {
		byte = (uint8_t)*text;
		if (strncmp(text, "\\x", 2) == 0 && text[2] && text[3]) {
			hex[0] = (char)tolower((unsigned char)text[2]);
			hex[1] = (char)tolower((unsigned char)text[3]);
			if (num_unhex(hex, &byte, 1) == 0)
				text += 3;
		}
		w->value[n++] = (char)byte;
	}
	w->value[n] = '\0';
}

/* 32 digits, or with dashes in the usual places. */
static int take_volume(const char *spec, struct wanted *w, struct err *e)
{
	char hex[2 * LABEL_ID_LEN + 1] = "";
	const bool dashes = strlen(w->value) == 36;
	size_t n = 0;
	size_t i;

	for (i = 0; w->value[i] && n < sizeof(hex) - 1; i++) {
		if (dashes && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (w->value[i] != '-')
				goto bad;
			continue;
		}
		hex[n++] = (char)tolower((unsigned char)w->value[i]);
	}
	if (!w->value[i] && num_unhex(hex, w->volume, LABEL_ID_LEN) == 0)
		return 0;
bad:
	err_set(e, ERR_USAGE, "%s: is no volume id, which has 32 hexadecimal digits", spec);
	return err_hint(
		e, "the UUID= of a metadata device is the volume id that era_setup dump prints");
}

static int parse(const char *spec, enum resolve_role role, struct wanted *w, struct err *e)
{
	const size_t nr = sizeof(tags) / sizeof(tags[0]);
	size_t i;

	memset(w, 0, sizeof(*w));
	w->role = role;
	for (i = 0; i < nr && w->tag == TAG_PATH; i++) {
		const bool of_contents = tags[i].tag == TAG_UUID || tags[i].tag == TAG_LABEL;

		if (strncmp(spec, tags[i].word, strlen(tags[i].word)) == 0) {
			w->tag = tags[i].tag;
			if (take_value(spec, spec + strlen(tags[i].word), w, e))
				return -1;
		} else if (strncmp(spec, tags[i].dir, strlen(tags[i].dir)) == 0 &&
			   spec[strlen(tags[i].dir)] && (role == RESOLVE_DATA || !of_contents)) {
			w->tag = tags[i].tag;
			take_link(spec + strlen(tags[i].dir), w);
		}
	}
	if (w->tag == TAG_PATH && (!spec[0] || (strchr(spec, '=') && !strchr(spec, '/')))) {
		err_set(e, ERR_USAGE, "\"%s\": is neither a path nor a name of a device", spec);
		return err_hint(e, "use a path, PARTUUID=, PARTLABEL=, UUID= or LABEL=");
	}
	if (role == RESOLVE_META && w->tag == TAG_LABEL) {
		err_set(e, ERR_USAGE, "%s: a metadata device has no LABEL=", spec);
		return err_hint(e,
				"use a path, PARTUUID=, PARTLABEL=, or UUID= with the volume id");
	}
	return role == RESOLVE_META && w->tag == TAG_UUID ? take_volume(spec, w, e) : 0;
}

/* Looking */

/* Floppies and CDs: an open may move things, and no volume is on one. */
static bool is_worth_a_look(const char *name, dev_t dev)
{
	if (major(dev) == 2 || major(dev) == 11)
		return false;
	/* A suspended device would make us wait for its resume, maybe for ever. */
	return sysblock_number(name, "size") > 0 && sysblock_number(name, "hidden") == 0 &&
	       sysblock_number(name, "dm/suspended") == 0 && !sysblock_is_era(name);
}

static bool has_volume(const char *path, const struct wanted *w)
{
	struct err ignored = {0};
	struct label l;

	return labelio_read(path, &l, NULL, &ignored) == 0 &&
	       memcmp(l.volume, w->volume, LABEL_ID_LEN) == 0;
}

static bool fits(int fd, const char *path, const struct wanted *w)
{
	struct probe_part part;
	struct probe p;

	switch (w->tag) {
	case TAG_PARTUUID:
		probe_partition(fd, &part);
		return strcasecmp(part.uuid, w->value) == 0;
	case TAG_PARTLABEL:
		probe_partition(fd, &part);
		return strcmp(part.name, w->value) == 0;
	case TAG_UUID:
		if (w->role == RESOLVE_META)
			return has_volume(path, w);
		probe_fd(fd, &p);
		return strcasecmp(p.uuid, w->value) == 0;
	case TAG_LABEL:
		probe_fd(fd, &p);
		return strcmp(p.label, w->value) == 0;
	default:
		return false;
	}
}

/* The node in /dev, if it is one for that device. */
static bool node_of(dev_t dev, char path[PATH_MAX])
{
	struct err ignored = {0};
	struct stat st;

	return blkdev_path(major(dev), minor(dev), path, PATH_MAX, &ignored) == 0 &&
	       stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

static int look(void *ctx, const char *name, struct err *e)
{
	struct found *f = ctx;
	char path[PATH_MAX];
	dev_t dev;
	int fd;

	(void)e;
	if (f->nr == FOUND_MAX || !sysblock_dev(name, &dev) || !is_worth_a_look(name, dev) ||
	    !node_of(dev, path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (fits(fd, path, f->w))
		snprintf(f->name[f->nr++], SYSBLOCK_NAME, "%s", name);
	close(fd);
	return 0;
}

/* Which of several */

struct climb {
	const char *to; /* NULL: to one that is suspended */
	unsigned int depth;
	bool through_era;
};

enum { NOT_ABOVE = 0, ABOVE = 1, ABOVE_ERA = 2 };

static int climb(const char *name, const struct climb *c, struct err *e);

static int climb_one(void *ctx, const char *holder, struct err *e)
{
	struct climb c = *(const struct climb *)ctx;

	if (c.to && strcmp(holder, c.to) == 0)
		return c.through_era ? ABOVE_ERA : ABOVE;
	c.through_era |= sysblock_is_era(holder);
	if (!c.to && !c.through_era && sysblock_number(holder, "dm/suspended"))
		return ABOVE;
	c.depth++;
	return climb(holder, &c, e);
}

/* What holds the whole disk (multipath) also has the contents of its partitions. */
static int climb(const char *name, const struct climb *c, struct err *e)
{
	char disk[SYSBLOCK_NAME];
	int rc;

	if (c->depth == SYSBLOCK_DEPTH)
		return NOT_ABOVE;
	rc = sysblock_each(name, "holders", climb_one, (void *)c, e);
	if (rc == NOT_ABOVE && sysblock_disk(name, disk))
		rc = sysblock_each(disk, "holders", climb_one, (void *)c, e);
	return rc;
}

/* Does another one make this one the wrong answer? */
static bool is_outdone(const struct found *f, unsigned int i)
{
	struct err ignored = {0};
	struct climb up;
	unsigned int k;

	/* What could not be looked at may be the upper one: wait for it. */
	up = (struct climb){.to = NULL};
	if (climb(f->name[i], &up, &ignored) == ABOVE)
		return true;
	for (k = 0; k < f->nr; k++) {
		if (k == i)
			continue;
		up = (struct climb){.to = f->name[k]};
		if (climb(f->name[i], &up, &ignored) == ABOVE)
			return true;
		up = (struct climb){.to = f->name[i]};
		if (climb(f->name[k], &up, &ignored) == ABOVE_ERA)
			return true;
	}
	return false;
}

static int choose(const char *spec, const struct found *f, char path[PATH_MAX], struct err *e)
{
	char other[PATH_MAX];
	bool have = false;
	unsigned int i;
	dev_t dev;

	for (i = 0; i < f->nr; i++) {
		if (is_outdone(f, i) || !sysblock_dev(f->name[i], &dev) ||
		    !node_of(dev, have ? other : path))
			continue;
		if (have) {
			err_set(e, ERR_IDENTITY, "%s: more than one device has it: %s and %s", spec,
				path, other);
			return err_hint(
				e,
				"one may be a copy of the other: take it away, or name the right "
				"one by PARTUUID= or its path");
		}
		have = true;
	}
	return have;
}

static int search(const char *spec, const struct wanted *w, char path[PATH_MAX], struct err *e)
{
	struct found f = {.w = w};

	if (sysblock_each(NULL, NULL, look, &f, e))
		return -1;
	return choose(spec, &f, path, e);
}

/* A path */

static int check_path(const char *path, dev_t *dev, struct err *e)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(e, "%s", path);
	}
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: is no block device", path);
	*dev = st.st_rdev;
	return 1;
}

static int resolve_path(const char *spec, char path[PATH_MAX], struct err *e)
{
	char name[SYSBLOCK_NAME];
	dev_t dev;
	int rc;

	if (strlen(spec) >= PATH_MAX)
		return err_set(e, ERR_USAGE, "%s: is too long", spec);
	rc = check_path(spec, &dev, e);
	if (rc <= 0)
		return rc;
	if (sysblock_name(dev, name) && sysblock_is_era(name)) {
		err_set(e, ERR_USAGE, "%s: belongs to an era volume, it is not what one is made of",
			spec);
		return err_hint(e, "name the device below it, best by PARTUUID=");
	}
	strcpy(path, spec);
	return 1;
}

int resolve_device(const char *spec, enum resolve_role role, char path[PATH_MAX], struct err *e)
{
	struct wanted w;

	if (parse(spec, role, &w, e))
		return -1;
	return w.tag == TAG_PATH ? resolve_path(spec, path, e) : search(spec, &w, path, e);
}

int resolve_existing(const char *spec, enum resolve_role role, char path[PATH_MAX], struct err *e)
{
	const int rc = resolve_device(spec, role, path, e);

	if (rc == 0)
		return err_set(e, ERR_RUNTIME, "%s: no such device", spec);
	return rc < 0 ? -1 : 0;
}

/* The way back */

static bool same_device(const char *path, dev_t dev)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

/* PARTUUID=, where it leads to this device and to no copy of it. */
static bool spec_partuuid(const char *path, dev_t dev, char spec[PATH_MAX])
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct err ignored = {0};
	struct probe_part part;
	char back[PATH_MAX];

	if (fd < 0)
		return false;
	probe_partition(fd, &part);
	close(fd);
	if (!part.uuid[0])
		return false;
	snprintf(spec, PATH_MAX, "PARTUUID=%s", part.uuid);
	return resolve_device(spec, RESOLVE_DATA, back, &ignored) == 1 && same_device(back, dev);
}

static bool spec_mapper(const char *name, dev_t dev, char spec[PATH_MAX])
{
	char dm_name[160];

	if (!sysblock_attr(name, "dm/name", dm_name, sizeof(dm_name)) || strchr(dm_name, '/'))
		return false;
	snprintf(spec, PATH_MAX, "/dev/mapper/%s", dm_name);
	return same_device(spec, dev);
}

/* Of several links the first by the alphabet, so that it is the same one each time. */
static bool spec_by_id(dev_t dev, char spec[PATH_MAX])
{
	char link[PATH_MAX];
	bool have = false;
	struct dirent *d;
	DIR *dir = opendir(BY_ID);

	if (!dir)
		return false;
	while ((d = readdir(dir)) != NULL) {
		snprintf(link, sizeof(link), BY_ID "/%s", d->d_name);
		if (same_device(link, dev) && (!have || strcmp(link, spec) < 0)) {
			strcpy(spec, link);
			have = true;
		}
	}
	closedir(dir);
	return have;
}

int resolve_spec(const char *path, char spec[PATH_MAX], struct err *e)
{
	char name[SYSBLOCK_NAME] = "";
	dev_t dev;
	int rc;

	if (strlen(path) >= PATH_MAX)
		return err_set(e, ERR_USAGE, "%s: is too long", path);
	rc = check_path(path, &dev, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_USAGE, "%s: there is no such device", path);
	if (spec_partuuid(path, dev, spec))
		return 0;
	if (sysblock_name(dev, name) && spec_mapper(name, dev, spec))
		return 0;
	if (!spec_by_id(dev, spec))
		strcpy(spec, path);
	return 0;
}
