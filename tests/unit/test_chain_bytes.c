/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restore gives, by random chains of real streams.
 *
 * The model is a list of images in memory: each stream leads from one to the next. Frames are cut at random places, so
 * that newer streams shadow older frames from every side. Then must hold: the streams applied one after the other give the
 * images; restoreflow gives the image at every point; so it does when any run of neighbours was merged, and merged
 * again, until one stream is left; and every merged stream passes both decoders and applies to the mirror it starts from.
 */
#include "streams.h"

#include <sys/random.h>

#include "flow/mergeflow.h"
#include "flow/restoreflow.h"
#include "pure/links.h"
#include "tap.h"
#include "words/hash.h"
#include "world/streamfile.h"
#include "world/streamout.h"
#include "world/zst.h"

#define SEED	  20260118u
#define CHAINS	  75
#define CHAIN_MAX 7
#define SIZE_MOST 2700000u

struct image {
	uint64_t size;
	uint8_t bytes[SIZE_MOST];
};

/* A stream of the chain as it is now, and the image it leads to. */
struct point {
	char path[32];
	unsigned int image;
};

static struct image images[CHAIN_MAX];
static struct image now; /* what is being copied */
static struct point points[CHAIN_MAX];
static unsigned int nr_points;
static unsigned int nr_merged;
static uint64_t granule;
static uint64_t era;
static unsigned int piece_most; /* bytes of a DATA frame */
static uint64_t size_most;
static bool plain; /* a run is one DATA frame */
static struct zst *zst;

static struct {
	unsigned long chains, streams, restores, merges, applied, moved, recoded, skipped, pieces, passes, grown, written;
} count;

/* What is tested writes images that nobody needs after a power cut. */
int fsync(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* Ids that can be had again. */
static unsigned int nr_random;

ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	(void)flags;
	memset(buf, 0xa5, len);
	memcpy(buf, &nr_random, sizeof(nr_random));
	nr_random++;
	return (ssize_t)len;
}

static uint64_t below(uint64_t n)
{
	return ((uint64_t)rand() << 20 ^ (uint64_t)rand()) % n;
}

static bool chance(unsigned int n)
{
	return below(n) == 0;
}

/* Images */

static void fill(uint64_t off, uint64_t len)
{
	switch (below(4)) {
	case 0:
		memset(now.bytes + off, 0, len);
		break;
	case 1:
		memset(now.bytes + off, (int)below(255) + 1, len);
		break;
	default:
		scratch_fill(now.bytes + off, len, off, (unsigned int)rand());
	}
}

/* Changes of the image, which are put into the set as far as there is one. */
static void scribble(unsigned int times, struct blockset *set)
{
	uint64_t off;
	uint64_t len;

	for (; times > 0; times--) {
		off = below(now.size);
		off = chance(2) ? off / 4096 * 4096 : off;
		len = 1 + below(num_min(now.size - off, chance(3) ? now.size : 6 * granule));
		fill(off, len);
		if (set)
			blockset_add(set, off / granule, num_div_up(off + len, granule));
	}
}

/* Blocks that did not change may be in a stream too. */
static void add_idle(struct blockset *set)
{
	uint64_t b;

	for (b = 0; b < set->nr_blocks; b++)
		if (chance(10))
			blockset_add(set, b, num_min(b + 1 + below(3), set->nr_blocks));
}

/* Streams */

static uint64_t zeros_from(uint64_t off, uint64_t end)
{
	uint64_t at = off;

	while (at < end && now.bytes[at] == 0)
		at++;
	return at - off;
}

static int put_data(struct streamout *out, uint64_t off, uint64_t len, struct err *e)
{
	static uint8_t packed[WIRE_CONTENT_MAX];
	struct wire_header h = {.type = WIRE_DATA, .offset = off, .logical_len = len, .stored_len = (uint32_t)len};
	size_t n = 0;

	h.content_sum = h.stored_sum = hash64(now.bytes + off, len);
	if (out->level > 0 && !chance(4) &&
	    zst_compress(zst, out->level, now.bytes + off, len, packed, sizeof(packed), &n, e))
		return -1;
	if (n > 0) {
		h.codec = WIRE_CODEC_ZSTD;
		h.stored_len = (uint32_t)n;
		h.stored_sum = hash64(packed, n);
	}
	return streamout_data(out, &h, n > 0 ? packed : now.bytes + off, e);
}

