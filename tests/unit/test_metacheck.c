/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metaspace and metacheck: whole metadata is whole, to the block; and each damage of a block, of a
 * pointer and of a count is found, or where it is harmless, noted.
 */
#include "pure/metacheck.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metasample.h"
#include "pure/metaspace.h"
#include "tap.h"
#include "words/le.h"

#define VALUES_8  (32 + 8 * 252)
#define VALUES_12 (32 + 8 * 201)

/* The sample, with a space map. Counts are kept here and written by spaced_write. */
struct spaced {
	struct sample s;
	unsigned int count[64];
	uint64_t keys[64]; /* the tree of counts: nr_big entries */
	uint32_t bigs[64];
	unsigned int nr_big;
	uint64_t total, used, index, bitmap, tree;
	uint64_t reachable; /* of these, from 0 on, all but held_current's are reachable */
};

static uint64_t at64(const struct spaced *p, uint64_t block, unsigned int off)
{
	uint64_t v;

	memcpy(&v, mi_at(&p->s.img, block) + off, 8);
	return v;
}

/* Superblocks, index, bitmap and tree of counts as the fields say. */
static void spaced_write(struct spaced *p)
{
	const struct metaimage *img = &p->s.img;
	uint8_t *b;
	unsigned int i;

	mi_super(img, p->s.held, &p->s.then);
	mi_super(img, 0, &p->s.own);
	b = mi_at(img, 0) + 44;
	mi64(b, p->total);
	mi64(b + 8, p->used);
	mi64(b + 16, p->index);
	mi64(b + 24, p->tree);
	mi_seal(img, 0, MI_SUPER);
	b = mi_at(img, p->index);
	memset(b, 0, MI_LEN);
	mi64(b + 8, p->index);
	mi64(b + 16, p->bitmap);
	mi_seal(img, p->index, MI_INDEX);
	b = mi_at(img, p->bitmap);
	memset(b, 0, MI_LEN);
	mi64(b + 8, p->bitmap);
	for (i = 0; i < p->total && i < 64; i++)
		mi_count(b, i, p->count[i]);
	mi_seal(img, p->bitmap, MI_BITMAP);
	b = mi_at(img, p->tree);
	memset(b, 0, MI_LEN);
	mi32(b + 4, 2);
	mi64(b + 8, p->tree);
	mi32(b + 16, p->nr_big);
	mi32(b + 20, 336);
	mi32(b + 24, 4);
	for (i = 0; i < p->nr_big; i++) {
		mi64(b + 32 + 8 * i, p->keys[i]);
		mi32(b + 32 + 8 * 336 + 4 * i, p->bigs[i]);
	}
	mi_seal(img, p->tree, MI_NODE);
}

/* Roots of the bitsets, of which the first three are in the held tree too. */
static uint64_t set_root(const struct spaced *p, unsigned int i)
{
	const uint64_t root = p->s.own.writeset_root;
	uint64_t node = root;

	/* Two to a node, as sample_make says, and three leaves below two nodes below the root. */
	while (le32_get(mi_at(&p->s.img, node) + 4) == 1) {
		const unsigned int nr = le32_get(mi_at(&p->s.img, node) + 16);
		unsigned int k = nr - 1;

		while (k > 0 && at64(p, node, 32 + 8 * k) > i + 5)
			k--;
		node = at64(p, node, VALUES_8 + 8 * k);
	}
	return at64(p, node,
		    VALUES_12 + 12 * (unsigned int)(i + 5 - at64(p, node, 32)) + 4);
}

static void spaced_make(struct spaced *p)
{
	unsigned int i;

	memset(p, 0, sizeof(*p));
	sample_make(&p->s);
	p->s.img.used = p->s.wholly_read; /* the held current writeset is on no path: not kept */
	p->index = mi_alloc(&p->s.img);
	p->bitmap = mi_alloc(&p->s.img);
	p->tree = mi_alloc(&p->s.img);
	p->reachable = p->used = p->s.img.used;
	p->total = p->s.img.nr_blocks;
	for (i = 0; i < p->used; i++)
		p->count[i] = 1;
	p->count[p->s.own.array_root] = 2;
	for (i = 0; i < 3; i++)
		p->count[set_root(p, i)] = 2;
	p->s.then.current_root = 1; /* never followed */
	spaced_write(p);
}

