/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits: what the machine could do at best, for the figures that measurements are compared with.
 *
 *   limits read FILE RANGES THREADS             read the ranges past the page cache
 *   limits pack FILE RANGES LEVEL THREADS       zstd of what is not zero in them, from memory into memory, and back:
 *                                               compress, decompress (seconds), and the length of the result
 *   limits extents FILE RANGES LEVEL THREADS    the same, each range by itself, not drawn together
 *   limits write FILE RANGES OUT THREADS HOW    what is not zero in them to the same places of OUT, from memory, holes
 *                                               for the zeros where OUT had something, fsync; HOW: cached or direct
 *   limits copy FILE RANGES LEVEL THREADS       read past the page cache and compress, both at once: each thread one, then the
 *                                               other, four threads for each of THREADS
 *   limits apply FILE RANGES OUT LEVEL THREADS HOW   decompress from memory and write, both at once in the same way
 *   limits sum FILE THREADS                     XXH3 of FILE through the page cache
 *   limits original FILE RANGES                 24 bytes, then the bytes of each range, to stdout
 *
 * RANGES: "all", or BLOCK:LIST with a list as era_invalidate prints it, of blocks of BLOCK bytes. Prints seconds of the
 * work itself, without what prepares it. Nothing here shares code with what it is compared to, but the libraries.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif
#include <zstd.h>

#define PIECE 1048576u
#define PAGE 4096u
#define HUGE 2097152u

struct piece {
	uint64_t offset;
	size_t len;
	uint8_t *data;   /* of len bytes */
	uint8_t *packed; /* room for what compression may make of it */
	size_t packed_len;
};

static struct piece *pieces;
static size_t nr_pieces;
static size_t next_piece;
static int in = -1;
static int out = -1;
static int level;
static bool back; /* decompress */
static bool was_there;
static volatile uint64_t sink;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* In large pages: a disk is given the pieces of memory one by one, and of small ones there are 256 in a MiB. */
static void *room(size_t len)
{
	void *p = aligned_alloc(HUGE, (len + HUGE - 1) / HUGE * HUGE);

	if (!p)
		die("limits");
	(void)madvise(p, (len + HUGE - 1) / HUGE * HUGE, MADV_HUGEPAGE);
	return p;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What is read */

static void add(uint64_t offset, uint64_t end)
{
	uint64_t upto;

	struct piece *last = nr_pieces ? &pieces[nr_pieces - 1] : NULL;

	/* What lies side by side is one piece, up to a multiple of PIECE. */
	if (last && last->offset + last->len == offset && offset % PIECE != 0) {
		upto = (offset / PIECE + 1) * PIECE;
		upto = upto < end ? upto : end;
		last->len += (size_t)(upto - offset);
		offset = upto;
	}
	for (; offset < end; offset = upto) {
		upto = (offset / PIECE + 1) * PIECE;
		upto = upto < end ? upto : end;
		if (nr_pieces % 1024 == 0)
			pieces = realloc(pieces, (nr_pieces + 1024) * sizeof(*pieces));
		if (!pieces)
			die("limits");
		pieces[nr_pieces++] = (struct piece){.offset = offset, .len = (size_t)(upto - offset)};
	}
}

static uint64_t size_of(const char *path, int fd)
{
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st))
		die(path);
	size = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size))
		die(path);
	return size;
}

/* All of it that is no hole. */
static void add_all(const char *path)
{
	const uint64_t size = size_of(path, in);
	off_t data = 0;
	off_t hole;

	while ((uint64_t)data < size && (data = lseek(in, data, SEEK_DATA)) >= 0) {
		hole = lseek(in, data, SEEK_HOLE);
		add((uint64_t)data, (uint64_t)hole);
		data = hole;
	}
}

static void add_list(uint64_t block, const char *path)
{
	unsigned long long begin;
	unsigned long long end;
	char line[256];
	FILE *f = fopen(path, "r");

	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " <block block=\"%llu\"", &begin) == 1)
			add(begin * block, (begin + 1) * block);
		else if (sscanf(line, " <range begin=\"%llu\" end = \"%llu\"", &begin, &end) == 2)
			add(begin * block, end * block);
	fclose(f);
}

static void open_input(const char *path, const char *ranges, int flags)
{
	char *list;

	in = open(path, O_RDONLY | flags);
	if (in < 0)
		die(path);
	if (!ranges)
		add(0, size_of(path, in));
	else if (strcmp(ranges, "all") == 0)
		add_all(path);
	else
		add_list(strtoull(ranges, &list, 0), strchr(ranges, ':') + 1);
}

/* Parallel work */

static struct piece *take(void)
{
	const size_t i = __atomic_fetch_add(&next_piece, 1, __ATOMIC_RELAXED);

