/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "world/blkdev.h"

static int check_name(const char *name, const struct stat *st, int source_fd, struct err *e)
{
	struct stat source;

	if (S_ISBLK(st->st_mode)) {
		err_set(e, ERR_USAGE, "%s: is a block device, and a stream is a file", name);
		return err_hint(e, "era_apply writes to devices");
	}
	if (fstat(source_fd, &source) == 0 && source.st_dev == st->st_dev &&
	    source.st_ino == st->st_ino)
		return err_set(e, ERR_USAGE, "%s: is read from, and cannot be the output too", name);
	return 0;
}

static int check_new(const char *name, struct err *e)
{
	if (!blkdev_in_dev(name))
		return 0;
	err_set(e, ERR_RUNTIME, "%s: there is no such device", name);
	return err_hint(e, "files are not created in /dev");
}

/* Another run may have given the file its final name since it was opened here. */
static bool still_named(const struct outfile *f)
{
	struct stat ours;
	struct stat named;

	return fstat(f->fd, &ours) == 0 && stat(f->part, &named) == 0 && ours.st_ino == named.st_ino &&
	       ours.st_dev == named.st_dev;
}

/* A .part that a killed run left is taken over; one that is being written is not. */
static int open_part(struct outfile *f, struct err *e)
{
	f->fd = open(f->part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return err_sys(e, "%s: cannot create", f->part);
	if (flock(f->fd, LOCK_EX | LOCK_NB) == 0 && still_named(f))
		return ftruncate(f->fd, 0) ? err_sys(e, "%s: cannot truncate", f->part) : 0;
	err_set(e, ERR_BUSY, "%s: is being written by another run", f->part);
	err_hint(e, "wait for it to end, or name another file");
	/* Not ours to remove. */
	close(f->fd);
	f->fd = -1;
	return -1;
}

int outfile_open(struct outfile *f, const char *name, int source_fd, struct err *e)
{
	struct stat st;
	bool there;

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->name = name;
	there = stat(name, &st) == 0;
	f->regular = !there || S_ISREG(st.st_mode);
	if (there ? check_name(name, &st, source_fd, e) : check_new(name, e))
		return -1;
	if (!f->regular) {
		f->fd = open(name, O_WRONLY | O_CLOEXEC);
		return f->fd < 0 ? err_sys(e, "%s: cannot open", name) : 0;
	}
	if (snprintf(f->part, sizeof(f->part), "%s.part", name) >= (int)sizeof(f->part))
		return err_set(e, ERR_USAGE, "%s: the path is too long", name);
	return open_part(f, e);
}

int outfile_publish(struct outfile *f, bool replace, struct err *e)
{
	if (!f->regular)
		return 0;
	if (fdio_sync(f->fd, f->part, e))
		return -1;
	/* link() refuses a name that is taken; rename() does not. */
	if (replace ? rename(f->part, f->name) : link(f->part, f->name))
		return err_sys(e, "%s: cannot create", f->name);
	if (!replace)
		unlink(f->part);
	f->part[0] = '\0';
	return fdio_sync_parent(f->name, e);
}

void outfile_close(struct outfile *f)
{
	/* Removed before the lock goes with the descriptor. */
	if (f->part[0] && f->fd >= 0)
		unlink(f->part);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