static void spaced_free(struct spaced *p)
{
	sample_free(&p->s);
}

static int run(struct spaced *p, struct metacheck_report *r, struct err *e)
{
	memset(e, 0, sizeof(*e));
	return metacheck_run(&p->s.io, r, e);
}

static void refused(struct spaced *p, const char *what, const char *says)
{
	struct metacheck_report r;
	struct err e;
	const int rc = run(p, &r, &e);

	ok(rc && e.kind == ERR_CORRUPT && strstr(e.text, says) && !p->s.misused, "%s: %s", what,
	   e.text);
	spaced_free(p);
}

static void accepted(struct spaced *p, const char *what, unsigned int leaked, unsigned int excess)
{
	struct metacheck_report r;
	struct err e;
	const int rc = run(p, &r, &e);

	ok(rc == 0 && r.leaked_blocks == leaked && r.excess_blocks == excess &&
		   r.counted_blocks == r.found_blocks + leaked,
	   "%s: %d leaked, %d in excess %s", what, (int)r.leaked_blocks, (int)r.excess_blocks,
	   e.text);
	spaced_free(p);
}

static void whole(void)
{
	struct metacheck_report r;
	struct spaced p;
	struct err e;
	int rc;

	spaced_make(&p);
	ok(run(&p, &r, &e) == 0, "the sample is whole");
	ok(r.era == SAMPLE_ERA && r.held && r.nr_writesets == 5, "what it says of itself");
	ok(r.total_blocks == 48 && r.used_blocks == p.used && r.counted_blocks == p.used &&
		   r.found_blocks == p.used && r.leaked_blocks == 0 && r.first_leaked == 0 &&
		   r.excess_blocks == 0,
	   "each of %d blocks is found and counted", (int)p.used);
	spaced_free(&p);

	spaced_make(&p);
	p.s.own.held = 0;
	p.count[p.s.own.array_root] = 1;
	spaced_write(&p);
	rc = run(&p, &r, &e);
	ok(rc == 0 && !r.held && r.leaked_blocks > 0 && r.excess_blocks == 3,
	   "without its snapshot some of it leaks: %d, first of them %d", (int)r.leaked_blocks,
	   (int)r.first_leaked);
	ok(p.count[r.first_leaked] > 0, "one is named");
	spaced_free(&p);

	spaced_make(&p);
	p.used--;
	spaced_write(&p);
	rc = run(&p, &r, &e);
	ok(rc == 0 && r.used_blocks != r.counted_blocks,
	   "a wrong total is a note: %d of %d", (int)r.used_blocks, (int)r.counted_blocks);
	spaced_free(&p);
}

/* As the kernel formats it: no blocks yet, empty trees. */
static void fresh(void)
{
	struct metacheck_report r;
	struct spaced p;
	struct err e;

	spaced_make(&p);
	memset(p.count, 0, sizeof(p.count));
	p.s.img.used = 1;
	p.s.own = (struct mi_super){.block_size = 128};
	p.s.own.writeset_root = mi_writesets(&p.s.img, NULL, 0);
	p.s.own.array_root = mi_array(&p.s.img, NULL, 0, 4);
	p.s.held = 40;
	p.count[0] = p.count[1] = p.count[2] = 1;
	p.count[p.index] = p.count[p.bitmap] = p.count[p.tree] = 1;
	p.used = 6;
	spaced_write(&p);
	ok(run(&p, &r, &e) == 0 && r.found_blocks == 6 && r.nr_writesets == 0,
	   "metadata of no blocks is whole");
	p.count[2] = 0;
	spaced_write(&p);
	refused(&p, "the root of an empty array is a block too", "block 2: a node of the era array");
}

