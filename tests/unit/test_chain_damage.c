/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No damage of a stored stream gives wrong bytes. A full and an incremental of two passes that grows the image are cut at
 * every byte, have a byte too many, and have bits inverted, one at a time: all of the full, every third of the rest. Then
 * restoreflow
 *
 *	gives the right image, where what is damaged is not needed: MAP, PASS, the headers of ZERO; or
 *	says ERR_CORRUPT with the file's name, and the target's state does not say "at".
 *
 * And so does mergeflow: what it made of damaged streams, without an error, gives the right image.
 *
 * A failure may set the process's stop flag, and then the next case needs a process of its own.
 */
#include "streams.h"

#include <sys/mman.h>

#include "flow/mergeflow.h"
#include "flow/restoreflow.h"
#include "system/stop.h"
#include "tap.h"

#define GRANULE  512u
#define OLD_SIZE (20u * GRANULE + 100)
#define NEW_SIZE (22u * GRANULE + 264)
#define NAMED	 5u

static const char *const paths[2] = {"a.era", "b.era"};
static uint8_t *streams[2];
static size_t lens[2];
static uint8_t *want; /* of NEW_SIZE */

/* What all children share. */
struct tally {
	unsigned int next;
	unsigned int bad;
	unsigned int right;
	unsigned int refused;
};

/* Instead of libc's: nothing here outlives the machine. */
int fsync(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* The streams */

static void change(unsigned int seed)
{
	scratch_put("src", 5 * GRANULE, 100 + seed, seed);
	scratch_put("src", 9 * GRANULE + 7, 20, seed);
}

static void between(unsigned int pass)
{
	change(pass + 10);
}

static bool make_streams(void)
{
	struct stream_opts o = {.granule = GRANULE, .level = 3, .threads = 1, .id = 1, .era_c = 5, .kind = WIRE_FULL};
	struct blockset sets[2];
	struct err e = {0};

	scratch_size("src", OLD_SIZE);
	change(1);
	scratch_put("src", OLD_SIZE - 50, 50, 3);
	blockset_init(&sets[0], num_div_up(OLD_SIZE, GRANULE), &e);
	blockset_add(&sets[0], 0, sets[0].nr_blocks);
	if (stream_make(paths[0], "src", sets, 1, NULL, &o, &e))
		return false;
	blockset_fini(&sets[0]);
	scratch_size("src", NEW_SIZE);
	change(2);
	scratch_put("src", NEW_SIZE - 30, 30, 3);
	blockset_init(&sets[0], num_div_up(NEW_SIZE, GRANULE), &e);
	blockset_init(&sets[1], num_div_up(NEW_SIZE, GRANULE), &e);
	blockset_add(&sets[0], 5, 7);
	blockset_add(&sets[0], 12, 13);
	blockset_add(&sets[0], OLD_SIZE / GRANULE, sets[0].nr_blocks);
	blockset_add(&sets[1], 5, 6);
	blockset_add(&sets[1], 9, 10);
	o = (struct stream_opts){.granule = GRANULE, .level = 3, .threads = 1, .id = 2, .since = 5, .era_c = 6,
				 .parent_size = OLD_SIZE, .kind = WIRE_INCREMENTAL, .passes = true};
	if (stream_make(paths[1], "src", sets, 2, between, &o, &e))
		return false;
	blockset_fini(&sets[0]);
	blockset_fini(&sets[1]);
	streams[0] = scratch_get(paths[0], &lens[0]);
	streams[1] = scratch_get(paths[1], &lens[1]);
	want = scratch_get("src", &(size_t){0});
	return true;
}

static void put(const char *path, const uint8_t *p, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, len) != (ssize_t)len)
		abort();
	close(fd);
}

/* Cases: cut behind n bytes for n < len; a byte more; then the bits, or some of them. */
static unsigned int nr_cases(unsigned int which, unsigned int step)
{
	return (unsigned int)(lens[which] + 1 + (8 * lens[which] + step - 1) / step);
}

static void damage(unsigned int which, unsigned int n, unsigned int step)
{
	const size_t len = lens[which];
	uint8_t *p = streams[which];

	if (n <= len) {
		put(paths[which], p, n < len ? n : len + 1); /* scratch_get has a byte behind */
		return;
	}
	n = (n - (unsigned int)len - 1) * step;
	p[n / 8] ^= (uint8_t)(1u << n % 8);
	put(paths[which], p, len);
	p[n / 8] ^= (uint8_t)(1u << n % 8);
}