/* Frames of any length; zeros may be ZERO or data. */
static int put_run(struct streamout *out, uint64_t off, uint64_t end, struct err *e)
{
	uint64_t len;
	uint64_t zero;

	for (; off < end; off += len) {
		zero = plain ? 0 : zeros_from(off, end);
		if (zero > 0 && !chance(5)) {
			len = chance(2) ? zero : 1 + below(zero);
			if (streamout_zero(out, off, len, e))
				return -1;
			continue;
		}
		len = plain || chance(3) ? piece_most : 1 + below(piece_most);
		len = num_min(num_min(len, end - off), (off / WIRE_MIB + 1) * WIRE_MIB - off);
		if (put_data(out, off, len, e))
			return -1;
	}
	return 0;
}

static int put_pass(struct streamout *out, const struct wire_pass *pass, const struct blockset *set, struct err *e)
{
	struct blockrun r;

	if (streamout_pass(out, pass, set, e))
		return -1;
	blockset_for_each_run(set, r)
		if (put_run(out, r.begin * granule, num_min(r.end * granule, now.size), e))
			return -1;
	return 0;
}

/* The passes of a stream; between them the image changes. */
static int put_passes(struct streamout *out, struct blockset *set, const struct stream_opts *o, struct err *e)
{
	struct wire_pass pass = {1, o->since, o->era_c};
	unsigned int nr = o->passes ? 1 + (unsigned int)below(3) : 1;

	for (;;) {
		if (put_pass(out, &pass, set, e))
			return -1;
		if (pass.number == nr)
			return streamout_end(out, WIRE_CALLERS, pass.number, e);
		count.passes++;
		blockset_fini(set);
		if (blockset_init(set, num_div_up(now.size, granule), e))
			return -1;
		scribble((unsigned int)below(4), set);
		pass.number++;
		pass.since = pass.era_c++;
		era = pass.era_c;
	}
}

static int write_stream(const char *path, struct blockset *set, const struct stream_opts *o, struct err *e)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct streamout *out = calloc(1, sizeof(*out));
	struct wire_head head;
	int rc;

	stream_head(&head, o, now.size);
	rc = streamout_open(out, fd, path, o->level, &head, e);
	if (rc == 0)
		rc = put_passes(out, set, o, e);
	streamout_close(out);
	free(out);
	close(fd);
	return rc;
}

/* Grow, change, and write what changed as stream nr. */
static int make_stream(unsigned int nr, struct err *e)
{
	static const int levels[] = {0, 1, 3};
	struct stream_opts o = {.granule = granule, .level = levels[below(3)], .id = nr + 1, .since = era,
				.era_c = era + 1 + below(3), .parent_size = nr > 0 ? now.size : 0,
				.kind = nr > 0 ? WIRE_INCREMENTAL : WIRE_FULL, .passes = chance(3)};
	struct blockset set = {0};
	int rc;

	if (nr > 0 && chance(4))
		now.size += num_min(1 + below(chance(2) ? 3 * granule : size_most / 3), size_most - now.size);
	if (nr == 0)
		o.since = 0;
	era = o.era_c;
	if (blockset_init(&set, num_div_up(now.size, granule), e))
		return -1;
	if (nr == 0)
		blockset_add(&set, 0, set.nr_blocks);
	if (now.size > o.parent_size) {
		count.grown += nr > 0;
		memset(now.bytes + o.parent_size, 0, now.size - o.parent_size);
		blockset_add(&set, o.parent_size / granule, set.nr_blocks);
	}
	scribble(nr > 0 ? (unsigned int)below(5) : 8, &set);
	if (nr > 0 && chance(2))
		add_idle(&set);
	snprintf(points[nr].path, sizeof(points[nr].path), "s%u", nr);
	points[nr].image = nr;
	rc = write_stream(points[nr].path, &set, &o, e);
	images[nr].size = now.size;
	memcpy(images[nr].bytes, now.bytes, now.size);
	blockset_fini(&set);
	count.streams++;
	return rc;
}

