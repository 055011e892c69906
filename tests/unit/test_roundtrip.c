/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamout, copyflow, streamin, applyflow: what goes in comes out, whatever the image looks like, and
 * the stream's bytes do not depend on the threads. Small streams with all their fields are the
 * corpus's; here are the large ones.
 */
#include "streams.h"
#include "tap.h"
#include "world/streamin.h"

#define TURNS 7

static void full_set(struct blockset *s, uint64_t size, uint64_t granule)
{
	struct err e = {0};

	blockset_init(s, num_div_up(size, granule), &e);
	blockset_add(s, 0, s->nr_blocks);
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void forget(const char *image)
{
	char state[64];

	snprintf(state, sizeof(state), "%s.era", image);
	unlink(image);
	unlink(state);
}

/* The same stream with 1 to 8 threads. */
static bool same_for_all_threads(const struct blockset *set, struct stream_opts o)
{
	struct err e = {0};
	bool same = true;

	for (o.threads = 1; o.threads <= 8 && same; o.threads++)
		same = stream_make("other.era", "src", set, 1, NULL, &o, &e) == 0 &&
		       scratch_same("stream.era", "other.era");
	unlink("other.era");
	return same;
}

/* A full to a new image and over garbage, then an incremental; the images are the source. */
static void turn(unsigned int nr)
{
	static const uint64_t granules[] = {512, 4096, 65536, 24576, 1048576, 3 * 1048576, UINT64_C(1) << 40};
	struct stream_opts o = {.granule = granules[nr % 7], .level = nr % 3 ? 1 : 0, .threads = nr % 8 + 1,
				.id = 10, .era_c = 5, .kind = WIRE_FULL};
	const uint64_t size = (uint64_t)(rand() % 6000000) + 1;
	struct blockset set = {0};
	struct err e = {0};

	forget("src");
	forget("m");
	stream_scribble("src", size, 12);
	full_set(&set, size, o.granule);
	ok(stream_make("stream.era", "src", &set, 1, NULL, &o, &e) == 0 &&
		   stream_apply("stream.era", NULL, NULL, false, 3, &e) == 0,
	   "%llu bytes, granule %llu: a stream that verifies %s", (unsigned long long)size,
	   (unsigned long long)o.granule, e.text);
	ok(same_for_all_threads(&set, o), "the same bytes for 1 to 8 threads");
	ok(stream_apply("stream.era", "m", NULL, false, nr % 5 + 1, &e) == 0 && scratch_same("src", "m"),
	   "applied to a new image it is the source %s", e.text);
	forget("m");
	stream_scribble("m", (uint64_t)(rand() % 6000000) + 1, 10);
	ok(stream_apply("stream.era", "m", NULL, true, nr % 5 + 1, &e) == 0 && scratch_same("src", "m"),
	   "applied over something else too %s", e.text);
	blockset_fini(&set);

	stream_scribble("src", size + (uint64_t)(nr % 2 ? rand() % 100000 : 0), 4);
	stream_diff("m", "src", o.granule, &set);
	o = (struct stream_opts){.granule = o.granule, .level = o.level, .threads = o.threads, .id = 11,
				 .since = 5, .era_c = 6, .parent_size = size, .kind = WIRE_INCREMENTAL};
	ok(stream_make("stream.era", "src", &set, 1, NULL, &o, &e) == 0 && same_for_all_threads(&set, o) &&
		   stream_apply("stream.era", "m", NULL, false, 2, &e) == 0 && scratch_same("src", "m"),
	   "and the incremental after it, of %llu blocks %s", (unsigned long long)blockset_count(&set), e.text);
	blockset_fini(&set);
}

/* What a reader sees of a stream. */
struct seen {
	uint64_t maps, map_extents, data, zero, passes;
};

static bool look(const char *file, struct seen *n)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint8_t *room = malloc(WIRE_CONTENT_MAX);
	struct streamin *in = calloc(1, sizeof(*in));
	enum streamin_event event = STREAMIN_PASS;
	struct err e = {0};
	bool good = streamin_open(in, fd, file, &e) == 0;

	memset(n, 0, sizeof(*n));
	while (good && event != STREAMIN_END) {
		good = streamin_next(in, &event, &e) == 0;
		n->passes += good && event == STREAMIN_PASS;
		n->maps += good && event == STREAMIN_MAP;
		n->map_extents += good && event == STREAMIN_MAP ? in->nr_map : 0;
		if (!good || event != STREAMIN_EXTENT)
			continue;
		n->zero += in->frame.header.type == WIRE_ZERO;
		n->data += in->frame.header.type == WIRE_DATA;
		if (in->frame.header.type == WIRE_DATA)
			good = streamin_stored(in, room, &e) == 0;
	}
	if (!good)
		printf("# %s\n", e.text);
	streamin_close(in);
	free(in);
	free(room);
	close(fd);
	return good;
}

