/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What restoreflow and mergeflow refuse, what they leave behind when they do, and what a half-done restore is: streams of
 * one small device that are no chain in every way; a target that is somebody else's.
 */
#include "streams.h"

#include "flow/mergeflow.h"
#include "flow/restoreflow.h"
#include "pure/links.h"
#include "tap.h"
#include "world/streamfile.h"

#define SIZE (64 * UINT64_C(4096))

static struct restoreflow_result restored;
static struct mergeflow_result merged;

/* Bytes at the begin of the source that are others for each version. */
static void put(size_t len, unsigned int version)
{
	scratch_put("src", 0, len, version);
}

/* A stream of the first block, or of all. */
static void stream(const char *file, struct stream_opts o)
{
	struct blockset set = {0};
	struct err e = {0};

	o.granule = o.granule ? o.granule : 4096;
	o.threads = 1;
	if (o.kind == WIRE_INCREMENTAL && o.parent_size == 0)
		o.parent_size = SIZE;
	blockset_init(&set, num_div_up(SIZE, o.granule), &e);
	blockset_add(&set, 0, o.kind == WIRE_FULL ? set.nr_blocks : 1);
	if (stream_make(file, "src", &set, 1, NULL, &o, &e))
		printf("# %s: %s\n", file, e.text);
	blockset_fini(&set);
}

static void make_streams(void)
{
	put(SIZE, 1);
	stream("full", (struct stream_opts){.id = 1, .era_c = 5, .kind = WIRE_FULL});
	put(100, 2);
	stream("second", (struct stream_opts){.id = 2, .since = 5, .era_c = 6, .kind = WIRE_INCREMENTAL});
	put(100, 3);
	stream("third", (struct stream_opts){.id = 3, .since = 6, .era_c = 7, .kind = WIRE_INCREMENTAL});
	stream("late", (struct stream_opts){.id = 2, .since = 6, .era_c = 7, .kind = WIRE_INCREMENTAL});
	stream("coarse", (struct stream_opts){
			.id = 2, .since = 5, .era_c = 6, .kind = WIRE_INCREMENTAL, .granule = 8192});
	stream("small", (struct stream_opts){
			.id = 2, .since = 5, .era_c = 6, .kind = WIRE_INCREMENTAL, .parent_size = SIZE - 1});
	stream("old", (struct stream_opts){.id = 3, .since = 0, .era_c = 0, .kind = WIRE_INCREMENTAL});
}

static int merge(const char *const *paths, unsigned int nr, const char *out, struct err *e)
{
	const struct mergeflow_opts o = {.paths = paths, .nr = nr, .level = 1, .threads = 2};
	const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const int rc = mergeflow(&o, fd, out, &merged, e);

	close(fd);
	return rc;
}

static int restore(const char *const *paths, unsigned int nr, const char *target, struct err *e)
{
	const struct restoreflow_opts o = {.paths = paths, .nr = nr, .target = target, .threads = 2};

	return restoreflow(&o, &restored, e);
}

/* Names of streams that are no chain; the one that is refused. */
static const struct {
	const char *paths[3];
	unsigned int nr;
	const char *named;
	enum err_kind kind;
	bool for_merge; /* neighbours that begin with an incremental may be merged */
	const char *why;
} rows[] = {
	{{"second", "third"}, 2, "second", ERR_IDENTITY, false, "no full at the beginning"},
	{{"full", "third"}, 2, "third", ERR_IDENTITY, true, "one is missing"},
	{{"full", "full"}, 2, "full", ERR_IDENTITY, true, "two fulls"},
	{{"full", "third", "second"}, 3, "third", ERR_IDENTITY, true, "in the wrong order"},
	{{"full", "late"}, 2, "late", ERR_IDENTITY, true, "starts at a later era than the one before ends"},
	{{"full", "coarse"}, 2, "coarse", ERR_IDENTITY, true, "other era blocks"},
	{{"full", "small"}, 2, "small", ERR_IDENTITY, true, "another size of the parent"},
	{{"full", "src"}, 2, "src", ERR_CORRUPT, true, "no stream"},
	{{"full", "nothing"}, 2, "nothing", ERR_RUNTIME, true, "no file"},
};

static void refuses(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ok(restore(rows[i].paths, rows[i].nr, "t", &e) == -1 && e.kind == rows[i].kind &&
			   strncmp(e.text, rows[i].named, strlen(rows[i].named)) == 0 && !scratch_there("t") &&
			   !scratch_there("t.era"),
		   "not restored: %s: %s", rows[i].why, e.text);
		if (!rows[i].for_merge)
			continue;
		err_clear(&e);
		ok(merge(rows[i].paths, rows[i].nr, "x", &e) == -1 && e.kind == rows[i].kind &&
			   strncmp(e.text, rows[i].named, strlen(rows[i].named)) == 0,
		   "not merged: %s: %s", rows[i].why, e.text);
	}
}

