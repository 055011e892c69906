/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "words/mountline.h"
#include "world/mounts.h"
#include "world/sysblock.h"

#define SECTOR 512u

/* Mounts and swaps */

struct search {
	dev_t dev;
	char *where; /* NULL: only a mount that may write is looked for */
	size_t len;
};

static int mounted(void *ctx, const struct mount *m)
{
	const struct search *s = ctx;

	if (!mounts_is_on(m, s->dev))
		return 0;
	snprintf(s->where, s->len, "%s", m->where);
	return 1;
}

static int mounted_rw(void *ctx, const struct mount *m)
{
	const struct search *s = ctx;

	return mounts_is_on(m, s->dev) &&
	       (strcmp(m->super, "rw") == 0 || strncmp(m->super, "rw,", 3) == 0);
}

int usage_mounted_rw(uint32_t major, uint32_t minor, struct err *e)
{
	struct search s = {.dev = makedev(major, minor)};

	return mounts_each(mounted_rw, &s, e);
}

/* Is it a line of /proc/swaps? 1, 0 or -1. */
static int swapped(dev_t dev, struct err *e)
{
	FILE *f = fopen("/proc/swaps", "re");
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	/* Not there in a kernel without swap. */
	if (!f)
		return errno == ENOENT ? 0 : err_sys(e, "/proc/swaps");
	while (rc == 0 && getline(&line, &room, f) >= 0) {
		line[strcspn(line, " \t\n")] = '\0';
		mountline_unescape(line);
		rc = mounts_is_node(line, dev);
	}
	if (ferror(f))
		rc = err_sys(e, "/proc/swaps: cannot read");
	free(line);
	fclose(f);
	return rc;
}

/* Who uses it */

/* One device, the disk itself or a partition of it. `said` is put before the words. */
struct asked {
	struct usage *u;
	const char *said;
	const char *name;
	dev_t dev;
};

static int ask_mounts(const struct asked *a, struct err *e)
{
	char where[256];
	struct search s = {a->dev, where, sizeof(where)};
	const int rc = mounts_each(mounted, &s, e);

	if (rc == 1) {
		a->u->kind = USAGE_MOUNTED;
		snprintf(a->u->text, sizeof(a->u->text), "%smounted on %s", a->said, where);
	}
	return rc;
}

static int ask_swaps(const struct asked *a, struct err *e)
{
	const int rc = swapped(a->dev, e);

	if (rc == 1) {
		a->u->kind = USAGE_SWAP;
		snprintf(a->u->text, sizeof(a->u->text), "%sused as swap", a->said);
	}
	return rc;
}

static int count_holder(void *ctx, const char *holder, struct err *e)
{
	const struct asked *a = ctx;
	struct usage *u = a->u;

	(void)e;
	if (u->nr_holders++ == 0) {
		snprintf(u->holder, sizeof(u->holder), "%s", holder);
		sysblock_attr(holder, "dm/name", u->dm_name, sizeof(u->dm_name));
		sysblock_attr(holder, "dm/uuid", u->dm_uuid, sizeof(u->dm_uuid));
	}
	return 0;
}

/* A loop device on a block device is no holder in sysfs. */
static int count_loop(void *ctx, const char *name, struct err *e)
{
	const struct asked *a = ctx;
	char file[PATH_MAX];

	if (!sysblock_attr(name, "loop/backing_file", file, sizeof(file)) ||
	    !mounts_is_node(file, a->dev))
		return 0;
	return count_holder(ctx, name, e);
}

static int ask_holders(struct asked *a, struct err *e)
{
	struct usage *u = a->u;
	char name[sizeof(u->dm_name) + 4] = "";
	char more[32] = "";

	if (sysblock_each(a->name, "holders", count_holder, a, e) ||
	    sysblock_each(NULL, NULL, count_loop, a, e))
		return -1;
	if (u->nr_holders == 0)
		return 0;
	u->kind = USAGE_HOLDER;
	if (u->dm_name[0])
		snprintf(name, sizeof(name), " (%s)", u->dm_name);
	if (u->nr_holders > 1)
		snprintf(more, sizeof(more), " and %u more", u->nr_holders - 1);
	snprintf(u->text, sizeof(u->text), "%sused by %s%s%s", a->said, u->holder, name, more);
	return 1;
}

