/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/erameta.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "pure/metablock.h"
#include "pure/metatree.h"
#include "words/le.h"
#include "words/num.h"

#define LEN ERAMETA_BLOCK_LEN

/* The kernel may be writing the superblock of a device in use as it is read, sector by sector. */
#define SUPER_TRIES 3

struct erameta {
	struct erameta_io io;
	enum erameta_view view;
	struct erameta_info info;
	struct metablock_super super; /* the one that is viewed */
	uint64_t super_block;	      /* where it lies */
	uint8_t *seen;		      /* its bytes, as the open saw them */
	uint8_t *buf;		      /* one block */
};

static unsigned long long ull(uint64_t v)
{
	return v;
}

/* The device's own superblock into m->buf and *sb. */
static int read_own(struct erameta *m, struct metablock_super *sb, struct err *e)
{
	int i;

	for (i = 1;; i++) {
		if (m->io.read(m->io.ctx, 0, 1, m->buf, e))
			return -1;
		if (metablock_super(m->buf, 0, sb, e) == 0)
			return 0;
		if (i == SUPER_TRIES)
			return -1;
		err_clear(e);
	}
}

/* The superblock that `own` holds into m->buf and *sb. */
static int read_held(struct erameta *m, const struct metablock_super *own,
		     struct metablock_super *sb, struct err *e)
{
	if (own->held == 0) {
		err_set(e, ERR_USAGE, "no metadata snapshot is held");
		return err_hint(e, "a device in use needs one: dmsetup message NAME 0 "
				   "take_metadata_snap");
	}
	if (own->held >= m->io.nr_blocks)
		return err_set(e, ERR_CORRUPT,
			       "metadata block 0: it holds a snapshot at block %llu of a "
			       "device of %llu",
			       ull(own->held), ull(m->io.nr_blocks));
	if (m->io.read(m->io.ctx, own->held, 1, m->buf, e) ||
	    metablock_super(m->buf, own->held, sb, e))
		return -1;
	if (sb->block_size != own->block_size || sb->era > own->era)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: era %u and blocks of %u sectors in the "
			       "snapshot of a device at era %u with blocks of %u",
			       ull(own->held), sb->era, sb->block_size, own->era, own->block_size);
	return 0;
}

static int read_supers(struct erameta *m, struct err *e)
{
	struct metablock_super own;

	if (m->io.nr_blocks == 0)
		return err_set(e, ERR_CORRUPT, "the metadata device has no room for a superblock");
	if (read_own(m, &own, e))
		return -1;
	m->super = own;
	if (m->view == ERAMETA_HELD) {
		if (read_held(m, &own, &m->super, e))
			return -1;
		m->super_block = own.held;
	}
	memcpy(m->seen, m->buf, LEN);
	m->info.block_size = m->super.block_size;
	m->info.nr_blocks = m->super.nr_blocks;
	m->info.era = m->super.era;
	m->info.held_root = own.held;
	m->info.flags = m->super.flags;
	memcpy(m->info.uuid, m->super.uuid, sizeof(m->info.uuid));
	return 0;
}

struct erameta *erameta_open(const struct erameta_io *io, enum erameta_view view, struct err *e)
{
	struct erameta *m = calloc(1, sizeof(*m));
	struct erameta *rc = NULL;

	if (!m) {
		err_sys(e, "no memory to read metadata");
		goto out;
	}
	m->io = *io;
	m->view = view;
	m->seen = aligned_alloc(LEN, LEN);
	m->buf = aligned_alloc(LEN, LEN);
	if (!m->seen || !m->buf) {
		err_sys(e, "no memory to read metadata");
		goto out;
	}
	if (read_supers(m, e))
		goto out;
	rc = m;
out:
	if (!rc)
		erameta_close(m);
	return rc;
}

void erameta_close(struct erameta *m)
{
	if (!m)
		return;
	free(m->seen);
	free(m->buf);
	free(m);
}

const struct erameta_info *erameta_info(const struct erameta *m)
{
	return &m->info;
}

const uint8_t *erameta_superblock(const struct erameta *m, uint64_t *block)
{
	*block = m->super_block;
	return m->seen;
}

