/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zeros. PUNCH_HOLE frees the room where that can be done and guarantees zeros when read, on files
 * and on devices alike (for a device the kernel refuses where it could only discard). BLKZEROOUT is
 * the same without the freeing. Where both are refused zeros are written. BLKDISCARD is never used:
 * it promises nothing about what is read afterwards.
 *
 * Long writes to a device, or to a new image where that is known to be good, go past the page cache: copying into it costs
 * more than everything else that is done to them. The others go through it: it gathers small ones, takes any alignment on
 * any sector size, and the fsync at the end reports what the device refused. No folio of the cache is written both ways at
 * a time. A short write makes none that is larger than itself, rounded to what a device's cache counts in (direct_align); only
 * reading does, and what is read is at both ends, for the fingerprint, which are written through the cache. Of an image that
 * is not blank, and of what is read while it is written (sink_cached), nobody knows.
 */
#include "world/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "system/longwrite.h"
#include "words/hash.h"
#include "words/num.h"
#include "world/blkdev.h"

#define FINGER_LEN 1048576u
/* Shorter ones gain nothing past the page cache: each waits for the disk. */
#define DIRECT_MIN 131072u
/* The largest folio, beyond what is read for a fingerprint. */
#define ENDS_LEN (FINGER_LEN + 2097152u)

static int busy(const char *name, const char *why, struct err *e)
{
	err_set(e, ERR_BUSY, "%s: is in use: %s", name, why);
	return err_hint(e, "unmount or detach it first; nothing was changed");
}

/* Is this loop device, named by its directory in sysfs, on the image? */
static bool loop_is_on(const char *sysfs, const struct stat *st, char node[64])
{
	struct loop_info64 info;
	unsigned int nr;
	bool on;
	int fd;

	if (sscanf(sysfs, "/sys/block/loop%u/", &nr) != 1)
		return false;
	snprintf(node, 64, "/dev/loop%u", nr);
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	on = ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == st->st_ino &&
	     info.lo_device == st->st_dev;
	close(fd);
	return on;
}

/* Does a loop device stand on this image? Writing below it would corrupt what is mounted on it. */
static int check_loops(const struct sink *s, const struct stat *st, struct err *e)
{
	char node[64];
	glob_t g = {0};
	size_t i;
	int rc = 0;

	/* Only those in use have this: the others need not be opened. */
	if (glob("/sys/block/loop*/loop/backing_file", GLOB_NOSORT, NULL, &g))
		return 0;
	for (i = 0; i < g.gl_pathc && rc == 0; i++) {
		if (!loop_is_on(g.gl_pathv[i], st, node))
			continue;
		err_set(e, ERR_BUSY, "%s: is in use by %s", s->name, node);
		rc = err_hint(e, "umount and losetup -d %s first", node);
	}
	globfree(&g);
	return rc;
}

/* The cache of a device is dirty by its block size, which may be as large as a page. */
static void find_align(struct sink *s)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	size_t block = 0;

	if (ioctl(s->fd, BLKBSZGET, &block))
		block = 0;
	s->direct_align = num_max(SINK_ALIGN, num_max(page, block));
}

static int open_device(struct sink *s, struct err *e)
{
	int read_only = 0;

	/* O_EXCL on a block device: refused while mounted, swapped on, or part of dm, md or loop. */
	s->fd = open(s->name, O_RDWR | O_EXCL | O_CLOEXEC);
	if (s->fd < 0 && errno == EBUSY)
		return busy(s->name, "mounted, or part of another device", e);
	if (s->fd < 0)
		return err_sys(e, "%s: cannot open for writing", s->name);
	if (ioctl(s->fd, BLKGETSIZE64, &s->size))
		return err_sys(e, "%s: cannot get the size", s->name);
	/* The open is granted, and the first write would fail, with the state written before it. */
	if (ioctl(s->fd, BLKROGET, &read_only) == 0 && read_only) {
		err_set(e, ERR_RUNTIME, "%s: is read-only", s->name);
		return err_hint(e, "if it may be written to: blockdev --setrw %s", s->name);
	}
	find_align(s);
	return 0;
}