static int ask_device(struct asked *a, struct err *e)
{
	int rc = ask_mounts(a, e);

	if (rc == 0)
		rc = ask_swaps(a, e);
	return rc ? rc : ask_holders(a, e);
}

static int ask_partition(void *ctx, const char *name, struct err *e)
{
	char said[SYSBLOCK_NAME + 32];
	struct asked a = {.u = ctx, .said = said, .name = name};

	snprintf(said, sizeof(said), "its partition %s is ", name);
	return sysblock_dev(name, &a.dev) ? ask_device(&a, e) : 0;
}

/* Whatever has it, in whatever namespace: the kernel knows, though not by name. */
static int ask_kernel(const char *path, struct usage *u, struct err *e)
{
	const int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EBUSY)
		return err_sys(e, "%s", path);
	u->kind = USAGE_EXCLUSIVE;
	snprintf(u->text, sizeof(u->text), "in use by something that has it to itself");
	return 0;
}

int usage_find(const char *path, struct usage *u, struct err *e)
{
	struct asked a = {.u = u, .said = ""};
	char name[SYSBLOCK_NAME];
	struct stat st;
	int rc;

	memset(u, 0, sizeof(*u));
	if (stat(path, &st))
		return err_sys(e, "%s", path);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: is no block device", path);
	if (!sysblock_name(st.st_rdev, name))
		return err_set(e, ERR_RUNTIME, "%s: the kernel has no such device", path);
	a.name = name;
	a.dev = st.st_rdev;
	rc = ask_device(&a, e);
	if (rc == 0)
		rc = sysblock_each(name, "", ask_partition, u, e);
	if (rc == 0)
		rc = ask_kernel(path, u, e);
	return rc < 0 ? -1 : 0;
}

/* Do they share a byte */

/* Bytes of the device, or file, that is at the bottom of partitions and loop devices. */
struct extent {
	bool file;
	dev_t dev; /* of the device; of the file system */
	ino_t ino;
	uint64_t begin;
	uint64_t end;
	char name[SYSBLOCK_NAME]; /* of the device; empty for a file */
};

/* 1: it is one, and what it is on is in *x. */
static int step_below_loop(const char *name, struct extent *x, struct err *e)
{
	struct loop_info64 info;
	char node[SYSBLOCK_NAME + 8];
	char file[PATH_MAX];
	int rc;
	int fd;

	if (!sysblock_attr(name, "loop/backing_file", file, sizeof(file)))
		return 0;
	snprintf(node, sizeof(node), "/dev/%s", name);
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "%s", node);
	rc = ioctl(fd, LOOP_GET_STATUS64, &info);
	close(fd);
	if (rc)
		return errno == ENXIO ? 0 : err_sys(e, "%s: cannot ask what it is on", node);
	x->begin += info.lo_offset;
	x->end += info.lo_offset;
	x->file = info.lo_rdevice == 0;
	x->dev = (dev_t)(x->file ? info.lo_device : info.lo_rdevice);
	x->ino = x->file ? info.lo_inode : 0;
	return 1;
}

static int extent_of_device(dev_t dev, struct extent *x, struct err *e)
{
	char disk[SYSBLOCK_NAME];
	unsigned int depth;
	uint64_t start;
	int rc = 1;

	memset(x, 0, sizeof(*x));
	x->dev = dev;
	for (depth = 0; rc == 1 && !x->file; depth++) {
		x->name[0] = '\0';
		if (depth == SYSBLOCK_DEPTH || !sysblock_name(x->dev, x->name))
			return err_set(e, ERR_RUNTIME, "device %u:%u is not in sysfs",
				       major(x->dev), minor(x->dev));
		if (depth == 0)
			x->end = sysblock_number(x->name, "size") * SECTOR;
		if (sysblock_disk(x->name, disk)) {
			start = sysblock_number(x->name, "start") * SECTOR;
			x->begin += start;
			x->end += start;
			rc = sysblock_dev(disk, &x->dev);
		} else {
			rc = step_below_loop(x->name, x, e);
		}
	}
	if (x->file)
		x->name[0] = '\0';
	return rc < 0 ? -1 : 0;
}

