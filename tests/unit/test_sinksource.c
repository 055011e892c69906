/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * source and sink on images and on real loop devices: odd sizes and offsets, holes, a source that
 * shrinks, zeros of every alignment; and what must never be opened for writing.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "scratch.h"
#include "tap.h"
#include "words/num.h"
#include "world/sink.h"
#include "world/source.h"

#define MIB 1048576u

static uint8_t *buf; /* aligned, 2 MiB */
static uint8_t want[2 * MIB];

/* Source */

static bool reads(struct source *s, uint64_t off, uint64_t len)
{
	struct err e = {0};

	memset(buf, 0xee, 2 * MIB);
	if (source_read(s, buf, off, len, &e)) {
		printf("# %s\n", e.text);
		return false;
	}
	return memcmp(buf, want + off, len) == 0;
}

/* Every offset and length around the places where alignment changes. */
static bool reads_everywhere(struct source *s)
{
	static const uint64_t at[] = {0, 1, 511, 512, 4095, 4096, 4097, 8191, 8192};
	static const uint64_t lens[] = {1, 511, 512, 513, 4095, 4096, 4097, 65536, 65537};
	size_t i;
	size_t k;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++)
			if (at[i] + lens[k] <= s->size && !reads(s, at[i], lens[k]))
				return false;
	/* And up to the end. */
	for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++)
		if (lens[k] <= s->size && !reads(s, s->size - lens[k], lens[k]))
			return false;
	return true;
}

static void source_sizes(void)
{
	static const uint64_t sizes[] = {1, 511, 512, 4095, 4096, 4097, 100001, 1048577};
	struct source s;
	struct err e = {0};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unlink("src");
		scratch_put("src", 0, sizes[i], 1);
		scratch_fill(want, sizes[i], 0, 1);
		ok(source_open(&s, "src", &e) == 0 && s.size == sizes[i] && !s.device && reads_everywhere(&s),
		   "source: an image of %llu bytes, any offset and length", (unsigned long long)sizes[i]);
		err_clear(&e);
		ok(source_read(&s, buf, sizes[i], 1, &e) == -1 && e.kind == ERR_RUNTIME, "source: not behind it");
		err_clear(&e);
		ok(source_read(&s, buf, sizes[i] - 1, 2, &e) == -1 && e.kind == ERR_RUNTIME,
		   "source: not over its end: %s", e.text);
		err_clear(&e);
		source_close(&s);
	}
}

static void source_shrinks(void)
{
	struct source s;
	struct err e = {0};

	unlink("src");
	scratch_put("src", 0, 65536, 1);
	source_open(&s, "src", &e);
	scratch_size("src", 20000);
	ok(source_read(&s, buf, 16384, 8192, &e) == -1 && strstr(e.text, "ends at byte 20000"),
	   "source: became shorter: %s", e.text);
	source_close(&s);
}

static void source_refused(void)
{
	struct source s;
	struct err e = {0};

	ok(source_open(&s, "nothing", &e) == -1 && e.kind == ERR_RUNTIME, "source: %s", e.text);
	source_close(&s);
	err_clear(&e);
	mkfifo("fifo", 0600);
	ok(source_open(&s, "fifo", &e) == -1 && e.kind == ERR_USAGE, "source: %s", e.text);
	source_close(&s);
	err_clear(&e);
	ok(source_open(&s, ".", &e) == -1 && e.kind == ERR_USAGE, "source: %s", e.text);
	source_close(&s);
	err_clear(&e);
	ok(source_open(&s, "/dev/null", &e) == -1 && e.kind == ERR_USAGE, "source: %s", e.text);
	source_close(&s);
	err_clear(&e);
	scratch_size("empty", 0);
	ok(source_open(&s, "empty", &e) == -1 && e.kind == ERR_USAGE, "source: %s", e.text);
	source_close(&s);
}

/* What it calls a hole reads as zeros; and the pieces cover everything. */
static bool holes_are_zeros(struct source *s, uint64_t *nr_holes)
{
	uint64_t at = 0;
	uint64_t end;
	bool hole;

	for (*nr_holes = 0; at < s->size; at = end) {
		end = source_same(s, at, s->size, &hole);
		if (end <= at || end > s->size)
			return false;
		*nr_holes += hole;
		for (; hole && at < end; at++)
			if (want[at] != 0)
				return false;
	}
	return true;
}

