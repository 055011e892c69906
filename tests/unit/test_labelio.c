/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * labelio: whatever is left of a write that was cut off, the label is the old one or the new one; one
 * damaged, foreign or unreadable copy does no harm, and of two it is said which. And metadata that is
 * wiped, or read, behind it.
 *
 * This program's own pwrite, pread and fsync take the place of libc's, so a crash can be put between any
 * two sectors.
 */
#undef _FORTIFY_SOURCE /* its inline pread would stand in the way */
#include <errno.h>
#include <sys/syscall.h>

#include "metasample.h"
#include "scratch.h"
#include "system/stop.h"
#include "tap.h"
#include "world/labelio.h"
#include "world/metadev.h"
#include "world/metaread.h"

#define MIB    UINT64_C(1048576)
#define SECTOR 512u
#define META   "meta"

/* The disk */

static struct {
	int sectors_left; /* until the power is cut; -1: never */
	bool backwards;	  /* the last sectors of a write reach the disk first */
	bool cut;
	int64_t bad; /* the block at this offset cannot be read; -1: none */
	char log[256];
} disk = {.sectors_left = -1, .bad = -1};

/* "w512 ": written at that many KiB. */
static void note_write(uint64_t off)
{
	const size_t n = strlen(disk.log);

	snprintf(disk.log + n, sizeof(disk.log) - n, "w%llu ", (unsigned long long)(off / 1024));
}

static void disk_works(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.sectors_left = -1;
	disk.bad = -1;
}

/* What arrives of a block when the power goes. */
static void write_torn(int fd, const uint8_t *buf, off_t off, unsigned int sectors)
{
	uint8_t *block = aligned_alloc(4096, 4096);
	const unsigned int len = sectors * SECTOR;
	const unsigned int at = disk.backwards ? 4096 - len : 0;

	if (syscall(SYS_pread64, fd, block, 4096, off) != 4096)
		abort();
	memcpy(block + at, buf + at, len);
	if (syscall(SYS_pwrite64, fd, block, 4096, off) != 4096)
		abort();
	free(block);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	note_write((uint64_t)off);
	if (disk.sectors_left < 0)
		return (ssize_t)syscall(SYS_pwrite64, fd, buf, len, off);
	if (!disk.cut && len / SECTOR <= (unsigned int)disk.sectors_left) {
		disk.sectors_left -= (int)(len / SECTOR);
		return (ssize_t)syscall(SYS_pwrite64, fd, buf, len, off);
	}
	if (!disk.cut && disk.sectors_left > 0)
		write_torn(fd, buf, off, (unsigned int)disk.sectors_left);
	disk.cut = true;
	errno = EIO;
	return -1;
}

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
	if (disk.bad >= 0 && off <= disk.bad && disk.bad < off + (off_t)len) {
		errno = EIO;
		return -1;
	}
	return (ssize_t)syscall(SYS_pread64, fd, buf, len, off);
}