/* `tiny`: frames of some bytes, which fill more than one INDEX. */
static int make_chain(bool tiny, struct err *e)
{
	static const unsigned int lens[] = {8, 200, 3000, 10000, 70000, 300000, 1048576};
	static const uint64_t sizes[] = {50000, 30000, 60000, 300000, 600000, 1500000, SIZE_MOST};
	const unsigned int sort = tiny ? 0 : 1 + (unsigned int)below(6);
	const unsigned int nr = 1 + (unsigned int)below(CHAIN_MAX);

	granule = 512 * (1 + below(8));
	piece_most = lens[sort];
	size_most = sizes[sort];
	era = below(100);
	now.size = tiny ? size_most * 3 / 4 : 1 + below(size_most);
	memset(now.bytes, 0, sizeof(now.bytes));
	for (nr_points = 0; nr_points < nr; nr_points++)
		if (make_stream(nr_points, e))
			return -1;
	count.chains++;
	return 0;
}

/* Files */

static void forget(const char *image)
{
	char state[64];

	snprintf(state, sizeof(state), "%s.era", image);
	unlink(image);
	unlink(state);
}

static bool holds(const char *path, const struct image *want)
{
	size_t len;
	uint8_t *p = scratch_get(path, &len);
	const bool same = p && len == want->size && memcmp(p, want->bytes, len) == 0;
	size_t i = 0;

	if (p && !same) {
		while (i < len && i < want->size && p[i] == want->bytes[i])
			i++;
		printf("# %s: %zu bytes instead of %llu, other from byte %zu on, granule %llu\n", path, len,
		       (unsigned long long)want->size, i, (unsigned long long)granule);
	}
	free(p);
	return same;
}

static void put_image(const char *path, const struct image *from)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, from->bytes, from->size) != (ssize_t)from->size)
		abort();
	close(fd);
}

static bool failed(const char *what, const struct err *e)
{
	printf("# %s: %s\n", what, e->text);
	return false;
}

/* Restoring */

static int restore(unsigned int nr, const char *target, struct restoreflow_opts o, struct restoreflow_result *r,
		   struct err *e)
{
	const char *paths[CHAIN_MAX];
	unsigned int i;

	for (i = 0; i < nr; i++)
		paths[i] = points[i].path;
	o.paths = paths;
	o.nr = nr;
	o.target = target;
	o.threads = 1 + (unsigned int)below(3);
	count.restores++;
	return restoreflow(&o, r, e);
}

/* A failure sets the stop flag, so it needs a process of its own. Returns the error's kind. */
static enum err_kind restore_fails(unsigned int nr, const char *target, struct restoreflow_opts o)
{
	struct restoreflow_result r;
	struct err e = {0};
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		restore(nr, target, o, &r, &e);
		_exit((int)e.kind);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? (enum err_kind)WEXITSTATUS(status) : ERR_RUNTIME;
}

/* To a new image, or over something. */
static bool restore_at(unsigned int nr)
{
	const struct image *want = &images[points[nr - 1].image];
	struct restoreflow_opts o = {.force = true};
	struct restoreflow_result r;
	struct err e = {0};

	forget("r");
	if (chance(3))
		put_image("r", &images[below(CHAIN_MAX)]);
	o.differences = chance(3);
	if (restore(nr, "r", o, &r, &e))
		return failed("restore", &e);
	if (!holds("r", want) || r.data_bytes + r.zero_bytes != want->size)
		return false;
	o = (struct restoreflow_opts){.compare = true};
	return restore(nr, "r", o, &r, &e) == 0 || failed("compare", &e);
}

/* The restored image is a mirror at that state: what follows in the chain applies to it. */
static bool leads_on(unsigned int nr)
{
	struct err e = {0};

	if (nr == nr_points)
		return true;
	if (stream_apply_here(points[nr].path, "r", NULL, false, 2, &e))
		return failed("apply to what was restored", &e);
	count.applied++;
	return holds("r", &images[points[nr].image]);
}

