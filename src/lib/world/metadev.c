/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/metadev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/num.h"

struct metadev {
	int fd;
	char *path;
	uint64_t off_bytes;
	struct erameta_io io;
};

static int read_blocks(void *ctx, uint64_t first, unsigned int nr, uint8_t *buf, struct err *e)
{
	const struct metadev *m = ctx;
	const size_t len = (size_t)nr * ERAMETA_BLOCK_LEN;
	const uint64_t off = m->off_bytes + first * ERAMETA_BLOCK_LEN;
	size_t got;

	if (fdio_pread(m->fd, m->path, buf, len, off, &got, e))
		return -1;
	if (got == len)
		return 0;
	/* Only whole blocks count. */
	return err_set(e, ERR_CORRUPT, "%s: truncated: it ends at offset %llu of a read up to %llu", m->path,
		       (unsigned long long)(off + got - got % ERAMETA_BLOCK_LEN),
		       (unsigned long long)(off + len));
}

/* O_NONBLOCK only so that a fifo named by mistake is refused and not waited for. */
static int open_fd(const char *path, struct err *e)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int fd = open(path, flags | O_DIRECT);

	if (fd < 0 && errno == EINVAL) {
		fd = open(path, flags);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISBLK(st.st_mode)) {
			err_set(e, ERR_RUNTIME, "%s: cannot be read past the page cache", path);
			close(fd);
			return -1;
		}
	}
	if (fd < 0)
		return err_sys(e, "%s", path);
	return fd;
}

static int find_size(struct metadev *m, uint64_t len_bytes, struct err *e)
{
	struct stat st;
	uint64_t end;
	off_t size;

	if (fstat(m->fd, &st))
		return err_sys(e, "%s", m->path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: neither a block device nor a file", m->path);
	size = lseek(m->fd, 0, SEEK_END);
	if (size < 0)
		return err_sys(e, "%s: finding its size", m->path);
	if (num_add(m->off_bytes, len_bytes, &end) || end > (uint64_t)size)
		return err_set(e, ERR_CORRUPT,
			       "%s: truncated: it has %llu bytes, and the metadata is said to be the %llu "
			       "from offset %llu on",
			       m->path, (unsigned long long)size, (unsigned long long)len_bytes,
			       (unsigned long long)m->off_bytes);
	if (len_bytes == 0)
		len_bytes = (uint64_t)size - m->off_bytes;
	m->io.nr_blocks = len_bytes / ERAMETA_BLOCK_LEN;
	return 0;
}

struct metadev *metadev_open(const char *path, struct err *e)
{
	return metadev_open_at(path, 0, 0, e);
}

struct metadev *metadev_open_at(const char *path, uint64_t off_bytes, uint64_t len_bytes,
				struct err *e)
{
	struct metadev *m = calloc(1, sizeof(*m));
	struct metadev *rc = NULL;

	if (!m) {
		err_sys(e, "%s: no memory", path);
		goto out;
	}
	m->io.read = read_blocks;
	m->io.ctx = m;
	m->fd = -1;
	m->off_bytes = off_bytes;
	m->path = strdup(path);
	if (!m->path) {
		err_sys(e, "%s: no memory", path);
		goto out;
	}
	m->fd = open_fd(path, e);
	if (m->fd < 0 || find_size(m, len_bytes, e))
		goto out;
	rc = m;
out:
	if (!rc)
		metadev_close(m);
	return rc;
}

void metadev_close(struct metadev *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	free(m);
}

const struct erameta_io *metadev_io(const struct metadev *m)
{
	return &m->io;
}

int metadev_blame(const struct metadev *m, struct err *e)
{
	const size_t len = strlen(m->path);

	if (strncmp(e->text, m->path, len) == 0 && e->text[len] == ':')
		return -1;
	return err_prefix(e, "%s", m->path);
}
