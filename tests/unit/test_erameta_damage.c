/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * erameta on damaged, hostile and moving metadata. Each rule of metablock.h and metatree.h has a
 * case that is whole but for that rule, checksums included, and the words the error has to have.
 */
#include "pure/erameta.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metasample.h"
#include "tap.h"
#include "words/le.h"

/* The kinds of blocks of the sample, found by following it. */
static uint64_t at64(const struct sample *s, uint64_t block, unsigned int off)
{
	uint64_t v;

	memcpy(&v, mi_at(&s->img, block) + off, 8); /* tests run where bytes are in this order */
	return v;
}

#define VALUES_8  (32 + 8 * 252) /* where the values of a node are: of 8 bytes, */
#define VALUES_12 (32 + 8 * 201) /* and of 12 */

static uint64_t array_leaf(const struct sample *s)
{
	return at64(s, s->own.array_root, VALUES_8);
}

static uint64_t array_block(const struct sample *s)
{
	return at64(s, array_leaf(s), VALUES_8);
}

static uint64_t set_leaf(const struct sample *s)
{
	return at64(s, at64(s, s->own.writeset_root, VALUES_8), VALUES_8);
}

static uint64_t set_root(const struct sample *s)
{
	return at64(s, set_leaf(s), VALUES_12 + 4);
}

static void put32(struct sample *s, uint64_t block, unsigned int off, uint32_t v, enum mi_kind kind)
{
	mi32(mi_at(&s->img, block) + off, v);
	mi_seal(&s->img, block, kind);
}

static void put64(struct sample *s, uint64_t block, unsigned int off, uint64_t v, enum mi_kind kind)
{
	mi64(mi_at(&s->img, block) + off, v);
	mi_seal(&s->img, block, kind);
}

/* Open, list and check again in a view. 0 or -1, with the blocks in *set if that is not NULL. */
static int list(struct sample *s, enum erameta_view view, struct blockset *set, struct err *e)
{
	struct blockset own = {0};
	struct erameta *m;
	int rc = -1;

	memset(e, 0, sizeof(*e));
	m = erameta_open(&s->io, view, e);
	if (!m)
		return -1;
	if (!set) {
		if (blockset_init(&own, erameta_info(m)->nr_blocks, e))
			goto out;
		set = &own;
	}
	if (erameta_changed(m, 1, ERAMETA_NO_LIMIT, set, e) || erameta_recheck(m, e))
		goto out;
	rc = 0;
out:
	blockset_fini(&own);
	erameta_close(m);
	return rc;
}

/* One field, one value it must not have. Where a rule needs more than one field: see build_*(). */
enum where { OWN, HELD, ARRAY_ROOT, ARRAY_LEAF, ARRAY_BLOCK, SET_ROOT, SET_LEAF, BITS_NODE, BITS };

