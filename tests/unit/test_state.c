/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state: the text goes round and no damaged text passes; and which stream may follow which state, row
 * by row with the reason. That the rows are right is for test_state_model to say.
 */
#include "pure/state.h"

#include <string.h>

#include "tap.h"
#include "words/num.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Ids are one letter, sixteen times; generations a digit; '-' is the zero id. */
static void put_id(uint8_t id[WIRE_ID_LEN], char c)
{
	memset(id, c == '-' ? 0 : c, WIRE_ID_LEN);
}

static struct token token(char generation, char id, uint64_t era_c, uint64_t size)
{
	struct token t = {.era_c = era_c, .size = size};

	put_id(t.generation, generation);
	put_id(t.id, id);
	return t;
}

static const struct token nothing = {.full = true};

/* The states of the rows; P is at era 10, of 100 bytes, of generation 1. */
enum { NOTHING, AT_P, AT_P_NO_ERA, FULL_OVER_NOTHING, FULL_OVER_P, INCR_OVER_P, REVERSE_OVER_P,
       MERGED_OVER_P, MERGED_FULL_OVER_P, NR_STATES };
static const char *const state_names[NR_STATES] = {
	"nothing yet", "at P", "at P, era unknown", "full F over nothing", "full F over P",
	"incremental S over P", "reverse R over P", "merged M over P, to S", "merged full M over P, to S",
};

static struct state make_state(int which)
{
	struct state s = {.at = token('1', 'P', 10, 100)};

	if (which == NOTHING || which == FULL_OVER_NOTHING)
		s.at = nothing;
	if (which == AT_P_NO_ERA)
		s.at.era_c = 0;
	if (which < FULL_OVER_NOTHING)
		return s;
	s.applying = true;
	if (which >= MERGED_OVER_P) {
		s.kind = which == MERGED_OVER_P ? WIRE_INCREMENTAL : WIRE_FULL;
		s.next = token('1', 'S', 20, 100);
		put_id(s.stream_id, 'M');
		return s;
	}
	s.kind = which == INCR_OVER_P ? WIRE_INCREMENTAL : which == REVERSE_OVER_P ? WIRE_REVERSE : WIRE_FULL;
	/* F, S are at era 20; R goes back to O at era 5. */
	s.next = token('1', which == INCR_OVER_P ? 'S' : 'F', 20, 100);
	if (which == REVERSE_OVER_P)
		s.next = token('1', 'O', 5, 100);
	put_id(s.stream_id, which == INCR_OVER_P ? 'S' : which == REVERSE_OVER_P ? 'R' : 'F');
	return s;
}

/* A stream: its kind (u: a reverse stream that undoes the merged stream M), generation, id, parent, eras, and sizes. */
struct stream {
	char kind, generation, id, parent;
	uint64_t since, era_c, parent_size, size;
	char state;
};

static struct wire_head make_head(const struct stream *x)
{
	struct wire_head h = {.since = x->since, .era_c = x->era_c, .size = x->size,
			      .parent_size = x->parent_size, .granule = 512, .sector = 512};
	uint8_t id[WIRE_ID_LEN];

	h.kind = x->kind == 'f' ? WIRE_FULL : x->kind == 'i' ? WIRE_INCREMENTAL : WIRE_REVERSE;
	put_id(h.stream_id, x->id);
	put_id(h.state_id, x->state ? x->state : x->id);
	put_id(h.parent_id, x->parent);
	put_id(h.generation, x->generation);
	if (x->kind == 'u') {
		put_id(id, 'M');
		num_hex(id, WIRE_ID_LEN, h.field[WIRE_UNDOES]);
	}
	return h;
}

enum { NO, YES, THERE };

