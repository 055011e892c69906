/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamcheck and streamindex: the rules that need memory, with frames fed by hand: what may stand
 * behind what, sequence, bounds, the MAP, coverage, passes, counts, index. That END's digest and
 * counts are over the right bytes is for the corpus and its independent decoder to say.
 */
#include "pure/streamcheck.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "words/hash.h"
#include "words/le.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define OPTIONAL 200
#define G	 4096u /* granule */

static struct streamcheck *c;
static uint64_t position;
static struct err err;
static uint8_t content[WIRE_CONTENT_MAX];

/* What the frames to come are of. */
static struct wire_head head;

static void begin(uint8_t kind, uint64_t size, uint64_t parent_size)
{
	uint8_t preamble[WIRE_PREAMBLE_LEN];

	memset(&head, 0, sizeof(head));
	memset(head.stream_id, 0x11, WIRE_ID_LEN);
	memset(head.state_id, 0x11, WIRE_ID_LEN);
	if (kind != WIRE_FULL)
		memset(head.parent_id, 0x22, WIRE_ID_LEN);
	head.kind = kind;
	head.since = kind == WIRE_INCREMENTAL ? 5 : 0;
	head.era_c = 10;
	head.size = size;
	head.parent_size = parent_size;
	head.granule = G;
	head.sector = 512;
	head.cut = WIRE_CUT_NONE;
	head.consistency = WIRE_CALLERS;
	err_clear(&err);
	streamcheck_fini(c);
	wire_put_preamble(preamble, head.stream_id);
	streamcheck_init(c, preamble, &err);
	position = WIRE_PREAMBLE_LEN;
}

/* A frame; `len` bytes of content, or of the extent. */
static int frame(uint8_t type, uint64_t offset, uint64_t len)
{
	struct wire_header h = {.type = type, .seq = c->frames, .offset = offset, .logical_len = len};
	const bool extent = type == WIRE_DATA || type == WIRE_ZERO;
	const uint64_t at = position;
	uint8_t raw[WIRE_HEADER_LEN];

	h.flags = type >= WIRE_OPTIONAL_MIN;
	h.stored_len = type == WIRE_ZERO ? 0 : (uint32_t)len;
	wire_put_header(raw, &h, head.stream_id);
	position += WIRE_HEADER_LEN + h.stored_len;
	if (streamcheck_header(c, &h, raw, at, &err))
		return -1;
	return extent || type >= WIRE_OPTIONAL_MIN ? 0 : streamcheck_content(c, &h, at, content, &err);
}

static int put_head(void)
{
	uint8_t raw[WIRE_HEAD_MAX];
	const size_t len = wire_put_head(raw, &head);

	memcpy(content, raw, len);
	return frame(WIRE_HEAD, 0, len);
}

static int put_pass(uint32_t number, uint64_t since, uint64_t era_c)
{
	const struct wire_pass p = {number, since, era_c};

	wire_put_pass(content, &p);
	return frame(WIRE_PASS, 0, WIRE_PASS_LEN);
}

/* Extents in granules: offset and length, n of each. */
static int put_map(const unsigned int *x, size_t n)
{
	struct wire_extent extent;
	size_t i;

	for (i = 0; i < n; i++) {
		extent.offset = (uint64_t)x[2 * i] * G;
		extent.len = (uint64_t)x[2 * i + 1] * G;
		wire_put_extent(content + i * WIRE_EXTENT_LEN, &extent);
	}
	return frame(WIRE_MAP, 0, n * WIRE_EXTENT_LEN);
}

static int put_end(void)
{
	struct wire_end d = c->end;

	d.era_c = c->pass.era_c;
	d.frames = c->frames;
	d.passes = c->pass.number;
	d.consistency = WIRE_CALLERS;
	hash_get(c->digest, d.digest);
	wire_put_end(content, &d);
	return frame(WIRE_END, 0, WIRE_END_LEN);
}