/* Every second block of 512 bytes: n extents. */
static void alternating(unsigned int n, bool with_data)
{
	struct stream_opts o = {.granule = 512, .level = 1, .threads = 2, .id = 11, .since = 5, .era_c = 6,
				.kind = WIRE_INCREMENTAL, .parent_size = (uint64_t)n * 1024};
	struct blockset set = {0};
	struct err e = {0};
	struct seen seen;
	unsigned int i;

	forget("src");
	forget("m");
	scratch_size("src", o.parent_size);
	if (with_data)
		scratch_put("src", 0, (size_t)o.parent_size, 1);
	blockset_init(&set, 2 * (uint64_t)n, &e);
	for (i = 0; i < n; i++)
		blockset_add(&set, 2 * i, 2 * i + 1);
	ok(stream_make("stream.era", "src", &set, 1, NULL, &o, &e) == 0 && look("stream.era", &seen),
	   "%u extents of %s: written and read %s", n, with_data ? "data" : "zeros", e.text);
	ok(seen.map_extents == n && seen.maps == (n + 65535) / 65536 && (with_data ? seen.data : seen.zero) == n,
	   "%llu MAP frames, %llu DATA, %llu ZERO", (unsigned long long)seen.maps,
	   (unsigned long long)seen.data, (unsigned long long)seen.zero);
	blockset_fini(&set);
}

/* Long zeros of any source are one frame. */
static void one_zero(void)
{
	static const uint8_t zeros[3000000];
	struct stream_opts o = {.granule = 1048576, .level = 1, .threads = 4, .id = 10, .era_c = 5, .kind = WIRE_FULL};
	struct blockset set = {0};
	struct err e = {0};
	struct seen seen;
	struct stat st;
	int fd;

	forget("src");
	scratch_size("src", 40 * 1048576 + 5);
	scratch_put("src", 40 * 1048576, 5, 1);
	/* Written zeros beside holes. */
	fd = open("src", O_WRONLY | O_CLOEXEC);
	if (pwrite(fd, zeros, sizeof(zeros), 7000000) != sizeof(zeros))
		abort();
	close(fd);
	full_set(&set, size_of("src"), o.granule);
	ok(stream_make("stream.era", "src", &set, 1, NULL, &o, &e) == 0 && look("stream.era", &seen) &&
		   seen.zero == 1 && seen.data == 1, "holes and written zeros: one ZERO");
	forget("m");
	ok(stream_apply("stream.era", "m", NULL, false, 2, &e) == 0 && scratch_same("src", "m") &&
		   stat("m", &st) == 0 && st.st_blocks < 64, "and a sparse image");
	blockset_fini(&set);
}

static void change_between(unsigned int pass)
{
	scratch_put("src", pass * 300000, 500000, 50 + pass);
}

/* Later passes supersede earlier ones, also where they make zeros of what was data on a blank image. */
static void change_to_zeros(unsigned int pass)
{
	const int fd = open("src", O_WRONLY | O_CLOEXEC);
	uint8_t *p = calloc(1, 400000);

	if (pwrite(fd, p, 400000, pass * 200000) != 400000)
		abort();
	close(fd);
	free(p);
}

static void passes(void (*between)(unsigned int), const char *name)
{
	struct stream_opts o = {.granule = 65536, .level = 1, .threads = 3, .id = 10, .era_c = 5, .kind = WIRE_FULL,
				.passes = true};
	struct blockset sets[3] = {{0}};
	struct err e = {0};
	struct seen seen;
	int i;

	forget("src");
	forget("m");
	scratch_put("src", 0, 2000000, 1);
	for (i = 0; i < 3; i++)
		full_set(&sets[i], 2000000, o.granule);
	blockset_fini(&sets[1]);
	blockset_init(&sets[1], num_div_up(2000000, o.granule), &e);
	blockset_add(&sets[1], 3, 20);
	blockset_fini(&sets[2]);
	blockset_init(&sets[2], num_div_up(2000000, o.granule), &e);
	blockset_add(&sets[2], 6, 30);
	ok(stream_make("stream.era", "src", sets, 3, between, &o, &e) == 0 && look("stream.era", &seen) &&
		   seen.passes == 3, "three passes, %s: written and read %s", name, e.text);
	ok(stream_apply("stream.era", "m", NULL, false, 4, &e) == 0 && scratch_same("src", "m"),
	   "the image is the source at the end %s", e.text);
	for (i = 0; i < 3; i++)
		blockset_fini(&sets[i]);
}

/* A source that is shorter than the set says is no stream. */
static void short_source(void)
{
	struct stream_opts o = {.granule = 4096, .level = 1, .threads = 2, .id = 10, .era_c = 5, .kind = WIRE_FULL};
	struct copyflow_opts copy = {.threads = 2};
	struct streamout *out = calloc(1, sizeof(*out));
	struct blockset set = {0};
	struct source src;
	struct wire_head head;
	struct wire_pass pass = {1, 0, 5};
	struct err e = {0};
	const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	forget("src");
	scratch_put("src", 0, 1000000, 1);
	source_open(&src, "src", &e);
	full_set(&set, 1000000, 4096);
	scratch_size("src", 900000);
	stream_head(&head, &o, 1000000);
	streamout_open(out, fd, "null", 1, &head, &e);
	streamout_pass(out, &pass, &set, &e);
	ok(copyflow_pass(&src, &set, out, &copy, &e) == -1 && e.kind == ERR_RUNTIME,
	   "a source that became shorter: %s", e.text);
	streamout_close(out);
	free(out);
	source_close(&src);
	blockset_fini(&set);
	close(fd);
}

int main(void)
{
	unsigned int i;

	srand(3);
	scratch_begin();
	for (i = 0; i < TURNS; i++)
		turn(i);
	alternating(4095, true);
	alternating(4096, true);
	alternating(9000, true);
	alternating(65536, false);
	alternating(70000, false);
	one_zero();
	passes(change_between, "data over data");
	passes(change_to_zeros, "zeros over data");
	short_source(); /* the last: it sets the stop flag */
	return tap_done();
}
