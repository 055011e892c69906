/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state against a model: no accepted stream may leave a wrong mirror.
 *
 * The model is a device of a few blocks, each with a value and the era of its last write, and two
 * mirrors, an image and a device. It writes at random, makes streams (fulls, incrementals from any
 * token ever seen or by era alone, streams of two passes, undo streams, merged streams), grows, shrinks,
 * begins new generations, and applies any stream made so far to any mirror, as far as chance lets it. What the
 * mirror is told to become is known from the device, not from the rules. Whenever a stream was
 * accepted and applied to its end, the mirror must be that, block by block.
 *
 * And the rules may not be too strict: the incremental that is made from a half-applied mirror's own
 * token must be accepted.
 */
#include "pure/state.h"

#include <string.h>

#include "tap.h"
#include "words/num.h"

#define NB    8
#define BLOCK UINT64_C(1048576)
#define POOL  20
#define RUNS  220000
#define STEPS 50

/* What a device or mirror holds. */
struct content {
	uint64_t nr;
	unsigned int val[NB];
};

struct pass {
	uint64_t era_c;
	bool in[NB];
	unsigned int val[NB];
};

struct stream {
	struct wire_head head;
	unsigned int nr_passes;
	struct pass pass[2];
	struct content after; /* what a target must be afterwards */
};

struct mirror {
	bool there;
	bool image; /* takes the stream's size; a device keeps what is behind it */
	struct content now;
	struct state state;
};

static struct {
	struct content now;
	uint64_t written[NB]; /* era of the last write; 0: never */
	uint64_t era;
	unsigned int generation;
} dev;

static struct mirror mirrors[2];
static struct stream pool[POOL];
static unsigned int nr_pool;
static unsigned int next_value;
static unsigned int next_id;

enum { FULL, FULL_OVER_MIXTURE, FROM, BY_ERA, AGAIN, MENDED, UNDONE, UNDONE_MIXTURE, DONE, CUT_OFF, MERGED,
       UNDONE_MERGED, NR };
static const char *const names[NR] = {
	"fulls",		    "fulls over a mixture",   "incrementals from a parent",
	"incrementals by era",	    "the same stream again",  "younger streams over a mixture",
	"undo streams",		    "undo over a mixture",    "streams that were there already",
	"interrupted applications", "merged streams",	      "undo over half a merged stream",
};
static unsigned long count[NR];
static unsigned long wrong;
static unsigned long refused_mend;
static char log_text[STEPS * 160];

static unsigned int chance(unsigned int n)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned int)(x >> 20) % n;
}

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	const size_t at = strlen(log_text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_text + at, sizeof(log_text) - at, fmt, ap);
	va_end(ap);
}

/* An id that a person can read in a log. */
static void put_id(uint8_t id[WIRE_ID_LEN], unsigned int n)
{
	memset(id, 0, WIRE_ID_LEN);
	memcpy(id, &n, sizeof(n));
}

static unsigned int id_of(const uint8_t id[WIRE_ID_LEN])
{
	unsigned int n;

	memcpy(&n, id, sizeof(n));
	return n;
}

/* The device */

static void write_some(unsigned int most)
{
	unsigned int n = chance(most + 1);
	unsigned int b;

	for (; n > 0; n--) {
		b = chance((unsigned int)dev.now.nr);
		dev.now.val[b] = ++next_value;
		dev.written[b] = dev.era;
	}
}

/* The fence: what was written before is of a lower era. */
static uint64_t cut(void)
{
	return ++dev.era;
}

/*
 * Space that goes and comes back keeps its bytes, as the extents of a logical volume do, and its
 * history: what dm-era loses there no rule about states can give back.
 */
static void resize_device(void)
{
	dev.now.nr = 3 + chance(NB - 2);
	note("device %u blocks\n", (unsigned int)dev.now.nr);
}

static void new_generation(void)
{
	dev.generation = ++next_id;
	dev.era = 1;
	memset(dev.written, 0, sizeof(dev.written));
	note("generation %u\n", dev.generation);
}

/* Streams */

static void begin_stream(struct stream *x)
{
	memset(x, 0, sizeof(*x));
	put_id(x->head.stream_id, ++next_id);
	memcpy(x->head.state_id, x->head.stream_id, WIRE_ID_LEN);
	put_id(x->head.generation, dev.generation);
	x->head.size = dev.now.nr * BLOCK;
	x->head.granule = BLOCK;
}

