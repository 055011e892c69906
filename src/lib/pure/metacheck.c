/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/metacheck.h"

#include <stdlib.h>
#include <string.h>

#include "pure/erameta.h"
#include "pure/metablock.h"
#include "pure/metaspace.h"
#include "pure/metatree.h"
#include "words/le.h"
#include "words/num.h"

#define LEN ERAMETA_BLOCK_LEN

/* What a block is. */
enum kind {
	NOTHING,
	SUPERBLOCK,
	WRITESET_NODE,
	BITSET_NODE,
	BITSET_BLOCK,
	ARRAY_NODE,
	ARRAY_BLOCK,
	INDEX,
	BITMAP,
	COUNT_NODE,
};

static const char *const names[] = {
	"nothing",
	"a superblock",
	"a node of the tree of writesets",
	"a node of a bitset",
	"a block of a bitset",
	"a node of the era array",
	"a block of the era array",
	"the space map's index",
	"a bitmap of the space map",
	"a node of the space map's tree of counts",
};

/* What is known of a block, in one byte: its kind, and these. */
#define KIND  0x0f
#define OWN   0x10 /* the own superblock leads to it */
#define HELD  0x20 /* the held one does */
#define TWICE 0x40 /* by another pointer than the own one's */
#define MANY  0x80 /* the tree of counts has it */

struct check {
	struct metacheck_report *report;
	struct metatree_reader reader;
	struct metablock_super super; /* of the view that is walked */
	uint64_t super_block;
	uint8_t view; /* OWN or HELD */
	bool current_archived;
	struct metaspace_root space;
	uint8_t *blocks; /* a byte for each block of the space map */
	uint8_t *index;  /* two blocks of bytes, */
	uint8_t *bitmap; /* in one piece */
};

static unsigned long long ull(uint64_t v)
{
	return v;
}

/*
 * A pointer of `from` to `to`. A block both superblocks lead to has its own pointers once, so in the
 * second view only those of blocks that are in no other view count.
 */
static int found(void *ctx, unsigned int kind, uint64_t from, uint64_t to, struct err *e)
{
	struct check *c = ctx;
	uint8_t *b = &c->blocks[to];

	if (to >= c->space.nr_blocks)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: it points to block %llu, behind the %llu of the "
			       "space map",
			       ull(from), ull(to), ull(c->space.nr_blocks));
	if ((*b & KIND) != NOTHING && (*b & KIND) != kind)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: it points to block %llu as %s, which is %s",
			       ull(from), ull(to), names[kind], names[*b & KIND]);
	if (*b & c->view)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: it points to block %llu, which has its place "
			       "elsewhere",
			       ull(from), ull(to));
	if ((*b & OWN) && !(c->blocks[from] & OWN))
		*b |= TWICE;
	*b |= (uint8_t)(kind | c->view);
	return 0;
}

/* The values of arrays do not matter here, only their blocks. */
static void no_values(void *ctx, uint64_t first, unsigned int nr, const uint8_t *values)
{
	(void)ctx;
	(void)first;
	(void)nr;
	(void)values;
}

static int walk_bitset(struct check *c, uint64_t from, uint32_t nr_bits, uint64_t root,
		       struct err *e)
{
	const struct metatree_array bitset = {
		.from = from,
		.node_kind = BITSET_NODE,
		.block_kind = BITSET_BLOCK,
		.whole = true,
		.value_size = 8,
		.nr_values = num_div_up(nr_bits, 64),
		.values = no_values,
	};

	return metatree_walk_array(&c->reader, root, &bitset, e);
}

static int walk_eras(struct check *c, struct err *e)
{
	const struct metatree_array eras = {
		.from = c->super_block,
		.node_kind = ARRAY_NODE,
		.block_kind = ARRAY_BLOCK,
		.whole = true,
		.value_size = 4,
		.nr_values = c->super.nr_blocks,
		.values = no_values,
	};

	return metatree_walk_array(&c->reader, c->super.array_root, &eras, e);
}