#define FULL_F	     {'f', '1', 'F', '-', 0, 20, 0, 100, 0}
#define OTHER_FULL   {'f', '2', 'G', '-', 0, 3, 0, 50, 0}
#define S_FROM_P     {'i', '1', 'S', 'P', 10, 20, 100, 100, 0}
#define UNDO_OF(x)   {'r', '1', 'U', x, 0, 10, 100, 100, 'P'}
#define FROM_P(...)  {'i', '1', 'X', 'P', __VA_ARGS__, 0}
#define BY_ERA(...)  {'i', '1', 'X', '-', __VA_ARGS__, 0}
/* From P through some others to S. */
#define MERGED_M     {'i', '1', 'M', 'P', 10, 20, 100, 100, 'S'}
#define MERGED_FULL  {'f', '1', 'M', '-', 0, 20, 0, 100, 'S'}
#define UNDO_OF_M(p) {'u', '1', 'U', p, 0, 10, 100, 100, 'P'}

static const struct {
	int state;
	struct stream x;
	int want;
	const char *why;
} rows[] = {
	/* A full has everything, so it may follow anything. */
	{NOTHING, FULL_F, YES, "a full"},
	{AT_P, FULL_F, YES, "a full"},
	{AT_P_NO_ERA, FULL_F, YES, "a full"},
	{FULL_OVER_NOTHING, FULL_F, YES, "the same full again"},
	{FULL_OVER_P, FULL_F, YES, "the same full again"},
	{FULL_OVER_P, OTHER_FULL, YES, "another full"},
	{INCR_OVER_P, OTHER_FULL, YES, "a full mends"},
	{REVERSE_OVER_P, OTHER_FULL, YES, "a full mends"},
	{AT_P, OTHER_FULL, YES, "a full of another generation, older and smaller"},

	/* At the result already; but a mixture never is, whatever was there before. */
	{AT_P, {'f', '1', 'P', '-', 0, 10, 0, 100, 0}, THERE, "the full that made P"},
	{AT_P, {'i', '1', 'P', 'O', 5, 10, 100, 100, 0}, THERE, "the incremental that made P"},
	{AT_P, {'r', '1', 'U', 'S', 0, 10, 100, 100, 'P'}, THERE, "an undo stream back to P"},
	{AT_P, {'i', '2', 'P', 'O', 5, 10, 100, 100, 0}, NO, "P's id in another generation"},
	{INCR_OVER_P, {'f', '1', 'P', '-', 0, 10, 0, 100, 0}, YES, "the full that made P, over a mixture"},
	{INCR_OVER_P, {'i', '1', 'P', 'O', 5, 10, 100, 100, 0}, NO,
	 "the incremental that made P, over a mixture"},

	/* Incrementals on nothing. */
	{NOTHING, S_FROM_P, NO, "an incremental on nothing"},
	{NOTHING, BY_ERA(0, 20, 100, 100), NO, "even since era 0: blocks never written are not in it"},

	/* From P. */
	{AT_P, S_FROM_P, YES, "from P"},
	{AT_P, FROM_P(10, 20, 100, 150), YES, "from P, the device grew"},
	{AT_P, FROM_P(10, 20, 101, 101), NO, "P had another size then: the space between is not in it"},
	{AT_P, FROM_P(10, 20, 99, 100), NO, "P had another size then"},
	{AT_P, {'i', '1', 'X', 'Q', 10, 20, 100, 100, 0}, NO, "from another parent of the same era"},
	{AT_P, {'i', '2', 'X', 'P', 10, 20, 100, 100, 0}, NO, "from P in another generation"},
	{AT_P, FROM_P(10, 10, 100, 100), YES, "from P, nothing since"},
	{AT_P, FROM_P(11, 20, 100, 100), NO, "names P, but era 10 is not in it"},
	{AT_P, FROM_P(9, 20, 100, 100), YES, "names P, and has more than needed"},
	{AT_P, FROM_P(10, 0, 100, 100), YES, "from P, its own era unknown: ranges from elsewhere"},
	{AT_P_NO_ERA, FROM_P(0, 0, 100, 100), YES, "ranges from elsewhere, no eras at all"},
	{AT_P_NO_ERA, FROM_P(1, 20, 100, 100), NO, "since an era, where P's is unknown"},

	/* By era alone: it must have everything since P's cut, and not be older than P. */
	{AT_P, BY_ERA(10, 20, 100, 100), YES, "since P's era"},
	{AT_P, BY_ERA(0, 20, 100, 100), YES, "since long before"},
	{AT_P, BY_ERA(10, 10, 100, 100), YES, "the same cut"},
	{AT_P, BY_ERA(11, 20, 100, 100), NO, "what was written in era 10 is missing"},
	{AT_P, BY_ERA(5, 9, 100, 100), NO, "older than P: would put old blocks over new ones"},
	{AT_P, BY_ERA(5, 0, 100, 100), NO, "its era is unknown: may be older"},
	{AT_P, BY_ERA(10, 20, 120, 120), NO, "the device has grown: the new space is not in it"},
	{AT_P, {'i', '2', 'X', '-', 10, 20, 100, 100, 0}, NO, "eras of another generation count differently"},
	{AT_P_NO_ERA, BY_ERA(0, 20, 100, 100), NO, "where P is in the eras is unknown"},

	/* In the middle of an incremental S (era 20) over P. */
	{INCR_OVER_P, S_FROM_P, YES, "S again"},
	{INCR_OVER_P, FROM_P(10, 21, 100, 100), YES, "younger than S, from P: has whatever S brought"},
	{INCR_OVER_P, FROM_P(10, 20, 100, 100), NO, "as old as S, and not S"},
	{INCR_OVER_P, FROM_P(10, 19, 100, 100), NO, "older than S: does not name what S brought"},
	{INCR_OVER_P, FROM_P(10, 0, 100, 100), NO, "its era is unknown: may be older"},
	{INCR_OVER_P, {'i', '1', 'X', 'S', 20, 30, 100, 100, 0}, NO, "from S, which is not there yet"},
	{INCR_OVER_P, {'i', '1', 'X', 'Q', 10, 30, 100, 100, 0}, NO, "younger, from another parent"},
	{INCR_OVER_P, {'i', '2', 'X', 'P', 10, 30, 100, 100, 0}, NO, "another generation"},
	{INCR_OVER_P, BY_ERA(10, 21, 100, 100), YES, "by era, since P's, younger than S"},
	{INCR_OVER_P, BY_ERA(11, 21, 100, 100), NO, "by era, since later than P's"},
	{INCR_OVER_P, BY_ERA(10, 20, 100, 100), NO, "by era, as old as S"},
	{INCR_OVER_P, FROM_P(10, 21, 90, 100), NO, "younger, P's size does not fit"},
	{INCR_OVER_P, UNDO_OF('S'), YES, "back from S: has every block that S may have brought"},
	{INCR_OVER_P, UNDO_OF('P'), NO, "back from P: leaves what S brought"},
	{INCR_OVER_P, UNDO_OF('Q'), NO, "back from something else"},

	/* In the middle of a full F (era 20). */
	{FULL_OVER_NOTHING, FROM_P(10, 30, 100, 100), NO, "half a full over nothing has no parent"},
	{FULL_OVER_NOTHING, {'i', '1', 'X', 'F', 20, 30, 100, 100, 0}, NO, "from F, which is not there yet"},
	{FULL_OVER_NOTHING, BY_ERA(0, 30, 100, 100), NO, "since era 0 is not everything"},
	{FULL_OVER_NOTHING, UNDO_OF('F'), YES, "back from F: covers all of it"},
	{FULL_OVER_P, FROM_P(10, 21, 100, 100), YES, "younger than F, from P"},
	{FULL_OVER_P, FROM_P(10, 20, 100, 100), NO, "as old as F"},
	{FULL_OVER_P, BY_ERA(10, 21, 100, 100), YES, "by era, since P's, younger than F"},
	{FULL_OVER_P, UNDO_OF('F'), YES, "back from F"},

	/* In the middle of a reverse stream R from P to O. */
	{REVERSE_OVER_P, {'r', '1', 'R', 'P', 0, 5, 100, 100, 'O'}, YES, "R again"},
	{REVERSE_OVER_P, FROM_P(10, 30, 100, 100), NO, "blocks of O changed before P, it does not name them"},
	{REVERSE_OVER_P, {'i', '1', 'X', 'O', 5, 30, 100, 100, 0}, NO, "from O, which is not there yet"},
	{REVERSE_OVER_P, UNDO_OF('R'), NO, "nobody undoes an undo"},
	{REVERSE_OVER_P, UNDO_OF('P'), NO, "another way back from P: R's blocks may not be in it"},

	/* Reverse streams on a whole state. */
	{AT_P, {'r', '1', 'R', 'P', 0, 5, 100, 100, 'O'}, YES, "back from P"},
	{AT_P, {'r', '1', 'R', 'P', 0, 0, 100, 100, '-'}, YES, "back from P to no state"},
	{AT_P, {'r', '1', 'R', 'S', 0, 5, 100, 100, 'O'}, NO, "back from S, which is not there"},
	{NOTHING, {'r', '1', 'R', 'P', 0, 5, 100, 100, 'O'}, NO, "nothing to undo"},
	{NOTHING, {'r', '1', 'R', '-', 0, 5, 100, 100, 'O'}, NO, "nothing to undo"},

	/* Merged streams: M is one id, S, where it leads, another. */
	{AT_P, MERGED_M, YES, "merged, from P"},
	{AT_P, MERGED_FULL, YES, "a merged full"},
	{NOTHING, MERGED_M, NO, "a merged incremental on nothing"},
	{AT_P, {'i', '1', 'M', 'O', 5, 10, 100, 100, 'P'}, THERE, "a merged stream to P"},
	{AT_P, {'f', '1', 'M', '-', 0, 10, 0, 100, 'P'}, THERE, "a merged full that gives P"},
	{AT_P, {'i', '1', 'P', 'O', 5, 10, 100, 100, 'S'}, NO, "its own id is P's, which says nothing"},
	{AT_P, {'u', '1', 'U', 'P', 0, 5, 100, 100, 'O'}, YES, "the merged stream that led to P is undone"},
	{MERGED_OVER_P, MERGED_M, YES, "M again"},
	{MERGED_OVER_P, S_FROM_P, NO, "S itself, as old as M: may be of less than M brought"},
	{MERGED_OVER_P, {'i', '1', 'N', 'P', 10, 20, 100, 100, 'S'}, NO, "another way to S"},
	{MERGED_OVER_P, {'i', '1', 'X', 'S', 20, 30, 100, 100, 0}, NO, "from S, which is not there yet"},
	{MERGED_OVER_P, {'i', '1', 'X', 'M', 20, 30, 100, 100, 0}, NO, "M is no state"},
	{MERGED_OVER_P, FROM_P(10, 21, 100, 100), YES, "younger than M, from P"},
	{MERGED_OVER_P, UNDO_OF_M('S'), YES, "back from M: has every block that M may have brought"},
	{MERGED_OVER_P, UNDO_OF('S'), NO, "back from S alone: may leave what M brought"},
	{MERGED_OVER_P, UNDO_OF('M'), NO, "M is no state"},
	{MERGED_OVER_P, UNDO_OF_M('M'), NO, "M is no state"},
	{MERGED_FULL_OVER_P, MERGED_FULL, YES, "M again"},
	{MERGED_FULL_OVER_P, UNDO_OF_M('S'), YES, "back from M"},
	{MERGED_FULL_OVER_P, UNDO_OF('S'), NO, "back from S alone: leaves most of what M brought"},
	{MERGED_FULL_OVER_P, S_FROM_P, NO, "S alone, over half of M"},
	{INCR_OVER_P, UNDO_OF_M('S'), NO, "back from another stream than the one in the middle"},
	{INCR_OVER_P, MERGED_M, NO, "another way to S, as old"},
};

