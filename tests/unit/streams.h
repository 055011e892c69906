/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streams: images that change at random, and streams of them in files, made and applied by the same
 * flows that the programs call.
 */
#ifndef ERA_TESTS_STREAMS_H
#define ERA_TESTS_STREAMS_H

#include "flow/applyflow.h"
#include "flow/copyflow.h"
#include "flow/target.h"
#include "scratch.h"
#include "words/num.h"

struct stream_opts {
	uint64_t granule;
	int level;
	unsigned int threads;
	unsigned int id; /* of the stream; its parent's is one less */
	uint64_t since, era_c;
	uint64_t parent_size;
	uint8_t kind;
	bool passes;
};

/* Of the filesystem that HEAD names; NULL: none. */
static const char *stream_uuid;

__attribute__((unused)) static void stream_id(uint8_t id[WIRE_ID_LEN], unsigned int n)
{
	memset(id, 0, WIRE_ID_LEN);
	memcpy(id, &n, sizeof(n));
}

/* A HEAD that depends on nothing but the arguments. */
__attribute__((unused)) static void stream_head(struct wire_head *h, const struct stream_opts *o, uint64_t size)
{
	memset(h, 0, sizeof(*h));
	stream_id(h->stream_id, o->id);
	stream_id(h->state_id, o->id);
	if (o->kind == WIRE_INCREMENTAL)
		stream_id(h->parent_id, o->id - 1);
	memset(h->generation, 0x77, WIRE_ID_LEN);
	h->since = o->since;
	h->era_c = o->era_c;
	h->size = size;
	h->parent_size = o->parent_size;
	h->granule = o->granule;
	h->sector = 512;
	h->kind = o->kind;
	h->cut = WIRE_CUT_NONE;
	h->consistency = WIRE_CALLERS;
	h->flags = o->passes;
	strcpy(h->field[WIRE_HOST], "test");
	if (stream_uuid)
		strcpy(h->field[WIRE_FSUUID], stream_uuid);
}

/* One stream of `source` into `file`: a pass for each set, of the source as it is then. */
__attribute__((unused)) static int stream_make(const char *file, const char *source,
					       const struct blockset *sets, unsigned int nr_sets,
					       void (*between)(unsigned int pass), const struct stream_opts *o,
					       struct err *e)
{
	const struct copyflow_opts copy = {.threads = o->threads};
	struct streamout *out = calloc(1, sizeof(*out));
	struct source src = {.fd = -1};
	struct wire_pass pass = {0, o->since, o->era_c};
	struct wire_head head;
	unsigned int i;
	int rc = -1;
	int fd;

	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (source_open(&src, source, e))
		goto out;
	stream_head(&head, o, src.size);
	if (streamout_open(out, fd, file, o->level, &head, e))
		goto out;
	for (i = 0; i < nr_sets; i++) {
		pass.number = i + 1;
		if (i > 0) {
			pass.since = pass.era_c++;
			between(i);
		}
		if (streamout_pass(out, &pass, &sets[i], e) || copyflow_pass(&src, &sets[i], out, &copy, e))
			goto out;
	}
	rc = streamout_end(out, WIRE_CALLERS, 0, e);
out:
	close(fd);
	source_close(&src);
	streamout_close(out);
	free(out);
	return rc;
}

static int stream_apply_here(const char *file, const char *target, const char *undo, bool force,
			     unsigned int threads, struct err *e)
{
	const struct applyflow_opts o = {.target = target, .undo = undo, .force = force, .threads = threads};
	struct applyflow_result r;
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	const int rc = applyflow_run(fd, file, &o, &r, e);

	close(fd);
	return rc;
}

/*
 * target NULL: verify. In a process of its own, as the program has: a failure sets the stop flag of
 * the process.
 */
__attribute__((unused)) static int stream_apply(const char *file, const char *target, const char *undo,
						bool force, unsigned int threads, struct err *e)
{
	struct err said = {0};
	int status = -1;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		stream_apply_here(file, target, undo, force, threads, &said);
		_exit(write(fds[1], &said, sizeof(said)) != sizeof(said));
	}
	close(fds[1]);
	if (read(fds[0], &said, sizeof(said)) != sizeof(said))
		err_set(&said, ERR_RUNTIME, "the process died");
	close(fds[0]);
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) != 0 || WIFSIGNALED(status))
		err_set(&said, ERR_RUNTIME, "the process ended badly");
	if (said.kind == ERR_NONE)
		return 0;
	if (e->kind == ERR_NONE)
		*e = said;
	return -1;
}

/* Write at random: data that compresses or not, zeros, holes; never past `size`. */
__attribute__((unused)) static void stream_scribble(const char *image, uint64_t size, unsigned int times)
{
	static const uint64_t lens[] = {1, 511, 4096, 5000, 65536, 70000, 200000, 1048576, 1500000};
	const int fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint8_t *p = malloc(1500000);
	uint64_t off;
	uint64_t len;

	if (ftruncate(fd, (off_t)size))
		abort();
	for (; times > 0; times--) {
		off = (uint64_t)rand() % size;
		off = rand() % 2 ? off : off / 4096 * 4096;
		len = num_min(lens[rand() % 9], size - off);
		memset(p, rand() % 3 ? 0 : rand() % 255 + 1, len);
		if (rand() % 2)
			scratch_fill(p, len, off, (unsigned int)rand());
		if (pwrite(fd, p, len, (off_t)off) != (ssize_t)len)
			abort();
	}
	free(p);
	close(fd);
}

/* The blocks in which two images differ, and all that `now` has more; the set is made here. */
__attribute__((unused)) static void stream_diff(const char *before, const char *now, uint64_t granule,
						struct blockset *set)
{
	struct err e = {0};
	size_t a_len;
	size_t b_len;
	uint8_t *a = scratch_get(before, &a_len);
	uint8_t *b = scratch_get(now, &b_len);
	uint64_t i;
	uint64_t off;

	blockset_init(set, num_div_up(b_len, granule), &e);
	for (i = 0; i < set->nr_blocks; i++) {
		off = i * granule;
		if (off + granule > num_min(a_len, b_len) ? a_len != b_len || memcmp(a + off, b + off, b_len - off)
							  : memcmp(a + off, b + off, granule))
			blockset_add(set, i, i + 1);
	}
	free(a);
	free(b);
}

#endif