/* A leaf of the writeset tree: era -> {nr_bits u32, root u64}. */
static int writesets(void *ctx, const struct metablock_node *leaf, struct err *e)
{
	struct check *c = ctx;
	const uint8_t *v;
	uint64_t era;
	unsigned int i;

	for (i = 0; i < leaf->nr; i++) {
		era = metablock_key(leaf, i);
		v = metablock_value(leaf, i);
		if (era > c->super.era)
			return err_set(e, ERR_CORRUPT,
				       "metadata block %llu: a writeset of era %llu when the era is %u",
				       ull(leaf->block), ull(era), c->super.era);
		if (era == c->super.era && le64_get(v + 4) == c->super.current_root)
			c->current_archived = true;
		if (walk_bitset(c, leaf->block, le32_get(v), le64_get(v + 4), e))
			return -1;
	}
	if (c->view == OWN)
		c->report->nr_writesets += leaf->nr;
	return 0;
}

/* All that a superblock leads to, but for the space map. */
static int walk_view(struct check *c, struct err *e)
{
	const struct metatree sets = {
		.from = c->super_block,
		.kind = WRITESET_NODE,
		.value_size = 12,
		.end_key = UINT64_MAX,
		.leaf = writesets,
		.ctx = c,
	};

	c->reader.left = c->reader.io->nr_blocks;
	if (metatree_walk(&c->reader, c->super.writeset_root, &sets, e))
		return -1;
	if (c->view == OWN && c->super.current_root != 0 && !c->current_archived &&
	    walk_bitset(c, c->super_block, c->super.current_bits, c->super.current_root, e))
		return -1;
	return walk_eras(c, e);
}

/* A leaf of the tree of counts: block -> count u32. Entries of counts below 3 are remains. */
static int counts(void *ctx, const struct metablock_node *leaf, struct err *e)
{
	struct check *c = ctx;
	unsigned int i;

	for (i = 0; i < leaf->nr; i++) {
		if (metablock_key(leaf, i) >= c->space.nr_blocks)
			return err_set(e, ERR_CORRUPT,
				       "metadata block %llu: a count for block %llu of %llu",
				       ull(leaf->block), ull(metablock_key(leaf, i)),
				       ull(c->space.nr_blocks));
		if (le32_get(metablock_value(leaf, i)) >= 3)
			c->blocks[metablock_key(leaf, i)] |= MANY;
	}
	return 0;
}

static unsigned int nr_bitmaps(const struct check *c)
{
	return (unsigned int)num_div_up(c->space.nr_blocks, METASPACE_PER_BITMAP);
}

/* A block of the space map that is in no tree. */
static int read_map(struct check *c, enum kind kind, uint64_t from, uint64_t block, uint8_t *buf,
		    struct err *e)
{
	const struct erameta_io *io = c->reader.io;

	if (block == 0 || block >= io->nr_blocks)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: it points to block %llu of a device of %llu",
			       ull(from), ull(block), ull(io->nr_blocks));
	if (found(c, kind, from, block, e) || io->read(io->ctx, block, 1, buf, e))
		return -1;
	return kind == INDEX ? metablock_index(buf, block, e) : metablock_bitmap(buf, block, e);
}

/* The space map's own blocks, which have to be found before any block is compared. */
static int walk_space(struct check *c, struct err *e)
{
	const struct metatree t = {
		.kind = COUNT_NODE,
		.value_size = 4,
		.end_key = UINT64_MAX,
		.leaf = counts,
		.ctx = c,
	};
	unsigned int i;

	if (read_map(c, INDEX, 0, c->space.bitmap_root, c->index, e))
		return -1;
	for (i = 0; i < nr_bitmaps(c); i++) {
		if (read_map(c, BITMAP, c->space.bitmap_root, metaspace_bitmap(c->index, i),
			     c->bitmap, e))
			return -1;
	}
	return metatree_walk(&c->reader, c->space.ref_count_root, &t, e);
}

/* A block the space map counts `count` references of; 3 stands for more as well. */
static int compare_block(struct check *c, uint64_t block, unsigned int count, struct err *e)
{
	const uint8_t b = c->blocks[block];
	const unsigned int refs = (b & KIND) == NOTHING ? 0 : b & TWICE ? 2 : 1;

	if (count < refs)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: %s with %u references where the space map counts "
			       "%u: the kernel would overwrite it",
			       ull(block), names[b & KIND], refs, count);
	if (count == 3 && !(b & MANY))
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: counted with 3 references or more, and not in the "
			       "tree of counts",
			       ull(block));
	c->report->counted_blocks += count > 0;
	c->report->found_blocks += refs > 0;
	c->report->excess_blocks += refs > 0 && count > refs;
	if (count > 0 && refs == 0) {
		c->report->leaked_blocks++;
		c->report->first_leaked = block;
	}
	return 0;
}