static const struct field {
	const char *what;
	enum where where;
	unsigned int off;
	unsigned int len; /* 4 or 8; 0: put 4 without sealing */
	uint64_t value;
	const char *says;
} fields[] = {
	{"a wrong magic", OWN, 32, 8, 1, "no superblock of dm-era"},
	{"a checksum of the superblock", OWN, 60, 0, 1, "block 0: checksum is 0x"},
	{"a superblock from elsewhere", OWN, 8, 8, 7, "block 0: it says it is block 7"},
	{"version 2", OWN, 40, 4, 2, "version 2"},
	{"version 0", OWN, 40, 4, 0, "version 0"},
	{"metadata blocks of 8 KiB", OWN, 176, 4, 16, "metadata blocks of 16 sectors"},
	{"era blocks of no size", OWN, 172, 4, 0, "era blocks of 0 sectors"},
	{"era blocks of 12 sectors", OWN, 172, 4, 12, "era blocks of 12 sectors"},
	{"2^31 blocks", OWN, 180, 4, UINT64_C(1) << 31, "2147483648 era blocks"},
	{"no tree of writesets", OWN, 200, 8, 0, "points to block 0"},
	{"a root behind the device", OWN, 200, 8, 48, "points to block 48 of a device of 48"},
	{"a root far behind the device", OWN, 208, 8, UINT64_MAX,
	 "points to block 18446744073709551615"},
	{"no era array", OWN, 208, 8, 0, "points to block 0"},
	{"a current writeset behind the device", OWN, 192, 8, 999, "points to block 999"},
	{"more blocks than the era array has", OWN, 180, 4, 2101, "values where 65 to 1018"},
	{"more blocks by a whole array block", OWN, 180, 4, 9000, "64 values where 1018"},
	{"an era below a writeset's", OWN, 184, 4, 8, "a writeset of era 9 when the era is 8"},
	{"a held snapshot behind the device", OWN, 216, 8, 48, "snapshot at block 48"},
	{"a held snapshot that is no superblock", OWN, 216, 8, 3, "block 3: no superblock"},
	{"no held snapshot", OWN, 216, 8, 0, "no metadata snapshot is held"},
	{"a held superblock's checksum", HELD, 61, 0, 1, "checksum is 0x"},
	{"a held superblock that says it is block 0", HELD, 8, 8, 0, "it says it is block 0"},
	{"a held superblock of another block size", HELD, 172, 4, 64,
	 "blocks of 64 sectors in the"},
	{"a held superblock from the future", HELD, 184, 4, 11, "era 11 and"},
	{"a node's checksum", ARRAY_LEAF, 2000, 0, 1, "checksum is 0x"},
	{"a node from elsewhere", ARRAY_LEAF, 8, 8, 1, "it says it is block 1"},
	{"a node without a kind", ARRAY_LEAF, 4, 4, 0, "flags 0x0"},
	{"a node of both kinds", ARRAY_LEAF, 4, 4, 3, "flags 0x3"},
	{"a node with a flag of its own", ARRAY_LEAF, 4, 4, 6, "flags 0x6"},
	{"more entries than room", ARRAY_LEAF, 16, 4, 253, "253 entries in room for 252"},
	{"more room than the block", ARRAY_LEAF, 20, 4, 255, "room for 255 entries"},
	{"far more room than the block", ARRAY_LEAF, 20, 4, 0xffffffff, "room for 4294967295"},
	{"a leaf with values of 12 bytes", ARRAY_LEAF, 24, 4, 12, "values of 12 bytes where 8"},
	{"writesets with values of 8 bytes", SET_LEAF, 24, 4, 8, "values of 8 bytes where 12"},
	{"an internal node with values of 12", SET_ROOT, 24, 4, 12, "values of 12 bytes where 8"},
	{"an empty internal root", ARRAY_ROOT, 16, 4, 0, "a node without entries"},
	{"an empty leaf below a root", ARRAY_LEAF, 16, 4, 0, "a node without entries"},
	{"keys that do not ascend", ARRAY_LEAF, 40, 8, 0, "key 0 follows key 0"},
	{"keys that descend", ARRAY_LEAF, 32, 8, 5, "key 1 follows key 5"},
	{"a key below what the parent gives", SET_ROOT, 32, 8, 6, "outside of [6,"},
	{"a key behind what the parent gives", SET_LEAF, 40, 8, 9, "keys 5 to 9 outside of [5, 7)"},
	{"an array that misses a block", ARRAY_LEAF, 16, 4, 1, "block 1 of an array is missing"},
	{"an entry that is block 0", ARRAY_LEAF, VALUES_8, 8, 0, "points to block 0"},
	{"an entry behind the device", ARRAY_LEAF, VALUES_8 + 8, 8, 48, "points to block 48"},
	{"a child behind the device", ARRAY_ROOT, VALUES_8, 8, 48, "points to block 48"},
	{"an array block's checksum", ARRAY_BLOCK, 4095, 0, 1, "checksum is 0x"},
	{"an array block from elsewhere", ARRAY_BLOCK, 16, 8, 2, "it says it is block 2"},
	{"an array of words for eras", ARRAY_BLOCK, 12, 4, 8, "values of 8 bytes where 4"},
	{"an array block with other room", ARRAY_BLOCK, 4, 4, 1017, "room for 1017 values"},
	{"an array block that is not full", ARRAY_BLOCK, 8, 4, 1017,
	 "1017 values where 1018 to 1018"},
	{"an array block over full", ARRAY_BLOCK, 8, 4, 1019, "1019 values where"},
	{"a writeset without a bitset", SET_LEAF, VALUES_12 + 4, 8, 0, "points to block 0"},
	{"an era of over 32 bits", SET_LEAF, 40, 8, UINT64_C(1) << 32, "outside of"},
	{"a bitset's node's checksum", BITS_NODE, 3000, 0, 1, "checksum is 0x"},
	{"a bitset's checksum", BITS, 24, 0, 0xfffffff0, "checksum is 0x"},
	{"a bitset of eras", BITS, 12, 4, 4, "values of 4 bytes where 8"},
	{"a bitset that is short", BITS, 8, 4, 32, "32 values where 33 to 509"},
};