static void usage(void)
{
	static const struct {
		const char *what;
		uint64_t total, used;
		bool good;
	} t[] = {
		{"some of it", 48, 40, true},
		{"none of it", 48, 0, true},
		{"all of it", 48, 48, true},
		{"the largest there is", METASPACE_MAX_BLOCKS, 7, true},
		{"more than all", 48, 49, false},
		{"no blocks", 0, 0, false},
		{"more than there can be", METASPACE_MAX_BLOCKS + 1, 7, false},
		{"2^64 - 1", UINT64_MAX, UINT64_MAX, false},
	};
	uint64_t used, total;
	struct spaced p;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		spaced_make(&p);
		p.total = t[i].total;
		p.used = t[i].used;
		spaced_write(&p);
		memset(&e, 0, sizeof(e));
		used = total = 99;
		ok((metaspace_usage(p.s.img.p, &used, &total, &e) == 0) == t[i].good &&
			   (t[i].good ? used == t[i].used && total == t[i].total
				      : e.kind == ERR_CORRUPT),
		   "usage: %s %s", t[i].what, e.text);
		spaced_free(&p);
	}
	spaced_make(&p);
	p.s.img.p[50] ^= 1;
	memset(&e, 0, sizeof(e));
	ok(metaspace_usage(p.s.img.p, &used, &total, &e) && e.kind == ERR_CORRUPT,
	   "usage: the checksum is looked at: %s", e.text);
	memset(p.s.img.p, 0, MI_LEN);
	memset(&e, 0, sizeof(e));
	ok(metaspace_usage(p.s.img.p, &used, &total, &e) && strstr(e.text, "all zero"),
	   "usage: blank metadata: %s", e.text);
	spaced_free(&p);
}

/* Each block's count one too low, and, where there are two, none: found. One too high: noted. */
static void each_count(void)
{
	struct metacheck_report r;
	unsigned int block, low = 0, named = 0, notes = 0, tried = 0, is;
	char says[64];
	struct spaced p;
	struct err e;

	spaced_make(&p);
	for (block = 0; block < p.reachable; block++) {
		const unsigned int right = p.count[block];

		snprintf(says, sizeof(says), "metadata block %u:", block);
		for (is = 0; is < right; is++) {
			p.count[block] = is;
			spaced_write(&p);
			tried++;
			low += run(&p, &r, &e) && e.kind == ERR_CORRUPT;
			named += strstr(e.text, says) && strstr(e.text, "would overwrite");
		}
		if (right == 1) {
			p.count[block] = 2;
			spaced_write(&p);
			notes += run(&p, &r, &e) == 0 && r.excess_blocks == 1 && r.leaked_blocks == 0;
			tried++;
		}
		p.count[block] = right;
	}
	ok(low == named && low + notes == tried && low == p.reachable + 4 &&
		   notes == p.reachable - 4,
	   "%u counts too low, %u too high", low, notes);
	spaced_free(&p);
}

static void count_tree(void)
{
	struct spaced p;

	spaced_make(&p);
	p.count[5] = 3;
	spaced_write(&p);
	refused(&p, "a count of 3 that is in no tree", "block 5: counted with 3 references or more");

	spaced_make(&p);
	p.count[5] = 3;
	p.keys[0] = 5;
	p.bigs[0] = 3;
	p.nr_big = 1;
	spaced_write(&p);
	accepted(&p, "a count of 3", 0, 1);

	spaced_make(&p);
	p.count[5] = 3;
	p.keys[0] = 5;
	p.bigs[0] = 2;
	p.nr_big = 1;
	spaced_write(&p);
	refused(&p, "a count of 3 that the tree has as 2", "block 5: counted with 3");

	spaced_make(&p);
	p.keys[0] = 5;
	p.bigs[0] = 9;
	p.nr_big = 1;
	spaced_write(&p);
	accepted(&p, "remains in the tree of counts", 0, 0);

	spaced_make(&p);
	p.keys[0] = 48;
	p.bigs[0] = 9;
	p.nr_big = 1;
	spaced_write(&p);
	refused(&p, "a count for a block behind the end", "a count for block 48 of 48");

	spaced_make(&p);
	p.count[47] = 1;
	spaced_write(&p);
	accepted(&p, "a leaked block", 1, 0);
}

/* Hostile figures, and pointers that lead where something else is: each builds one damage. */
static void put64(struct spaced *p, uint64_t block, unsigned int off, uint64_t v, enum mi_kind kind)
{
	mi64(mi_at(&p->s.img, block) + off, v);
	mi_seal(&p->s.img, block, kind);
}