static int changed_under_us(const struct erameta *m, struct err *e)
{
	err_set(e, ERR_BUSY, "the metadata changed while it was read");
	if (m->view == ERAMETA_HELD)
		return err_hint(e, "the metadata snapshot that was read is no longer held");
	return err_hint(e, "the device is in use: read a metadata snapshot of it instead");
}

int erameta_recheck(struct erameta *m, struct err *e)
{
	struct metablock_super own;

	if (read_own(m, &own, e))
		return -1;
	if (m->view == ERAMETA_HELD) {
		if (own.held != m->super_block)
			return changed_under_us(m, e);
		if (m->io.read(m->io.ctx, m->super_block, 1, m->buf, e))
			return -1;
	}
	if (memcmp(m->buf, m->seen, LEN) != 0)
		return changed_under_us(m, e);
	return 0;
}

/* What a walk collects: eras from low to low + span, inclusive; blocks below nr_blocks. */
struct collect {
	const struct erameta *m;
	struct metatree_reader reader;
	struct blockset *set;
	uint64_t since;
	uint64_t before;
	uint32_t low;
	uint32_t span;
	uint64_t first; /* the part's blocks: first to end - 1 */
	uint64_t end;
	uint64_t nr_bits; /* of the writeset that is read */
};

#ifdef __SSE2__
/* Of four eras: all bits of those that are out of bounds. There is only a signed comparison, hence the flip. */
static __m128i outside(const uint8_t *eras, __m128i low, __m128i flip, __m128i limit)
{
	const __m128i x = _mm_loadu_si128((const __m128i_u *)eras);

	return _mm_cmpgt_epi32(_mm_xor_si128(_mm_sub_epi32(x, low), flip), limit);
}

/* As match, of whole sixteens; *done of them. */
static uint64_t match_sixteens(const struct collect *c, const uint8_t *eras, unsigned int nr, unsigned int *done)
{
	const __m128i low = _mm_set1_epi32((int)c->low);
	const __m128i flip = _mm_set1_epi32(INT32_MIN);
	const __m128i limit = _mm_xor_si128(_mm_set1_epi32((int)c->span), flip);
	uint64_t bits = 0;
	unsigned int i;

	for (i = 0; i + 16 <= nr; i += 16, eras += 64) {
		const __m128i a = _mm_packs_epi32(outside(eras, low, flip, limit), outside(eras + 16, low, flip, limit));
		const __m128i b = _mm_packs_epi32(outside(eras + 32, low, flip, limit), outside(eras + 48, low, flip, limit));

		bits |= (uint64_t)(~_mm_movemask_epi8(_mm_packs_epi16(a, b)) & 0xffff) << i;
	}
	*done = i;
	return bits;
}
#else
static uint64_t match_sixteens(const struct collect *c, const uint8_t *eras, unsigned int nr, unsigned int *done)
{
	(void)c;
	(void)eras;
	(void)nr;
	*done = 0;
	return 0;
}
#endif

/* Of up to 64 eras, the bits of those in bounds. This is where the time of a large device goes. */
static uint64_t match(const struct collect *c, const uint8_t *eras, unsigned int nr)
{
	const uint32_t low = c->low;
	const uint32_t span = c->span;
	unsigned int i;
	uint64_t bits = match_sixteens(c, eras, nr, &i);

	for (; i < nr; i++)
		bits |= (uint64_t)(le32_get(eras + 4 * (size_t)i) - low <= span) << i;
	return bits;
}

/* Values of the era array. */
static void add_eras(void *ctx, uint64_t first, unsigned int nr, const uint8_t *values)
{
	const struct collect *c = ctx;
	const uint64_t end = first + nr;
	unsigned int n;

	for (; first < end; first += n, values += 4 * (size_t)n) {
		n = (unsigned int)num_min(64 - first % 64, end - first);
		blockset_or_word(c->set, first / 64, match(c, values, n) << first % 64);
	}
}

/* Words of a bitset. Bits past nr_bits in the last one are not the writeset's. */
static void add_words(void *ctx, uint64_t first, unsigned int nr, const uint8_t *values)
{
	const struct collect *c = ctx;
	uint64_t bits;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		bits = le64_get(values + 8 * (size_t)i);
		if (first + i == c->nr_bits / 64)
			bits &= (UINT64_C(1) << c->nr_bits % 64) - 1;
		blockset_or_word(c->set, first + i, bits);
	}
}