static uint64_t locate(const struct sample *s, enum where w)
{
	switch (w) {
	case OWN:
		return 0;
	case HELD:
		return s->held;
	case ARRAY_ROOT:
		return s->own.array_root;
	case ARRAY_LEAF:
		return array_leaf(s);
	case ARRAY_BLOCK:
		return array_block(s);
	case SET_ROOT:
		return at64(s, s->own.writeset_root, VALUES_8);
	case SET_LEAF:
		return set_leaf(s);
	case BITS_NODE:
		return set_root(s);
	default:
		return at64(s, set_root(s), VALUES_8);
	}
}

static void refused(struct sample *s, enum erameta_view view, const char *what, const char *says)
{
	struct err e;
	const int rc = list(s, view, NULL, &e);
	const enum err_kind kind = strstr(says, "no metadata snapshot") ? ERR_USAGE : ERR_CORRUPT;

	ok(rc && e.kind == kind && strstr(e.text, says) && !s->misused, "%s: %s", what, e.text);
	sample_free(s);
}

static void every_field(void)
{
	struct sample s;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];
		enum mi_kind kind = MI_NODE;
		uint64_t block;

		sample_make(&s);
		block = locate(&s, f->where);
		if (f->where == OWN || f->where == HELD)
			kind = MI_SUPER;
		else if (f->where == ARRAY_BLOCK || f->where == BITS)
			kind = MI_ARRAY;
		if (f->len == 8)
			put64(&s, block, f->off, f->value, kind);
		else if (f->len == 4)
			put32(&s, block, f->off, (uint32_t)f->value, kind);
		else
			mi_at(&s.img, block)[f->off] ^= 0x10;
		refused(&s, strstr(f->what, "held") ? ERAMETA_HELD : ERAMETA_CURRENT, f->what,
			f->says);
	}
}

static void zero_superblock(void)
{
	struct sample s;

	sample_make(&s);
	memset(s.img.p, 0, MI_LEN);
	refused(&s, ERAMETA_CURRENT, "an all-zero superblock", "all zero where a superblock");
	sample_make(&s);
	s.io.nr_blocks = 0;
	refused(&s, ERAMETA_CURRENT, "a device of no blocks", "no room for a superblock");
}

/* Nodes that lead to themselves or to each other; a walk has to end, and to say no. */
static void cycles(void)
{
	static const uint64_t key[2] = {0, 1};
	struct sample s;
	uint64_t root;
	uint8_t v[16];
	int i;

	sample_make(&s);
	mi64(v, s.img.used);
	s.own.array_root = mi_node(&s.img, 0, key, v, 1, 8);
	mi_super(&s.img, 0, &s.own);
	refused(&s, ERAMETA_CURRENT, "a node that is its own only child", "over 16 levels deep");

	sample_make(&s);
	mi64(v, s.img.used);
	mi64(v + 8, s.img.used);
	s.own.array_root = mi_node(&s.img, 0, key, v, 2, 8);
	mi_super(&s.img, 0, &s.own);
	refused(&s, ERAMETA_CURRENT, "a node that is both of its children", "outside of [0, 1)");

	sample_make(&s);
	put64(&s, s.own.array_root, VALUES_8 + 8, array_leaf(&s), MI_NODE);
	refused(&s, ERAMETA_CURRENT, "two entries with one child", "keys 0 to 1 outside of [2,");

	sample_make(&s);
	put64(&s, array_leaf(&s), VALUES_8 + 8, array_block(&s), MI_NODE);
	refused(&s, ERAMETA_CURRENT, "an array that has one block twice", "has it twice");

	sample_make(&s);
	root = s.own.array_root;
	for (i = 0; i < 15; i++) {
		mi64(v, root);
		root = mi_node(&s.img, 0, key, v, 1, 8);
	}
	s.own.array_root = root;
	mi_super(&s.img, 0, &s.own);
	refused(&s, ERAMETA_CURRENT, "a chain of nodes", "over 16 levels deep");
}