static int extent_of_path(const char *path, struct extent *x, dev_t *dev, struct err *e)
{
	struct stat st;

	*dev = 0;
	if (stat(path, &st))
		return err_sys(e, "%s", path);
	if (S_ISBLK(st.st_mode)) {
		*dev = st.st_rdev;
		return extent_of_device(st.st_rdev, x, e);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: is neither a block device nor a file", path);
	*x = (struct extent){
		.file = true, .dev = st.st_dev, .ino = st.st_ino, .end = (uint64_t)st.st_size};
	return 0;
}

static bool shares(const struct extent *a, const struct extent *b)
{
	return a->file == b->file && a->dev == b->dev && a->ino == b->ino && a->begin < b->end &&
	       b->begin < a->end;
}

static bool contains(const struct extent *a, const struct extent *b)
{
	return a->begin <= b->begin && b->end <= a->end;
}

struct descent {
	const struct extent *to;
	unsigned int depth;
};

static int below(const struct extent *x, struct descent *d, struct err *e);

/* Is one of the devices that a mapped one is made of, at any depth, on the bytes of `to`? */
static int descend(void *ctx, const char *slave, struct err *e)
{
	struct descent d = *(const struct descent *)ctx;
	struct extent x;
	dev_t dev;

	if (d.depth == SYSBLOCK_DEPTH || !sysblock_dev(slave, &dev))
		return 0;
	if (extent_of_device(dev, &x, e))
		return -1;
	if (shares(&x, d.to))
		return 1;
	d.depth++;
	return below(&x, &d, e);
}

/* What it is made of: a device's parts; of a file the device that its filesystem is on, where that has a number. */
static int below(const struct extent *x, struct descent *d, struct err *e)
{
	char name[SYSBLOCK_NAME];

	if (x->name[0])
		return sysblock_each(x->name, "slaves", descend, d, e);
	return x->file && sysblock_name(x->dev, name) ? descend(d, name, e) : 0;
}

static int stands_on(const char *path_a, const struct extent *a, const char *path_b,
		     const struct extent *b, struct err *e)
{
	struct descent d = {.to = b};
	const int rc = below(a, &d, e);

	return rc == 1 ? err_set(e, ERR_USAGE, "%s stands on %s", path_a, path_b) : rc;
}

static int shared(const char *path_a, const struct extent *a, const char *path_b,
		  const struct extent *b, struct err *e)
{
	if (contains(a, b) && contains(b, a))
		return err_set(e, ERR_USAGE, "%s and %s have the same bytes", path_a, path_b);
	if (contains(a, b))
		return err_set(e, ERR_USAGE, "%s is a part of %s", path_b, path_a);
	if (contains(b, a))
		return err_set(e, ERR_USAGE, "%s is a part of %s", path_a, path_b);
	return err_set(e, ERR_USAGE, "%s and %s overlap", path_a, path_b);
}

int usage_overlap(const char *path_a, const char *path_b, struct err *e)
{
	struct extent a;
	struct extent b;
	dev_t dev_a;
	dev_t dev_b;

	if (extent_of_path(path_a, &a, &dev_a, e) || extent_of_path(path_b, &b, &dev_b, e))
		return -1;
	if (dev_a != 0 && dev_a == dev_b)
		err_set(e, ERR_USAGE, "%s and %s are the same device", path_a, path_b);
	else if (shares(&a, &b))
		shared(path_a, &a, path_b, &b, e);
	else if (stands_on(path_a, &a, path_b, &b, e) == 0 &&
		 stands_on(path_b, &b, path_a, &a, e) == 0)
		return 0;
	if (e->kind == ERR_USAGE)
		err_hint(e, "the metadata needs a place of its own, outside of the data");
	return -1;
}