static int open_image(struct sink *s, const struct stat *st, struct err *e)
{
	if (check_loops(s, st, e))
		return -1;
	s->fd = open(s->name, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return err_sys(e, "%s: cannot open for writing", s->name);
	return 0;
}

/* Locked: whoever wrote to it has ended. */
static int look_inside(struct sink *s, struct err *e)
{
	struct stat st;

	if (s->device)
		return 0;
	if (fstat(s->fd, &st))
		return err_sys(e, "%s: cannot look at", s->name);
	s->size = (uint64_t)st.st_size;
	/* Nothing but holes: a file that truncate made, or nobody has written to. */
	s->blank = s->size == 0 || (lseek(s->fd, 0, SEEK_DATA) < 0 && errno == ENXIO);
	return 0;
}

/* Virtual machines lock their images by fcntl, on some of the bytes. Where the filesystem has no such locks, nobody has. */
static int lock_bytes(const struct sink *s, struct err *e)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (s->device || fcntl(s->fd, F_OFD_SETLK, &all) == 0 || (errno != EAGAIN && errno != EACCES))
		return 0;
	return busy(s->name, "another program holds a lock on it, such as a virtual machine", e);
}

static int lock(const struct sink *s, struct err *e)
{
	if (flock(s->fd, LOCK_EX | LOCK_NB) == 0)
		return lock_bytes(s, e);
	if (errno == EWOULDBLOCK)
		return busy(s->name, "another program holds a lock on it, such as a running era_apply",
			    e);
	return err_sys(e, "%s: cannot lock", s->name);
}

/* 1: there, described in *st; 0: an image to be made. */
static int look(const char *name, struct stat *st, struct err *e)
{
	if (stat(name, st) == 0) {
		if (S_ISBLK(st->st_mode) || S_ISREG(st->st_mode))
			return 1;
		return err_set(e, ERR_USAGE, "%s: is neither a block device nor an image file", name);
	}
	if (errno != ENOENT)
		return err_sys(e, "%s: cannot open", name);
	if (!blkdev_in_dev(name))
		return 0;
	err_set(e, ERR_RUNTIME, "%s: there is no such device", name);
	return err_hint(e, "files are not created in /dev; check the name with lsblk");
}

int sink_check_name(const char *name, struct err *e)
{
	struct stat st;

	return look(name, &st, e) < 0 ? -1 : 0;
}

int sink_open(struct sink *s, const char *name, struct err *e)
{
	struct stat st;
	int there;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->direct = -1;
	s->direct_align = SINK_ALIGN;
	s->name = name;
	there = look(name, &st, e);
	if (there <= 0)
		return there;
	s->device = S_ISBLK(st.st_mode);
	if (s->device ? open_device(s, e) : open_image(s, &st, e))
		return -1;
	if (lock(s, e) || look_inside(s, e))
		return -1;
	s->direct = s->device || s->blank ? longwrite_direct(s->fd) : -1;
	return 0;
}

int sink_create(struct sink *s, struct err *e)
{
	s->fd = open(s->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0 && errno == EEXIST)
		return busy(s->name, "another program has just made it, such as a running era_apply", e);
	if (s->fd < 0)
		return err_sys(e, "%s: cannot create", s->name);
	s->created = true;
	s->blank = true;
	s->direct = longwrite_direct(s->fd);
	return lock(s, e);
}

void sink_cached(struct sink *s)
{
	if (s->fd >= 0 && s->direct >= 0)
		close(s->direct);
	s->direct = -1;
}