int fsync(int fd)
{
	strncat(disk.log, "s ", sizeof(disk.log) - strlen(disk.log) - 1);
	if (disk.cut) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* Labels */

static struct label a_label(uint64_t sequence, uint32_t era)
{
	struct label l = {.sequence = sequence, .data_bytes = 64 * MIB, .block_bytes = 65536};

	l.meta_offset = LABEL_AREA;
	l.meta_bytes = 4 * MIB;
	l.state = LABEL_OPEN;
	l.era = era;
	memset(l.volume, 7, sizeof(l.volume));
	memset(l.generation, 8, sizeof(l.generation));
	snprintf(l.kernel_release, sizeof(l.kernel_release), "era %u", era);
	return l;
}

static void put_copy(int i, const struct label *l)
{
	uint8_t buf[LABEL_LEN];
	const int fd = open(META, O_WRONLY | O_CLOEXEC);

	label_put(buf, l);
	if (fd < 0 || syscall(SYS_pwrite64, fd, buf, LABEL_LEN, label_offset[i]) != LABEL_LEN)
		abort();
	close(fd);
}

/* Copies as a row of a table tells: a sequence number, or one of these. */
enum { NONE = -1, BROKEN = -2, FOREIGN = -3 };

static void put_row(const int row[2])
{
	uint8_t byte = 0xff;
	struct label l;
	int fd;
	int i;

	unlink(META);
	scratch_size(META, 6 * MIB);
	for (i = 0; i < 2; i++) {
		if (row[i] == NONE)
			continue;
		if (row[i] == FOREIGN) {
			scratch_put(META, label_offset[i], LABEL_LEN, 5);
			continue;
		}
		l = a_label(row[i] == BROKEN ? 5 : (uint64_t)row[i], row[i] == BROKEN ? 5 : (uint32_t)row[i]);
		put_copy(i, &l);
		if (row[i] != BROKEN)
			continue;
		fd = open(META, O_WRONLY | O_CLOEXEC);
		if (syscall(SYS_pwrite64, fd, &byte, 1, label_offset[i] + 70) != 1)
			abort();
		close(fd);
	}
}

/* The era of what is read, 0 for no label. */
static uint32_t era_read(struct err *e)
{
	struct label l;

	return labelio_read(META, &l, NULL, e) ? 0 : l.era;
}

static const struct {
	int copy[2];
	uint32_t taken; /* era; 0: none */
	enum err_kind kind;
	const char *states;
} rows[] = {
	{{6, 6}, 6, ERR_NONE, "whole whole"},
	{{6, 5}, 6, ERR_NONE, "whole whole"},
	{{5, 6}, 6, ERR_NONE, "whole whole"},
	{{BROKEN, 4}, 4, ERR_NONE, "damaged whole"},
	{{4, BROKEN}, 4, ERR_NONE, "whole damaged"},
	{{FOREIGN, 4}, 4, ERR_NONE, "none whole"},
	{{4, NONE}, 4, ERR_NONE, "whole none"},
	{{NONE, NONE}, 0, ERR_IDENTITY, "none none"},
	{{FOREIGN, NONE}, 0, ERR_IDENTITY, "none none"},
	{{BROKEN, BROKEN}, 0, ERR_CORRUPT, "damaged damaged"},
	{{NONE, BROKEN}, 0, ERR_CORRUPT, "none damaged"},
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static void reading(void)
{
	struct labelio_found f;
	struct err e;
	struct label l;
	char states[64];
	size_t i;
	int rc;

	for (i = 0; i < NR_ROWS; i++) {
		put_row(rows[i].copy);
		memset(&e, 0, sizeof(e));
		rc = labelio_read(META, &l, &f, &e);
		snprintf(states, sizeof(states), "%s %s", labelio_copy_name(f.copy[0]),
			 labelio_copy_name(f.copy[1]));
		ok((rc == 0) == (rows[i].taken != 0) && (rc || l.era == rows[i].taken) &&
			   e.kind == rows[i].kind && strcmp(states, rows[i].states) == 0 &&
			   (rc == 0 ? rows[i].copy[f.taken] == (int)l.era : f.taken == -1) &&
			   (rc == 0 || strstr(e.text, META)),
		   "read: %s: era %u %s", states, rc ? 0 : l.era, e.text);
	}
}

static void unreadable(void)
{
	struct labelio_found f;
	struct err e = {0};
	struct label l;
	int i;

	for (i = 0; i < 2; i++) {
		put_row((int[2]){6, 6});
		disk.bad = (int64_t)label_offset[i];
		ok(labelio_read(META, &l, &f, &e) == 0 && l.era == 6 && f.taken == !i &&
			   f.copy[i] == LABELIO_UNREADABLE && f.why[i].kind == ERR_RUNTIME,
		   "copy %d cannot be read: the other is taken", i + 1);
		put_row((int[2]){NONE, NONE});
		ok(labelio_read(META, &l, &f, &e) == -1 && e.kind == ERR_RUNTIME,
		   "and where that is none, nothing is known: %s", e.text);
		err_clear(&e);
		put_row((int[2]){6, 6});
		l = a_label(0, 9);
		disk.log[0] = '\0';
		ok(labelio_write(META, &l, &e) == 0 &&
			   strcmp(disk.log, i ? "w512 s w0 s " : "w0 s w512 s ") == 0,
		   "the copy that cannot be read is written first: %s", disk.log);
		disk_works();
		ok(era_read(&e) == 9 && l.sequence == 7, "and both are new");
	}
}

/* A device that ends too soon for one or both. */
static void too_small(void)
{
	struct labelio_found f;
	struct err e = {0};
	struct label l = a_label(3, 3);

	put_row((int[2]){6, 6});
	scratch_size(META, 524288 + 4095);
	ok(labelio_read(META, &l, &f, &e) == 0 && f.copy[1] == LABELIO_NONE, "META ends before the second copy");
	ok(labelio_write(META, &l, &e) == -1 && e.kind == ERR_USAGE, "it is not written to: %s", e.text);
	err_clear(&e);
	scratch_size(META, 4095);
	ok(labelio_read(META, &l, &f, &e) == -1 && e.kind == ERR_IDENTITY, "META ends before the first");
	err_clear(&e);
	ok(labelio_read("none", &l, NULL, &e) == -1 && e.kind == ERR_RUNTIME, "%s", e.text);
	err_clear(&e);
	ok(labelio_read("/", &l, NULL, &e) == -1 && e.kind == ERR_USAGE, "%s", e.text);
}

/* The power goes after each sector of the 16 that are written, from either end of a block. */
static void torn(size_t row, bool backwards)
{
	struct err e;
	struct label l;
	uint32_t era;
	bool good = true;
	int n;
	int rc;

	for (n = 0; n <= 16; n++) {
		put_row(rows[row].copy);
		disk.sectors_left = n;
		disk.backwards = backwards;
		disk.cut = false;
		memset(&e, 0, sizeof(e));
		l = a_label(0, 9);
		rc = labelio_write(META, &l, &e);
		disk_works();
		good &= n == 16 ? rc == 0 : rc == -1 && e.kind == ERR_RUNTIME && strstr(e.text, META) != NULL;
		memset(&e, 0, sizeof(e));
		era = era_read(&e);
		if (era == 9 ? n >= 8 : n < 16 && era == rows[row].taken)
			continue;
		printf("# after %d sectors: era %u\n", n, era);
		good = false;
	}
	ok(good, "torn: %s, sequence %d %d, %s: the old one or the new one", rows[row].states,
	   rows[row].copy[0], rows[row].copy[1], backwards ? "from the end" : "from the beginning");
}

/* One cut off, and then another one. */
static void torn_twice(void)
{
	struct err e;
	struct label l;
	uint32_t between;
	uint32_t era;
	bool good = true;
	int a;
	int b;

	for (a = 0; a <= 16; a++) {
		for (b = 0; b <= 16; b++) {
			put_row((int[2]){6, 6});
			disk.sectors_left = a;
			l = a_label(0, 7);
			labelio_write(META, &l, &(struct err){0});
			disk_works();
			memset(&e, 0, sizeof(e));
			between = era_read(&e);
			disk.sectors_left = b;
			l = a_label(0, 8);
			labelio_write(META, &l, &(struct err){0});
			disk_works();
			era = era_read(&e);
			good &= era == between || era == 8;
		}
	}
	ok(good, "torn twice: never the one before the old one");
}

static void writing(void)
{
	struct labelio_found f;
	struct err e = {0};
	struct label l = a_label(40, 9);
	struct label got;

	put_row((int[2]){5, 6});
	disk.log[0] = '\0';
	ok(labelio_write(META, &l, &e) == 0 && strcmp(disk.log, "w0 s w512 s ") == 0,
	   "written: the older copy, flushed, and the newer: %s", disk.log);
	ok(l.sequence == 41, "a sequence number behind that of the caller");
	ok(labelio_read(META, &got, &f, &e) == 0 && memcmp(&got, &l, sizeof(l)) == 0 && f.sequence[0] == 41 &&
		   f.sequence[1] == 41,
	   "it reads as written, both copies");
	l = a_label(0, 10);
	ok(labelio_write(META, &l, &e) == 0 && l.sequence == 42, "another volume's label begins behind what is there");
	put_row((int[2]){6, 6});
	disk.log[0] = '\0';
	ok(labelio_write(META, &l, &e) == 0 && strcmp(disk.log, "w512 s w0 s ") == 0,
	   "where they are equal, the one that is taken is last: %s", disk.log);
	l.sequence = UINT64_MAX;
	ok(labelio_write(META, &l, &e) == -1 && e.kind == ERR_CORRUPT, "%s", e.text);
}

/* What lies behind the label */

/* Is every byte what it was, but for zeros in [from, to)? */
static bool zeroed(const char *path, uint64_t from, uint64_t to, unsigned int seed)
{
	uint8_t *want = malloc(6 * MIB);
	size_t len;
	uint8_t *is = scratch_get(path, &len);
	bool same;

	scratch_fill(want, 6 * MIB, 0, seed);
	memset(want + from, 0, to - from);
	same = is && len == 6 * MIB && memcmp(is, want, len) == 0;
	free(want);
	free(is);
	return same;
}

static void wiping(void)
{
	struct err e = {0};
	int status = 0;
	pid_t pid;

	scratch_put(META, 0, 6 * MIB, 4);
	disk.log[0] = '\0';
	ok(labelio_wipe_meta(META, MIB, 3 * MIB + 4096, &e) == 0 && zeroed(META, MIB, 4 * MIB + 4096, 4),
	   "wiped: zeros there and nowhere else");
	ok(strncmp(disk.log, "w1024 s w1028 ", 14) == 0 && strcmp(disk.log + strlen(disk.log) - 2, "s ") == 0,
	   "the first block before the rest, both durable: %s", disk.log);
	scratch_put(META, 0, 6 * MIB, 4);
	disk.sectors_left = 8;
	ok(labelio_wipe_meta(META, MIB, 3 * MIB, &e) == -1 && e.kind == ERR_RUNTIME, "cut off: %s", e.text);
	disk_works();
	ok(zeroed(META, MIB, MIB + 4096, 4), "is blank metadata");
	err_clear(&e);
	ok(labelio_wipe_meta(META, MIB, 5 * MIB + 4096, &e) == -1 && e.kind == ERR_USAGE, "%s", e.text);
	err_clear(&e);
	ok(labelio_wipe_meta(META, MIB + 512, MIB, &e) == -1 && e.kind == ERR_USAGE, "%s", e.text);
	err_clear(&e);
	ok(labelio_wipe_meta(META, UINT64_MAX - 4095, 8192, &e) == -1 && e.kind == ERR_USAGE, "%s", e.text);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		stop_cancel();
		_exit(labelio_wipe_meta(META, MIB, MIB, &(struct err){0}) == -1 ? 0 : 1);
	}
	ok(waitpid(pid, &status, 0) == pid && status == 0, "it ends when it is to");
}

static void wiping_a_device(void)
{
	struct err e = {0};
	char loop[32];

	scratch_put(META, 0, 6 * MIB, 4);
	if (!scratch_loop(META, "--sector-size 4096", loop)) {
		skip("wiping a device", "no loop devices here");
		return;
	}
	disk.log[0] = '\0';
	ok(labelio_wipe_meta(loop, MIB, 4 * MIB, &e) == 0 && strcmp(disk.log, "s s ") == 0,
	   "a device is wiped by the kernel: %s%s", disk.log, e.text);
	scratch_run("sync -f .");
	scratch_detach(loop);
	ok(zeroed(META, MIB, 5 * MIB, 4), "zeros there and nowhere else");
}

/* A label on a device with large sectors, and what is still in its page cache. */
static void on_a_device(void)
{
	struct label l = a_label(3, 9);
	struct err e = {0};
	char command[128];
	char loop[32];

	unlink(META);
	scratch_size(META, 6 * MIB);
	if (!scratch_loop(META, "--sector-size 4096", loop)) {
		skip("a label on a device", "no loop devices here");
		return;
	}
	snprintf(command, sizeof(command), "dd if=%s of=/dev/null bs=1M status=none", loop);
	scratch_run(command);
	ok(labelio_write(loop, &l, &e) == 0, "a label on a device of 4096-byte sectors%s", e.text);
	memset(&l, 0, sizeof(l));
	ok(labelio_read(loop, &l, NULL, &e) == 0 && l.era == 9 && l.sequence == 4, "is read back");
	snprintf(command, sizeof(command), "cmp -s %s %s", loop, META);
	ok(scratch_run(command) == 0, "and the page cache has it as well");
	scratch_detach(loop);
}

static bool has_blocks_of(const struct metadev *m, uint64_t first, unsigned int nr, uint64_t off)
{
	uint8_t *buf = aligned_alloc(4096, 4096 * 4);
	uint8_t want[4096 * 4];
	struct err e = {0};
	const struct erameta_io *io = metadev_io(m);
	const bool good = io->read(io->ctx, first, nr, buf, &e) == 0;
	bool same;

	scratch_fill(want, nr * 4096, off, 4);
	same = good && memcmp(buf, want, nr * 4096) == 0;
	free(buf);
	return same;
}

static void metadata_at(void)
{
	struct err e = {0};
	struct metadev *m;

	scratch_put(META, 0, 6 * MIB, 4);
	m = metadev_open_at(META, MIB, 2 * MIB, &e);
	ok(m && metadev_io(m)->nr_blocks == 512 && has_blocks_of(m, 0, 4, MIB) && has_blocks_of(m, 511, 1, 3 * MIB - 4096),
	   "metadata at an offset: its blocks are there");
	metadev_close(m);
	m = metadev_open_at(META, MIB, 0, &e);
	ok(m && metadev_io(m)->nr_blocks == 5 * 256, "to the end");
	metadev_close(m);
	m = metadev_open(META, &e);
	ok(m && metadev_io(m)->nr_blocks == 6 * 256 && has_blocks_of(m, 1, 1, 4096), "from the beginning");
	metadev_close(m);
	ok(!metadev_open_at(META, MIB, 5 * MIB + 4096, &e) && e.kind == ERR_CORRUPT, "%s", e.text);
	err_clear(&e);
	ok(!metadev_open_at(META, 7 * MIB, 0, &e) && e.kind == ERR_CORRUPT, "%s", e.text);
	err_clear(&e);
	ok(!metadev_open_at(META, UINT64_MAX - 4095, 8192, &e) && e.kind == ERR_CORRUPT, "%s", e.text);
}

static void list_at(void)
{
	struct blockset set = {0};
	struct metaread m = {0};
	struct err e = {0};
	struct sample s;
	int fd;

	sample_make(&s);
	scratch_put(META, 0, 6 * MIB, 4);
	fd = open(META, O_WRONLY | O_CLOEXEC);
	if (pwrite(fd, s.img.p, s.img.nr_blocks * MI_LEN, MIB) != (ssize_t)(s.img.nr_blocks * MI_LEN))
		abort();
	close(fd);
	ok(metaread_open_at(&m, META, MIB, s.img.nr_blocks * MI_LEN, ERAMETA_CURRENT, &e) == 0 &&
		   erameta_info(m.era)->era == SAMPLE_ERA && blockset_init(&set, SAMPLE_BLOCKS, &e) == 0 &&
		   metaread_changed(&m, 3, ERAMETA_NO_LIMIT, &set, &e) == 0 &&
		   sample_agrees(&s, ERAMETA_CURRENT, 3, ERAMETA_NO_LIMIT, &set),
	   "dm-era's metadata behind a label is listed %s", e.text);
	metaread_close(&m);
	err_clear(&e);
	ok(metaread_open(&m, META, ERAMETA_CURRENT, &e) == -1 && e.kind == ERR_CORRUPT,
	   "and is not looked for elsewhere: %s", e.text);
	metaread_close(&m);
	blockset_fini(&set);
	sample_free(&s);
}

int main(void)
{
	size_t i;

	scratch_begin();
	reading();
	unreadable();
	too_small();
	writing();
	for (i = 0; i < NR_ROWS; i++) {
		torn(i, false);
		torn(i, true);
	}
	torn_twice();
	wiping();
	wiping_a_device();
	on_a_device();
	metadata_at();
	list_at();
	return tap_done();
}
