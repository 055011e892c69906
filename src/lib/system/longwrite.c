/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/longwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/num.h"

#define BUF_LEN 1048576u
#define PUSH_LEN (UINT64_C(8) << 20)
#define XFS_MAGIC 0x58465342 /* in no header of the kernel's for programs */

static bool is_good(int fd)
{
	const int flags = fcntl(fd, F_GETFL);
	struct statfs fs;
	struct stat st;

	/* Opened the wrong way round it is not to be written: opening it again would be allowed to. */
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(fd, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		return true;
	return S_ISREG(st.st_mode) && fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_MAGIC);
}

int longwrite_direct(int fd)
{
	char path[32];

	if (!is_good(fd))
		return -1;
	/* By the descriptor: the name may be another file's by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

void longwrite_open(struct longwrite *w, int fd, const char *name)
{
	const int flags = fcntl(fd, F_GETFL);
	const off_t at = lseek(fd, 0, SEEK_CUR);

	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->name = name;
	w->direct = -1;
	w->at = w->pushed = at > 0 ? (uint64_t)at : 0;
	if (at < 0 || at % LONGWRITE_ALIGN != 0 || flags < 0 || (flags & O_APPEND))
		return;
	w->buf = aligned_alloc(LONGWRITE_ALIGN, BUF_LEN);
	if (w->buf)
		w->direct = longwrite_direct(fd);
}

void longwrite_close(struct longwrite *w)
{
	if (w->buf && w->direct >= 0)
		close(w->direct);
	free(w->buf);
	memset(w, 0, sizeof(*w));
}

/* From now on through the page cache. */
static int give_up(struct longwrite *w, struct err *e)
{
	const size_t used = w->used;

	close(w->direct);
	w->direct = -1;
	w->used = 0;
	if (fdio_pwrite(w->fd, w->name, w->buf, used, w->at, e))
		return -1;
	w->at += used;
	if (lseek(w->fd, (off_t)w->at, SEEK_SET) < 0)
		return err_sys(e, "%s: cannot seek", w->name);
	return 0;
}

static int write_buf(struct longwrite *w, struct err *e)
{
	if (fdio_pwrite(w->direct, w->name, w->buf, w->used, w->at, e) == 0) {
		w->at += w->used;
		w->used = 0;
		return 0;
	}
	if (e->sys != EINVAL)
		return -1;
	/* Larger blocks than we align to. */
	err_clear(e);
	return give_up(w, e);
}

/* Returns how much of it was taken: the buffer may be full, or given up. */
static size_t take(struct longwrite *w, const uint8_t *p, size_t len)
{
	const size_t n = (size_t)num_min(len, BUF_LEN - w->used);

	memcpy(w->buf + w->used, p, n);
	w->used += n;
	return n;
}

static int put_direct(struct longwrite *w, const uint8_t *p, size_t len, struct err *e)
{
	size_t n;

	while (len > 0 && w->direct >= 0) {
		n = take(w, p, len);
		p += n;
		len -= n;
		if (w->used == BUF_LEN && write_buf(w, e))
			return -1;
	}
	w->at += len;
	return len > 0 ? fdio_write2(w->fd, w->name, p, len, NULL, 0, e) : 0;
}

int longwrite_put(struct longwrite *w, const void *a, size_t a_len, const void *b, size_t b_len, struct err *e)
{
	if (w->direct >= 0)
		return put_direct(w, a, a_len, e) || put_direct(w, b, b_len, e) ? -1 : 0;
	if (fdio_write2(w->fd, w->name, a, a_len, b, b_len, e))
		return -1;
	w->at += a_len + b_len;
	if (w->at - w->pushed >= PUSH_LEN) {
		fdio_push(w->fd, w->pushed, w->at - w->pushed);
		w->pushed = w->at;
	}
	return 0;
}

int longwrite_end(struct longwrite *w, struct err *e)
{
	return w->direct >= 0 ? give_up(w, e) : 0;
}