static void accepts(void)
{
	struct wire_head h;
	struct state s;
	struct err e;
	bool done;
	size_t i;
	int got;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		s = make_state(rows[i].state);
		h = make_head(&rows[i].x);
		err_clear(&e);
		got = state_accepts(&s, &h, &done, &e) ? NO : done ? THERE : YES;
		ok(got == rows[i].want && (got != NO) == (e.kind == ERR_NONE) &&
			   (got != NO || e.kind == ERR_IDENTITY),
		   "%s: %s: %s", state_names[rows[i].state],
		   rows[i].want == NO ? "no" : rows[i].want == YES ? "yes" : "is there", rows[i].why);
	}
}

/* The full's half over P: is P still a parent? */
static void begins_full(void)
{
	static const struct {
		struct stream x;
		bool keeps;
		const char *why;
	} fulls[] = {
		{{'f', '1', 'F', '-', 0, 20, 0, 100, 0}, true, "younger than P: P stays the parent"},
		{{'f', '1', 'F', '-', 0, 10, 0, 100, 0}, true, "as old as P"},
		{{'f', '1', 'F', '-', 0, 9, 0, 100, 0}, false,
		 "older than P: leaves blocks that no stream since P names"},
		{{'f', '1', 'F', '-', 0, 20, 0, 99, 0}, false, "smaller: cuts off what P had there"},
		{{'f', '1', 'F', '-', 0, 20, 0, 101, 0}, true, "larger"},
		{{'f', '1', 'F', '-', 0, 0, 0, 100, 0}, false, "no era: may be older"},
		{{'f', '2', 'F', '-', 0, 20, 0, 100, 0}, false, "another generation"},
	};
	struct wire_head h;
	struct state s;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fulls); i++) {
		s = make_state(AT_P);
		h = make_head(&fulls[i].x);
		state_begin(&s, &h);
		ok(s.applying && s.kind == WIRE_FULL && s.at.full == !fulls[i].keeps,
		   "half a full over P, %s", fulls[i].why);
	}
	s = make_state(AT_P_NO_ERA);
	h = make_head(&fulls[0].x);
	state_begin(&s, &h);
	ok(s.at.full, "half a full over P, where P's era is unknown: may be older");
	s = make_state(INCR_OVER_P);
	state_begin(&s, &h);
	ok(s.at.full, "half a full over a mixture: nothing leads on");
	s = make_state(FULL_OVER_P);
	state_begin(&s, &h);
	ok(!s.at.full, "the same full again over its own half: P stays the parent");
}