static int add_writeset(struct collect *c, uint32_t nr_bits, uint64_t root, struct err *e)
{
	struct metatree_array bitset = {.value_size = 8, .values = add_words, .ctx = c};

	c->nr_bits = num_min(nr_bits, c->m->super.nr_blocks);
	bitset.first_value = c->first / 64;
	bitset.nr_values = num_div_up(num_min(c->nr_bits, c->end), 64);
	return metatree_walk_array(&c->reader, root, &bitset, e);
}

/* A leaf of the writeset tree: era -> {nr_bits u32, root u64}. */
static int add_writesets(void *ctx, const struct metablock_node *leaf, struct err *e)
{
	struct collect *c = ctx;
	const uint8_t *v;
	uint64_t era;
	unsigned int i;

	for (i = 0; i < leaf->nr; i++) {
		era = metablock_key(leaf, i);
		if (era > c->m->super.era)
			return err_set(e, ERR_CORRUPT,
				       "metadata block %llu: a writeset of era %llu when the "
				       "era is %u",
				       ull(leaf->block), ull(era), c->m->super.era);
		if (era < c->since || era >= c->before)
			continue;
		v = metablock_value(leaf, i);
		if (add_writeset(c, le32_get(v), le64_get(v + 4), e))
			return -1;
	}
	return 0;
}

static int walk(struct collect *c, struct err *e)
{
	const struct metablock_super *sb = &c->m->super;
	const struct metatree writesets = {
		.value_size = 12,
		.end_key = UINT64_MAX,
		.leaf = add_writesets,
		.ctx = c,
	};
	const struct metatree_array eras = {
		.value_size = 4,
		.first_value = c->first,
		.nr_values = c->end,
		.values = add_eras,
		.ctx = c,
	};

	if (metatree_walk(&c->reader, sb->writeset_root, &writesets, e))
		return -1;
	/* See the header: what a power cut left. */
	if (c->m->view == ERAMETA_CURRENT && sb->current_root != 0 && sb->era >= c->since &&
	    sb->era < c->before && add_writeset(c, sb->current_bits, sb->current_root, e))
		return -1;
	return metatree_walk_array(&c->reader, sb->array_root, &eras, e);
}

/*
 * As many blocks as have their bits in one block of a bitset, which is also a whole number of blocks of
 * the era array and of words of a set: where parts may begin.
 */
#define PART_UNIT (UINT64_C(509) * 64)
_Static_assert(PART_UNIT % 1018 == 0, "a part begins with a block of the era array");

int erameta_changed_part(const struct erameta *m, unsigned int part, unsigned int nr_parts,
			 uint64_t since, uint64_t before, struct blockset *set, struct err *e)
{
	const uint64_t units = num_div_up(m->super.nr_blocks, PART_UNIT);
	struct collect c = {.m = m, .set = set};
	int rc = -1;

	assert(set->nr_blocks >= m->super.nr_blocks && part < nr_parts);
	c.since = num_max(since, 1);
	c.before = num_min(before, UINT64_C(1) << 32);
	if (c.since >= c.before)
		return 0;
	c.low = (uint32_t)c.since;
	c.span = (uint32_t)(c.before - 1 - c.since);
	c.first = units * part / nr_parts * PART_UNIT;
	c.end = num_min(units * (part + 1) / nr_parts * PART_UNIT, m->super.nr_blocks);
	if (metatree_reader_init(&c.reader, &m->io, e) || walk(&c, e))
		goto out;
	rc = 0;
out:
	metatree_reader_fini(&c.reader);
	return rc;
}

int erameta_changed(struct erameta *m, uint64_t since, uint64_t before, struct blockset *set,
		    struct err *e)
{
	struct err now = {0};

	if (erameta_changed_part(m, 0, 1, since, before, set, e) == 0)
		return 0;
	/* A tree the kernel changed under the reader looks damaged; it is not. */
	if (e->kind == ERR_CORRUPT && erameta_recheck(m, &now) && now.kind == ERR_BUSY)
		*e = now;
	return -1;
}
