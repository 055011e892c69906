/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "system/fdio.h"

static int held(int fd, const char *what, struct err *e)
{
	char pid[32] = "";
	size_t got = 0;
	struct err ignored = {0};

	if (fdio_pread(fd, what, pid, sizeof(pid) - 1, 0, &got, &ignored))
		got = 0;
	pid[strcspn(pid, "\n")] = '\0';
	err_set(e, ERR_BUSY, "%s: is in use by another run%s%s", what, got ? ", process " : "", pid);
	return err_hint(e, "wait for it to end");
}

int lock_take(const char *path, const char *what, struct err *e)
{
	char pid[32];
	int fd;
	int n;

	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s: cannot open the lock", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			held(fd, what, e);
		else
			err_sys(e, "%s: cannot lock", path);
		goto fail;
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || fdio_pwrite(fd, path, pid, (size_t)n, 0, e)) {
		err_sys(e, "%s: cannot write", path);
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return -1;
}

int lock_share(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EROFS || errno == ENOSPC || errno == EDQUOT || errno == EACCES
			       ? -1 : err_sys(e, "%s: cannot open the lock", path);
	if (flock(fd, LOCK_SH) == 0)
		return fd;
	if (errno != ENOLCK)
		err_sys(e, "%s: cannot lock", path);
	close(fd);
	return -1;
}