static void passes(void)
{
	const struct stream x = S_FROM_P;
	const struct wire_head h = make_head(&x);
	struct state s = make_state(AT_P);

	state_begin(&s, &h);
	ok(s.next.era_c == 20 && s.at.era_c == 10, "the first pass has HEAD's era");
	state_later_pass(&s, 25);
	ok(s.next.era_c == 25, "a later pass moves what a younger stream must be above");
	state_begin(&s, &h);
	ok(s.next.era_c == 25, "applied again from the start, it does not go back");
	state_finish(&s, &h, 25);
	ok(!s.applying && s.at.era_c == 25 && s.at.id[0] == 'S' && s.at.size == 100,
	   "at the end it is at S, with the era of END");
}

/* Text */

static bool same_state(const struct state *a, const struct state *b)
{
	char x[STATE_TEXT_MAX];
	char y[STATE_TEXT_MAX];

	state_print(a, x);
	state_print(b, y);
	return strcmp(x, y) == 0 && a->applying == b->applying && a->at.full == b->at.full &&
	       (!a->applying || (a->kind == b->kind && a->next.era_c == b->next.era_c &&
				 memcmp(a->stream_id, b->stream_id, WIRE_ID_LEN) == 0)) &&
	       a->at.size == b->at.size && memcmp(a->at.id, b->at.id, WIRE_ID_LEN) == 0 &&
	       memcmp(a->fingerprint, b->fingerprint, sizeof(a->fingerprint)) == 0;
}