static int put_index(void)
{
	struct streamindex *copy = malloc(sizeof(*copy));
	uint32_t len;

	*copy = c->index;
	len = streamindex_finish(copy);
	memcpy(content, copy->piece, len);
	free(copy);
	return frame(WIRE_INDEX, 0, len);
}

/* HEAD, PASS and an empty MAP of an incremental of 16 granules. */
static void begin_incremental(void)
{
	begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
	put_head();
	put_pass(1, 5, 10);
}

static bool refused(const char *what)
{
	return err.kind == ERR_CORRUPT && strstr(err.text, what) != NULL;
}

/* Order: each type behind each type. */

enum { AFTER_NOTHING, AFTER_HEAD, AFTER_PASS, AFTER_MAP, AFTER_FULL_MAP, AFTER_DATA, AFTER_ZERO,
       AFTER_OPTIONAL_BEHIND_MAP, AFTER_DUE, AFTER_INDEX, AFTER_END, AFTER_LAST_INDEX, NR_AFTER };

static const char *const after_names[NR_AFTER] = {
	"nothing", "HEAD", "PASS", "MAP", "a full MAP", "DATA", "ZERO", "MAP and an optional frame",
	"the extent that fills an INDEX", "INDEX", "END", "the last INDEX",
};

/* "1": may stand. In the order of `types`. */
static const uint8_t types[] = {WIRE_HEAD, WIRE_PASS, WIRE_MAP, WIRE_DATA, WIRE_ZERO, WIRE_INDEX, WIRE_END, OPTIONAL};
static const char *const order[NR_AFTER] = {
	/*                 HPMDZIEo */
	[AFTER_NOTHING] = "10000000",
	[AFTER_HEAD] = "01000001",
	[AFTER_PASS] = "00100001",
	[AFTER_MAP] = "01011011",
	[AFTER_FULL_MAP] = "01111011",
	[AFTER_DATA] = "01011011",
	[AFTER_ZERO] = "01011011",
	[AFTER_OPTIONAL_BEHIND_MAP] = "01011011",
	[AFTER_DUE] = "00000100",
	[AFTER_INDEX] = "01011011",
	[AFTER_END] = "00000100",
	[AFTER_LAST_INDEX] = "00000000",
};

/* 5000 extents of a granule with one between them. */
static void extents(unsigned int n)
{
	static unsigned int x[2 * 5000];
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		x[2 * i] = 2 * i;
		x[2 * i + 1] = 1;
	}
	put_map(x, 5000);
	for (i = 0; i < n; i++)
		frame(WIRE_DATA, (uint64_t)2 * i * G, G);
}

static void full_map(void)
{
	static unsigned int x[2 * WIRE_EXTENTS_MAX];
	unsigned int i;

	for (i = 0; i < WIRE_EXTENTS_MAX; i++) {
		x[2 * i] = 2 * i;
		x[2 * i + 1] = 1;
	}
	put_map(x, WIRE_EXTENTS_MAX);
}

static void lead_to(int after)
{
	static const unsigned int map[] = {0, 4};

	begin(WIRE_INCREMENTAL, 200000 * G, 200000 * G);
	head.flags = WIRE_HEAD_PASSES;
	if (after >= AFTER_HEAD)
		put_head();
	if (after >= AFTER_PASS)
		put_pass(1, 5, 10);
	if (after == AFTER_DUE || after == AFTER_INDEX)
		extents(WIRE_ENTRIES_MAX);
	else if (after == AFTER_FULL_MAP)
		full_map();
	else if (after >= AFTER_MAP)
		put_map(map, 1);
	if (after == AFTER_DATA || after == AFTER_END || after == AFTER_LAST_INDEX)
		frame(WIRE_DATA, 0, 4 * G);
	if (after == AFTER_ZERO)
		frame(WIRE_ZERO, 0, 4 * G);
	if (after == AFTER_OPTIONAL_BEHIND_MAP)
		frame(OPTIONAL, 0, 5);
	if (after == AFTER_INDEX || after == AFTER_END || after == AFTER_LAST_INDEX)
		after == AFTER_INDEX ? put_index() : put_end();
	if (after == AFTER_LAST_INDEX)
		put_index();
}

