/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo: the reverse stream brings back the exact bytes, the size and the token, after the stream was
 * applied and after it was left in the middle, on images and on a real loop device.
 */
#include "flow/undo.h"

#include "streams.h"
#include "tap.h"

#define G 65536u

static char token_before[TOKEN_LEN];

/* The target's token in words, or why it has none. */
static const char *token_of(const char *target, char word[TOKEN_LEN])
{
	struct token t;
	struct err e = {0};

	if (target_token(target, NULL, &t, &e))
		return strcpy(word, "unknown");
	return token_print(&t, word);
}

static void forget(void)
{
	static const char *const files[] = {"src", "m", "m.era", "u.era", "s.era", "keep", "cut.era"};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
}

static int make_full(const char *file, unsigned int id, uint64_t era_c)
{
	struct stream_opts o = {.granule = G, .level = 1, .threads = 2, .id = id, .era_c = era_c, .kind = WIRE_FULL};
	struct blockset set = {0};
	struct err e = {0};
	struct stat st;
	int rc;

	if (stat("src", &st))
		return -1;
	blockset_init(&set, num_div_up((uint64_t)st.st_size, G), &e);
	blockset_add(&set, 0, set.nr_blocks);
	rc = stream_make(file, "src", &set, 1, NULL, &o, &e);
	blockset_fini(&set);
	return rc;
}

/* What makes src of the mirror. */
static int make_incremental(const char *file, unsigned int id)
{
	struct stream_opts o = {.granule = G, .level = 1, .threads = 2, .id = id, .since = id - 1, .era_c = id,
				.kind = WIRE_INCREMENTAL};
	struct blockset set = {0};
	struct err e = {0};
	struct stat st;
	int rc;

	if (stat("m", &st))
		return -1;
	o.parent_size = (uint64_t)st.st_size;
	stream_diff("m", "src", G, &set);
	rc = stream_make(file, "src", &set, 1, NULL, &o, &e);
	blockset_fini(&set);
	return rc;
}

/* A mirror at a first full of `size` bytes. */
static bool begin(uint64_t size)
{
	struct err e = {0};

	forget();
	stream_scribble("src", size, 10);
	return make_full("s.era", 10, 10) == 0 && stream_apply("s.era", "m", NULL, false, 2, &e) == 0;
}

/* Keep what the mirror is, to compare. */
static void keep(void)
{
	scratch_run("cp --sparse=always m keep");
	token_of("m", token_before);
}

static bool is_kept(void)
{
	char word[TOKEN_LEN];

	return scratch_same("m", "keep") && strcmp(token_of("m", word), token_before) == 0;
}

