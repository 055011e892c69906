/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/labelio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/source.h"

#define BLOCK 4096u
/* What is written before the next look at whether to stop. */
#define WIPE_STEP   UINT64_C(16777216)
#define WIPE_BUFFER 1048576u

const char *labelio_copy_name(enum labelio_copy c)
{
	static const char *const name[] = {
		[LABELIO_NONE] = "none",
		[LABELIO_WHOLE] = "whole",
		[LABELIO_DAMAGED] = "damaged",
		[LABELIO_UNREADABLE] = "unreadable",
	};

	return (unsigned int)c < sizeof(name) / sizeof(name[0]) ? name[c] : "unknown";
}

/* Reading */

static void read_copy(struct source *s, int i, struct label *l, struct labelio_found *f,
		      uint8_t *buf)
{
	struct err *why = &f->why[i];
	bool blank = false;

	if (s->size < label_offset[i] + LABEL_LEN)
		return;
	if (source_read(s, buf, label_offset[i], LABEL_LEN, why)) {
		f->copy[i] = LABELIO_UNREADABLE;
		return;
	}
	if (label_get(buf, l, &blank, why) == 0) {
		f->copy[i] = LABELIO_WHOLE;
		f->sequence[i] = l->sequence;
	} else if (blank) {
		err_clear(why);
	} else {
		f->copy[i] = LABELIO_DAMAGED;
		err_prefix(why, "%s: label at offset %llu", s->name,
			   (unsigned long long)label_offset[i]);
	}
}

/* Nothing is whole: what is the most that can be said? */
static int no_label(const char *meta_path, const struct labelio_found *f, struct err *e)
{
	int i;

	for (i = 0; i < LABEL_COPIES; i++)
		if (f->copy[i] == LABELIO_UNREADABLE)
			return err_set(e, f->why[i].kind, "%s", f->why[i].text);
	for (i = 0; i < LABEL_COPIES; i++) {
		if (f->copy[i] != LABELIO_DAMAGED)
			continue;
		err_set(e, f->why[i].kind, "%s, and there is no other that is whole",
			f->why[i].text);
		return f->why[i].hint[0] ? err_hint(e, "%s", f->why[i].hint) : -1;
	}
	err_set(e, ERR_IDENTITY, "%s: has no label of an era volume", meta_path);
	return err_hint(e, "is it the right device? era_setup format writes a label");
}

/* The device can be opened; which copies it has is in *f. */
static int read_copies(const char *meta_path, struct label *l, struct labelio_found *f,
		       struct err *e)
{
	struct source s = {.fd = -1};
	uint8_t *buf = aligned_alloc(SOURCE_ALIGN, LABEL_LEN);
	struct label got;
	int rc = -1;
	int i;

	memset(f, 0, sizeof(*f));
	f->taken = -1;
	if (!buf) {
		err_set(e, ERR_RUNTIME, "%s: no memory to read the label", meta_path);
		goto out;
	}
	if (source_open(&s, meta_path, e))
		goto out;
	for (i = 0; i < LABEL_COPIES; i++) {
		read_copy(&s, i, &got, f, buf);
		if (f->copy[i] == LABELIO_WHOLE &&
		    (f->taken < 0 || f->sequence[i] > f->sequence[f->taken])) {
			f->taken = i;
			*l = got;
		}
	}
	rc = 0;
out:
	source_close(&s);
	free(buf);
	return rc;
}

int labelio_read(const char *meta_path, struct label *l, struct labelio_found *f, struct err *e)
{
	struct labelio_found own;

	if (!f)
		f = &own;
	if (read_copies(meta_path, l, f, e))
		return -1;
	return f->taken < 0 ? no_label(meta_path, f, e) : 0;
}

/* Writing */

static int open_to_write(const char *path, uint64_t need_bytes, bool *device, struct err *e)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	struct stat st;
	off_t size;

	/* A file on a file system without it; a device has it. */
	if (fd < 0 && errno == EINVAL)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s: cannot open for writing", path);
	size = lseek(fd, 0, SEEK_END);
	if (fstat(fd, &st) || size < 0) {
		err_sys(e, "%s: cannot get the size", path);
		goto fail;
	}
	if ((uint64_t)size < need_bytes) {
		err_set(e, ERR_USAGE, "%s: is too small: it has %llu bytes, %llu are needed", path,
			(unsigned long long)size, (unsigned long long)need_bytes);
		goto fail;
	}
	*device = S_ISBLK(st.st_mode);
	return fd;