/* May it stand there? Only the order counts: what the pass lacks is another rule's. */
static bool may_stand(uint8_t type)
{
	struct wire_header h = {.type = type, .seq = c->frames, .offset = (uint64_t)190000 * G};
	uint8_t raw[WIRE_HEADER_LEN] = {0};

	h.logical_len = 1;
	streamcheck_header(c, &h, raw, position, &err);
	return err.kind == ERR_NONE || !strstr(err.text, "may not stand here");
}

static void orders(void)
{
	const char *type;
	size_t t;
	int a;

	for (a = 0; a < NR_AFTER; a++) {
		for (t = 0; t < ARRAY_SIZE(types); t++) {
			lead_to(a);
			type = types[t] == OPTIONAL ? "an optional frame" : wire_type_name(types[t]);
			if (err.kind != ERR_NONE)
				ok(false, "leading to %s: %s", after_names[a], err.text);
			ok(may_stand(types[t]) == (order[a][t] == '1'), "%s behind %s: %s", type,
			   after_names[a], order[a][t] == '1' ? "yes" : "no");
		}
	}
}

static void sequence(void)
{
	struct wire_header h = {.type = WIRE_PASS};
	uint8_t raw[WIRE_HEADER_LEN] = {0};
	static const uint64_t wrong[] = {0, 2, (UINT64_C(1) << 32) + 1};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		begin(WIRE_FULL, G, 0);
		put_head();
		h.seq = wrong[i];
		ok(streamcheck_header(c, &h, raw, position, &err) == -1 && refused("where frame 1 is due"),
		   "sequence number %llu where 1 is due", (unsigned long long)wrong[i]);
	}
}

static void heads(void)
{
	uint8_t raw[WIRE_HEAD_MAX];

	begin(WIRE_FULL, G, 0);
	wire_put_head(raw, &head);
	memset(raw, 0x33, WIRE_ID_LEN);
	memset(raw + 16, 0x33, WIRE_ID_LEN);
	memcpy(content, raw, WIRE_HEAD_LEN);
	ok(frame(WIRE_HEAD, 0, WIRE_HEAD_LEN) == -1 && refused("another stream than the preamble"),
	   "HEAD of another stream");
}

/* MAP */

static const struct {
	unsigned int x[8];
	size_t n;
	const char *want, *name;
} maps[] = {
	{{0, 1}, 1, NULL, "one block"},
	{{0, 16}, 1, NULL, "all of the device"},
	{{0, 1, 2, 1, 15, 1}, 3, NULL, "three extents"},
	{{0, 17}, 1, "beyond the device", "beyond the end"},
	{{16, 1}, 1, "beyond the device", "at the end"},
	{{3, 0}, 1, "empty", "an empty extent"},
	{{2, 1, 0, 1}, 2, "not in order", "backwards"},
	{{0, 2, 1, 2}, 2, "not in order", "overlapping"},
	{{0, 2, 2, 2}, 2, "not in order", "touching"},
	{{0, 2, 0, 2}, 2, "not in order", "twice"},
};

static int raw_map(uint64_t offset, uint64_t len)
{
	const struct wire_extent x = {offset, len};

	wire_put_extent(content, &x);
	return frame(WIRE_MAP, 0, WIRE_EXTENT_LEN);
}