static bool every_point(void)
{
	unsigned int nr;

	for (nr = 1; nr <= nr_points; nr++)
		if (!restore_at(nr) || !leads_on(nr)) {
			printf("# at point %u of %u\n", nr, nr_points);
			return false;
		}
	return true;
}

static bool applied(void)
{
	struct err e = {0};
	unsigned int i;

	forget("m");
	for (i = 0; i < nr_points; i++)
		if (stream_apply_here(points[i].path, "m", NULL, false, 2, &e) || !holds("m", &images[i]))
			return failed("apply", &e);
	return true;
}

/* Pages of the device in which two images differ; what one lacks is zeros. */
static uint64_t differing_pages(const struct image *a, const struct image *b)
{
	static const uint8_t zeros[4096];
	uint64_t nr = 0;
	uint64_t off;

	for (off = 0; off < b->size; off += 4096) {
		const uint64_t len = num_min(4096, b->size - off);
		const uint64_t both = off < a->size ? num_min(len, a->size - off) : 0;

		nr += memcmp(a->bytes + off, b->bytes + off, both) || memcmp(zeros, b->bytes + off + both, len - both);
	}
	return nr;
}

/* Over any image of the chain: no more is written than the pages that differ. */
static bool differences(void)
{
	const struct image *want = &images[points[nr_points - 1].image];
	const struct restoreflow_opts o = {.differences = true, .force = true};
	struct restoreflow_result r;
	struct err e = {0};
	unsigned int i;

	for (i = 0; i < nr_points; i++) {
		const struct image *from = &images[points[i].image];

		forget("r");
		put_image("r", from);
		if (restore(nr_points, "r", o, &r, &e) || !holds("r", want))
			return failed("differences", &e);
		if (r.written > 4096 * differing_pages(from, want))
			return failed("differences: too much was written", &e);
		count.written += r.written;
	}
	return true;
}

static bool compares(void)
{
	const struct image *want = &images[points[nr_points - 1].image];
	const struct restoreflow_opts o = {.compare = true};
	const uint64_t at = below(want->size);
	bool good;
	int fd;

	forget("r");
	put_image("r", want);
	fd = open("r", O_WRONLY | O_CLOEXEC);
	good = pwrite(fd, want->bytes[at] ? "\0" : "x", 1, (off_t)at) == 1;
	good = restore_fails(nr_points, "r", o) == ERR_IDENTITY && good;
	good = pwrite(fd, want->bytes + at, 1, (off_t)at) == 1 && good;
	good = restore_fails(nr_points, "r", o) == ERR_NONE && good;
	good = ftruncate(fd, (off_t)want->size + 1) == 0 && good;
	good = restore_fails(nr_points, "r", o) == ERR_IDENTITY && good;
	close(fd);
	return good && !scratch_there("r.era");
}

/* Merging */

static int merge_with(const struct mergeflow_opts *o, const char *path, struct mergeflow_result *r, struct err *e)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const int rc = mergeflow(o, fd, path, r, e);

	close(fd);
	return rc;
}

/* With one thread, and with four: the same bytes, and the same is told of them. */
static int merge(unsigned int first, unsigned int nr, const char *path, struct mergeflow_result *r, struct err *e)
{
	const char *paths[CHAIN_MAX];
	struct mergeflow_opts o = {.paths = paths, .nr = nr, .level = (int)below(3), .threads = 4};
	struct mergeflow_result one;
	unsigned int i;
	int rc;

	for (i = 0; i < nr; i++)
		paths[i] = points[first + i].path;
	nr_random = nr_merged;
	rc = merge_with(&o, path, r, e);
	o.threads = 1;
	nr_random = nr_merged;
	if (rc == 0 && (merge_with(&o, "one", &one, e) || !scratch_same(path, "one") || one.moved != r->moved ||
			one.recoded != r->recoded))
		rc = err_set(e, ERR_RUNTIME, "one thread makes another stream than four: %s", e->text);
	unlink("one");
	count.merges++;
	count.moved += r->moved;
	count.recoded += r->recoded;
	return rc;
}