static void source_holes(void)
{
	static const struct {
		unsigned int at, len;
	} data[] = {{0, 1}, {131072, 65536}, {400000, 1}, {1000000, 48576}};
	struct source s;
	struct err e = {0};
	uint64_t nr_holes;
	bool hole;
	size_t i;

	unlink("src");
	scratch_size("src", MIB + 300001);
	memset(want, 0, sizeof(want));
	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		scratch_put("src", data[i].at, data[i].len, 1);
		scratch_fill(want + data[i].at, data[i].len, data[i].at, 1);
	}
	source_open(&s, "src", &e);
	ok(holes_are_zeros(&s, &nr_holes), "source: holes are zeros, and it all joins");
	ok(nr_holes >= 3, "source: %llu holes are found", (unsigned long long)nr_holes);
	ok(source_same(&s, 200000, 250000, &hole) == 250000 && hole, "source: a hole, up to where was asked");
	ok(source_same(&s, 131072, MIB, &hole) < MIB && !hole, "source: and back again");
	ok(reads(&s, 120000, 400000), "source: data and holes are read");
	source_close(&s);
	unlink("src");
	scratch_size("src", MIB);
	source_open(&s, "src", &e);
	ok(source_same(&s, 5, MIB, &hole) == MIB && hole, "source: nothing but a hole");
	source_close(&s);
}

/* Sink: images */

static void sink_opens(void)
{
	struct sink s;
	struct sink t;
	struct err e = {0};

	ok(sink_open(&s, "img", &e) == 0 && s.fd == -1, "sink: an image that is not there is no error");
	ok(sink_create(&s, &e) == 0 && s.created && s.blank && s.size == 0 && sink_resize(&s, 70000, &e) == 0,
	   "sink: made");
	ok(sink_open(&t, "img", &e) == -1 && e.kind == ERR_BUSY, "sink: not twice at once: %s", e.text);
	sink_close(&t);
	err_clear(&e);
	ok(sink_sync(&s, &e) == 0, "sink: synced, with its directory");
	sink_close(&s);
	ok(sink_open(&s, "img", &e) == 0 && s.size == 70000 && s.blank && !s.created,
	   "sink: an image of nothing but holes is blank");
	sink_close(&s);
	scratch_put("img", 69999, 1, 1);
	ok(sink_open(&s, "img", &e) == 0 && !s.blank, "sink: with one byte it is not");
	ok(sink_resize(&s, 10, &e) == 0 && s.size == 10 && sink_resize(&s, 20, &e) == 0 && s.size == 20,
	   "sink: cut and grown");
	sink_close(&s);
	unlink("img");
}

static void sink_refused(void)
{
	static const struct {
		const char *name;
		enum err_kind kind;
	} rows[] = {
		{"/dev/nonexistent", ERR_RUNTIME},     {"/dev/../dev/nonexistent", ERR_RUNTIME},
		{"/dev/mapper/../none", ERR_RUNTIME},  {"link/nonexistent", ERR_RUNTIME},
		{"/dev/null", ERR_USAGE},	       {".", ERR_USAGE},
		{"fifo", ERR_USAGE},		       {"img/x", ERR_RUNTIME},
	};
	struct sink s;
	struct err e;
	size_t i;

	scratch_size("img", 10);
	ok(symlink("/dev", "link") == 0, "a link to /dev");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err_clear(&e);
		ok(sink_open(&s, rows[i].name, &e) == -1 && e.kind == rows[i].kind, "sink: refused: %s", e.text);
		sink_close(&s);
	}
	err_clear(&e);
	ok(chdir("/dev") == 0 && sink_open(&s, "nonexistent", &e) == -1 && e.kind == ERR_RUNTIME,
	   "sink: refused in /dev itself: %s", e.text);
	sink_close(&s);
	if (chdir(scratch_dir))
		abort();
	unlink("img");
}

/* Zeros between what stays, at every alignment that matters. */
static bool zeroes(struct sink *s, const char *path, uint64_t off, uint64_t len)
{
	struct err e = {0};
	bool same;
	int fd;

	scratch_fill(want, 300000, 0, 2);
	if (sink_write(s, want, 0, 300000, &e) || sink_zero(s, off, len, &e) || sink_sync(s, &e)) {
		printf("# %s\n", e.text);
		return false;
	}
	memset(want + off, 0, len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	same = pread(fd, buf, 300000, 0) == 300000 && memcmp(buf, want, 300000) == 0;
	close(fd);
	return same;
}

static void zeros_everywhere(struct sink *s, const char *path, const char *what)
{
	static const uint64_t at[] = {0, 1, 511, 512, 1024, 4095, 4096, 8193};
	static const uint64_t lens[] = {1, 512, 4095, 4096, 4097, 65536, 131072, 200001};
	bool good = true;
	size_t i;
	size_t k;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++)
			good = good && zeroes(s, path, at[i], lens[k]);
	ok(good, "%s: zeros at any offset, and nothing else changes", what);
	s->no_punch = true;
	good = true;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		good = good && zeroes(s, path, at[i], 65537);
	ok(good, "%s: also where no holes can be punched", what);
	s->no_punch = false;
}