/* A gap in an array, a missing last block, and trees that are one another. */
static void gaps(void)
{
	struct sample s;
	uint64_t last;

	sample_make(&s);
	put64(&s, array_leaf(&s), 40, 7, MI_NODE);
	put64(&s, s.own.array_root, 40, 9, MI_NODE);
	last = at64(&s, s.own.array_root, VALUES_8 + 8);
	put64(&s, last, 32, 9, MI_NODE);
	refused(&s, ERAMETA_CURRENT, "a gap in an array that is needed",
		"an array of 1 blocks where 3");

	sample_make(&s);
	put32(&s, s.own.array_root, 16, 1, MI_NODE);
	refused(&s, ERAMETA_CURRENT, "an array without its last block",
		"an array of 2 blocks where 3");

	sample_make(&s);
	s.own.array_root = s.own.writeset_root;
	mi_super(&s.img, 0, &s.own);
	refused(&s, ERAMETA_CURRENT, "writesets for an era array", "an array of 0 blocks where 3");

	sample_make(&s);
	s.own.writeset_root = s.own.array_root;
	mi_super(&s.img, 0, &s.own);
	refused(&s, ERAMETA_CURRENT, "an era array for writesets", "where 12 was expected");
}

/* 200 writesets with one bitset: each is whole, together they are more than the device. */
static void budget(void)
{
	struct sample s = {.img = {.nr_blocks = 30, .used = 1, .per_node = 201}};
	struct mi_super own = {.block_size = 8, .nr_blocks = 64, .era = 200};
	struct mi_writeset w[200];
	uint8_t zero[64 * 4] = {0};
	unsigned int i;

	sample_memory(&s);
	for (i = 0; i < 200; i++) {
		w[i].era = i + 1;
		w[i].nr_bits = 64;
		w[i].root = i ? w[0].root : mi_bitset(&s.img, zero, 64);
	}
	own.writeset_root = mi_writesets(&s.img, w, 200);
	own.array_root = mi_array(&s.img, zero, 64, 4);
	mi_super(&s.img, 0, &own);
	refused(&s, ERAMETA_CURRENT, "more blocks in trees than on the device",
		"than the 30 blocks");
}

/* Sanitizers look at how a block is read, for which every seventh bit will do. */
#ifdef __SANITIZE_ADDRESS__
#define BIT_STEP 7
#else
#define BIT_STEP 1
#endif

/*
 * Every bit of every block on a path, flipped: refused. Then the same with the checksum mended,
 * where the answer may be wrong, as the bits are, but the reader ends, inside its bounds.
 */
static void every_bit(enum erameta_view view, bool mend)
{
	struct sample s;
	struct blockset set;
	struct err e = {0};
	uint64_t block, accepted = 0, tried = 0;
	unsigned int bit, most = 0;

	sample_make(&s);
	blockset_init(&set, UINT64_C(1) << 31, &e);
	for (block = 0; block < s.wholly_read; block++) {
		/* The trees are read alike in both views. */
		if (view == ERAMETA_HELD && block != 0 && block != s.held)
			continue;
		uint8_t *b = mi_at(&s.img, block);
		uint8_t whole[MI_LEN];
		enum mi_kind kind;

		memcpy(whole, b, MI_LEN);
		s.reads = 0;
		b[100] ^= 1;
		if (list(&s, view, NULL, &e) == 0) {
			b[100] ^= 1;
			continue; /* not on the path of this view */
		}
		b[100] ^= 1;
		kind = mi_csum(b, MI_SUPER) == le32_get(b)  ? MI_SUPER
		       : mi_csum(b, MI_NODE) == le32_get(b) ? MI_NODE
							       : MI_ARRAY;
		for (bit = 0; bit < 8 * MI_LEN; bit += mend ? 1 + (bit >= 2400) * 37 : BIT_STEP) {
			s.reads = s.read_blocks = 0;
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (mend)
				mi_seal(&s.img, block, kind);
			accepted += list(&s, view, &set, &e) == 0;
			tried++;
			most = s.read_blocks > most ? s.read_blocks : most;
			memcpy(b, whole, MI_LEN);
		}
	}
	if (!mend)
		ok(accepted == 0 &&
			   tried >= (view == ERAMETA_HELD ? 2 : 20) * 8 * MI_LEN / BIT_STEP,
		   "view %d: %d flips of a bit, %d accepted", view, (int)tried, (int)accepted);
	ok(!s.misused && most <= 10 * s.img.nr_blocks,
	   "view %d: %d flips%s, at most %u blocks were read", view, (int)tried,
	   mend ? " with the checksum mended" : "", most);
	blockset_fini(&set);
	sample_free(&s);
}

