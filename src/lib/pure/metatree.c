/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/metatree.h"

#include <stdlib.h>

#include "words/le.h"
#include "words/num.h"

#define LEN ERAMETA_BLOCK_LEN

/*
 * Blocks of an array are collected over its leaves, PIECES at a time, and fetched in the order they
 * lie on the device, with one read for a stretch of up to BATCH blocks. 2 MiB, because a device is
 * only as fast as the requests it has at once, and one large read is many. What lies between two
 * wanted blocks is read in vain where it is less than GAP blocks: moving 28 KiB costs less than a
 * second request, and digestion leaves an array in scattered small pieces.
 */
#define PIECES 1024
#define BATCH  512
#define GAP    8

static unsigned long long ull(uint64_t v)
{
	return v;
}

/* A reader's room, in blocks: nodes of a tree, of an array walked from it, and array blocks. */
#define TREE_NODES  0
#define ARRAY_NODES METATREE_DEPTH_MAX
#define ARRAY_BATCH (2 * METATREE_DEPTH_MAX)

int metatree_reader_init(struct metatree_reader *r, const struct erameta_io *io, struct err *e)
{
	*r = (struct metatree_reader){.io = io, .left = io->nr_blocks};
	/* No stretch is longer than the device. */
	r->room = aligned_alloc(LEN, (ARRAY_BATCH + num_min(BATCH, io->nr_blocks)) * LEN);
	if (!r->room)
		return err_sys(e, "no memory to read metadata");
	return 0;
}

void metatree_reader_fini(struct metatree_reader *r)
{
	free(r->room);
	r->room = NULL;
}

/* Whether block `to`, which block `from` (0: the superblock) points to, may be read; counts it. */
static int take(struct metatree_reader *r, unsigned int kind, uint64_t from, uint64_t to,
		struct err *e)
{
	if (to == 0 || to >= r->io->nr_blocks)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: it points to block %llu of a device of %llu",
			       ull(from), ull(to), ull(r->io->nr_blocks));
	if (r->left == 0)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: the trees have more than the %llu blocks of "
			       "the device",
			       ull(from), ull(r->io->nr_blocks));
	r->left--;
	return r->found ? r->found(r->ctx, kind, from, to, e) : 0;
}

struct walk {
	struct metatree_reader *r;
	const struct metatree *t;
	uint8_t *nodes; /* METATREE_DEPTH_MAX blocks: one for each level */
};

/* One node's place in its tree: who points to it, and the keys it may hold, [low, end). */
struct place {
	uint64_t from;
	uint64_t block;
	uint64_t low;
	uint64_t end;
	unsigned int depth;
};

static int check_keys(const struct metablock_node *n, const struct place *p, struct err *e)
{
	if (n->nr == 0) {
		if (p->depth == 0 && n->leaf)
			return 0;
		return err_set(e, ERR_CORRUPT, "metadata block %llu: a node without entries",
			       ull(n->block));
	}
	if (metablock_key(n, 0) < p->low || metablock_key(n, n->nr - 1) >= p->end)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: keys %llu to %llu outside of [%llu, %llu), "
			       "which block %llu gives it",
			       ull(n->block), ull(metablock_key(n, 0)),
			       ull(metablock_key(n, n->nr - 1)), ull(p->low), ull(p->end),
			       ull(p->from));
	return 0;
}

static int give_leaf(const struct metatree *t, struct metablock_node *n, struct err *e)
{
	while (n->nr > 0 && metablock_key(n, n->nr - 1) >= t->end_key)
		n->nr--;
	return t->leaf(t->ctx, n, e);
}

/* Calls itself at most METATREE_DEPTH_MAX deep. */
static int visit(struct walk *w, const struct place *p, struct err *e)
{
	uint8_t *buf = w->nodes + (size_t)p->depth * LEN;
	struct metablock_node n;
	struct place child;
	unsigned int i;

	if (take(w->r, w->t->kind, p->from, p->block, e) ||
	    w->r->io->read(w->r->io->ctx, p->block, 1, buf, e) ||
	    metablock_node(buf, p->block, w->t->value_size, &n, e) || check_keys(&n, p, e))
		return -1;
	if (n.leaf)
		return give_leaf(w->t, &n, e);
	if (p->depth + 1 == METATREE_DEPTH_MAX)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: the tree is over %u levels deep",
			       ull(p->block), METATREE_DEPTH_MAX);
	for (i = 0; i < n.nr && metablock_key(&n, i) < w->t->end_key; i++) {
		if (i + 1 < n.nr && metablock_key(&n, i + 1) <= w->t->first_key)
			continue;
		child.from = p->block;
		child.block = le64_get(metablock_value(&n, i));
		child.low = metablock_key(&n, i);
		child.end = i + 1 < n.nr ? metablock_key(&n, i + 1) : p->end;
		child.depth = p->depth + 1;
		if (visit(w, &child, e))
			return -1;
	}
	return 0;
}