/* The stream without its end: everything is written, and it is not complete. */
static void cut_off(uint64_t len)
{
	size_t all;
	uint8_t *p = scratch_get("s.era", &all);
	const int fd = open("cut.era", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (write(fd, p, num_min(len, all - 48)) < 0)
		abort();
	close(fd);
	free(p);
}

static bool in_the_middle(void)
{
	size_t len;
	char *text = (char *)scratch_get("m.era", &len);
	const bool is = text && strstr(text, "\napplying ");

	free(text);
	return is;
}

/* s.era over m and back; then half of it, and back. */
static void there_and_back(const char *name, bool force)
{
	struct err e = {0};

	keep();
	ok(stream_apply("s.era", "m", "u.era", force, 2, &e) == 0 && scratch_same("m", "src"),
	   "%s: applied %s", name, e.text);
	ok(stream_apply("u.era", NULL, NULL, false, 2, &e) == 0 &&
		   stream_apply("u.era", "m", NULL, false, 2, &e) == 0 && is_kept(),
	   "%s: undone: bytes, size and token are back %s", name, e.text);
	unlink("u.era");
	cut_off(UINT64_MAX);
	ok(stream_apply("cut.era", "m", "u.era", force, 2, &e) == -1 && e.kind == ERR_CORRUPT && in_the_middle(),
	   "%s: left in the middle: %s", name, e.text);
	err_clear(&e);
	ok(stream_apply("u.era", "m", NULL, false, 3, &e) == 0 && is_kept(), "%s: undone from the middle %s",
	   name, e.text);
	unlink("u.era");
}

static void kinds(void)
{
	begin(3000001);
	stream_scribble("src", 3000001, 5);
	make_incremental("s.era", 11);
	there_and_back("an incremental", false);

	begin(3000001);
	stream_scribble("src", 4500003, 5);
	make_incremental("s.era", 11);
	there_and_back("a device that grew", false);

	begin(2 * G + 100);
	stream_scribble("src", 2 * G + 900, 3);
	make_incremental("s.era", 11);
	there_and_back("a device that grew inside its last block", false);

	begin(3000001);
	unlink("src");
	stream_scribble("src", 3500000, 10);
	make_full("s.era", 20, 20);
	there_and_back("a full that is larger", false);

	begin(3000001);
	unlink("src");
	stream_scribble("src", 1000000, 10);
	make_full("s.era", 20, 20);
	there_and_back("a full that is smaller", false);

	forget();
	stream_scribble("src", 2000000, 10);
	stream_scribble("m", 2345678, 10);
	make_full("s.era", 20, 20);
	there_and_back("a full over somebody's image", true);
	ok(!scratch_there("m.era"), "which has no state afterwards");
}

static void undo_twice(void)
{
	struct err e = {0};

	begin(3000001);
	stream_scribble("src", 3000001, 5);
	make_incremental("s.era", 11);
	keep();
	stream_apply("s.era", "m", "u.era", false, 2, &e);
	ok(stream_apply("u.era", "m", NULL, false, 2, &e) == 0 && stream_apply("u.era", "m", NULL, false, 2, &e) == 0 &&
		   is_kept(), "undone twice is undone %s", e.text);
	ok(stream_apply("s.era", "m", NULL, false, 2, &e) == 0 && scratch_same("m", "src"), "and done again %s",
	   e.text);
	rename("u.era", "first.era");
	rename("s.era", "again.era");
	rename("first.era", "s.era");
	cut_off(UINT64_MAX);
	ok(stream_apply("cut.era", "m", NULL, false, 2, &e) == -1, "an undo left in the middle");
	err_clear(&e);
	ok(stream_apply("again.era", "m", NULL, false, 2, &e) == -1 && e.kind == ERR_IDENTITY,
	   "takes nothing else: %s", e.text);
	err_clear(&e);
	ok(stream_apply("s.era", "m", NULL, false, 2, &e) == 0 && is_kept(), "and is finished by itself %s", e.text);
	unlink("again.era");
}

static void refused(void)
{
	struct err e = {0};

	begin(1000000);
	stream_scribble("src", 1000000, 5);
	make_incremental("s.era", 11);
	keep();
	scratch_put("u.era", 0, 3, 1);
	ok(stream_apply("s.era", "m", "u.era", false, 2, &e) == -1 && e.kind == ERR_USAGE && is_kept(),
	   "never over a file that is there: %s", e.text);
	unlink("u.era");
	err_clear(&e);
	ok(stream_apply("s.era", "m", "no/u.era", false, 2, &e) == -1 && is_kept(),
	   "nothing is applied where the undo cannot be written: %s", e.text);
	err_clear(&e);
	ok(stream_apply("s.era", "m", "/dev/full", false, 2, &e) == -1 && is_kept(), "nor on a full disk: %s",
	   e.text);
	err_clear(&e);
	ok(stream_apply("s.era", "m", "s.era", false, 2, &e) == -1 && is_kept(), "nor over the stream: %s", e.text);
	err_clear(&e);
	cut_off(UINT64_MAX);
	stream_apply("cut.era", "m", NULL, false, 2, &e);
	err_clear(&e);
	ok(stream_apply("s.era", "m", "u.era", false, 2, &e) == -1 && e.kind == ERR_IDENTITY && !scratch_there("u.era"),
	   "not from the middle of a stream: %s", e.text);
	err_clear(&e);
	stream_apply("s.era", "m", NULL, false, 2, &e);
	unlink("u.era");
	forget();
	stream_scribble("src", 1000000, 5);
	make_full("s.era", 10, 10);
	ok(stream_apply("s.era", "m", "u.era", false, 2, &e) == -1 && e.kind == ERR_USAGE && !scratch_there("m") &&
		   !scratch_there("u.era"), "not where nothing was: %s", e.text);
	ok(!scratch_there("u.era.part") && !scratch_there("m.era.new"), "nothing is left behind");
}

/* An older full over a mirror, left in the middle: the undo is the way back; the token asks for a full. */
static void older_full(void)
{
	struct err e = {0};
	char word[TOKEN_LEN];

	begin(1000000);
	keep();
	unlink("src");
	stream_scribble("src", 1000000, 5);
	make_full("s.era", 5, 5);
	cut_off(UINT64_MAX);
	stream_apply("cut.era", "m", "u.era", false, 2, &e);
	err_clear(&e);
	ok(strcmp(token_of("m", word), "full") == 0, "half of an older full: the token asks for a full");
	ok(stream_apply("u.era", "m", NULL, false, 2, &e) == 0 && is_kept(), "and the undo leads back %s", e.text);
}

/* A device: what lies behind the stream's size stays. */
static void on_a_device(void)
{
	const char *what = "a device";
	char state[256];
	char command[256];
	char loop[32];
	struct err e = {0};

	forget();
	scratch_put("disk", 0, 4 * 1048576, 9);
	scratch_run("cp disk keep");
	if (!scratch_loop("disk", "", loop)) {
		skip(what, "no loop devices, or not root");
		return;
	}
	stream_scribble("src", 3000000 / 512 * 512, 10);
	make_full("s.era", 30, 30);
	ok(stream_apply("s.era", loop, "u.era", true, 2, &e) == 0, "%s: a full over it %s", what, e.text);
	snprintf(command, sizeof(command), "cmp -s -n 2999808 src %s", loop);
	ok(scratch_run(command) == 0, "%s: is the source", what);
	snprintf(command, sizeof(command), "cmp -s -i 2999808 keep %s", loop);
	ok(scratch_run(command) == 0, "%s: what is behind it stays", what);
	ok(stream_apply("u.era", loop, NULL, false, 2, &e) == 0, "%s: undone %s", what, e.text);
	snprintf(command, sizeof(command), "cmp -s keep %s", loop);
	ok(scratch_run(command) == 0, "%s: every byte is back", what);
	snprintf(state, sizeof(state), "%s/dev-%s.era", TARGET_STATE_DIR, loop + 5);
	ok(!scratch_there(state), "%s: no state is left", what);
	unlink(state);
	scratch_detach(loop);
}

int main(void)
{
	srand(5);
	scratch_begin();
	kinds();
	undo_twice();
	refused();
	older_full();
	on_a_device();
	return tap_done();
}