static int compare(struct check *c, struct err *e)
{
	const struct erameta_io *io = c->reader.io;
	uint64_t bitmap, block, end;
	unsigned int i;

	for (i = 0; i < nr_bitmaps(c); i++) {
		bitmap = metaspace_bitmap(c->index, i);
		block = (uint64_t)i * METASPACE_PER_BITMAP;
		end = num_min(block + METASPACE_PER_BITMAP, c->space.nr_blocks);
		if (io->read(io->ctx, bitmap, 1, c->bitmap, e) ||
		    metablock_bitmap(c->bitmap, bitmap, e))
			return -1;
		for (; block < end; block++) {
			if (compare_block(c, block,
					  metaspace_count(c->bitmap, block % METASPACE_PER_BITMAP),
					  e))
				return -1;
		}
	}
	return 0;
}

/* Walk what a superblock leads to from now on. */
static int begin_view(struct check *c, const struct erameta *m, uint8_t view, struct err *e)
{
	const uint8_t *bytes = erameta_superblock(m, &c->super_block);

	c->view = view;
	return metablock_super(bytes, c->super_block, &c->super, e);
}

static int begin(struct check *c, const struct erameta *m, const struct erameta_io *io,
		 struct err *e)
{
	uint64_t block;
	const uint8_t *superblock = erameta_superblock(m, &block);

	if (metaspace_root(superblock, block, &c->space, e))
		return -1;
	if (c->space.nr_blocks > io->nr_blocks)
		return err_set(e, ERR_CORRUPT,
			       "metadata block 0: a space map of %llu blocks on a device of %llu",
			       ull(c->space.nr_blocks), ull(io->nr_blocks));
	c->blocks = calloc(c->space.nr_blocks, 1);
	c->index = aligned_alloc(LEN, 2 * LEN);
	if (!c->blocks || !c->index)
		return err_sys(e, "no memory to check metadata");
	c->bitmap = c->index + LEN;
	c->blocks[0] = SUPERBLOCK | OWN;
	if (metatree_reader_init(&c->reader, io, e))
		return -1;
	c->reader.found = found;
	c->reader.ctx = c;
	return 0;
}

static int walk_held(struct check *c, const struct erameta_io *io, struct err *e)
{
	struct erameta *held = NULL;
	int rc = -1;

	/* What it points to are pointers of its own, which is why it is not marked as of a view. */
	if (found(c, SUPERBLOCK, 0, c->super.held, e))
		return -1;
	c->blocks[c->super.held] = SUPERBLOCK;
	held = erameta_open(io, ERAMETA_HELD, e);
	if (!held || begin_view(c, held, HELD, e) || walk_view(c, e))
		goto out;
	rc = 0;
out:
	erameta_close(held);
	return rc;
}

static int run(struct check *c, const struct erameta *m, const struct erameta_io *io, struct err *e)
{
	if (begin(c, m, io, e) || begin_view(c, m, OWN, e) || walk_view(c, e) || walk_space(c, e))
		return -1;
	c->report->era = c->super.era;
	c->report->held = c->super.held != 0;
	c->report->total_blocks = c->space.nr_blocks;
	c->report->used_blocks = c->space.used;
	if (c->super.held != 0 && walk_held(c, io, e))
		return -1;
	return compare(c, e);
}

int metacheck_run(const struct erameta_io *io, struct metacheck_report *report, struct err *e)
{
	struct erameta *m = erameta_open(io, ERAMETA_CURRENT, e);
	struct check c = {.report = report};
	struct err now = {0};
	int rc = -1;

	memset(report, 0, sizeof(*report));
	if (!m)
		goto out;
	rc = run(&c, m, io, e);
	/* Metadata that the kernel changed under the reader looks damaged; it is not. */
	if ((rc == 0 || e->kind == ERR_CORRUPT) && erameta_recheck(m, &now) &&
	    (rc == 0 || now.kind == ERR_BUSY)) {
		*e = now;
		rc = -1;
	}
out:
	metatree_reader_fini(&c.reader);
	free(c.blocks);
	free(c.index);
	erameta_close(m);
	return rc;
}