fail:
	close(fd);
	return -1;
}

static int write_copy(int fd, const char *path, const uint8_t *buf, int i, struct err *e)
{
	if (fdio_pwrite(fd, path, buf, LABEL_LEN, label_offset[i], e) || fdio_sync(fd, path, e))
		return err_prefix(e, "label");
	return 0;
}

/* More than any that is there: it may be of another volume, whose stale copy must not win. */
static int next_sequence(const struct labelio_found *f, struct label *l, const char *path,
			 struct err *e)
{
	uint64_t highest = l->sequence;
	int i;

	for (i = 0; i < LABEL_COPIES; i++)
		highest = num_max(highest, f->sequence[i]);
	if (highest == UINT64_MAX)
		return err_set(e, ERR_CORRUPT, "%s: the label's sequence number has no next one",
			       path);
	l->sequence = highest + 1;
	return 0;
}

int labelio_write(const char *meta_path, struct label *l, struct err *e)
{
	uint8_t *buf = aligned_alloc(BLOCK, LABEL_LEN);
	struct labelio_found f;
	struct label now;
	bool device;
	int first;
	int fd = -1;
	int rc = -1;

	if (!buf) {
		err_set(e, ERR_RUNTIME, "%s: no memory to write the label", meta_path);
		goto out;
	}
	if (read_copies(meta_path, &now, &f, e) || next_sequence(&f, l, meta_path, e))
		goto out;
	fd = open_to_write(meta_path, LABEL_AREA, &device, e);
	if (fd < 0)
		goto out;
	label_put(buf, l);
	/* Never the one that counts before the other is whole: after a crash they may differ. */
	first = f.taken == 0 ? 1 : 0;
	if (write_copy(fd, meta_path, buf, first, e) || write_copy(fd, meta_path, buf, !first, e))
		goto out;
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	free(buf);
	return rc;
}

/* Wiping */

static int write_zeros(int fd, const char *path, uint64_t off, uint64_t len, struct err *e)
{
	static const uint8_t zeros[WIPE_BUFFER] __attribute__((aligned(BLOCK)));
	uint64_t n;

	for (; len > 0; off += n, len -= n) {
		n = num_min(len, sizeof(zeros));
		if (fdio_pwrite(fd, path, zeros, n, off, e))
			return -1;
	}
	return 0;
}

static int zero(int fd, bool device, const char *path, uint64_t off, uint64_t len, struct err *e)
{
	uint64_t range[2];
	uint64_t n;

	for (; len > 0; off += n, len -= n) {
		if (stop_check(e))
			return -1;
		n = num_min(len, WIPE_STEP);
		range[0] = off;
		range[1] = n;
		/* What it refuses, or fails at, is told better by a write. */
		if (device && ioctl(fd, BLKZEROOUT, range) == 0)
			continue;
		if (write_zeros(fd, path, off, n, e))
			return -1;
	}
	return fdio_sync(fd, path, e);
}

int labelio_wipe_meta(const char *meta_path, uint64_t off_bytes, uint64_t len_bytes, struct err *e)
{
	uint64_t end;
	bool device;
	int rc = -1;
	int fd;

	if (off_bytes % BLOCK || len_bytes % BLOCK || len_bytes == 0 ||
	    num_add(off_bytes, len_bytes, &end))
		return err_set(e, ERR_USAGE, "%s: %llu bytes from %llu on are not whole blocks",
			       meta_path, (unsigned long long)len_bytes,
			       (unsigned long long)off_bytes);
	fd = open_to_write(meta_path, end, &device, e);
	if (fd < 0)
		return -1;
	if (zero(fd, device, meta_path, off_bytes, BLOCK, e) == 0 &&
	    zero(fd, device, meta_path, off_bytes + BLOCK, len_bytes - BLOCK, e) == 0)
		rc = 0;
	close(fd);
	return rc;
}