	return i < nr_pieces ? &pieces[i] : NULL;
}

static void *read_main(void *arg)
{
	uint8_t *buf = room(PIECE);
	struct piece *p;

	while ((p = take()))
		if (pread(in, buf, (p->len + PAGE - 1) / PAGE * PAGE, (off_t)p->offset) < (ssize_t)p->len)
			die("read");
	free(buf);
	return arg;
}

static void *sum_main(void *arg)
{
	uint8_t *buf = room(PIECE);
	uint64_t sum = 0;
	struct piece *p;
	size_t at;
	size_t n;

	/* In parts that stay in the processor's cache. */
	while ((p = take()))
		for (at = 0; at < p->len; at += n) {
			n = p->len - at < PIECE / 4 ? p->len - at : PIECE / 4;
			if (pread(in, buf, n, (off_t)(p->offset + at)) < (ssize_t)n)
				die("read");
			sum ^= XXH3_64bits(buf, n);
		}
	__atomic_fetch_xor(&sink, sum, __ATOMIC_RELAXED);
	free(buf);
	return arg;
}

static void *pack_main(void *arg)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_DCtx *d = ZSTD_createDCtx();
	uint8_t *buf = room(PIECE);
	struct piece *p;
	size_t n;

	while ((p = take())) {
		n = back ? ZSTD_decompressDCtx(d, buf, PIECE, p->packed, p->packed_len)
			 : ZSTD_compressCCtx(c, p->packed, ZSTD_compressBound(p->len), p->data, p->len, level);
		if (ZSTD_isError(n) || (back && n != p->len))
			die("zstd");
		if (!back)
			p->packed_len = n;
	}
	free(buf);
	ZSTD_freeCCtx(c);
	ZSTD_freeDCtx(d);
	return arg;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && (len == 1 || memcmp(p, p + 1, len - 1) == 0);
}

/* Write the runs of pages that are not zero; where OUT had something, make holes of the others. */
static void write_runs(const struct piece *p, const uint8_t *data)
{
	size_t at;
	size_t end;
	bool zero;

	for (at = 0; at < p->len; at = end) {
		zero = is_zero(data + at, p->len - at < PAGE ? p->len - at : PAGE);
		for (end = at; end < p->len && is_zero(data + end, p->len - end < PAGE ? p->len - end : PAGE) == zero;)
			end += PAGE;
		end = end < p->len ? end : p->len;
		if (!zero && pwrite(out, data + at, end - at, (off_t)(p->offset + at)) != (ssize_t)(end - at))
			die("write");
		if (zero && was_there)
			fallocate(out, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(p->offset + at),
				  (off_t)(end - at));
	}
}

static void *write_main(void *arg)
{
	struct piece *p;

	while ((p = take()))
		write_runs(p, p->data);
	return arg;
}

static void *copy_main(void *arg)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	const size_t cap = ZSTD_compressBound(PIECE);
	uint8_t *packed = room(cap);
	uint8_t *buf = room(PIECE);
	struct piece *p;

	while ((p = take())) {
		if (pread(in, buf, (p->len + PAGE - 1) / PAGE * PAGE, (off_t)p->offset) < (ssize_t)p->len)
			die("read");
		if (ZSTD_isError(ZSTD_compressCCtx(c, packed, cap, buf, p->len, level)))
			die("zstd");
	}
	free(buf);
	free(packed);
	ZSTD_freeCCtx(c);
	return arg;
}

static void *apply_main(void *arg)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	uint8_t *buf = room(PIECE);
	struct piece *p;

	while ((p = take())) {
		if (ZSTD_decompressDCtx(d, buf, PIECE, p->packed, p->packed_len) != p->len)
			die("zstd");
		write_runs(p, buf);
	}
	free(buf);
	ZSTD_freeDCtx(d);
	return arg;
}

static double parallel(void *(*work)(void *), int threads)
{
	const double begin = now();
	pthread_t t[64];
	int i;

	next_piece = 0;
	for (i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, work, NULL))
			die("limits");
	for (i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return now() - begin;
}

/* The commands */

static void load(void)
{
	size_t total = 0;
	size_t i;
	uint8_t *all;

	for (i = 0; i < nr_pieces; i++)
		total += (pieces[i].len + PAGE - 1) / PAGE * PAGE;
	all = room(total);
	for (i = 0; i < nr_pieces; all += (pieces[i].len + PAGE - 1) / PAGE * PAGE, i++) {
		pieces[i].data = all;
		if (pread(in, pieces[i].data, pieces[i].len, (off_t)pieces[i].offset) != (ssize_t)pieces[i].len)
			die("read");
	}
}