void sink_close(struct sink *s)
{
	sink_cached(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int sink_resize(struct sink *s, uint64_t size, struct err *e)
{
	if (s->device && s->size < size) {
		err_set(e, ERR_IDENTITY, "%s: has %llu bytes, the stream needs %llu", s->name,
			(unsigned long long)s->size, (unsigned long long)size);
		return err_hint(e, "use a device of at least that size");
	}
	if (s->device || s->size == size)
		return 0;
	if (ftruncate(s->fd, (off_t)size))
		return err_sys(e, "%s: cannot set the size to %llu", s->name,
			       (unsigned long long)size);
	s->size = size;
	return 0;
}

/* The descriptor to write past the page cache, or -1. */
static int direct_for(const struct sink *s, const uint8_t *buf, uint64_t off, uint64_t len)
{
	if (len < DIRECT_MIN || (uintptr_t)buf % SINK_ALIGN != 0 || (off | len) % s->direct_align != 0)
		return -1;
	if (off < ENDS_LEN || off + len + ENDS_LEN > s->size || (!s->device && !s->blank))
		return -1;
	return s->direct;
}

int sink_write(struct sink *s, const uint8_t *buf, uint64_t off, uint64_t len, struct err *e)
{
	const int direct = direct_for(s, buf, off, len);

	if (direct >= 0) {
		if (fdio_pwrite(direct, s->name, buf, len, off, e) == 0)
			return 0;
		if (e->sys != EINVAL)
			return -1;
		/* Blocks larger than we align to. Whatever was written of it is written again. */
		err_clear(e);
	}
	return fdio_pwrite(s->fd, s->name, buf, len, off, e);
}

static int write_zeros(struct sink *s, uint64_t off, uint64_t len, struct err *e)
{
	static const uint8_t zeros[65536];
	uint64_t n;

	for (; len > 0; off += n, len -= n) {
		n = num_min(len, sizeof(zeros));
		if (sink_write(s, zeros, off, n, e))
			return -1;
	}
	return 0;
}

/* Would the kernel rather free the room than store zeros? 0 done, 1 not here, -1 error. */
static int punch(struct sink *s, uint64_t off, uint64_t len, struct err *e)
{
	int rc;

	do
		rc = fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
			       (off_t)len);
	while (rc && errno == EINTR);
	if (rc == 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV) {
		__atomic_store_n(&s->no_punch, true, __ATOMIC_RELAXED);
		return 1;
	}
	/* A device wants whole sectors; the odd end is written. */
	if (errno == EINVAL)
		return 1;
	return err_sys(e, "%s: cannot punch a hole at offset %llu", s->name,
		       (unsigned long long)off);
}

/* Make zeros of what a device, or a file, can free in whole pages. */
static int free_or_write(struct sink *s, uint64_t off, uint64_t len, struct err *e)
{
	uint64_t range[2] = {off, len};
	int rc;

	if (!__atomic_load_n(&s->no_punch, __ATOMIC_RELAXED)) {
		rc = punch(s, off, len, e);
		if (rc <= 0)
			return rc;
	}
	if (s->device && ioctl(s->fd, BLKZEROOUT, range) == 0)
		return 0;
	return write_zeros(s, off, len, e);
}

/*
 * Only whole pages are freed. On a device the rest of a page may be data that another thread is writing
 * through the page cache at this moment, which the kernel does not keep apart from a hole in it.
 */
int sink_zero(struct sink *s, uint64_t off, uint64_t len, struct err *e)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t begin = num_min(num_div_up(off, page) * page, off + len);
	const uint64_t end = num_max((off + len) / page * page, begin);

	if (s->blank)
		return 0;
	if (write_zeros(s, off, begin - off, e) || write_zeros(s, end, off + len - end, e))
		return -1;
	return begin < end ? free_or_write(s, begin, end - begin, e) : 0;
}

int sink_sync(struct sink *s, struct err *e)
{
	if (fdio_sync(s->fd, s->name, e))
		return -1;
	/* Whoever made an image may have died before its name was durable. */
	return s->device ? 0 : fdio_sync_parent(s->name, e);
}

static int add_part(struct sink *s, uint64_t off, uint64_t len, uint8_t *buf, struct hash *h,
		    struct err *e)
{
	size_t got;

	if (fdio_pread(s->fd, s->name, buf, len, off, &got, e))
		return -1;
	hash_add(h, buf, got);
	return 0;
}

int sink_fingerprint(struct sink *s, uint64_t size, uint8_t out[16], struct err *e)
{
	const uint64_t n = num_min(size, FINGER_LEN);
	uint8_t *buf = malloc(FINGER_LEN);
	struct hash *h = hash_new();
	int rc = -1;

	if (!buf || !h) {
		err_set(e, ERR_RUNTIME, "no memory for a fingerprint");
		goto out;
	}
	if (add_part(s, 0, n, buf, h, e) || add_part(s, size - n, n, buf, h, e))
		goto out;
	hash_get(h, out);
	rc = 0;
out:
	hash_free(h);
	free(buf);
	return rc;
}