static void refuses_to_merge(void)
{
	static const char *const falls[] = {"second", "old"};
	const char *many[MERGEFLOW_LAYERS_MAX + 1];
	struct err e = {0};
	unsigned int i;

	ok(merge(falls, 1, "x", &e) == -1 && e.kind == ERR_USAGE, "one alone: %s", e.text);
	err_clear(&e);
	stream("undated", (struct stream_opts){.id = 3, .since = 0, .era_c = 3, .kind = WIRE_INCREMENTAL});
	ok(merge((const char *const[]){"second", "undated"}, 2, "x", &e) == -1 && e.kind == ERR_IDENTITY,
	   "eras that fall: %s", e.text);
	err_clear(&e);
	ok(merge(falls, 2, "x", &e) == 0, "an end without an era is none that falls: %s", e.text);
	for (i = 0; i <= MERGEFLOW_LAYERS_MAX; i++) {
		static char names[MERGEFLOW_LAYERS_MAX + 1][8];

		snprintf(names[i], sizeof(names[i]), "n%u", i);
		stream(names[i], (struct stream_opts){.id = 100 + i, .since = i, .era_c = i + 1, .kind = WIRE_INCREMENTAL});
		many[i] = names[i];
	}
	err_clear(&e);
	ok(merge(many, MERGEFLOW_LAYERS_MAX + 1, "x", &e) == -1 && e.kind == ERR_USAGE, "too many: %s", e.text);
	err_clear(&e);
	ok(merge(many, MERGEFLOW_LAYERS_MAX, "x", &e) == 0 && stream_apply("x", NULL, NULL, false, 1, &e) == 0,
	   "as many as may be %s", e.text);
}

/* A full that says it is one, and lacks a block: no reader lets it pass, but an index does not say what it should have. */
static void holes(void)
{
	static const char *const paths[] = {"hole", "second"};
	const struct stream_opts o = {.id = 1, .era_c = 5, .kind = WIRE_FULL, .granule = 4096, .threads = 1};
	struct blockset set = {0};
	struct err e = {0};

	blockset_init(&set, SIZE / 4096, &e);
	blockset_add(&set, 0, 30);
	blockset_add(&set, 31, set.nr_blocks);
	stream_make("hole", "src", &set, 1, NULL, &o, &e);
	blockset_fini(&set);
	ok(merge(paths, 2, "x", &e) == -1 && e.kind == ERR_CORRUPT, "a full with a hole is not merged: %s", e.text);
	err_clear(&e);
	ok(restore(paths, 2, "t", &e) == -1 && e.kind == ERR_CORRUPT, "nor restored: %s", e.text);
}

/* Targets */

static const char *const chain[] = {"full", "second", "third"};

static void forget(void)
{
	unlink("t");
	unlink("t.era");
}

static bool state_has(const char *text)
{
	size_t len;
	uint8_t *p = scratch_get("t.era", &len);
	const bool has = p && strstr((char *)p, text);

	free(p);
	return has;
}

static int restore_over(const char *target, struct err *e)
{
	const struct restoreflow_opts o = {.paths = chain, .nr = 3, .target = target, .threads = 2, .force = true};

	return restoreflow(&o, &restored, e);
}

static void targets(void)
{
	struct err e = {0};
	const char *const old[] = {"full"};

	forget();
	scratch_put("t", 0, 1000, 1);
	ok(restore(chain, 3, "t", &e) == -1 && e.kind == ERR_IDENTITY && strstr(e.hint, "--force") && !scratch_there("t.era"),
	   "an image with something unknown is refused: %s", e.text);
	forget();
	err_clear(&e);
	ok(restore(old, 1, "t", &e) == 0 && restore(chain, 3, "t", &e) == 0 && scratch_same("t", "src"),
	   "over an older state of the same chain");
	scratch_put("t", SIZE / 2, 10, 9);
	ok(restore(chain, 3, "t", &e) == -1 && e.kind == ERR_IDENTITY && strstr(e.hint, "--force"),
	   "an image that somebody has worked on since is not overwritten: %s", e.text);
	err_clear(&e);
	ok(restore_over("t", &e) == 0 && scratch_same("t", "src"),
	   "with a word it is, though its state says that it is there already: %s", e.text);
	ok(restore(chain, 1, "t", &e) == 0 && !scratch_same("t", "src"), "back to an older state");
}