/* Long and short, aligned and not, in the middle and at the ends: past the page cache and through it. */
static void writes_everywhere(struct sink *s, const char *path, const char *what)
{
	static uint8_t image[16 * MIB];
	static const uint64_t lens[] = {1, 4096, 65536, 131072, 135168, 200000, MIB};
	uint8_t *from = aligned_alloc(SINK_ALIGN, 2 * MIB);
	struct err e = {0};
	unsigned int i;
	uint64_t len;
	uint64_t off;
	size_t got;
	int fd;

	if (sink_zero(s, 0, sizeof(image), &e))
		abort();
	memset(image, 0, sizeof(image));
	srandom(7);
	for (i = 0; i < 120 && e.kind == ERR_NONE; i++) {
		len = lens[random() % 7];
		off = (uint64_t)random() % (sizeof(image) - len);
		off = random() % 4 ? off / 4096 * 4096 : off;
		scratch_fill(image + off, len, off, i);
		/* Odd addresses too. */
		memcpy(from + i % 2, image + off, len);
		sink_write(s, from + i % 2, off, len, &e);
	}
	sink_sync(s, &e);
	free(from);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (off = 0, got = 0; off < sizeof(image) && pread(fd, buf, 65536, (off_t)off) == 65536; off += 65536)
		got += memcmp(buf, image + off, 65536) == 0;
	close(fd);
	ok(e.kind == ERR_NONE && got == sizeof(image) / 65536, "%s: 120 writes of all lengths and alignments: %s", what,
	   e.text);
}

static void sink_writes(void)
{
	struct sink s;
	struct err e = {0};

	sink_open(&s, "img", &e);
	sink_create(&s, &e);
	sink_resize(&s, 16 * MIB, &e);
	writes_everywhere(&s, "img", "a blank image");
	sink_close(&s);
	unlink("img");
}

static void sink_zeros(void)
{
	struct sink s;
	struct err e = {0};
	struct stat st;

	sink_open(&s, "img", &e);
	sink_create(&s, &e);
	sink_resize(&s, 16 * MIB, &e);
	ok(sink_zero(&s, 0, 16 * MIB, &e) == 0 && stat("img", &st) == 0 && st.st_blocks == 0,
	   "sink: zeros on a blank image cost nothing");
	s.blank = false;
	zeros_everywhere(&s, "img", "image");
	scratch_fill(want, MIB, 0, 1);
	sink_write(&s, want, 0, MIB, &e);
	sink_sync(&s, &e);
	ok(sink_zero(&s, 0, 16 * MIB, &e) == 0 && stat("img", &st) == 0 && st.st_blocks == 0,
	   "sink: zeros free the room of what was there");
	sink_close(&s);
	unlink("img");
}

static void fingerprints(void)
{
	uint8_t a[16];
	uint8_t b[16];
	struct sink s;
	struct err e = {0};

	scratch_size("img", 5 * MIB);
	sink_open(&s, "img", &e);
	ok(sink_fingerprint(&s, 5 * MIB, a, &e) == 0, "fingerprint: made");
	sink_write(&s, (const uint8_t *)"x", 2 * MIB, 1, &e);
	sink_fingerprint(&s, 5 * MIB, b, &e);
	ok(memcmp(a, b, 16) == 0, "fingerprint: the middle does not count");
	sink_write(&s, (const uint8_t *)"x", MIB - 1, 1, &e);
	sink_fingerprint(&s, 5 * MIB, b, &e);
	ok(memcmp(a, b, 16) != 0, "fingerprint: the first MiB does");
	sink_fingerprint(&s, 5 * MIB, a, &e);
	sink_write(&s, (const uint8_t *)"x", 4 * MIB, 1, &e);
	sink_fingerprint(&s, 5 * MIB, b, &e);
	ok(memcmp(a, b, 16) != 0, "fingerprint: the last MiB does");
	ok(sink_fingerprint(&s, 1, b, &e) == 0 && sink_fingerprint(&s, 4 * MIB, b, &e) == 0,
	   "fingerprint: of less than is there");
	sink_close(&s);
	unlink("img");
}

/* Loop devices */