static void map_rules(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		begin_incremental();
		put_map(maps[i].x, maps[i].n);
		ok(maps[i].want ? refused(maps[i].want) : err.kind == ERR_NONE, "MAP: %s (%s)", maps[i].name,
		   err.text);
	}
	begin_incremental();
	ok(raw_map(1, G) == -1 && refused("whole era blocks"), "MAP: an offset inside a block");
	begin_incremental();
	ok(raw_map(0, G - 1) == -1 && refused("whole era blocks"), "MAP: an end inside a block");
	begin_incremental();
	ok(raw_map(UINT64_MAX - G + 1, G) == -1 && refused("beyond"), "MAP: an extent that wraps around");
	begin(WIRE_INCREMENTAL, 16 * G + 512, 16 * G + 512);
	put_head();
	put_pass(1, 5, 10);
	ok(raw_map(16 * G, 512) == 0, "MAP: the short last block %s", err.text);
	begin_incremental();
	ok(frame(WIRE_MAP, 0, 15) == -1 && refused("inside an extent"), "MAP: 15 bytes");
}

static void map_frames(void)
{
	static const unsigned int next[] = {131072, 1};
	static const unsigned int early[] = {131070, 1};

	lead_to(AFTER_FULL_MAP);
	ok(put_map(next, 1) == 0, "MAP: a second frame behind a full one %s", err.text);
	ok(put_map(next, 1) == -1 && refused("may not stand"), "MAP: a third behind one that was not full");
	lead_to(AFTER_FULL_MAP);
	ok(put_map(early, 1) == -1 && refused("not in order"), "MAP: order goes over frames");
	lead_to(AFTER_FULL_MAP);
	ok(put_map(NULL, 0) == -1 && refused("an empty MAP follows"), "MAP: an empty one behind a full one");
	begin_incremental();
	ok(put_map(NULL, 0) == 0 && put_end() == 0 && put_index() == 0 && streamcheck_complete(c),
	   "MAP: an empty one alone %s", err.text);
}

/* What the first MAP must have, by kind and growth; seen at the end of the pass. */
static const struct {
	uint8_t kind;
	unsigned int size, parent_size; /* granules */
	unsigned int x[4];
	size_t n;
	bool good;
	const char *name;
} firsts[] = {
	{WIRE_FULL, 16, 0, {0, 16}, 1, true, "a full: the device"},
	{WIRE_FULL, 16, 0, {0, 15}, 1, false, "a full: a block less"},
	{WIRE_FULL, 16, 0, {1, 15}, 1, false, "a full: from the second block"},
	{WIRE_FULL, 16, 0, {0, 7, 8, 8}, 2, false, "a full: a gap"},
	{WIRE_FULL, 16, 0, {0, 0}, 0, false, "a full: nothing"},
	{WIRE_INCREMENTAL, 16, 16, {0, 0}, 0, true, "an incremental: nothing"},
	{WIRE_INCREMENTAL, 16, 12, {12, 4}, 1, true, "grown: the new space"},
	{WIRE_INCREMENTAL, 16, 12, {0, 16}, 1, true, "grown: everything"},
	{WIRE_INCREMENTAL, 16, 12, {0, 2, 11, 5}, 2, true, "grown: and the block before"},
	{WIRE_INCREMENTAL, 16, 12, {13, 3}, 1, false, "grown: a block less"},
	{WIRE_INCREMENTAL, 16, 12, {12, 3}, 1, false, "grown: not to the end"},
	{WIRE_INCREMENTAL, 16, 12, {0, 12}, 1, false, "grown: all but the new space"},
	{WIRE_INCREMENTAL, 16, 12, {12, 1, 14, 2}, 2, false, "grown: a gap in the new space"},
	{WIRE_INCREMENTAL, 16, 12, {0, 0}, 0, false, "grown: nothing"},
	{WIRE_REVERSE, 16, 12, {12, 4}, 1, true, "reverse, back to more: what comes back"},
	{WIRE_REVERSE, 16, 12, {0, 0}, 0, false, "reverse, back to more: nothing"},
	{WIRE_REVERSE, 12, 16, {0, 0}, 0, true, "reverse, back to less: nothing"},
};