static bool refused(const char *text)
{
	struct state s;
	struct err e = {0};

	return state_parse(text, &s, &e) == -1 && e.kind == ERR_CORRUPT;
}

/* Every byte changed in several ways, left out, doubled; and cut off behind each. */
static unsigned int damaged_that_pass(const char *text, size_t len)
{
	static const uint8_t flips[] = {1, 0x20, 0x80, 3};
	char bad[STATE_TEXT_MAX + 1];
	unsigned int passed = 0;
	size_t i;
	size_t f;

	for (i = 0; i < len; i++) {
		for (f = 0; f < ARRAY_SIZE(flips); f++) {
			memcpy(bad, text, len + 1);
			bad[i] = (char)(bad[i] ^ flips[f]);
			passed += !refused(bad);
		}
		memcpy(bad, text, i);
		memcpy(bad + i, text + i + 1, len - i);
		passed += !refused(bad);
		memcpy(bad, text, i + 1);
		memcpy(bad + i + 1, text + i, len - i + 1);
		passed += !refused(bad);
		memcpy(bad, text, i);
		bad[i] = '\0';
		passed += !refused(bad);
	}
	return passed;
}

static void text(int which)
{
	struct state s = make_state(which);
	struct state back;
	struct err e = {0};
	char t[STATE_TEXT_MAX];
	size_t len;

	if (!s.applying && !s.at.full)
		memset(s.fingerprint, 0xa5, sizeof(s.fingerprint));
	if (which == REVERSE_OVER_P)
		s.next = nothing;
	len = state_print(&s, t);
	ok(strlen(t) == len && state_parse(t, &back, &e) == 0 && same_state(&s, &back),
	   "%s: the text goes round: %s", state_names[which], e.text);
	ok(damaged_that_pass(t, len) == 0, "%s: no damaged text passes", state_names[which]);
}