/* What is not zero, drawn together into pieces that are full. */
static void squeeze(void)
{
	struct piece *to = pieces;
	size_t filled = 0;
	size_t i;
	size_t at;
	size_t n;
	uint8_t *all = room(nr_pieces * (size_t)PIECE);

	for (i = 0; i < nr_pieces; i++) {
		for (at = 0; at < pieces[i].len; at += n) {
			n = pieces[i].len - at < PAGE ? pieces[i].len - at : PAGE;
			if (is_zero(pieces[i].data + at, n))
				continue;
			memcpy(all + filled, pieces[i].data + at, n);
			filled += n;
		}
	}
	for (nr_pieces = 0, at = 0; at < filled; at += PIECE, to++, nr_pieces++)
		*to = (struct piece){.data = all + at, .len = filled - at < PIECE ? filled - at : PIECE};
}

/* Touched here, so that the kernel's zeroing of new pages is in no figure. */
static void make_packed(void)
{
	size_t i;

	for (i = 0; i < nr_pieces; i++) {
		pieces[i].packed = malloc(ZSTD_compressBound(pieces[i].len));
		if (!pieces[i].packed)
			die("limits");
		memset(pieces[i].packed, 1, ZSTD_compressBound(pieces[i].len));
	}
}

static void pack(int threads, bool together)
{
	uint64_t stored = 0;
	double forth;
	size_t i;

	load();
	if (together)
		squeeze();
	make_packed();
	forth = parallel(pack_main, threads);
	back = true;
	printf("%.4f %.4f", forth, parallel(pack_main, threads));
	for (i = 0; i < nr_pieces; i++)
		stored += pieces[i].packed_len;
	printf(" %llu\n", (unsigned long long)stored);
}

/* Of `work`, which takes pieces and writes them. */
static void write_out(const char *path, const char *source, void *(*work)(void *), int threads, int flags)
{
	struct stat st;
	double seconds;

	was_there = stat(path, &st) == 0;
	out = open(path, O_RDWR | O_CREAT | flags, 0600);
	if (out < 0 || (!was_there && ftruncate(out, (off_t)size_of(source, in))))
		die(path);
	seconds = parallel(work, threads);
	seconds -= now();
	if (fsync(out))
		die(path);
	printf("%.4f\n", seconds + now());
}

/* As era_copy 1.0 does: what a range holds, through one buffer. */
static void original(void)
{
	uint8_t *buf = room(PIECE);
	const char header[24] = "era_copy";
	size_t i;

	if (write(1, header, sizeof(header)) != sizeof(header))
		die("stdout");
	for (i = 0; i < nr_pieces; i++)
		if (pread(in, buf, pieces[i].len, (off_t)pieces[i].offset) != (ssize_t)pieces[i].len ||
		    write(1, buf, pieces[i].len) != (ssize_t)pieces[i].len)
			die("original");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "read") == 0 && argc == 5) {
		open_input(argv[2], argv[3], O_DIRECT);
		printf("%.4f\n", parallel(read_main, atoi(argv[4])));
	} else if ((strcmp(what, "pack") == 0 || strcmp(what, "extents") == 0) && argc == 6) {
		open_input(argv[2], argv[3], 0);
		level = atoi(argv[4]);
		pack(atoi(argv[5]), strcmp(what, "pack") == 0);
	} else if (strcmp(what, "write") == 0 && argc == 7) {
		open_input(argv[2], argv[3], 0);
		load();
		write_out(argv[4], argv[2], write_main, atoi(argv[5]), strcmp(argv[6], "direct") == 0 ? O_DIRECT : 0);
	} else if (strcmp(what, "copy") == 0 && argc == 6) {
		open_input(argv[2], argv[3], O_DIRECT);
		level = atoi(argv[4]);
		printf("%.4f\n", parallel(copy_main, 4 * atoi(argv[5])));
	} else if (strcmp(what, "apply") == 0 && argc == 8) {
		open_input(argv[2], argv[3], 0);
		level = atoi(argv[5]);
		load();
		make_packed();
		parallel(pack_main, atoi(argv[6]));
		write_out(argv[4], argv[2], apply_main, 4 * atoi(argv[6]), strcmp(argv[7], "direct") == 0 ? O_DIRECT : 0);
	} else if (strcmp(what, "sum") == 0 && argc == 4) {
		open_input(argv[2], NULL, 0);
		printf("%.4f\n", parallel(sum_main, atoi(argv[3])));
	} else if (strcmp(what, "original") == 0 && argc == 4) {
		open_input(argv[2], strcmp(argv[3], "all") == 0 ? NULL : argv[3], 0);
		original();
	} else {
		fputs("usage: see the beginning of limits.c\n", stderr);
		return 2;
	}
	return 0;
}