static void first_map(void)
{
	size_t i;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		begin(firsts[i].kind, (uint64_t)firsts[i].size * G, (uint64_t)firsts[i].parent_size * G);
		put_head();
		put_pass(1, head.since, 10);
		put_map(firsts[i].x, firsts[i].n);
		for (k = 0; k < firsts[i].n; k++)
			frame(WIRE_ZERO, (uint64_t)firsts[i].x[2 * k] * G, (uint64_t)firsts[i].x[2 * k + 1] * G);
		put_end();
		ok(firsts[i].good ? err.kind == ERR_NONE : refused("MAP"), "first MAP: %s (%s)", firsts[i].name,
		   err.text);
	}
}

/* Extents and coverage */

/* In sixteenths of a granule; the MAP is blocks 0 to 1 and 4. */
static const struct {
	unsigned int x[12];
	size_t n;
	const char *want, *name;
} covers[] = {
	{{0, 32, 64, 16}, 2, NULL, "the same extents"},
	{{0, 1, 1, 30, 31, 1, 64, 8, 72, 8}, 5, NULL, "in pieces of any length"},
	{{0, 32}, 1, "not those of its MAP", "the last is missing"},
	{{0, 31, 64, 16}, 2, "not those of its MAP", "the end of the first is missing"},
	{{1, 31, 64, 16}, 2, "not those of its MAP", "the begin of the first is missing"},
	{{0, 15, 16, 16, 64, 16}, 3, "not those of its MAP", "a gap inside"},
	{{0, 33, 64, 16}, 2, "not those of its MAP", "more than the first"},
	{{0, 32, 64, 16, 80, 1}, 3, "not those of its MAP", "more than the last"},
	{{0, 32, 48, 16}, 2, "not those of its MAP", "another block"},
	{{0, 80}, 1, "not those of its MAP", "what lies between too"},
	{{0, 0}, 0, "not those of its MAP", "nothing"},
	{{64, 16, 0, 32}, 2, "before the one before it ends", "backwards"},
	{{0, 32, 31, 1}, 2, "before the one before it ends", "overlapping by one"},
	{{0, 32, 0, 32}, 2, "before the one before it ends", "twice"},
	{{0, 32, 256, 1}, 2, "beyond the device", "at the device's end"},
	{{0, 32, 255, 2}, 2, "beyond the device", "over the device's end"},
	{{0, 32, 300, 1}, 2, "beyond the device", "behind the device's end"},
};

static void coverage(void)
{
	static const unsigned int map[] = {0, 2, 4, 1};
	const uint64_t u = G / 16;
	size_t i;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(covers); i++) {
		begin_incremental();
		put_map(map, 2);
		for (k = 0; k < covers[i].n && err.kind == ERR_NONE; k++)
			frame(k % 2 ? WIRE_ZERO : WIRE_DATA, covers[i].x[2 * k] * u, covers[i].x[2 * k + 1] * u);
		if (err.kind == ERR_NONE)
			put_end();
		ok(covers[i].want ? refused(covers[i].want) : err.kind == ERR_NONE, "extents: %s (%s)",
		   covers[i].name, err.text);
	}
}

/* Passes */

static const struct {
	uint32_t number;
	uint64_t since, era_c;
	const char *want, *name;
} seconds[] = {
	{2, 10, 12, NULL, "since C of the first"},
	{2, 9, 12, NULL, "since before C of the first"},
	{2, 10, 10, NULL, "the same C"},
	{2, 11, 12, "eras do not fit", "since above C of the first"},
	{2, 10, 9, "eras do not fit", "C below that of the first"},
	{2, 10, 0, "eras do not fit", "C unknown where it was known"},
	{1, 10, 12, "not numbered in order", "number 1 again"},
	{3, 10, 12, "not numbered in order", "number 3"},
};