static uint64_t eras_leaf(const struct spaced *p)
{
	return at64(p, p->s.own.array_root, VALUES_8);
}

static void large_map(struct spaced *p)
{
	p->total = 49;
	spaced_write(p);
}

static void small_map(struct spaced *p)
{
	p->total = p->used = 28;
	spaced_write(p);
}

static void no_index(struct spaced *p)
{
	p->index = 0;
	mi64(p->s.img.p + 44 + 16, 0);
	mi_seal(&p->s.img, 0, MI_SUPER);
}

static void index_behind(struct spaced *p)
{
	put64(p, 0, 44 + 16, UINT64_MAX, MI_SUPER);
}

static void index_elsewhere(struct spaced *p)
{
	put64(p, p->index, 8, 3, MI_INDEX);
}

static void bitmap_for_index(struct spaced *p)
{
	put64(p, 0, 44 + 16, p->bitmap, MI_SUPER);
}

static void no_bitmap(struct spaced *p)
{
	put64(p, p->index, 16, 0, MI_INDEX);
}

static void bitmap_behind(struct spaced *p)
{
	put64(p, p->index, 16, 48, MI_INDEX);
}

static void bitmap_elsewhere(struct spaced *p)
{
	put64(p, p->bitmap, 8, p->index, MI_BITMAP);
}

static void index_is_bitmap(struct spaced *p)
{
	put64(p, p->index, 16, p->index, MI_INDEX);
}

static void no_counts(struct spaced *p)
{
	put64(p, 0, 44 + 24, 0, MI_SUPER);
}

static void eras_for_counts(struct spaced *p)
{
	put64(p, 0, 44 + 24, p->s.own.array_root, MI_SUPER);
}

static void eras_for_writesets(struct spaced *p)
{
	p->s.own.writeset_root = p->s.own.array_root;
	spaced_write(p);
}

static void held_is_a_node(struct spaced *p)
{
	put64(p, 0, 216, p->s.own.array_root, MI_SUPER);
}

static void held_is_nothing(struct spaced *p)
{
	put64(p, 0, 216, 47, MI_SUPER);
}

static void held_behind(struct spaced *p)
{
	put64(p, 0, 216, 48, MI_SUPER);
}

static void one_bitset_for_two(struct spaced *p)
{
	p->s.own.current_root = set_root(p, 4);
	spaced_write(p);
}

static void own_child(struct spaced *p)
{
	put64(p, p->s.own.array_root, VALUES_8, p->s.own.array_root, MI_NODE);
}

static void child_is_parent(struct spaced *p)
{
	put64(p, eras_leaf(p), VALUES_8, p->s.own.array_root, MI_NODE);
}

static void block_twice(struct spaced *p)
{
	put64(p, eras_leaf(p), VALUES_8 + 8, at64(p, eras_leaf(p), VALUES_8), MI_NODE);
}

static void bits_for_eras(struct spaced *p)
{
	put64(p, eras_leaf(p), VALUES_8, at64(p, set_root(p, 1), VALUES_8), MI_NODE);
}

static void own_bitset_is_held_node(struct spaced *p)
{
	put64(p, p->s.then.writeset_root, VALUES_8, p->s.own.writeset_root, MI_NODE);
}

static void held_current_damaged(struct spaced *p)
{
	p->s.then.writeset_root = 47;
	spaced_write(p);
}

static void writeset_of_tomorrow(struct spaced *p)
{
	p->s.own.era = SAMPLE_ERA - 2;
	spaced_write(p);
}

static void short_array(struct spaced *p)
{
	p->s.own.nr_blocks = 9000;
	p->s.then.nr_blocks = 9000;
	spaced_write(p);
}