/* Into the pool, where an older one makes room. */
static void keep(const struct stream *x)
{
	pool[nr_pool < POOL ? nr_pool++ : chance(POOL)] = *x;
}

/*
 * Read the blocks of a pass. What is written while it is read belongs to the next era, so a block may
 * be newer than the cut.
 */
static void read_pass(struct stream *x, uint64_t since, uint64_t parent_blocks, bool live)
{
	struct pass *p = &x->pass[x->nr_passes++];
	unsigned int b;

	p->era_c = cut();
	for (b = 0; b < dev.now.nr; b++) {
		p->in[b] = dev.written[b] >= since || b >= parent_blocks;
		x->after.val[b] = dev.now.val[b];
	}
	for (b = 0; b < dev.now.nr; b++) {
		if (live)
			write_some(1);
		p->val[b] = dev.now.val[b];
		if (p->in[b])
			x->after.val[b] = p->val[b];
	}
	x->after.nr = dev.now.nr;
}

static void make_any(void);

/* Somebody else may make a stream between the passes of this one. */
static void read_all(struct stream *x)
{
	struct wire_head *h = &x->head;
	const bool live = chance(2);

	read_pass(x, h->since, h->kind == WIRE_FULL ? 0 : h->parent_size / BLOCK, live);
	h->era_c = x->pass[0].era_c;
	if (chance(4) == 0) {
		h->flags = WIRE_HEAD_PASSES;
		write_some(3);
		if (chance(2))
			make_any();
		write_some(3);
		read_pass(x, h->era_c, dev.now.nr, live);
	}
}

static void make_full(void)
{
	struct stream x;

	begin_stream(&x);
	x.head.kind = WIRE_FULL;
	read_all(&x);
	keep(&x);
	note("full %u C %u\n", id_of(x.head.stream_id), (unsigned int)x.head.era_c);
}

static bool device_reaches_back_to(const struct token *t)
{
	return !t->full && id_of(t->generation) == dev.generation && t->size <= dev.now.nr * BLOCK &&
	       t->era_c <= dev.era && t->era_c != 0;
}

static void from_token(struct stream *x, const struct token *t)
{
	begin_stream(x);
	x->head.kind = WIRE_INCREMENTAL;
	x->head.since = t->era_c;
	x->head.parent_size = t->size;
	memcpy(x->head.parent_id, t->id, WIRE_ID_LEN);
	read_all(x);
	keep(x);
	note("incremental %u from %u, %u to %u\n", id_of(x->head.stream_id), id_of(t->id),
	     (unsigned int)x->head.since, (unsigned int)x->head.era_c);
}

static void make_by_era(void)
{
	struct stream x;

	begin_stream(&x);
	x.head.kind = WIRE_INCREMENTAL;
	x.head.since = chance((unsigned int)dev.era + 1);
	x.head.parent_size = x.head.size;
	read_all(&x);
	keep(&x);
	note("incremental %u by era, %u to %u\n", id_of(x.head.stream_id),
	     (unsigned int)x.head.since, (unsigned int)x.head.era_c);
}

/* The token of a stream's result, or of what a mirror is at. */
static void any_token(struct token *t)
{
	const struct stream *x;

	if (nr_pool == 0 || chance(3) == 0) {
		*t = mirrors[chance(2)].state.at;
		return;
	}
	x = &pool[chance(nr_pool)];
	state_after(&x->head, x->pass[x->nr_passes - 1].era_c, t);
}

static void make_any(void)
{
	struct stream x;
	struct token t;

	any_token(&t);
	if (device_reaches_back_to(&t))
		from_token(&x, &t);
}

/* The content of a block after all passes of x that have it; false where none has. */
static bool brought(const struct stream *x, unsigned int b, unsigned int *val)
{
	bool in = false;
	unsigned int p;

	for (p = 0; p < x->nr_passes; p++) {
		if (x->pass[p].in[b])
			*val = x->pass[p].val[b];
		in |= x->pass[p].in[b];
	}
	return in;
}