static void second_pass(void)
{
	static const unsigned int map[] = {0, 2};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(seconds); i++) {
		begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
		head.flags = WIRE_HEAD_PASSES;
		put_head();
		put_pass(1, 5, 10);
		put_map(map, 1);
		frame(WIRE_ZERO, 0, 2 * G);
		if (put_pass(seconds[i].number, seconds[i].since, seconds[i].era_c) == 0) {
			put_map(map, 1);
			frame(WIRE_DATA, 0, 2 * G);
			put_end();
		}
		ok(seconds[i].want ? refused(seconds[i].want) : err.kind == ERR_NONE, "second PASS: %s (%s)",
		   seconds[i].name, err.text);
	}
}

static void passes(void)
{
	static const unsigned int map[] = {0, 2};

	begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
	put_head();
	ok(put_pass(2, 5, 10) == -1 && refused("not numbered"), "first PASS: number 2");
	begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
	put_head();
	ok(put_pass(1, 4, 10) == -1 && refused("start where HEAD says"), "first PASS: another since");
	begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
	put_head();
	ok(put_pass(1, 5, 11) == -1 && refused("eras do not fit"), "first PASS: another C");
	begin_incremental();
	put_map(map, 1);
	frame(WIRE_ZERO, 0, 2 * G);
	ok(put_pass(2, 10, 12) == -1 && refused("where HEAD says there is one"),
	   "second PASS: where HEAD does not announce it");
	begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
	head.flags = WIRE_HEAD_PASSES;
	put_head();
	put_pass(1, 5, 10);
	put_map(map, 1);
	ok(put_pass(2, 10, 12) == -1 && refused("not those of its MAP"),
	   "second PASS: where the first has not all of its MAP");
	begin(WIRE_INCREMENTAL, 16 * G, 16 * G);
	head.flags = WIRE_HEAD_PASSES;
	head.since = head.era_c = 0;
	put_head();
	put_pass(1, 0, 0);
	put_map(map, 1);
	frame(WIRE_ZERO, 0, 2 * G);
	ok(put_pass(2, 0, 3) == -1 && refused("eras do not fit"), "second PASS: C known where it was not");
}

/* END, INDEX, footer */

static void to_end(void)
{
	static const unsigned int map[] = {0, 2};

	begin_incremental();
	put_map(map, 1);
	frame(WIRE_DATA, 0, G);
	frame(WIRE_ZERO, G, G);
}

static void counts(void)
{
	static const struct {
		size_t at;
		const char *want, *name;
	} rows[] = {
		{0, "era is not that", "C"},		  {8, "counts", "frames"},
		{16, "counts", "DATA frames"},		  {24, "counts", "ZERO frames"},
		{32, "counts", "bytes of DATA"},	  {40, "counts", "bytes of ZERO"},
		{48, "counts", "stored bytes"},		  {56, "counts", "passes"},
		{72, "digest", "digest, its first byte"}, {87, "digest", "digest, its last byte"},
	};
	struct wire_end d;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		to_end();
		d = c->end;
		d.era_c = 10;
		d.frames = c->frames;
		d.passes = 1;
		d.consistency = WIRE_CALLERS;
		hash_get(c->digest, d.digest);
		wire_put_end(content, &d);
		content[rows[i].at] ^= 1;
		ok(frame(WIRE_END, 0, WIRE_END_LEN) == -1 && refused(rows[i].want), "END: wrong %s", rows[i].name);
	}
	to_end();
	ok(put_end() == 0 && c->end.data_frames == 1 && c->end.zero_frames == 1 && c->end.data_bytes == G &&
		   c->end.zero_bytes == G && c->end.stored_bytes == G && c->end.frames == 5,
	   "END: right %s", err.text);
}

static int bad_index(size_t at)
{
	uint32_t len;

	to_end();
	put_end();
	len = streamindex_finish(&c->index);
	memcpy(content, c->index.piece, len);
	content[at] ^= 1;
	return frame(WIRE_INDEX, 0, len);
}