static void pointers(void)
{
	static const struct {
		const char *what;
		void (*damage)(struct spaced *p);
		const char *says;
	} t[] = {
		{"a space map larger than the device", large_map, "of 49 blocks on a device of 48"},
		{"one smaller than what is in use", small_map, "behind the 28 of the space map"},
		{"no index", no_index, "block 0: it points to block 0"},
		{"an index behind the device", index_behind, "to block 18446744073709551615"},
		{"an index from elsewhere", index_elsewhere, "block 29: it says it is block 3"},
		{"a bitmap for the index", bitmap_for_index, "block 30: checksum is"},
		{"no bitmap", no_bitmap, "block 29: it points to block 0"},
		{"a bitmap behind the device", bitmap_behind, "block 29: it points to block 48"},
		{"a bitmap from elsewhere", bitmap_elsewhere, "block 30: it says it is block 29"},
		{"an index that is its bitmap", index_is_bitmap,
		 "as a bitmap of the space map, which is the space map's index"},
		{"no tree of counts", no_counts, "block 0: it points to block 0"},
		{"the era array for the counts", eras_for_counts,
		 "as a node of the space map's tree of counts, which is a node of the era array"},
		{"the era array for writesets", eras_for_writesets, "where 12 was expected"},
		{"a held superblock that is a node", held_is_a_node,
		 "as a superblock, which is a node of the era array"},
		{"a held superblock that is nothing", held_is_nothing, "block 47: all zero"},
		{"a held superblock behind the device", held_behind, "to block 48, behind the 48"},
		{"one bitset for two eras", one_bitset_for_two, "which has its place elsewhere"},
		{"a node that is its child", own_child, "which has its place elsewhere"},
		{"a child that is its parent", child_is_parent,
		 "as a block of the era array, which is a node of the era array"},
		{"an array with one block twice", block_twice, "which has its place elsewhere"},
		{"a block of bits for eras", bits_for_eras,
		 "as a block of the era array, which is a block of a bitset"},
		{"an own root that is a held child", own_bitset_is_held_node, "outside of ["},
		{"a held tree that is nothing", held_current_damaged, "block 47: checksum"},
		{"a writeset of a later era", writeset_of_tomorrow, "when the era is 8"},
		{"an era array that is too short", short_array, "values where"},
	};
	struct spaced p;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		spaced_make(&p);
		t[i].damage(&p);
		refused(&p, t[i].what, t[i].says);
	}
}

/* The writeset kernels before 5.12 leave in the superblock: one reference, of the same era alone. */
static void archived_current(void)
{
	struct metacheck_report r;
	unsigned int block;
	struct spaced p;
	struct err e;
	int rc;

	spaced_make(&p);
	p.s.own.current_root = set_root(&p, 4);
	p.s.own.era = 9;
	spaced_write(&p);
	rc = run(&p, &r, &e);
	ok(rc == 0 && r.leaked_blocks == 2, "an archived writeset is still the current one: %s",
	   e.text);
	for (block = 0; block < p.reachable; block++)
		if (p.count[block] == 1)
			p.count[block] = 2;
	p.s.own.current_root = set_root(&p, 3);
	spaced_write(&p);
	refused(&p, "that of another era is not", "which has its place elsewhere");
}

/* A block behind those an array needs is verified too: the kernel may get there by a grow. */
static void surplus(void)
{
	struct spaced p;
	uint64_t last;

	spaced_make(&p);
	p.s.own.nr_blocks = p.s.then.nr_blocks = 900;
	spaced_write(&p);
	accepted(&p, "an array longer than the device", 0, 0);
	spaced_make(&p);
	p.s.own.nr_blocks = p.s.then.nr_blocks = 900;
	spaced_write(&p);
	last = at64(&p, eras_leaf(&p), VALUES_8 + 8);
	mi_at(&p.s.img, last)[3000] ^= 1;
	refused(&p, "damage in it behind the device's end", "checksum is");
}

/* Bits of the first bytes, where the fields are, and every so many of the rest. */
#ifdef __SANITIZE_ADDRESS__
#define BIT_STEP 997
#else
#define BIT_STEP 61
#endif

static unsigned int next_bit(unsigned int bit)
{
	return bit < 512 ? bit + 1 : bit + BIT_STEP;
}

