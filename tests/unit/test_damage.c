/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No damage passes. A full, and an incremental of two passes that grows the image, are cut at every
 * byte and have every bit inverted, one at a time; so is the full over another image, with fewer
 * bits. Each is applied to a fresh target, and then must hold:
 *
 *	applyflow_run says ERR_CORRUPT;
 *	every block of the target is as it was, or as some pass of the stream would have made it;
 *	the state says what it said, and then the target is as it was to the byte; or it says
 *	"applying" over what it said, or over nothing where the full is older than that; it never
 *	says "at" anything new;
 *	the undamaged stream, applied to what was left, makes the right image and state.
 *
 * A failure sets the process's stop flag, so each run is a child of its own.
 */
#include "flow/applyflow.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/copyflow.h"
#include "flow/target.h"
#include "pure/state.h"
#include "tap.h"

#define GRANULE 512u
/* Odd sizes. What is in a last block is noise alone: there is DATA that is stored raw. */
#define OLD_TAIL 100u
#define NEW_TAIL 264u
#define OLD_SIZE (65536u + OLD_TAIL)
#define NEW_SIZE (65536u + 3 * GRANULE + NEW_TAIL)

#define STREAM_MAX 16384u
#define WORKERS    2u
#define HEAL_EVERY 7u /* inverted bits; after every cut */
#define NAMED      5u /* bad cases of a kind that are named, by each worker */

struct image {
	size_t size; /* 0: there is none */
	uint8_t bytes[NEW_SIZE];
};

/* A stream, the target it is for, and what becomes of it. */
struct subject {
	const char *what;
	bool force;
	bool forgets; /* older than what was there, which is no parent any more then */
	unsigned int step; /* of the bits: 1 takes all */
	uint8_t stream[STREAM_MAX];
	size_t len;
	struct image old;
	struct image middle; /* after the first of two passes */
	struct image new;
	char old_state[STATE_TEXT_MAX]; /* empty: no file */
	struct state old_parsed;
};

/* What a child is told to do and what became of it, in memory it shares. */
struct verdict {
	enum err_kind kind;
	char text[200];
};

struct tally {
	unsigned int cases;
	unsigned int bad;
	unsigned int written; /* cases that left something written */
	unsigned int healed;
};

enum damage { CUT, FLIP };

static char dir[64];

/* Instead of libc's: nothing here outlives the machine, and there are 100,000 of them. */
int fsync(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* Files */

static void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static const char *path(const char *name, unsigned int worker)
{
	static char buf[4][128];
	static unsigned int next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s%u", dir, name, worker);
	return p;
}

static void put(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd))
		die("cannot write a file");
}

/* Bytes read, or -1 where there is no such file. */
static ssize_t get(const char *name, void *bytes, size_t room)
{
	int fd = open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, bytes, room);
	close(fd);
	return n;
}

static void get_image(const char *name, struct image *img)
{
	ssize_t n;

	memset(img, 0, sizeof(*img));
	n = get(name, img->bytes, sizeof(img->bytes));
	img->size = n < 0 ? 0 : (size_t)n;
}

/* The target and its state as they are before the stream. */
static void put_old(const struct subject *s, unsigned int worker)
{
	const char *image = path("image", worker);
	const char *state = path("state", worker);

	unlink(image);
	unlink(state);
	if (s->old.size)
		put(image, s->old.bytes, s->old.size);
	if (s->old_state[0])
		put(state, s->old_state, strlen(s->old_state));
}

/* Applying */

static void apply(const struct subject *s, int fd, unsigned int worker, struct verdict *v)
{
	struct applyflow_opts o = {
		.target = path("image", worker), .force = s->force, .threads = 1};
	struct applyflow_result r;
	struct err e = {0};

	o.state = path("state", worker);
	if (lseek(fd, 0, SEEK_SET) != 0)
		die("cannot seek");
	if (applyflow_run(fd, "stream", &o, &r, &e) == 0 && e.kind != ERR_NONE)
		snprintf(e.text, sizeof(e.text), "no failure, and an error");
	else if (r.was_there)
		snprintf(e.text, sizeof(e.text), "says that the target was there");
	v->kind = e.kind;
	snprintf(v->text, sizeof(v->text), "%.199s", e.text);
}