static void indexes(void)
{
	unsigned int passed = 0;
	size_t at;

	for (at = 0; at < WIRE_INDEX_LEN + 2 * WIRE_ENTRY_LEN; at++)
		passed += bad_index(at) == 0;
	ok(passed == 0, "INDEX: no byte may differ");
	to_end();
	put_end();
	memcpy(content, c->index.piece, sizeof(c->index.piece));
	ok(frame(WIRE_INDEX, 0, WIRE_INDEX_LEN) == -1 && refused("INDEX"), "INDEX: without its entries");
	lead_to(AFTER_DUE);
	ok(c->index_due && put_index() == 0 && !c->index_due && c->index.entries == 0 &&
		   c->index.previous == position - WIRE_HEADER_LEN - WIRE_INDEX_LEN - 4096 * WIRE_ENTRY_LEN,
	   "INDEX: a full piece is due at once, and the next points to it");
	lead_to(AFTER_INDEX);
	ok(!streamcheck_complete(c), "INDEX: in a pass it does not complete the stream");
	lead_to(AFTER_END);
	ok(!streamcheck_complete(c), "END alone does not complete the stream");
	lead_to(AFTER_LAST_INDEX);
	ok(streamcheck_complete(c), "END and INDEX do");
}

static void footers(void)
{
	uint8_t raw[WIRE_FOOTER_LEN];
	struct wire_footer f;
	int i;

	for (i = 0; i < 4; i++) {
		to_end();
		f.end_position = position;
		put_end();
		f.index_position = position;
		put_index();
		f.length = position + WIRE_FOOTER_LEN;
		f.end_position += i == 1;
		f.index_position += i == 2;
		f.length += i == 3;
		wire_put_footer(raw, &f, head.stream_id);
		ok(i ? streamcheck_footer(c, raw, position, &err) == -1 && refused("footer does not say")
		     : streamcheck_footer(c, raw, position, &err) == 0,
		   "footer: %s", i == 0 ? "right" : i == 1 ? "END" : i == 2 ? "INDEX" : "length");
	}
}

/* streamindex by itself */
static void pieces(void)
{
	struct streamindex *x = calloc(1, sizeof(*x));
	const struct wire_entry n = {.offset = 1, .len = 2, .position = 3, .stored_len = 4, .pass = 5, .type = 3};
	uint8_t want[WIRE_ENTRY_LEN];
	unsigned int i;

	ok(streamindex_finish(x) == WIRE_INDEX_LEN && le64_get(x->piece) == 0 && le64_get(x->piece + 8) == 0,
	   "index: an empty piece");
	for (i = 0; i < WIRE_ENTRIES_MAX; i++) {
		if (streamindex_full(x))
			break;
		streamindex_add(x, &n);
	}
	wire_put_entry(want, &n);
	ok(i == WIRE_ENTRIES_MAX && streamindex_full(x), "index: full with 4096 entries");
	ok(streamindex_finish(x) == sizeof(x->piece) && le32_get(x->piece + 8) == 4096 &&
		   memcmp(x->piece + sizeof(x->piece) - WIRE_ENTRY_LEN, want, sizeof(want)) == 0,
	   "index: the last entry is the piece's last bytes");
	streamindex_next(x, 77);
	streamindex_add(x, &n);
	ok(streamindex_finish(x) == WIRE_INDEX_LEN + WIRE_ENTRY_LEN && le64_get(x->piece) == 77 &&
		   le32_get(x->piece + 8) == 1, "index: the next piece points back");
	free(x);
}

int main(void)
{
	c = calloc(1, sizeof(*c));
	orders();
	sequence();
	heads();
	map_rules();
	map_frames();
	first_map();
	coverage();
	second_pass();
	passes();
	counts();
	indexes();
	footers();
	pieces();
	streamcheck_fini(c);
	free(c);
	return tap_done();
}
