/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/sparecow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/fdio.h"
#include "world/blkdev.h"
#include "world/fsfreeze.h"
#include "world/probe.h"
#include "world/sysblock.h"
#include "world/usage.h"

#define MARK "erabackup cow 1\n"
#define MARK_LEN 4096u

/* Is it a loop device whose file lies on a filesystem on the era device? Its writes would wait for themselves. */
static int lies_on(const struct dm_era *dev, const char *path, struct err *e)
{
	char name[SYSBLOCK_NAME];
	char file[PATH_MAX];
	struct fsfreeze f;
	uint32_t major;
	uint32_t minor;
	int rc;
	int fd;

	if (blkdev_number(path, &major, &minor, e))
		return -1;
	if (!sysblock_name(makedev(major, minor), name) ||
	    !sysblock_attr(name, "loop/backing_file", file, sizeof(file)))
		return 0;
	fd = open(file, O_PATH | O_CLOEXEC);
	rc = fsfreeze_open(&f, dev->major, dev->minor, e);
	if (rc == 1)
		rc = fd >= 0 && fsfreeze_has(&f, fd);
	fsfreeze_close(&f);
	if (fd >= 0)
		close(fd);
	if (rc == 1)
		return err_set(e, ERR_USAGE, "%s: its file %s lies on %s itself", path, file, dev->name);
	return rc;
}

static int check_place(const struct dm_era *dev, const char *path, struct err *e)
{
	struct err found = {0};
	struct usage u;
	char top[64];

	if (blkdev_path(dev->major, dev->minor, top, sizeof(top), e))
		return -1;
	if (usage_overlap(path, top, &found)) {
		err_set(e, found.kind, "--cow: %s", found.text);
		return err_hint(e, "the room of a snapshot needs a place of its own, outside of %s", dev->name);
	}
	if (lies_on(dev, path, e) || usage_find(path, &u, e)) {
		err_prefix(e, "--cow");
		return err_hint(e, "name a block device that nobody uses");
	}
	if (u.kind == USAGE_FREE)
		return 0;
	err_set(e, ERR_BUSY, "--cow: %s is in use: %s", path, u.text);
	return err_hint(e, "name a block device that nobody uses");
}

/* 1: ours from another time; 0: not. */
static int is_marked(int fd, const char *path, uint8_t *buf, struct err *e)
{
	size_t got;

	if (fdio_pread(fd, path, buf, MARK_LEN, 0, &got, e))
		return -1;
	return got == MARK_LEN && memcmp(buf, MARK, strlen(MARK)) == 0;
}

static int mark(int fd, const char *path, uint8_t *buf, struct err *e)
{
	struct probe p;
	int marked;

	/* Also of a marked one: a partition table leaves the mark where it is. */
	probe_fd(fd, &p);
	if (p.type[0]) {
		err_set(e, ERR_USAGE, "--cow: %s holds something: %s", path, p.type);
		return err_hint(e, "if it may be overwritten: wipefs --all %s", path);
	}
	marked = is_marked(fd, path, buf, e);
	if (marked)
		return marked < 0 ? -1 : 0;
	memset(buf, 0, MARK_LEN);
	memcpy(buf, MARK, strlen(MARK));
	if (fdio_pwrite(fd, path, buf, MARK_LEN, 0, e))
		return -1;
	return fsync(fd) ? err_sys(e, "%s: cannot write", path) : 0;
}

static int mark_device(const char *path, struct err *e)
{
	uint8_t *buf = aligned_alloc(MARK_LEN, MARK_LEN);
	const int fd = open(path, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC);
	int rc = -1;

	if (fd < 0 && errno == EBUSY)
		err_set(e, ERR_BUSY, "--cow: %s has come into use", path);
	else if (fd < 0)
		err_sys(e, "--cow: %s: cannot open for writing", path);
	else if (!buf)
		err_set(e, ERR_RUNTIME, "no memory to look at %s", path);
	else
		rc = mark(fd, path, buf, e);
	if (fd >= 0)
		close(fd);
	free(buf);
	return rc;
}

int sparecow_take(const struct dm_era *dev, const char *path, struct snaproom *r, struct err *e)
{
	uint64_t bytes;

	memset(r, 0, sizeof(*r));
	if (blkdev_size(path, &bytes, e)) {
		err_prefix(e, "--cow");
		return err_hint(e, "name a block device that nobody uses");
	}
	if (check_place(dev, path, e))
		return -1;
	if (bytes < 2 * SPARECOW_EDGE + SNAPCUT_ROOM_MIN)
		return err_set(e, ERR_USAGE, "--cow: %s is too small for a snapshot: 3 MiB at the least", path);
	if (mark_device(path, e))
		return -1;
	snprintf(r->path, sizeof(r->path), "%s", path);
	r->begin_bytes = SPARECOW_EDGE;
	r->len_bytes = (bytes - 2 * SPARECOW_EDGE) / 4096 * 4096;
	return 0;
}