/* As it stands in somebody's file; the sums are from xxhsum -H3. */
static void known_text(void)
{
	static const char at[] =
		"era-state 1\n"
		"at era1.31313131313131313131313131313131.50505050505050505050505050505050.10.100\n"
		"fingerprint 00000000000000000000000000000000\n"
		"sum ba9aa88b0bc3d48d\n";
	static const char applying[] =
		"era-state 1\n"
		"at full\n"
		"applying full era1.31313131313131313131313131313131.46464646464646464646464646464646"
		".20.100 46464646464646464646464646464646\n"
		"sum 78721d1613178397\n";
	struct state s = make_state(AT_P);
	char t[STATE_TEXT_MAX];

	state_print(&s, t);
	ok(strcmp(t, at) == 0, "the text of a state, byte for byte");
	s = make_state(FULL_OVER_NOTHING);
	state_print(&s, t);
	ok(strcmp(t, applying) == 0, "the text of a state in the middle, byte for byte");
	ok(refused("") && refused("era-state 2\nat full\n") && refused("at full\n"),
	   "empty, another version, no first line");
}

/* The longest there can be fits the room. */
static void longest(void)
{
	struct state s = make_state(INCR_OVER_P);
	char t[STATE_TEXT_MAX];
	struct state back;
	struct err e = {0};

	s.at.era_c = s.next.era_c = UINT64_MAX;
	s.at.size = s.next.size = WIRE_SIZE_MAX;
	ok(state_print(&s, t) < STATE_TEXT_MAX && state_parse(t, &back, &e) == 0 &&
		   back.next.era_c == UINT64_MAX, "the longest text fits and goes round");
}

int main(void)
{
	int i;

	accepts();
	begins_full();
	passes();
	for (i = 0; i < NR_STATES; i++)
		text(i);
	known_text();
	longest();
	return tap_done();
}