static void merge(const struct stream *a, const struct stream *b)
{
	struct pass *p;
	struct stream x;
	unsigned int i;

	begin_stream(&x);
	x.after = b->after;
	x.nr_passes = 1;
	p = &x.pass[0];
	p->era_c = b->pass[b->nr_passes - 1].era_c;
	for (i = 0; i < NB; i++)
		p->in[i] = brought(b, i, &p->val[i]) || brought(a, i, &p->val[i]);
	memcpy(x.head.state_id, b->head.state_id, WIRE_ID_LEN);
	memcpy(x.head.parent_id, a->head.parent_id, WIRE_ID_LEN);
	memcpy(x.head.generation, a->head.generation, WIRE_ID_LEN);
	x.head.kind = a->head.kind;
	x.head.since = a->head.since;
	x.head.parent_size = a->head.parent_size;
	x.head.size = b->head.size;
	x.head.era_c = p->era_c;
	x.head.flags = WIRE_HEAD_MERGED;
	keep(&x);
	note("merged %u of %u and %u, gives %u\n", id_of(x.head.stream_id), id_of(a->head.stream_id),
	     id_of(b->head.stream_id), id_of(x.head.state_id));
}

static bool follows(const struct wire_head *a, const struct wire_head *b)
{
	return a->kind != WIRE_REVERSE && b->kind == WIRE_INCREMENTAL && b->parent_size == a->size &&
	       memcmp(a->state_id, b->parent_id, WIRE_ID_LEN) == 0 &&
	       memcmp(a->generation, b->generation, WIRE_ID_LEN) == 0;
}

/* Two neighbours of a chain, where there are any. */
static void make_merged(void)
{
	const unsigned int first = nr_pool > 0 ? chance(nr_pool) : 0;
	unsigned int i;

	for (i = 0; i < nr_pool; i++) {
		const struct stream a = pool[first];
		const struct stream b = pool[(first + i) % nr_pool];

		if (!follows(&a.head, &b.head))
			continue;
		merge(&a, &b);
		return;
	}
}

/* Mirrors */

static bool is(const struct mirror *m, const struct content *want)
{
	return m->there && (m->image ? m->now.nr == want->nr : m->now.nr >= want->nr) &&
	       memcmp(m->now.val, want->val, want->nr * sizeof(want->val[0])) == 0;
}

/* The way back, of what the mirror holds now. */
static void make_undo(const struct mirror *m, const struct stream *s)
{
	const struct token *at = &m->state.at;
	struct stream x;
	unsigned int b;

	begin_stream(&x);
	memcpy(x.head.parent_id, s->head.state_id, WIRE_ID_LEN);
	memcpy(x.head.state_id, at->id, WIRE_ID_LEN);
	if (!at->full)
		memcpy(x.head.generation, at->generation, WIRE_ID_LEN);
	if (s->head.flags & WIRE_HEAD_MERGED)
		num_hex(s->head.stream_id, WIRE_ID_LEN, x.head.field[WIRE_UNDOES]);
	x.head.kind = WIRE_REVERSE;
	x.head.era_c = at->era_c;
	x.head.parent_size = s->head.size;
	x.after = m->now;
	x.after.nr = at->full ? m->now.nr : at->size / BLOCK;
	if (at->full && !m->image && s->after.nr < x.after.nr)
		x.after.nr = s->after.nr;
	x.head.size = x.after.nr * BLOCK;
	x.nr_passes = 1;
	x.pass[0].era_c = at->era_c;
	memcpy(x.pass[0].val, m->now.val, sizeof(m->now.val));
	for (b = 0; b < x.after.nr; b++)
		x.pass[0].in[b] = s->pass[0].in[b] || b >= s->after.nr;
	keep(&x);
	note("undo %u of %u to %u\n", id_of(x.head.stream_id), id_of(s->head.stream_id),
	     id_of(at->id));
}

static void set_size(struct mirror *m, uint64_t nr)
{
	uint64_t b;

	m->there = true;
	for (b = m->image ? nr : NB; b < NB; b++)
		m->now.val[b] = 0;
	m->now.nr = m->image ? nr : NB;
}

/* The state goes through its file. */
static void store(struct mirror *m)
{
	char text[STATE_TEXT_MAX];
	struct err e = {0};

	if (m->state.at.full && !m->state.applying)
		return;
	state_print(&m->state, text);
	if (state_parse(text, &m->state, &e))
		wrong++;
}

/* All of it, or a part. Returns false where it was cut off. */
static bool write_passes(struct mirror *m, const struct stream *x)
{
	unsigned int p;
	unsigned int b;

	for (p = 0; p < x->nr_passes; p++) {
		const bool whole = chance(3) > 0;

		if (p > 0)
			state_later_pass(&m->state, x->pass[p].era_c);
		store(m);
		for (b = 0; b < x->after.nr; b++)
			if (x->pass[p].in[b] && (whole || chance(2)))
				m->now.val[b] = x->pass[p].val[b];
		if (!whole)
			return false;
	}
	return true;
}