/* The merged stream, on the mirror it starts from. */
static bool applies(unsigned int first, const char *path, const struct image *want)
{
	struct restoreflow_opts o = {.force = true};
	struct restoreflow_result r;
	struct err e = {0};

	forget("r");
	if (first > 0 && restore(first, "r", o, &r, &e))
		return failed("restore", &e);
	if (stream_apply_here(path, NULL, NULL, false, 2, &e) || stream_apply_here(path, "r", NULL, false, 2, &e))
		return failed("apply a merged stream", &e);
	return holds("r", want);
}

static bool has_right_head(unsigned int first, unsigned int nr, const struct mergeflow_result *r, const char *path)
{
	struct streamfile a;
	struct streamfile b;
	struct streamfile x;
	struct err e = {0};
	bool good;

	good = streamfile_look(&a, points[first].path, &e) == 0 &&
	       streamfile_look(&b, points[first + nr - 1].path, &e) == 0 && streamfile_open(&x, path, &e) == 0 &&
	       x.head.kind == a.head.kind && x.head.since == a.head.since &&
	       x.head.parent_size == a.head.parent_size && x.head.size == b.head.size &&
	       x.head.era_c == b.end.era_c && x.end.era_c == b.end.era_c && x.end.still_us == b.end.still_us &&
	       x.head.flags == WIRE_HEAD_MERGED && x.end.passes == 1 && x.length == r->stream &&
	       memcmp(x.head.parent_id, a.head.parent_id, WIRE_ID_LEN) == 0 &&
	       memcmp(x.head.state_id, b.head.state_id, WIRE_ID_LEN) == 0 &&
	       memcmp(x.head.stream_id, b.head.stream_id, WIRE_ID_LEN) != 0 &&
	       memcmp(&x.end, &r->end, sizeof(x.end)) == 0;
	count.pieces += x.nr_pieces > 1;
	streamfile_close(&a);
	streamfile_close(&b);
	streamfile_close(&x);
	return good || failed("the merged stream's HEAD or END", &e);
}

/* Some neighbours become one; the list of points gets shorter. */
static bool merge_some(void)
{
	const unsigned int nr = 2 + (unsigned int)below(nr_points - 1);
	const unsigned int first = (unsigned int)below(nr_points - nr + 1);
	const unsigned int image = points[first + nr - 1].image;
	struct mergeflow_result r;
	struct err e = {0};
	char path[32];

	snprintf(path, sizeof(path), "x%u", nr_merged++);
	if (merge(first, nr, path, &r, &e))
		return failed("merge", &e);
	if (!has_right_head(first, nr, &r, path) || !applies(first, path, &images[image])) {
		printf("# merged %u to %u of %u\n", first + 1, first + nr, nr_points);
		return false;
	}
	memmove(&points[first + 1], &points[first + nr], (nr_points - first - nr) * sizeof(points[0]));
	strcpy(points[first].path, path);
	points[first].image = image;
	nr_points -= nr - 1;
	return true;
}

/* The second decoder, which knows nothing of merging. */
static bool decodes(const char *decoder, const char *path, const struct image *want)
{
	char command[PATH_MAX + 64];

	unlink("p");
	snprintf(command, sizeof(command), "%s %s --onto p", decoder, path);
	return scratch_run(command) == 0 && holds("p", want);
}

static bool one_chain(const char *decoder, unsigned int nr)
{
	struct err e = {0};
	unsigned int i;

	if (make_chain(nr % 25 == 24, &e))
		return failed("make a chain", &e);
	if (!applied() || !every_point() || !differences() || (nr % 5 == 0 && !compares()))
		return false;
	while (nr_points > 1)
		if (!merge_some() || !every_point())
			return false;
	if (decoder && nr % 15 == 0 && !decodes(decoder, points[0].path, &images[points[0].image]))
		return false;
	for (i = 0; i < nr_merged; i++) {
		char path[32];

		snprintf(path, sizeof(path), "x%u", i);
		unlink(path);
	}
	nr_merged = 0;
	return true;
}

/* Frames of a device of SIDES blocks, and blocks of them written anew: from every side, and in the middle. */
#define SIDES 6u

