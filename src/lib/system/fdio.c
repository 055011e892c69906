/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "system/stop.h"

/* How long a wait on a pipe may go without a look at the stop flag. */
#define LOOK_MS 200

#define AHEAD_STEP 131072u

int fdio_std(void)
{
	int fd;

	/* Opened the wrong way round, so that whoever needs it sees an error. */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

/*
 * Wait until fd is ready. A signal that comes between a look at the flag and a blocking read would be
 * lost; a bounded poll is not. Regular files and block devices are always ready.
 */
static int wait_ready(int fd, short events, const char *name, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	/* poll ignores such a descriptor, and would wait for ever. */
	if (fd < 0) {
		errno = EBADF;
		return err_sys(e, "%s: cannot wait", name);
	}
	for (;;) {
		if (stop_check(e))
			return -1;
		n = poll(&p, 1, LOOK_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "%s: cannot wait", name);
	}
}

int fdio_read_some(int fd, const char *name, void *buf, size_t len, size_t *got, struct err *e)
{
	ssize_t n;

	do {
		if (wait_ready(fd, POLLIN, name, e))
			return -1;
		n = read(fd, buf, len);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return err_sys(e, "%s: cannot read", name);
	*got = (size_t)n;
	return 0;
}

int fdio_read(int fd, const char *name, void *buf, size_t len, size_t *got, struct err *e)
{
	size_t n = 1;

	for (*got = 0; *got < len && n > 0; *got += n)
		if (fdio_read_some(fd, name, (uint8_t *)buf + *got, len - *got, &n, e))
			return -1;
	return 0;
}

static int write_error(const char *name, struct err *e)
{
	if (errno == EPIPE)
		return err_set(e, ERR_RUNTIME, "%s: the program that reads it has ended", name);
	err_sys(e, "%s: cannot write", name);
	if (errno == ENOSPC)
		err_hint(e, "make room and run the same command again");
	return -1;
}

int fdio_write2(int fd, const char *name, const void *a, size_t a_len, const void *b, size_t b_len,
		struct err *e)
{
	struct iovec iov[2] = {{(void *)a, a_len}, {(void *)b, b_len}};
	int first = a_len == 0;
	ssize_t n;

	while (first < 2 && iov[first].iov_len > 0) {
		if (wait_ready(fd, POLLOUT, name, e))
			return -1;
		n = writev(fd, iov + first, 2 - first);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return write_error(name, e);
		while (first < 2 && (size_t)n >= iov[first].iov_len) {
			n -= (ssize_t)iov[first].iov_len;
			first++;
		}
		if (first < 2) {
			iov[first].iov_base = (uint8_t *)iov[first].iov_base + n;
			iov[first].iov_len -= (size_t)n;
		}
	}
	return 0;
}

int fdio_pread(int fd, const char *name, void *buf, size_t len, uint64_t off_bytes, size_t *got,
	       struct err *e)
{
	ssize_t n;

	*got = 0;
	while (*got < len) {
		n = pread(fd, (uint8_t *)buf + *got, len - *got, (off_t)(off_bytes + *got));
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		/* After a short O_DIRECT read at the end of a file the rest is not aligned. */
		if (n < 0 && errno == EINVAL && *got > 0)
			break;
		if (n < 0)
			return err_sys(e, "%s: cannot read at offset %llu", name,
				       (unsigned long long)(off_bytes + *got));
		*got += (size_t)n;
	}
	return 0;
}

bool fdio_pread_cached(int fd, void *buf, size_t len, uint64_t off_bytes, size_t *got)
{
	const struct iovec iov = {buf, len};
	const ssize_t n = preadv2(fd, &iov, 1, (off_t)off_bytes, RWF_NOWAIT);

	*got = n > 0 ? (size_t)n : 0;
	return n > 0;
}

void fdio_ahead(int fd, uint64_t off_bytes, uint64_t len_bytes)
{
	uint64_t at;

	/* One call reads no more than one request may have. */
	for (at = 0; at < len_bytes; at += AHEAD_STEP)
		(void)posix_fadvise(fd, (off_t)(off_bytes + at), AHEAD_STEP, POSIX_FADV_WILLNEED);
}

int fdio_pread2(int fd, const char *name, void *a, size_t a_len, void *b, size_t b_len, uint64_t off_bytes, size_t *got,
		struct err *e)
{
	const struct iovec iov[2] = {{a, a_len}, {b, b_len}};
	const ssize_t n = preadv(fd, iov, 2, (off_t)off_bytes);
	size_t more;

	*got = n > 0 ? (size_t)n : 0;
	if (*got == a_len + b_len)
		return 0;
	/* What one call did not do is done, or found impossible, in two. */
	if (*got < a_len) {
		if (fdio_pread(fd, name, (uint8_t *)a + *got, a_len - *got, off_bytes + *got, &more, e))
			return -1;
		*got += more;
		if (*got < a_len)
			return 0;
	}
	if (fdio_pread(fd, name, (uint8_t *)b + (*got - a_len), b_len - (*got - a_len), off_bytes + *got, &more, e))
		return -1;
	*got += more;
	return 0;
}

int fdio_pwrite(int fd, const char *name, const void *buf, size_t len, uint64_t off_bytes,
		struct err *e)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(fd, (const uint8_t *)buf + done, len - done, (off_t)(off_bytes + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, "%s: cannot write at offset %llu", name,
				(unsigned long long)(off_bytes + done));
			if (errno == ENOSPC)
				err_hint(e, "make room and run the same command again");
			return -1;
		}
		done += (size_t)n;
	}
	return 0;
}

void fdio_push(int fd, uint64_t off_bytes, uint64_t len)
{
	/* Only the fsync at the end can promise anything, and says what went wrong. */
	(void)sync_file_range(fd, (off_t)off_bytes, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int fdio_sync(int fd, const char *name, struct err *e)
{
	if (fsync(fd))
		return err_sys(e, "%s: cannot make it durable (fsync)", name);
	return 0;
}

int fdio_sync_parent(const char *path, struct err *e)
{
	char dir[PATH_MAX];
	size_t end = strlen(path);
	const char *slash;
	size_t len;
	int rc = -1;
	int fd;

	/* A slash at the end is no part of the name. */
	while (end > 1 && path[end - 1] == '/')
		end--;
	slash = memrchr(path, '/', end);
	len = slash ? (size_t)(slash - path) : 0;
	if (len >= sizeof(dir))
		return err_set(e, ERR_RUNTIME, "%s: the path is too long", path);
	memcpy(dir, path, len);
	strcpy(dir + len, slash ? (len ? "" : "/") : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s: cannot open the directory", dir);
	rc = fdio_sync(fd, dir, e);
	close(fd);
	return rc;
}

int fdio_make_dir(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0)
		return fdio_sync_parent(path, e);
	return errno == EEXIST ? 0 : err_sys(e, "%s: cannot create", path);
}
