/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * index: a stored stream, found through its footer and read through its index, as a restore and a merge do. Nothing of it was
 * checked front to back, so every word of the index may lie. Checksums are put right.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "sealstream.h"
#include "world/streamfile.h"
#include "world/streamin.h"

#define LEN_MAX 131072

struct room {
	struct zst *zst;
	uint8_t stored[WIRE_CONTENT_MAX];
	uint8_t content[WIRE_CONTENT_MAX];
};

static void take_data(const struct streamfile *s, const struct wire_entry *n, struct room *r)
{
	struct streamin_frame f = {.position = n->position};
	const uint8_t *content;
	struct err e = {0};

	if (fuzz_told(streamfile_data(s, n, &f.header, r->stored, &e), &e))
		return;
	must(f.header.offset == n->offset && f.header.logical_len == n->len);
	fuzz_told(streamin_decode(&f, s->name, r->zst, r->stored, r->content, &content, &e), &e);
}

/* Returns how many entries there were. */
static uint64_t walk(const struct streamfile *s, uint32_t pass, struct room *r)
{
	struct streamfile_walk w;
	struct wire_entry n;
	struct err e = {0};
	uint64_t nr = 0;
	uint64_t end = 0;

	must(streamfile_walk_begin(&w, s, pass, &e) == 0);
	while (fuzz_told(streamfile_walk_next(&w, &n, &e), &e) == 1) {
		must(n.offset >= end && n.len > 0 && n.offset + n.len <= s->head.size && n.pass == pass);
		end = n.offset + n.len;
		nr++;
		if (n.type == WIRE_DATA)
			take_data(s, &n, r);
	}
	must(e.kind == ERR_NONE);
	streamfile_walk_end(&w);
	return nr;
}

static void try_file(const uint8_t *p, size_t len)
{
	static struct room room;
	struct room *r = &room;
	const int fd = memfd_create("stream", MFD_CLOEXEC);
	struct streamfile s;
	struct err e = {0};
	char path[64];
	uint64_t nr = 0;
	uint32_t pass;

	must(fd >= 0 && (len == 0 || pwrite(fd, p, len, 0) == (ssize_t)len));
	r->zst = zst_new();
	must(r->zst);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fuzz_told(streamfile_open(&s, path, &e), &e) == 0) {
		for (pass = 1; pass <= s.end.passes; pass++)
			nr += walk(&s, pass, r);
		must(nr == s.nr_entries);
	}
	streamfile_close(&s);
	close(fd);
	zst_free(r->zst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (len > LEN_MAX)
		return 0;
	copy = fuzz_copy(data, len);
	seal_stream(copy, len);
	try_file(copy, len);
	free(copy);
	return 0;
}
