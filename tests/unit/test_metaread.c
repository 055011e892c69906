/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metaread: a list of metadata that stays as it is, and none of metadata that changes before any of the reads, whether the
 * readers stumble over the change or not.
 *
 * This program's own pread takes the place of libc's, so that a change can be put in front of any of them.
 */
#undef _FORTIFY_SOURCE /* its inline pread would stand in the way */
#include "world/metaread.h"

#include <pthread.h>
#include <sys/syscall.h>

#include "metasample.h"
#include "scratch.h"
#include "tap.h"

#define META "meta"

enum change { NOTHING, SUPERBLOCK, ALL, TREES };

static struct sample sample;

/* Two readers read at the same time. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum change change;
static unsigned int change_at; /* in front of this read; the first is 1 */
static unsigned int reads;

static void put(const uint8_t *p, uint64_t first, uint64_t nr)
{
	const int fd = open(META, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, p, nr * MI_LEN, (off_t)(first * MI_LEN)) != (ssize_t)(nr * MI_LEN))
		abort();
	close(fd);
}

/* What the kernel does to blocks that nothing holds, and to the superblock that led to them. */
static void change_file(void)
{
	const uint64_t nr = sample.img.used - 1;
	struct mi_super next = sample.own;
	uint8_t *zeros = calloc(nr, MI_LEN);

	if (change == SUPERBLOCK || change == ALL) {
		next.era++;
		mi_super(&sample.img, 0, &next);
		put(mi_at(&sample.img, 0), 0, 1);
		mi_super(&sample.img, 0, &sample.own);
	}
	if (change == ALL || change == TREES)
		put(zeros, 1, nr);
	free(zeros);
}

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
	pthread_mutex_lock(&mutex);
	if (++reads == change_at)
		change_file();
	pthread_mutex_unlock(&mutex);
	return (ssize_t)syscall(SYS_pread64, fd, buf, len, off);
}

/* As it is at first, and a list of it with that change; the set is the caller's to free. */
static int list(enum change what, unsigned int at, struct blockset *set, struct err *e)
{
	struct metaread m;
	int rc = -1;

	put(sample.img.p, 0, sample.img.nr_blocks);
	change = what;
	change_at = at;
	reads = 0;
	*e = (struct err){0};
	if (blockset_init(set, SAMPLE_BLOCKS, e) == 0 && metaread_open(&m, META, ERAMETA_CURRENT, e) == 0)
		rc = metaread_changed(&m, 3, ERAMETA_NO_LIMIT, set, e);
	metaread_close(&m);
	return rc;
}

/* The first read is that of the superblock, by the open: a change before it is none. */
static void before_every_read(enum change what, enum err_kind kind, unsigned int nr, const char *name)
{
	unsigned int refused = 0;
	struct blockset set;
	struct err e;
	unsigned int at;

	for (at = 2; at <= nr; at++) {
		refused += list(what, at, &set, &e) == -1 && e.kind == kind;
		blockset_fini(&set);
	}
	ok(refused == nr - 1, "%s, before each of %u reads: %u times refused, the last time: %s", name, nr - 1, refused, e.text);
}

int main(void)
{
	struct blockset set;
	struct err e;
	unsigned int nr;

	scratch_begin();
	sample_make(&sample);
	ok(list(NOTHING, 0, &set, &e) == 0 && sample_agrees(&sample, ERAMETA_CURRENT, 3, ERAMETA_NO_LIMIT, &set),
	   "metadata at rest: the list is that of the model %s", e.text);
	blockset_fini(&set);
	nr = reads;
	ok(nr > 5, "which takes %u reads", nr);
	before_every_read(SUPERBLOCK, ERR_BUSY, nr, "the superblock changes");
	before_every_read(ALL, ERR_BUSY, nr, "all of it changes: not damaged, but in use");
	ok(list(TREES, 2, &set, &e) == -1 && e.kind == ERR_CORRUPT, "only the trees change: damaged: %s", e.text);
	blockset_fini(&set);
	sample_free(&sample);
	return tap_done();
}