/* The same in a child. False where it did not end by itself. */
static bool apply_in_child(const struct subject *s, int fd, unsigned int worker, struct verdict *v)
{
	pid_t pid;
	int status = 0;

	memset(v, 0, sizeof(*v));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		apply(s, fd, worker, v);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("cannot fork");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	snprintf(v->text, sizeof(v->text), "ended with status 0x%x", (unsigned int)status);
	return false;
}

/* What is left */

static bool same(const struct image *a, const struct image *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Behind an image's end its bytes are zeros, which is what a grow adds. */
static bool block_is_one_of(const struct subject *s, const struct image *now, size_t at)
{
	const size_t n = NEW_SIZE - at < GRANULE ? NEW_SIZE - at : GRANULE;

	return memcmp(now->bytes + at, s->old.bytes + at, n) == 0 ||
	       memcmp(now->bytes + at, s->middle.bytes + at, n) == 0 ||
	       memcmp(now->bytes + at, s->new.bytes + at, n) == 0;
}

static bool image_is_mixture(const struct subject *s, const struct image *now)
{
	size_t at;

	if (now->size != 0 && now->size != s->old.size && now->size != s->new.size)
		return false;
	for (at = 0; at < NEW_SIZE; at += GRANULE)
		if (!block_is_one_of(s, now, at))
			return false;
	return true;
}

static bool same_token(const struct token *a, const struct token *b)
{
	char x[TOKEN_LEN];
	char y[TOKEN_LEN];

	return strcmp(token_print(a, x), token_print(b, y)) == 0;
}

/* NULL, or what is wrong with what the damaged stream has left. */
static const char *judge(const struct subject *s, unsigned int worker, bool *changed)
{
	static struct image now;
	char text[STATE_TEXT_MAX] = "";
	struct state state;
	struct err e = {0};

	get_image(path("image", worker), &now);
	if (get(path("state", worker), text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	*changed = strcmp(text, s->old_state) != 0 || !same(&now, &s->old);
	if (strcmp(text, s->old_state) == 0)
		return same(&now, &s->old) ? NULL : "the target changed, its state did not";
	if (state_parse(text, &state, &e))
		return "the state cannot be read, or is gone";
	if (!state.applying)
		return "the state does not say that it is being applied";
	if (s->forgets ? !state.at.full : !same_token(&state.at, &s->old_parsed.at))
		return "the state says \"at\" something new";
	if (!image_is_mixture(s, &now))
		return "the target holds what no pass brings";
	return NULL;
}

static const char *judge_healed(const struct subject *s, unsigned int worker)
{
	static struct image now;
	char text[STATE_TEXT_MAX] = "";
	struct state state;
	struct err e = {0};

	get_image(path("image", worker), &now);
	if (!same(&now, &s->new))
		return "healing: another image";
	if (get(path("state", worker), text, sizeof(text) - 1) < 0 || state_parse(text, &state, &e))
		return "healing: the state cannot be read";
	if (state.applying || memcmp(state.at.id, s->stream + 16, WIRE_ID_LEN) != 0)
		return "healing: another state";
	return NULL;
}

/* Cases */

static unsigned int nr_cases(const struct subject *s, enum damage d)
{
	return (unsigned int)(d == CUT ? s->len : (8 * s->len + s->step - 1) / s->step);
}

static void note(struct tally *t, const struct subject *s, enum damage d, unsigned int at,
		 const char *why, const struct verdict *v)
{
	if (t->bad++ >= NAMED)
		return;
	if (d == CUT)
		printf("# %s, cut at byte %u", s->what, at);
	else
		printf("# %s, bit %u of byte %u inverted", s->what, at % 8, at / 8);
	printf(": %s (%s)\n", why, v->text);
	fflush(stdout);
}

/* Damage the file of the stream at a byte or bit; or undo that. */
static void damage(const struct subject *s, int fd, enum damage d, unsigned int at, bool undo)
{
	uint8_t b;

	if (d == CUT) {
		if (ftruncate(fd, undo ? 0 : (off_t)at) ||
		    (undo && pwrite(fd, s->stream, s->len, 0) != (ssize_t)s->len))
			die("cannot cut a file");
		return;
	}
	b = s->stream[at / 8];
	if (!undo)
		b ^= (uint8_t)(1u << at % 8);
	if (pwrite(fd, &b, 1, at / 8) != 1)
		die("cannot change a file");
}

static void one(const struct subject *s, enum damage d, unsigned int i, int fd, unsigned int worker,
		struct verdict *v, struct tally *t)
{
	const unsigned int at = d == CUT ? i : i * s->step;
	const char *why;
	bool changed = true;

	t->cases++;
	damage(s, fd, d, at, false);
	if (!apply_in_child(s, fd, worker, v))
		why = "no verdict";
	else if (v->kind != ERR_CORRUPT)
		why = v->kind == ERR_NONE ? "was applied" : "another error than corrupt";
	else
		why = judge(s, worker, &changed);
	t->written += changed;
	damage(s, fd, d, at, true);
	if (!why && (d == CUT || i % HEAL_EVERY == 0)) {
		t->healed++;
		changed = true;
		if (!apply_in_child(s, fd, worker, v) || v->kind != ERR_NONE)
			why = "healing: the undamaged stream is refused";
		else
			why = judge_healed(s, worker);
	}
	if (why)
		note(t, s, d, at, why, v);
	if (changed || why)
		put_old(s, worker);
}

static void work(const struct subject *s, enum damage d, unsigned int worker, struct verdict *v,
		 struct tally *t)
{
	unsigned int i;
	int fd;

	put(path("stream", worker), s->stream, s->len);
	fd = open(path("stream", worker), O_RDWR);
	if (fd < 0)
		die("cannot open a file");
	put_old(s, worker);
	for (i = worker; i < nr_cases(s, d); i += WORKERS)
		one(s, d, i, fd, worker, v, t);
	close(fd);
}

static void all(const struct subject *s, enum damage d)
{
	struct tally *t = mmap(NULL, WORKERS * sizeof(*t) + WORKERS * sizeof(struct verdict),
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct verdict *v = (struct verdict *)(t + WORKERS);
	struct tally sum = {0};
	unsigned int w;
	int status = 0;

	if (t == MAP_FAILED)
		die("no memory");
	fflush(stdout);
	for (w = 0; w < WORKERS; w++) {
		const pid_t pid = fork();

		if (pid == 0) {
			work(s, d, w, v + w, t + w);
			_exit(0);
		}
	}
	for (w = 0; w < WORKERS; w++)
		if (wait(&status) < 0 || status != 0)
			die("a worker failed");
	for (w = 0; w < WORKERS; w++) {
		sum.cases += t[w].cases;
		sum.bad += t[w].bad;
		sum.written += t[w].written;
		sum.healed += t[w].healed;
	}
	ok(sum.bad == 0 && sum.cases == nr_cases(s, d),
	   "%s, %s: %u cases, %u wrong; %u left a "
	   "mixture, %u were healed",
	   s->what,
	   d == CUT	  ? "cut at every byte"
	   : s->step == 1 ? "every bit inverted"
			  : "some bits inverted",
	   sum.cases, sum.bad, sum.written, sum.healed);
	/* A test that never comes to the writes would prove little. */
	ok(sum.written > sum.cases / 20 && sum.written < sum.cases, "... some before the first "
								    "write, some behind it");
	munmap(t, WORKERS * sizeof(*t) + WORKERS * sizeof(struct verdict));
}

/* Making the streams */

static void pass(struct streamout *out, const struct image *img, const struct wire_pass *p,
		 const bool *blocks)
{
	const struct copyflow_opts opts = {.threads = 1};
	struct blockset set = {0};
	struct source src;
	struct err e = {0};
	size_t i;

	put(path("source", 0), img->bytes, img->size);
	if (blockset_init(&set, (img->size + GRANULE - 1) / GRANULE, &e))
		die(e.text);
	for (i = 0; i < set.nr_blocks; i++)
		if (blocks[i])
			blockset_add(&set, i, i + 1);
	if (source_open(&src, path("source", 0), &e) || streamout_pass(out, p, &set, &e) ||
	    copyflow_pass(&src, &set, out, &opts, &e))
		die(e.text);
	source_close(&src);
	blockset_fini(&set);
}

/* Blocks that differ; blocks the older image does not have do. */
static void differing(const struct image *a, const struct image *b, bool *blocks)
{
	size_t at;

	for (at = 0; at < NEW_SIZE; at += GRANULE) {
		const size_t n = NEW_SIZE - at < GRANULE ? NEW_SIZE - at : GRANULE;

		blocks[at / GRANULE] =
			at + GRANULE > a->size || memcmp(a->bytes + at, b->bytes + at, n) != 0;
	}
}

static void make_stream(struct subject *s, const struct wire_head *head)
{
	static struct streamout out;
	struct wire_pass p = {1, head->since, head->era_c};
	bool blocks[NEW_SIZE / GRANULE + 1];
	struct err e = {0};
	ssize_t n;
	int fd;

	memset(&out, 0, sizeof(out));
	fd = open(path("made", 0), O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || streamout_open(&out, fd, "made", 3, head, &e))
		die(e.text);
	memset(blocks, true, sizeof(blocks));
	if (head->kind != WIRE_FULL)
		differing(&s->old, &s->middle, blocks);
	pass(&out, &s->middle, &p, blocks);
	if (head->flags & WIRE_HEAD_PASSES) {
		p = (struct wire_pass){2, head->era_c, head->era_c + 1};
		differing(&s->middle, &s->new, blocks);
		pass(&out, &s->new, &p, blocks);
	}
	if (streamout_end(&out, head->consistency, 0, &e))
		die(e.text);
	streamout_close(&out);
	close(fd);
	n = get(path("made", 0), s->stream, sizeof(s->stream));
	if (n <= 0 || n == sizeof(s->stream))
		die("the stream is larger than it should be");
	s->len = (size_t)n;
}

/* Once without damage, for the image, and for the state the next one starts from. */
static void try(const struct subject *s, char state[STATE_TEXT_MAX])
{
	struct verdict *v =
		mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *why;
	int fd;

	if (v == MAP_FAILED)
		die("no memory");
	put(path("stream", 0), s->stream, s->len);
	fd = open(path("stream", 0), O_RDWR);
	put_old(s, 0);
	why = apply_in_child(s, fd, 0, v) && v->kind == ERR_NONE ? judge_healed(s, 0) : v->text;
	ok(!why, "%s, undamaged: %zu bytes", s->what, s->len);
	if (why)
		die(why);
	memset(state, 0, STATE_TEXT_MAX);
	get(path("state", 0), state, STATE_TEXT_MAX - 1);
	close(fd);
	munmap(v, sizeof(*v));
}

static void fill(struct image *img, size_t begin, size_t end, const char *with)
{
	const size_t n = strlen(with);
	size_t i;

	for (i = begin; i < end; i++)
		img->bytes[i] = n ? (uint8_t)with[i % n] : 0;
}

static void noise(struct image *img, size_t begin, size_t end)
{
	size_t i;

	for (i = begin; i < end; i++)
		img->bytes[i] = (uint8_t)(rand() >> 8);
}

static void set_old_state(struct subject *s, const char *text)
{
	struct err e = {0};

	strcpy(s->old_state, text);
	s->old_parsed.at.full = true;
	if (text[0] && state_parse(text, &s->old_parsed, &e))
		die("the state is not one");
}

static void head_of(struct wire_head *h, uint8_t id, uint8_t kind, size_t size)
{
	memset(h, 0, sizeof(*h));
	memset(h->stream_id, id, WIRE_ID_LEN);
	memset(h->state_id, id, WIRE_ID_LEN);
	memset(h->generation, 0x47, WIRE_ID_LEN);
	h->era_c = id;
	h->size = size;
	h->time = 1700000000;
	h->granule = GRANULE;
	h->sector = 512;
	h->kind = kind;
	h->cut = WIRE_CUT_FENCE;
	h->consistency = WIRE_CRASH_CONSISTENT;
	strcpy(h->field[WIRE_HOST], "host");
}

static struct subject full = {.what = "a full", .step = 1};
static struct subject over = {.what = "a full over another image", .force = true, .forgets = true,
			      .step = 9};
static struct subject incr = {.what = "an incremental of two passes that grows", .step = 1};

static void make_full(char state[STATE_TEXT_MAX])
{
	struct wire_head h;

	full.middle.size = OLD_SIZE;
	fill(&full.middle, 1024, 9000, "a full, and its text. ");
	noise(&full.middle, 9000, 9100);
	fill(&full.middle, 40000, 50000, "some more of it; ");
	noise(&full.middle, OLD_SIZE - OLD_TAIL, OLD_SIZE);
	full.new = full.middle;
	head_of(&h, 10, WIRE_FULL, OLD_SIZE);
	make_stream(&full, &h);
	set_old_state(&full, "");
	try(&full, state);

	/* The same stream, where something else was: larger, of another stream, nowhere zero. */
	memcpy(over.stream, full.stream, full.len);
	over.len = full.len;
	over.middle = full.middle;
	over.new = full.new;
	over.old.size = NEW_SIZE;
	fill(&over.old, 0, NEW_SIZE, "what was there before ");
}

static void make_incr(const char *state)
{
	struct wire_head h;
	char after[STATE_TEXT_MAX];

	incr.old = full.new;
	set_old_state(&incr, state);
	incr.middle = incr.old;
	incr.middle.size = NEW_SIZE;
	fill(&incr.middle, 512, 1024, "first pass ");
	fill(&incr.middle, 4096, 6144, "");
	noise(&incr.middle, 30000, 30080);
	fill(&incr.middle, OLD_SIZE + 900, NEW_SIZE, "what it grew by ");
	incr.new = incr.middle;
	fill(&incr.new, 4608, 5120, "second pass ");
	fill(&incr.new, 40960, 43008, "");
	noise(&incr.new, NEW_SIZE - NEW_TAIL, NEW_SIZE);
	head_of(&h, 20, WIRE_INCREMENTAL, NEW_SIZE);
	memset(h.parent_id, 10, WIRE_ID_LEN);
	h.since = 10;
	h.parent_size = OLD_SIZE;
	h.flags = WIRE_HEAD_PASSES;
	make_stream(&incr, &h);
	try(&incr, after);

	/* The state of the other image: at another stream. */
	over.old = incr.new;
	set_old_state(&over, after);
	memset(over.old.bytes + 2000, 'x', 30000);
}

static void clean_up(void)
{
	static const char *const names[] = {"image", "state", "stream", "source", "made"};
	unsigned int w;
	size_t i;

	for (w = 0; w < WORKERS; w++)
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			unlink(path(names[i], w));
	/* Fails where a run has left a file of its own. */
	ok(rmdir(dir) == 0, "no other file is left");
}

int main(void)
{
	static const struct subject *const subjects[] = {&full, &incr, &over};
	char state[STATE_TEXT_MAX];
	size_t i;

	strcpy(dir, "/tmp/test_damage.XXXXXX");
	if (!mkdtemp(dir))
		die("cannot make a directory");
	srand(1);
	make_full(state);
	make_incr(state);
	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		all(subjects[i], CUT);
		all(subjects[i], FLIP);
	}
	clean_up();
	return tap_done();
}