/* Cut off in the middle by a stream that is damaged: what may go over the half. */
static void half(void)
{
	struct streamfile s;
	struct wire_entry n[WIRE_ENTRIES_MAX];
	struct err e = {0};
	uint32_t nr = 0;
	int fd;

	forget();
	restore(chain, 2, "t", &e);
	ok(streamfile_open(&s, "full", &e) == 0 && streamfile_piece(&s, 0, n, &nr, &e) == 0 && nr > 0, "the full's index");
	fd = open("full", O_RDWR | O_CLOEXEC);
	if (pwrite(fd, "x", 1, (off_t)n[nr - 1].position + 70) != 1)
		abort();
	streamfile_close(&s);
	fflush(stdout);
	if (fork() == 0)
		_exit(restore(chain, 3, "t", &e) == -1 && e.kind == ERR_CORRUPT ? 0 : 1);
	wait(&(int){0});
	ok(state_has("\napplying full "), "a restore that fails leaves a state that says so");
	ok(stream_apply("third", "t", NULL, false, 1, &e) == -1 && e.kind == ERR_IDENTITY,
	   "the last stream alone does not go over the half: %s", e.text);
	err_clear(&e);
	close(fd);
	put(SIZE, 1);
	stream("full", (struct stream_opts){.id = 1, .era_c = 5, .kind = WIRE_FULL});
	put(100, 3);
	ok(restore(chain, 3, "t", &e) == 0 && scratch_same("t", "src") && !state_has("applying"),
	   "the same again mends it %s", e.text);
}

/* An undo stream of the last stream must not go over half a merged one, and that of the merged one must. */
static void undone(void)
{
	struct err e = {0};
	const char *const two[] = {"second", "third"};

	ok(merge(two, 2, "x", &e) == 0, "two are merged %s", e.text);
	forget();
	unlink("u");
	restore(chain, 1, "t", &e);
	ok(stream_apply("x", "t", "u", false, 1, &e) == 0 && scratch_same("t", "src"), "applied with --undo %s", e.text);
	restore(chain, 1, "older", &e);
	ok(stream_apply("u", "t", NULL, false, 1, &e) == 0 && scratch_same("t", "older"), "and undone %s", e.text);
}

/* A filesystem with the UUID that the streams name: the device that is restored. */
static void known_device(void)
{
	struct restoreflow_opts o = {.paths = chain, .nr = 1, .differences = true, .threads = 2};
	const struct stream_opts so = {.id = 1, .era_c = 5, .kind = WIRE_FULL, .granule = 4096, .threads = 1};
	struct blockset set = {0};
	struct err e = {0};
	char loop[32];

	scratch_size("fs", 8 << 20);
	if (scratch_run("mkfs.ext4 -q -U 11111111-2222-3333-4444-555555555555 fs 2>/dev/null") != 0 ||
	    !scratch_loop("fs", "", loop)) {
		skip("a device with the filesystem of the stream", "no mkfs.ext4 or no loop device");
		return;
	}
	blockset_init(&set, (8 << 20) / 4096, &e);
	blockset_add(&set, 0, set.nr_blocks);
	stream_uuid = "11111111-2222-3333-4444-555555555555";
	ok(stream_make("full", "fs", &set, 1, NULL, &so, &e) == 0, "a stream of a filesystem %s", e.text);
	o.target = loop;
	o.state = "state";
	ok(restoreflow(&o, &restored, &e) == 0 && restored.written == 0, "the same filesystem: no --force is needed %s",
	   e.text);
	unlink("state");
	err_clear(&e);
	o.differences = false;
	ok(restoreflow(&o, &restored, &e) == -1 && e.kind == ERR_IDENTITY, "but where all is to be written: %s", e.text);
	err_clear(&e);
	o.differences = true;
	stream_uuid = "99999999-2222-3333-4444-555555555555";
	stream_make("full", "fs", &set, 1, NULL, &so, &e);
	ok(restoreflow(&o, &restored, &e) == -1 && e.kind == ERR_IDENTITY && !scratch_there("state"),
	   "and where it is another filesystem: %s", e.text);
	err_clear(&e);
	stream_uuid = NULL;
	stream_make("full", "fs", &set, 1, NULL, &so, &e);
	ok(restoreflow(&o, &restored, &e) == -1 && e.kind == ERR_IDENTITY, "and where the stream names none: %s", e.text);
	scratch_detach(loop);
	blockset_fini(&set);
}

int main(void)
{
	scratch_begin();
	make_streams();
	refuses();
	refuses_to_merge();
	holes();
	targets();
	half();
	undone();
	known_device();
	return tap_done();
}