/* The tree at root, its nodes kept in the part of the reader's room that begins at `nodes`. */
static int walk(struct metatree_reader *r, unsigned int nodes, uint64_t root,
		const struct metatree *t, struct err *e)
{
	const struct place top = {.from = t->from, .block = root, .end = UINT64_MAX};
	struct walk w = {.r = r, .t = t, .nodes = r->room + (size_t)nodes * LEN};

	return visit(&w, &top, e);
}

int metatree_walk(struct metatree_reader *r, uint64_t root, const struct metatree *t, struct err *e)
{
	return walk(r, TREE_NODES, root, t, e);
}

/* An array block that is wanted: where it is, and which of the array's blocks it is. */
struct piece {
	uint64_t block;
	uint64_t index;
};

struct array_walk {
	struct metatree_reader *r;
	const struct metatree_array *a;
	uint64_t first; /* the first index that is wanted */
	uint64_t next;  /* the index that has to come next */
	unsigned int nr;
	struct piece p[PIECES]; /* collected and not yet read */
};

static int by_block(const void *a, const void *b)
{
	const struct piece *x = a;
	const struct piece *y = b;

	return (x->block > y->block) - (x->block < y->block);
}

static int give_piece(const struct metatree_array *a, const struct piece *p, const uint8_t *buf,
		      struct err *e)
{
	const unsigned int per = metablock_array_max(a->value_size);
	const uint64_t first = p->index * per;
	const uint64_t left = a->nr_values - num_min(first, a->nr_values);
	const unsigned int nr = (unsigned int)num_min(per, left);
	const uint8_t *values;

	if (metablock_array(buf, p->block, a->value_size, nr, &values, e))
		return -1;
	if (nr > 0)
		a->values(a->ctx, first, nr, values);
	return 0;
}

/* nr pieces that one read covers. */
static int read_stretch(const struct array_walk *w, const struct piece *p, unsigned int nr,
			struct err *e)
{
	const struct erameta_io *io = w->r->io;
	uint8_t *batch = w->r->room + (size_t)ARRAY_BATCH * LEN;
	const unsigned int len = (unsigned int)(p[nr - 1].block - p[0].block) + 1;
	unsigned int i;

	if (io->read(io->ctx, p[0].block, len, batch, e))
		return -1;
	for (i = 0; i < nr; i++) {
		if (give_piece(w->a, &p[i], batch + (p[i].block - p[0].block) * LEN, e))
			return -1;
	}
	return 0;
}

/* Read what was collected. */
static int flush(struct array_walk *w, struct err *e)
{
	const struct piece *p = w->p;
	const unsigned int nr = w->nr;
	unsigned int i, j;

	qsort(w->p, nr, sizeof(*w->p), by_block);
	for (i = 0; i < nr; i = j) {
		for (j = i + 1; j < nr; j++) {
			if (p[j].block == p[j - 1].block)
				return err_set(e, ERR_CORRUPT,
					       "metadata block %llu: an array has it twice",
					       ull(p[j].block));
			if (p[j].block - p[j - 1].block > GAP || p[j].block - p[i].block >= BATCH)
				break;
		}
		if (read_stretch(w, p + i, j - i, e))
			return -1;
	}
	w->nr = 0;
	return 0;
}

static int array_leaf(void *ctx, const struct metablock_node *leaf, struct err *e)
{
	struct array_walk *w = ctx;
	struct piece p;
	unsigned int i;

	for (i = 0; i < leaf->nr; i++) {
		p.index = metablock_key(leaf, i);
		p.block = le64_get(metablock_value(leaf, i));
		if (p.index < w->first)
			continue;
		if (p.index != w->next)
			return err_set(e, ERR_CORRUPT,
				       "metadata block %llu: block %llu of an array is missing",
				       ull(leaf->block), ull(w->next));
		w->next++;
		if (take(w->r, w->a->block_kind, leaf->block, p.block, e))
			return -1;
		w->p[w->nr++] = p;
		if (w->nr == PIECES && flush(w, e))
			return -1;
	}
	return 0;
}

int metatree_walk_array(struct metatree_reader *r, uint64_t root, const struct metatree_array *a,
			struct err *e)
{
	const uint64_t first = a->first_value / metablock_array_max(a->value_size);
	const uint64_t nr_wanted = num_div_up(a->nr_values, metablock_array_max(a->value_size));
	struct array_walk w = {.r = r, .a = a, .first = first, .next = first, .nr = 0};
	const struct metatree t = {
		.from = a->from,
		.kind = a->node_kind,
		.value_size = 8,
		.first_key = first,
		.end_key = a->whole ? UINT64_MAX : nr_wanted,
		.leaf = array_leaf,
		.ctx = &w,
	};

	if (!a->whole && a->first_value >= a->nr_values)
		return 0;
	if (walk(r, ARRAY_NODES, root, &t, e) || flush(&w, e))
		return -1;
	if (w.next < nr_wanted)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: an array of %llu blocks where %llu were "
			       "expected",
			       ull(root), ull(w.next), ull(nr_wanted));
	return 0;
}