/* What is done with them: NULL, or what is wrong */

static const char *judge_image(const char *image)
{
	size_t len;
	uint8_t *p = scratch_get(image, &len);
	const bool same = p && len == NEW_SIZE && memcmp(p, want, len) == 0;

	free(p);
	return same ? NULL : "no error, and wrong bytes";
}

static const char *judge_error(unsigned int which, const struct err *e)
{
	if (e->kind != ERR_CORRUPT)
		return "an error of another kind";
	return strstr(e->text, paths[which]) ? NULL : "an error that does not name the file";
}

static bool state_says_at(const char *state)
{
	size_t len;
	uint8_t *p = scratch_get(state, &len);
	const bool at = p && !strstr((char *)p, "\napplying ");

	free(p);
	return at;
}

static const char *restored(unsigned int which, bool *right, struct err *e)
{
	const struct restoreflow_opts o = {.paths = paths, .nr = 2, .target = "t", .threads = 1};
	struct restoreflow_result r;

	unlink("t");
	unlink("t.era");
	*right = restoreflow(&o, &r, e) == 0;
	if (*right)
		return judge_image("t");
	if (state_says_at("t.era"))
		return "an error, and the state says \"at\"";
	return judge_error(which, e);
}

static const char *merged(unsigned int which, bool *right, struct err *e)
{
	const int fd = open("x.era", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const struct mergeflow_opts o = {.paths = paths, .nr = 2, .level = 1, .threads = 2};
	struct mergeflow_result r;

	*right = mergeflow(&o, fd, "x.era", &r, e) == 0;
	close(fd);
	if (!*right)
		return judge_error(which, e);
	unlink("t");
	unlink("t.era");
	if (stream_apply_here("x.era", "t", NULL, false, 1, e))
		return "it made a stream that does not apply";
	return judge_image("t");
}

typedef const char *(*judge_fn)(unsigned int which, bool *right, struct err *e);

static void one(unsigned int which, unsigned int n, unsigned int step, judge_fn judge, struct tally *t)
{
	struct err e = {0};
	bool right = false;
	const char *why;

	damage(which, n, step);
	why = judge(which, &right, &e);
	t->right += right;
	t->refused += !right;
	if (!why || t->bad++ >= NAMED)
		return;
	if (n <= lens[which])
		printf("# %s, %u bytes of %zu: %s: %s\n", paths[which], n, lens[which], why, e.text);
	else
		printf("# %s, bit %zu: %s: %s\n", paths[which], (n - lens[which] - 1) * step, why, e.text);
	fflush(stdout);
}

/* Cases until one has set the stop flag. */
static void child(unsigned int which, unsigned int nr, unsigned int step, judge_fn judge, struct tally *t)
{
	while (t->next < nr && !stop_requested()) {
		alarm(20);
		one(which, t->next, step, judge, t);
		t->next++;
	}
}

static void all_cases(unsigned int which, unsigned int step, const char *what, judge_fn judge)
{
	const unsigned int nr = nr_cases(which, step);
	struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	memset(t, 0, sizeof(*t));
	while (t->next < nr && status == 0) {
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			child(which, nr, step, judge, t);
			_exit(0);
		}
		waitpid(pid, &status, 0);
	}
	put(paths[which], streams[which], lens[which]);
	ok(status == 0 && t->bad == 0 && t->right + t->refused == nr,
	   "%s damaged in %u ways, %s: no wrong bytes (status %d)", paths[which], nr, what, status);
	/* Most of a stream is needed, but not all. */
	ok(t->right > 100 && t->refused > 2 * t->right, "among them %u were right, %u refused", t->right, t->refused);
	munmap(t, sizeof(*t));
}

int main(void)
{
	struct err e = {0};
	bool right;

	scratch_begin();
	if (!ok(make_streams(), "a full and an incremental"))
		return tap_done();
	ok(restored(0, &right, &e) == NULL && right, "restored without damage: %s", e.text);
	ok(merged(0, &right, &e) == NULL && right, "merged without damage: %s", e.text);
	printf("# %zu and %zu bytes\n", lens[0], lens[1]);
	all_cases(0, 1, "restored", restored);
	all_cases(1, 3, "restored", restored);
	all_cases(0, 3, "merged", merged);
	all_cases(1, 3, "merged", merged);
	return tap_done();
}