static void loop_sink(const char *options, const char *what, uint64_t size, uint32_t sector)
{
	struct source src;
	struct sink s;
	struct err e = {0};
	char loop[32];

	unlink("disk");
	scratch_size("disk", size);
	if (!scratch_loop("disk", options, loop)) {
		skip(what, "no loop devices, or not root");
		return;
	}
	ok(sink_open(&s, "disk", &e) == -1 && e.kind == ERR_BUSY && strstr(e.text, loop),
	   "%s: the image below a loop device is refused", what);
	sink_close(&s);
	err_clear(&e);
	ok(sink_open(&s, loop, &e) == 0 && s.device && !s.blank && s.size == size, "%s: opened %s", what, e.text);
	zeros_everywhere(&s, loop, what);
	ok(sink_resize(&s, size, &e) == 0 && sink_resize(&s, 512, &e) == 0 && s.size == size,
	   "%s: a device keeps its size", what);
	ok(sink_resize(&s, size + 1, &e) == -1 && e.kind == ERR_IDENTITY, "%s: and does not grow", what);
	err_clear(&e);
	scratch_fill(want, MIB, 0, 7);
	sink_write(&s, want, 0, MIB, &e);
	sink_sync(&s, &e);
	sink_close(&s);
	ok(source_open(&src, loop, &e) == 0 && src.device && src.size == size && src.sector == sector &&
		   reads_everywhere(&src), "%s: read at any offset and length %s", what, e.text);
	memset(want, 0, sizeof(want));
	scratch_fill(want, MIB, 0, 7);
	ok(size > 2 * MIB || reads(&src, size - 4096, 4096), "%s: read up to its end", what);
	source_close(&src);
	scratch_detach(loop);
}

static void loop_writes(const char *options, const char *what)
{
	const size_t block = 16384;
	struct sink s;
	struct err e = {0};
	char loop[32];
	bool coarse;
	int fd;

	unlink("disk");
	scratch_size("disk", 16 * MIB);
	if (!scratch_loop("disk", options, loop)) {
		skip(what, "no loop devices, or not root");
		return;
	}
	ok(sink_open(&s, loop, &e) == 0, "%s: opened to write %s", what, e.text);
	ok(s.direct_align >= (uint64_t)sysconf(_SC_PAGESIZE), "%s: past the page cache by %llu bytes", what,
	   (unsigned long long)s.direct_align);
	writes_everywhere(&s, loop, what);
	sink_close(&s);
	fd = open(loop, O_RDWR | O_CLOEXEC);
	coarse = ioctl(fd, BLKBSZSET, &block) == 0;
	ok(sink_open(&s, loop, &e) == 0, "%s: opened again %s", what, e.text);
	ok(!coarse || s.direct_align == block,
	   "%s: by what its cache counts in: %llu, %s", what, (unsigned long long)s.direct_align,
	   coarse ? "as was set" : "the kernel has no larger ones");
	writes_everywhere(&s, loop, what);
	close(fd);
	sink_cached(&s);
	ok(s.direct == -1, "%s: nothing past the page cache any more", what);
	writes_everywhere(&s, loop, what);
	sink_close(&s);
	scratch_detach(loop);
}

/* Mounted, or opened exclusively by somebody. */
static void loop_in_use(void)
{
	struct sink s;
	struct err e = {0};
	char command[256];
	char loop[32];
	int fd;

	unlink("disk");
	scratch_size("disk", 8 * MIB);
	if (!scratch_loop("disk", "", loop)) {
		skip("sink: devices in use", "no loop devices, or not root");
		return;
	}
	fd = open(loop, O_RDONLY | O_EXCL | O_CLOEXEC);
	ok(sink_open(&s, loop, &e) == -1 && e.kind == ERR_BUSY, "sink: a device somebody has: %s",
	   strstr(e.text, "is in use"));
	sink_close(&s);
	close(fd);
	err_clear(&e);
	snprintf(command, sizeof(command), "mkfs.ext4 -q %s && mkdir -p mnt && mount %s mnt", loop, loop);
	if (scratch_run(command)) {
		skip("sink: a mounted device", "cannot mount ext4");
	} else {
		ok(sink_open(&s, loop, &e) == -1 && e.kind == ERR_BUSY && e.hint[0], "sink: a mounted device: %s",
		   strstr(e.text, "is in use"));
		sink_close(&s);
		err_clear(&e);
		scratch_run("umount mnt");
	}
	ok(sink_open(&s, loop, &e) == 0, "sink: and free again %s", e.text);
	sink_close(&s);
	scratch_detach(loop);
}

int main(void)
{
	buf = aligned_alloc(SOURCE_ALIGN, 2 * MIB);
	scratch_begin();
	source_sizes();
	source_shrinks();
	source_refused();
	source_holes();
	sink_opens();
	sink_refused();
	sink_writes();
	sink_zeros();
	fingerprints();
	loop_sink("", "loop device", 2 * MIB, 512);
	loop_sink("", "loop device of odd sectors", 2 * MIB - 512 * 5, 512);
	loop_sink("--sector-size 4096", "4Kn loop device", 2 * MIB, 4096);
	loop_writes("", "loop device");
	loop_writes("--sector-size 4096", "4Kn loop device");
	loop_in_use();
	free(buf);
	return tap_done();
}