static int sort_of(const struct mirror *m, const struct wire_head *h)
{
	const struct state *s = &m->state;

	if (s->applying && memcmp(s->stream_id, h->stream_id, WIRE_ID_LEN) == 0)
		return AGAIN;
	if (h->kind == WIRE_FULL)
		return s->applying ? FULL_OVER_MIXTURE : FULL;
	if (h->kind == WIRE_REVERSE)
		return !s->applying ? UNDONE : h->field[WIRE_UNDOES][0] ? UNDONE_MERGED : UNDONE_MIXTURE;
	if (s->applying)
		return MENDED;
	return wire_id_is_zero(h->parent_id) ? BY_ERA : FROM;
}

static void check(const struct mirror *m, const struct stream *x, int sort)
{
	count[sort]++;
	count[MERGED] += (x->head.flags & WIRE_HEAD_MERGED) != 0;
	if (is(m, &x->after))
		return;
	if (wrong++ == 0)
		printf("# a wrong mirror after one of the %s:\n%s", names[sort], log_text);
}

static void apply(struct mirror *m, unsigned int nr)
{
	const struct stream x = pool[nr];
	const int sort = sort_of(m, &x.head);
	struct err e = {0};
	bool done;

	if (state_accepts(&m->state, &x.head, &done, &e))
		return;
	note("mirror %d: %u over %u%s\n", (int)(m - mirrors), id_of(x.head.stream_id),
	     id_of(m->state.at.id), m->state.applying ? " and something" : "");
	if (done) {
		check(m, &x, DONE);
		return;
	}
	if (m->there && !m->state.applying && x.head.kind != WIRE_REVERSE && x.nr_passes == 1 &&
	    chance(2))
		make_undo(m, &x);
	state_begin(&m->state, &x.head);
	set_size(m, x.after.nr);
	if (!write_passes(m, &x)) {
		note("  cut off\n");
		count[CUT_OFF]++;
		return;
	}
	state_finish(&m->state, &x.head, x.pass[x.nr_passes - 1].era_c);
	store(m);
	check(m, &x, sort);
}

/* era_copy --from "$(era_apply --token M)" | era_apply M must lead on from a half-applied stream. */
static void mend(const struct mirror *m)
{
	const struct state *s = &m->state;
	struct stream x;
	struct err e = {0};
	bool done;

	if (!s->applying || s->kind == WIRE_REVERSE || !device_reaches_back_to(&s->at))
		return;
	from_token(&x, &s->at);
	if (state_accepts(s, &x.head, &done, &e) && refused_mend++ == 0)
		printf("# refused: %s\n%s", e.text, log_text);
}

static void step(void)
{
	switch (chance(20)) {
	case 0:
		make_full();
		break;
	case 1:
	case 2:
	case 3:
		make_any();
		break;
	case 4:
		make_by_era();
		break;
	case 5:
		if (chance(2))
			resize_device();
		else if (chance(8) == 0)
			new_generation();
		break;
	case 6:
		mend(&mirrors[chance(2)]);
		break;
	case 7:
	case 8:
		write_some(3);
		break;
	case 9:
	case 10:
	case 11:
		make_merged();
		break;
	default:
		if (nr_pool > 0)
			apply(&mirrors[chance(2)], chance(nr_pool));
	}
}

static void begin(void)
{
	int i;

	memset(&dev, 0, sizeof(dev));
	memset(mirrors, 0, sizeof(mirrors));
	nr_pool = 0;
	next_id = 0;
	log_text[0] = '\0';
	dev.now.nr = NB - 1;
	new_generation();
	for (i = 0; i < 2; i++)
		mirrors[i].state.at.full = true;
	mirrors[0].image = true;
	/* Somebody's device: a full may go over it all the same. */
	set_size(&mirrors[1], NB);
	write_some(NB);
}

int main(void)
{
	unsigned int run;
	int i;

	for (run = 0; run < RUNS && wrong == 0 && refused_mend == 0; run++) {
		begin();
		for (i = 0; i < STEPS; i++)
			step();
	}
	ok(wrong == 0, "%u random histories: what was accepted to its end was right", run);
	ok(refused_mend == 0, "the next incremental is never refused by a half-applied mirror");
	for (i = 0; i < NR; i++)
		ok(count[i] >= 1000, "among them %lu %s", count[i], names[i]);
	return tap_done();
}