static int write_blocks(unsigned int nr, unsigned int begin, unsigned int end, struct err *e)
{
	const struct stream_opts o = {.granule = granule, .id = nr + 1, .since = nr > 0 ? nr : 0, .era_c = nr + 1,
				      .parent_size = nr > 0 ? now.size : 0,
				      .kind = nr > 0 ? WIRE_INCREMENTAL : WIRE_FULL};
	struct blockset set = {0};
	int rc = blockset_init(&set, SIDES, e);

	blockset_add(&set, begin, end);
	scratch_fill(now.bytes + begin * granule, (size_t)(num_min(end * granule, now.size) - begin * granule), 0, nr);
	snprintf(points[nr].path, sizeof(points[nr].path), "s%u", nr);
	points[nr].image = nr;
	nr_points = nr + 1;
	if (rc == 0)
		rc = write_stream(points[nr].path, &set, &o, e);
	blockset_fini(&set);
	images[nr].size = now.size;
	memcpy(images[nr].bytes, now.bytes, now.size);
	return rc;
}

/* All streams over a full, merged; and all of them. */
static bool merged_sides(struct err *e)
{
	struct mergeflow_result r;

	if (merge(1, nr_points - 1, "x0", &r, e) || !applies(1, "x0", &images[nr_points - 1]))
		return false;
	return merge(0, nr_points, "x1", &r, e) == 0 && applies(0, "x1", &images[nr_points - 1]);
}

static bool one_side(unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	struct err e = {0};

	memcpy(now.bytes, images[0].bytes, now.size);
	if (write_blocks(1, a, b, &e) || write_blocks(2, c, d, &e) || write_blocks(3, c, c + 1, &e))
		return failed("make a chain", &e);
	return (restore_at(4) && merged_sides(&e)) || failed("merge", &e);
}

static void sides(void)
{
	struct err e = {0};
	unsigned int n = 0;
	unsigned int i;

	plain = true;
	granule = 512;
	piece_most = WIRE_CONTENT_MAX;
	now.size = SIDES * granule - 100;
	if (write_blocks(0, 0, SIDES, &e))
		n = 1;
	for (i = 0; n == 0 && i < SIDES * SIDES * SIDES * SIDES; i++) {
		const unsigned int a = i % SIDES;
		const unsigned int b = i / SIDES % SIDES + 1;
		const unsigned int c = i / (SIDES * SIDES) % SIDES;
		const unsigned int d = i / (SIDES * SIDES * SIDES) + 1;

		if (a < b && c < d && !one_side(a, b, c, d)) {
			printf("# blocks %u to %u, then %u to %u\n", a, b, c, d);
			n++;
		}
	}
	plain = false;
	ok(n == 0, "frames shadowed from every side %s", e.text);
}

static void chains(const char *decoder)
{
	unsigned int i;

	for (i = 0; i < CHAINS && one_chain(decoder, i); i++)
		;
	ok(i == CHAINS, "%u random chains, seed %u: the same images by applying, restoring and merging", i, SEED);
	ok(count.moved > 1000 && count.recoded > 500, "%lu merges: %lu frames were moved, %lu were cut", count.merges,
	   count.moved, count.recoded);
	ok(count.grown > 20 && count.passes > 20 && count.pieces > 1,
	   "%lu streams, %lu of a grown device, %lu later passes, %lu merged streams with several INDEX", count.streams,
	   count.grown, count.passes, count.pieces);
	ok(count.written > 1000000, "%lu bytes were written where images differed", count.written);
	ok(count.restores > 500 && count.applied > 200, "%lu restores, %lu followed by the next stream",
	   count.restores, count.applied);
}

int main(void)
{
	char decoder[PATH_MAX];
	const bool has_decoder = realpath("tests/decoder/eradecode.py", decoder) != NULL;

	srand(SEED);
	zst = zst_new();
	scratch_begin();
	sides();
	chains(has_decoder ? decoder : NULL);
	if (!has_decoder)
		skip("merged streams by the second decoder", "tests/decoder is not below this directory");
	zst_free(zst);
	return tap_done();
}