/* A flipped bit of any block is found. With the checksum mended the check ends, inside its bounds. */
static void every_bit(bool mend)
{
	static const enum mi_kind kinds[] = {MI_SUPER, MI_NODE, MI_ARRAY, MI_INDEX, MI_BITMAP};
	unsigned int bit, tried = 0, refused_nr = 0, most = 0, k;
	struct metacheck_report r;
	uint64_t block;
	struct spaced p;
	struct err e;

	spaced_make(&p);
	for (block = 0; block < p.reachable; block++) {
		uint8_t *b = mi_at(&p.s.img, block);
		const uint32_t was = le32_get(b);

		for (k = 0; k < 4 && mi_csum(b, kinds[k]) != was; k++)
			;
		for (bit = mend ? 32 : 0; bit < 8 * MI_LEN; bit = next_bit(bit)) {
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (mend)
				mi_seal(&p.s.img, block, kinds[k]);
			p.s.read_blocks = 0;
			refused_nr += run(&p, &r, &e) && e.kind == ERR_CORRUPT;
			tried++;
			most = p.s.read_blocks > most ? p.s.read_blocks : most;
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			mi32(b, was);
		}
	}
	if (!mend)
		ok(refused_nr == tried, "%u of %u flips of a bit are found", refused_nr, tried);
	ok(!p.s.misused && most <= 4 * p.s.img.nr_blocks,
	   "%u flips%s, at most %u blocks were read", tried,
	   mend ? " with the checksum mended" : "", most);
	spaced_free(&p);
}

/* Two blocks change places, whole as they are. */
static void swapped(void)
{
	unsigned int tried = 0, found = 0;
	struct metacheck_report r;
	uint8_t keep[MI_LEN];
	struct spaced p;
	struct err e;
	uint64_t a, b;

	spaced_make(&p);
	for (a = 0; a < p.reachable; a++) {
		for (b = a + 1; b < p.reachable; b++) {
			memcpy(keep, mi_at(&p.s.img, a), MI_LEN);
			memcpy(mi_at(&p.s.img, a), mi_at(&p.s.img, b), MI_LEN);
			memcpy(mi_at(&p.s.img, b), keep, MI_LEN);
			tried++;
			found += run(&p, &r, &e) && e.kind == ERR_CORRUPT;
			memcpy(mi_at(&p.s.img, b), mi_at(&p.s.img, a), MI_LEN);
			memcpy(mi_at(&p.s.img, a), keep, MI_LEN);
		}
	}
	ok(tried == found && tried == p.reachable * (p.reachable - 1) / 2,
	   "%u of %u pairs of blocks, swapped, are found", found, tried);
	ok(run(&p, &r, &e) == 0, "and put back, all is whole");
	spaced_free(&p);
}

/* The kernel at work meanwhile: it commits, or reuses a block. */
static void commit(struct sample *s, uint64_t first)
{
	if (first == 0 || s->own.era != SAMPLE_ERA)
		return;
	s->own.era++;
	s->img.p[184]++;
	mi_seal(&s->img, 0, MI_SUPER);
}

static void commit_and_reuse(struct sample *s, uint64_t first)
{
	commit(s, first);
	if (first == s->own.array_root)
		memset(mi_at(&s->img, first), 0x5a, MI_LEN);
}

static void moving(void)
{
	static void (*const hooks[])(struct sample *s, uint64_t first) = {commit, commit_and_reuse};
	struct metacheck_report r;
	struct spaced p;
	struct err e;
	size_t i;

	for (i = 0; i < 2; i++) {
		spaced_make(&p);
		p.s.before_read = hooks[i];
		run(&p, &r, &e);
		ok(e.kind == ERR_BUSY, "the metadata changed meanwhile: %s", e.text);
		spaced_free(&p);
	}
}

/* Whichever read fails, the failure is what the caller hears. */
static void read_errors(void)
{
	struct metacheck_report r;
	struct spaced p;
	struct err e;
	bool good = true;
	int n, rc = -1;

	for (n = 1; rc != 0 && good && n < 200; n++) {
		spaced_make(&p);
		p.s.fail_at = n;
		rc = run(&p, &r, &e);
		good = rc == 0 || (e.kind == ERR_RUNTIME && strcmp(e.text, "read error") == 0);
		spaced_free(&p);
	}
	ok(good && rc == 0 && n > 20, "an error in any of %d reads", n - 2);
}

int main(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 26);
	mallopt(M_TRIM_THRESHOLD, 1 << 26);
	whole();
	fresh();
	usage();
	each_count();
	count_tree();
	pointers();
	archived_current();
	surplus();
	swapped();
	moving();
	read_errors();
	every_bit(false);
	every_bit(true);
	return tap_done();
}
