/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/fsfreeze.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "world/mounts.h"

/* The id of the mount that a descriptor lies on. */
static bool mount_id(int fd, uint64_t *id)
{
	struct statx x = {0};

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) || !(x.stx_mask & STATX_MNT_ID))
		return false;
	*id = x.stx_mnt_id;
	return true;
}

/* A mount of a file is as good as one of a directory; a device's node would be opened as the device. */
static int open_mount(const struct mount *m)
{
	struct stat st;
	uint64_t id;
	int fd = open(m->where, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -1;
	/* Another one, if something is mounted over it. */
	if (!mount_id(fd, &id) || id != m->id || fstat(fd, &st) || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	close(fd);
	fd = open(m->where, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && mount_id(fd, &id) && id == m->id)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int try_mount(void *ctx, const struct mount *m)
{
	struct fsfreeze *f = ctx;

	if (!mounts_is_on(m, makedev(f->major, f->minor)))
		return 0;
	snprintf(f->where, sizeof(f->where), "%s", m->where);
	snprintf(f->type, sizeof(f->type), "%s", m->type);
	f->fd = open_mount(m);
	return f->fd >= 0;
}

int fsfreeze_open(struct fsfreeze *f, uint32_t major, uint32_t minor, struct err *e)
{
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->major = major;
	f->minor = minor;
	return mounts_each(try_mount, f, e);
}

void fsfreeze_close(struct fsfreeze *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

struct search {
	const struct fsfreeze *f;
	uint64_t id;
};

static int is_mount(void *ctx, const struct mount *m)
{
	const struct search *s = ctx;

	return m->id == s->id && mounts_is_on(m, makedev(s->f->major, s->f->minor));
}

bool fsfreeze_has(const struct fsfreeze *f, int fd)
{
	struct search s = {.f = f};
	struct err ignored = {0};

	return mount_id(fd, &s.id) && mounts_each(is_mount, &s, &ignored) == 1;
}

void fsfreeze_sync(const struct fsfreeze *f)
{
	/* A failure shows where it counts: at the freeze, or in the filesystem. */
	if (f->fd >= 0 && syncfs(f->fd))
		errno = 0;
}

int fsfreeze_freeze(const struct fsfreeze *f, struct err *e)
{
	if (ioctl(f->fd, FIFREEZE, 0) == 0)
		return 0;
	if (errno != EBUSY)
		return err_sys(e, "%s: cannot freeze the filesystem", f->where);
	err_set(e, ERR_BUSY, "%s: the filesystem is frozen already, by somebody else", f->where);
	return err_hint(e, "if nobody is at work on it: fsfreeze --unfreeze %s", f->where);
}

int fsfreeze_thaw(const struct fsfreeze *f, struct err *e)
{
	if (ioctl(f->fd, FITHAW, 0) == 0)
		return 1;
	return errno == EINVAL ? 0 : err_sys(e, "%s: cannot thaw the filesystem", f->where);
}

void fsfreeze_thaw_fd(int fd)
{
	if (ioctl(fd, FITHAW, 0))
		errno = 0; /* was not frozen, or nobody can help */
}
