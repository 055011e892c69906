/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fingerprint: which bytes count, and that nothing else does: not the size of a sector, not the kind of
 * file. The expected values are made the way docs/volume.md says, by another reader.
 */
#include <string.h>

#include "scratch.h"
#include "tap.h"
#include "words/hash.h"
#include "words/num.h"
#include "world/fingerprint.h"

#define MIB UINT64_C(1048576)

static bool take(const char *path, uint64_t len, uint8_t out[16])
{
	struct err e = {0};

	memset(out, 0, 16);
	if (fingerprint_device(path, len, out, &e) == 0)
		return true;
	printf("# %s\n", e.text);
	return false;
}

static void add(struct hash *h, int fd, uint64_t off, uint64_t len)
{
	uint8_t *p = malloc(len);

	if (pread(fd, p, len, (off_t)off) != (ssize_t)len)
		abort();
	hash_add(h, p, len);
	free(p);
}

/* The page of docs/volume.md, once more. */
static void by_the_book(const char *path, uint64_t s, uint8_t out[16])
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hash *h = hash_new();
	uint64_t i;

	if (s <= 8 * MIB) {
		add(h, fd, 0, s);
	} else {
		add(h, fd, 0, 4 * MIB);
		for (i = 0; i < 64; i++)
			add(h, fd, 4 * MIB + i * (4096 * ((s - 5 * MIB) / 262144)), 4096);
		if (s >= 64 * MIB + 4096)
			add(h, fd, 64 * MIB, 4096);
		add(h, fd, s - MIB, MIB);
	}
	hash_get(h, out);
	hash_free(h);
	close(fd);
}

/* A large file costs nothing: bytes are put where they count, and the rest is a hole. */
static void make(const char *path, uint64_t size)
{
	uint64_t off;

	unlink(path);
	scratch_size(path, size);
	scratch_put(path, 0, size < MIB ? size : MIB, 1);
	for (off = MIB; off + 65536 <= size; off += 512 * 1024)
		scratch_put(path, off, 65536, 2);
	if (size > 2 * MIB)
		scratch_put(path, size - MIB, MIB, 3);
}

static const uint64_t sizes[] = {
	1, 511, 512, 4096, 5 * MIB, 8 * MIB - 512, 8 * MIB, 8 * MIB + 512, 8 * MIB + 4096, 33 * MIB + 7 * 512,
	64 * MIB, 64 * MIB + 4096, 100 * MIB + 12345,
};

static void files(void)
{
	uint8_t want[16];
	uint8_t is[16];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make("f", sizes[i]);
		by_the_book("f", sizes[i], want);
		ok(take("f", sizes[i], is) && memcmp(is, want, 16) == 0, "%llu bytes: as the book has it",
		   (unsigned long long)sizes[i]);
	}
}

/* What `printf era | xxhsum -H2` prints: another program's number. */
static void a_known_value(void)
{
	static const char want[] = "4c507d33876fa0b41ccc0e1210c29fe5";
	uint8_t is[16];
	char hex[33];
	int fd;

	unlink("f");
	fd = open("f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (write(fd, "era", 3) != 3)
		abort();
	close(fd);
	take("f", 3, is);
	num_hex(is, 16, hex);
	ok(strcmp(hex, want) == 0, "three bytes: %s, as xxhsum has it", hex);
}

/* One changed byte: is it seen? */
static bool seen(const char *path, uint64_t size, uint64_t at)
{
	uint8_t before[16];
	uint8_t after[16];
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	if (!take(path, size, before) || pread(fd, &byte, 1, (off_t)at) != 1)
		abort();
	byte ^= 0x40;
	if (pwrite(fd, &byte, 1, (off_t)at) != 1 || !take(path, size, after))
		abort();
	close(fd);
	return memcmp(before, after, 16) != 0;
}

static void which_bytes(void)
{
	const uint64_t size = 512 * MIB;
	const uint64_t step = 4096 * ((size - 5 * MIB) / 262144);
	const struct {
		const char *name;
		uint64_t at;
		bool counts;
	} rows[] = {
		{"the first byte", 0, true},
		{"the last of the first 4 MiB", 4 * MIB - 1, true},
		{"the first sample", 4 * MIB, true},
		{"behind the first sample", 4 * MIB + 4096, false},
		{"before sample 17", 4 * MIB + 17 * step - 1, false},
		{"sample 17", 4 * MIB + 17 * step, true},
		{"the end of the last sample", 4 * MIB + 63 * step + 4095, true},
		{"behind the last sample", 4 * MIB + 63 * step + 4096, false},
		{"the block at 64 MiB", 64 * MIB + 4095, true},
		{"behind it", 64 * MIB + 4096, false},
		{"before the last MiB", size - MIB - 1, false},
		{"the last MiB", size - MIB, true},
		{"the last byte", size - 1, true},
	};
	size_t i;

	make("big", size);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(seen("big", size, rows[i].at) == rows[i].counts, "%s %s", rows[i].name,
		   rows[i].counts ? "counts" : "does not count");
}

/* Of a device that has grown only what the label knows. */
static void only_so_much(void)
{
	struct err e = {0};
	uint8_t small[16];
	uint8_t large[16];

	make("f", 20 * MIB);
	by_the_book("f", 10 * MIB + 512, small);
	ok(take("f", 10 * MIB + 512, large) && memcmp(small, large, 16) == 0,
	   "what is behind the size plays no part");
	ok(fingerprint_device("f", 20 * MIB + 512, large, &e) == -1 && e.kind == ERR_IDENTITY,
	   "less than there was: %s", e.text);
	err_clear(&e);
	ok(fingerprint_device("none", MIB, large, &e) == -1 && e.kind == ERR_RUNTIME, "%s", e.text);
	err_clear(&e);
	ok(fingerprint_device("/", MIB, large, &e) == -1 && e.kind == ERR_USAGE, "%s", e.text);
}

static void on_loops(void)
{
	static const char *const options[] = {"", "--sector-size 4096", "--direct-io=on"};
	static const uint64_t of[] = {4096 * 3, 8 * MIB, 8 * MIB + 4096, 100 * MIB};
	uint8_t want[16];
	uint8_t is[16];
	char loop[32];
	size_t i;
	size_t k;

	for (k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		make("f", of[k]);
		by_the_book("f", of[k], want);
		for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
			if (!scratch_loop("f", options[i], loop)) {
				skip("fingerprint of a device", "no loop devices here");
				continue;
			}
			ok(take(loop, of[k], is) && memcmp(is, want, 16) == 0,
			   "a loop device of %llu bytes, %s: the same", (unsigned long long)of[k],
			   options[i][0] ? options[i] : "plain");
			scratch_detach(loop);
		}
	}
}

int main(void)
{
	scratch_begin();
	files();
	a_known_value();
	which_bytes();
	only_so_much();
	on_loops();
	return tap_done();
}
