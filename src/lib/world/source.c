/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/num.h"

#define BOUNCE_LEN (1048576u + 2 * SOURCE_ALIGN)

static int size_of_device(struct source *s, struct err *e)
{
	int sector = 0;

	if (ioctl(s->fd, BLKGETSIZE64, &s->size) || ioctl(s->fd, BLKSSZGET, &sector))
		return err_sys(e, "%s: cannot get the size", s->name);
	s->sector = (uint32_t)sector;
	return 0;
}

static int open_fd(struct source *s, struct err *e)
{
	s->fd = open(s->name, O_RDONLY | O_DIRECT | O_CLOEXEC);
	s->direct = s->fd >= 0;
	if (s->fd < 0 && errno == EINVAL)
		s->fd = open(s->name, O_RDONLY | O_CLOEXEC);
	return s->fd < 0 ? err_sys(e, "%s: cannot open", s->name) : 0;
}

int source_open(struct source *s, const char *name, struct err *e)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->name = name;
	/* Opening a FIFO would hang, so look first. */
	if (stat(name, &st))
		return err_sys(e, "%s: cannot open", name);
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: is neither a block device nor an image file", name);
	if (open_fd(s, e) || fstat(s->fd, &st))
		return err_sys(e, "%s: cannot open", name);
	s->device = S_ISBLK(st.st_mode);
	s->rdev = st.st_rdev;
	s->size = (uint64_t)st.st_size;
	s->sector = 512;
	if (s->device && size_of_device(s, e))
		return -1;
	if (s->size == 0)
		return err_set(e, ERR_USAGE, "%s: is empty", name);
	return 0;
}

void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int ended(const struct source *s, uint64_t at, struct err *e)
{
	return err_set(e, ERR_RUNTIME, "%s: ends at byte %llu, where it had %llu bytes", s->name,
		       (unsigned long long)at, (unsigned long long)s->size);
}

/* Offset, length or both do not suit O_DIRECT: read around them. */
static int read_bounced(const struct source *s, uint8_t *buf, uint64_t off, uint64_t len, struct err *e)
{
	const uint64_t begin = off / SOURCE_ALIGN * SOURCE_ALIGN;
	const uint64_t skip = off - begin;
	const uint64_t whole = num_div_up(skip + len, SOURCE_ALIGN) * SOURCE_ALIGN;
	uint8_t *bounce = whole > BOUNCE_LEN ? NULL : aligned_alloc(SOURCE_ALIGN, whole);
	size_t got;
	int rc = -1;

	if (!bounce)
		return err_set(e, ERR_RUNTIME, "%s: no memory to read", s->name);
	if (fdio_pread(s->fd, s->name, bounce, whole, begin, &got, e))
		goto out;
	if (got < skip + len) {
		ended(s, begin + got, e);
		goto out;
	}
	memcpy(buf, bounce + skip, len);
	rc = 0;
out:
	free(bounce);
	return rc;
}

int source_read(const struct source *s, uint8_t *buf, uint64_t off, uint64_t len, struct err *e)
{
	size_t got;

	if (off % SOURCE_ALIGN != 0)
		return read_bounced(s, buf, off, len, e);
	/* At the end of the source the read is shorter than asked, and long enough. */
	if (fdio_pread(s->fd, s->name, buf, num_div_up(len, SOURCE_ALIGN) * SOURCE_ALIGN, off, &got,
		       e))
		return -1;
	return got < len ? ended(s, off + got, e) : 0;
}

/* Ask where the data at or behind `off` begins and ends. Any trouble means: it is all data. */
static void look(struct source *s, uint64_t off)
{
	const off_t data = lseek(s->fd, (off_t)off, SEEK_DATA);
	off_t hole;

	s->known_begin = off;
	s->known_hole = false;
	s->known_end = s->size;
	if (data < 0 && errno == ENXIO) {
		s->known_hole = true;
		return;
	}
	if (data < 0)
		return;
	if ((uint64_t)data / SOURCE_ALIGN * SOURCE_ALIGN > off) {
		s->known_hole = true;
		s->known_end = num_min((uint64_t)data / SOURCE_ALIGN * SOURCE_ALIGN, s->size);
		return;
	}
	hole = lseek(s->fd, (off_t)off > data ? (off_t)off : data, SEEK_HOLE);
	if (hole > (off_t)off)
		s->known_end = num_min(num_div_up((uint64_t)hole, SOURCE_ALIGN) * SOURCE_ALIGN, s->size);
}

uint64_t source_same(struct source *s, uint64_t off, uint64_t end, bool *hole)
{
	*hole = false;
	if (s->device)
		return end;
	if (off < s->known_begin || off >= s->known_end)
		look(s, off);
	*hole = s->known_hole;
	return num_min(end, s->known_end);
}
