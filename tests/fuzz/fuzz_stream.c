/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stream: a whole stream, verified as era_apply does without a target, and dumped.
 *
 * Three times: as the bytes are, with their checksums put right, and mended. Each time a pipe is told what a file is told, and
 * a stream that is whole can be read through its index, which has the extents that were read.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/dumpflow.h"
#include "sealstream.h"
#include "world/streamfile.h"
#include "world/streamin.h"

#define PIPE_LEN 65536
#define LEN_MAX 131072

struct seen {
	struct err e;
	uint64_t extents;
	uint64_t bytes;
};

static int take_extent(struct streamin *in, struct zst *zst, uint8_t *stored, uint8_t *room, struct seen *seen)
{
	const uint8_t *content;

	seen->extents++;
	seen->bytes += in->frame.header.logical_len;
	if (in->frame.header.type == WIRE_ZERO)
		return 0;
	return streamin_stored(in, stored, &seen->e) ||
			       streamin_decode(&in->frame, in->name, zst, stored, room, &content, &seen->e)
		       ? -1
		       : 0;
}

static int take_all(struct streamin *in, int fd, struct zst *zst, uint8_t *stored, uint8_t *room, struct seen *seen)
{
	enum streamin_event event = STREAMIN_PASS;

	if (streamin_open(in, fd, "stream", &seen->e))
		return -1;
	while (event != STREAMIN_END) {
		if (streamin_next(in, &event, &seen->e))
			return -1;
		if (event == STREAMIN_EXTENT && take_extent(in, zst, stored, room, seen))
			return -1;
	}
	return 0;
}

static int verify(int fd, struct seen *seen)
{
	struct streamin *in = calloc(1, sizeof(*in));
	static uint8_t stored[2 * WIRE_CONTENT_MAX];
	struct zst *zst = zst_new();
	int rc;

	must(in && zst);
	memset(seen, 0, sizeof(*seen));
	rc = take_all(in, fd, zst, stored, stored + WIRE_CONTENT_MAX, seen);
	streamin_close(in);
	zst_free(zst);
	free(in);
	return fuzz_told(rc, &seen->e);
}

/* What does not fit into a pipe at once is left out, because nobody would write the rest; and some, for speed. */
static void verify_pipe(const uint8_t *p, size_t len, int rc, const struct seen *file)
{
	struct seen seen;
	int fds[2];

	if (len > PIPE_LEN || hash64(p, len) % 4 != 0)
		return;
	must(pipe2(fds, O_CLOEXEC) == 0);
	must(len == 0 || write(fds[1], p, len) == (ssize_t)len);
	close(fds[1]);
	must(verify(fds[0], &seen) == rc);
	must(strcmp(seen.e.text, file->e.text) == 0 && seen.e.kind == file->e.kind);
	must(seen.extents == file->extents && seen.bytes == file->bytes);
	close(fds[0]);
}

/* Numbers of a stream are not negative, whatever it says. */
static void check_json(const char *text)
{
	const char *p = text;

	while ((p = strstr(p, "\":-"))) {
		must(p > text && p[-1] == '\\');
		p++;
	}
}

static void dump(int fd, bool json, bool whole)
{
	struct err e = {0};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int rc;

	must(f && lseek(fd, 0, SEEK_SET) == 0);
	rc = fuzz_told(dumpflow_run(fd, "stream", json, f, &e), &e);
	must(fclose(f) == 0);
	must(!whole || rc == 0);
	if (json)
		check_json(text);
	free(text);
}

/* The index leads to what was read front to back. */
static void through_index(int fd, const struct seen *seen)
{
	struct streamfile s;
	struct streamfile_walk w;
	struct wire_entry n;
	struct seen index = {0};
	char path[64];
	uint32_t pass;
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must(streamfile_open(&s, path, &index.e) == 0);
	for (pass = 1; pass <= s.end.passes; pass++) {
		must(streamfile_walk_begin(&w, &s, pass, &index.e) == 0);
		while ((rc = streamfile_walk_next(&w, &n, &index.e)) == 1) {
			index.extents++;
			index.bytes += n.len;
			must(n.pass == pass);
		}
		must(rc == 0);
		streamfile_walk_end(&w);
	}
	must(index.extents == seen->extents && index.bytes == seen->bytes);
	streamfile_close(&s);
}

static void try_stream(const uint8_t *p, size_t len)
{
	const int fd = memfd_create("stream", MFD_CLOEXEC);
	struct seen seen;
	int rc;

	must(fd >= 0 && (len == 0 || pwrite(fd, p, len, 0) == (ssize_t)len));
	rc = verify(fd, &seen);
	verify_pipe(p, len, rc, &seen);
	dump(fd, len % 2, rc == 0);
	if (rc == 0) {
		dump(fd, len % 2 == 0, true);
		through_index(fd, &seen);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *room;

	if (len > LEN_MAX)
		return 0;
	room = malloc(len + MEND_MORE);
	must(room);
	try_stream(data, len);
	memcpy(room, data, len);
	seal_stream(room, len);
	try_stream(room, len);
	try_stream(room, mend_stream(data, len, room));
	free(room);
	return 0;
}