/* What the kernel may do to the image while it is read. */
static void commit(struct sample *s, uint64_t first)
{
	if (first == 0 || s->own.era != SAMPLE_ERA)
		return;
	s->own.era++;
	mi_super(&s->img, 0, &s->own);
}

static void commit_and_reuse(struct sample *s, uint64_t first)
{
	commit(s, first);
	if (first == s->own.array_root)
		memset(mi_at(&s->img, first), 0x5a, MI_LEN);
}

static void drop(struct sample *s, uint64_t first)
{
	if (first == 0)
		return;
	s->own.held = 0;
	mi_super(&s->img, 0, &s->own);
}

static void take_again(struct sample *s, uint64_t first)
{
	if (first == 0 || first == s->held)
		return;
	s->then.era = SAMPLE_ERA;
	mi_super(&s->img, s->held, &s->then);
}

/* A superblock half old and half new, once. */
static void tear(struct sample *s, uint64_t first)
{
	if (first == 0)
		mi_at(&s->img, 0)[700] = s->reads < 3;
}

static void always_torn(struct sample *s, uint64_t first)
{
	if (first == 0)
		mi_at(&s->img, 0)[700] = 1;
}

static void moving(void)
{
	static const struct {
		const char *what;
		enum erameta_view view;
		void (*hook)(struct sample *s, uint64_t first);
		enum err_kind want;
	} t[] = {
		{"a commit under a read of the device's own superblock", ERAMETA_CURRENT, commit,
		 ERR_BUSY},
		{"a commit that reuses a block is a change, not damage", ERAMETA_CURRENT,
		 commit_and_reuse, ERR_BUSY},
		{"a commit under a read of the held snapshot", ERAMETA_HELD, commit, ERR_NONE},
		{"the held snapshot is dropped", ERAMETA_HELD, drop, ERR_BUSY},
		{"the held snapshot is dropped and taken at the same block", ERAMETA_HELD,
		 take_again, ERR_BUSY},
		{"a superblock that is read while it is written", ERAMETA_CURRENT, tear, ERR_NONE},
		{"a superblock that stays torn", ERAMETA_CURRENT, always_torn, ERR_CORRUPT},
	};
	struct sample s;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sample_make(&s);
		s.before_read = t[i].hook;
		list(&s, t[i].view, NULL, &e);
		ok(e.kind == t[i].want, "%s: %s", t[i].what, e.text);
		sample_free(&s);
	}
}

/* Whichever read fails, the failure is what the caller hears. */
static void read_errors(enum erameta_view view)
{
	struct sample s;
	struct err e = {.kind = ERR_RUNTIME};
	bool good = true;
	int n, rc = -1;

	for (n = 1; rc != 0 && good && n < 200; n++) {
		sample_make(&s);
		s.fail_at = n;
		rc = list(&s, view, NULL, &e);
		good = rc == 0 || (e.kind == ERR_RUNTIME && strcmp(e.text, "read error") == 0);
		sample_free(&s);
	}
	ok(good && rc == 0 && n > 10, "view %d: an error in any of %d reads", view, n - 2);
}

int main(void)
{
	/* A million lists of one sample: the time must not go into mapping memory. */
	mallopt(M_MMAP_THRESHOLD, 1 << 24);
	mallopt(M_TRIM_THRESHOLD, 1 << 24);
	every_field();
	zero_superblock();
	cycles();
	gaps();
	budget();
	moving();
	read_errors(ERAMETA_CURRENT);
	read_errors(ERAMETA_HELD);
	every_bit(ERAMETA_CURRENT, false);
	every_bit(ERAMETA_HELD, false);
	every_bit(ERAMETA_CURRENT, true);
	return tap_done();
}
