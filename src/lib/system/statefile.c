/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "system/fdio.h"

/* Write text to a new file and make it durable. */
static int write_durable(const char *path, mode_t mode, const char *text, size_t len, struct err *e)
{
	int rc = -1;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "%s: cannot create", path);
	if (fdio_pwrite(fd, path, text, len, 0, e) || fdio_sync(fd, path, e))
		goto out;
	rc = 0;
out:
	if (close(fd) && rc == 0)
		rc = err_sys(e, "%s: cannot close", path);
	return rc;
}

static int replace(const char *path, mode_t mode, const char *text, size_t len, struct err *e)
{
	char fresh[PATH_MAX];

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return err_set(e, ERR_RUNTIME, "%s: the path is too long", path);
	if (write_durable(fresh, mode, text, len, e)) {
		unlink(fresh);
		return -1;
	}
	if (rename(fresh, path)) {
		err_sys(e, "%s: cannot rename to %s", fresh, path);
		unlink(fresh);
		return -1;
	}
	return fdio_sync_parent(path, e);
}

int statefile_replace(const char *path, const char *text, size_t len, struct err *e)
{
	return replace(path, 0600, text, len, e);
}

int statefile_publish(const char *path, const char *text, size_t len, struct err *e)
{
	return replace(path, 0644, text, len, e);
}

int statefile_read(const char *path, char *buf, size_t size, struct err *e)
{
	size_t got;
	int rc;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, "%s: cannot open", path);
	rc = fdio_pread(fd, path, buf, size, 0, &got, e);
	close(fd);
	if (rc)
		return -1;
	if (got == size)
		return err_set(e, ERR_CORRUPT, "%s: is larger than such a file can be", path);
	buf[got] = '\0';
	return 1;
}

int statefile_remove(const char *path, struct err *e)
{
	if (unlink(path) == 0)
		return fdio_sync_parent(path, e);
	if (errno == ENOENT)
		return 0;
	return err_sys(e, "%s: cannot remove", path);
}
