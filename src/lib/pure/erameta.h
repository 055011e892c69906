/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * erameta: dm-era's metadata, read without the kernel's help: which blocks were written since an
 * era.
 *
 * The metadata holds each write once, in one of three places: in the bitset of the era it happened
 * in (a writeset), until the kernel has digested that into the era array, which has the last era of
 * each block; and, while an era runs, in the current writeset. A block is changed if any of them
 * says so.
 *
 * Two views:
 *
 *   ERAMETA_HELD     through the metadata snapshot that is held. The kernel keeps its blocks as
 *                    they are until it is dropped, so this is how a device in use is read. It has
 *                    every write of the eras below info->era, and nothing of info->era itself.
 *   ERAMETA_CURRENT  the device's own superblock: for a device that is not in use. It has every
 *                    write that completed.
 *
 * The current writeset belongs to the second view only. After an orderly end it is empty: a suspend
 * archives it. After a power cut it is not, and it is then the only record of the last era's writes
 * until the kernel opens the device again and archives it, so it counts as a writeset of era
 * info->era. In the held superblock it is a copy of a pointer the snapshot does not protect: the
 * kernel takes references to the writeset tree and the era array alone, and goes on writing in the
 * current bitset, or frees it. Following it could meet anything. Nothing is lost by leaving it: the
 * snapshot begins a new era, so what it points to began after the moment the snapshot stands for.
 *
 * A read proves nothing until erameta_recheck() says that what it went by still stands.
 *
 * Never: a write, an ioctl, a descriptor, memory that grows with the device. Everything read is
 * verified; see metablock.h and metatree.h. Era 0 means "never written" and matches no bounds.
 */
#ifndef ERA_PURE_ERAMETA_H
#define ERA_PURE_ERAMETA_H

#include <stdint.h>

#include "pure/blockset.h"
#include "pure/erameta_io.h"
#include "words/err.h"

enum erameta_view {
	ERAMETA_CURRENT,
	ERAMETA_HELD,
};

struct erameta_info {
	uint32_t block_size; /* sectors of 512 bytes in an era block */
	uint32_t nr_blocks;  /* era blocks */
	uint32_t era;	     /* of the superblock that is viewed */
	uint64_t held_root;  /* where the held snapshot's superblock lies; 0: none is held */
	/* What could tell one history from another; the kernel writes zeros. */
	uint32_t flags;
	uint8_t uuid[16];
};

/*
 * Read and verify the superblock, and for ERAMETA_HELD the held one. io is copied; its ctx must
 * outlive the result. NULL with *e:
 * ERR_CORRUPT where a superblock is damaged, is none, or is all zero (a device dm-era never used);
 * ERR_USAGE where no snapshot is held; whatever io->read gives.
 */
struct erameta *erameta_open(const struct erameta_io *io, enum erameta_view view, struct err *e);
void erameta_close(struct erameta *m);

/* Valid until the close. */
const struct erameta_info *erameta_info(const struct erameta *m);

/*
 * The bytes of the superblock that is viewed, verified, as the open saw it, and where it lies. Valid
 * until the close.
 */
const uint8_t *erameta_superblock(const struct erameta *m, uint64_t *block);

/*
 * Add to `set` the blocks that are recorded as written in an era E with since <= E < before. The
 * set has at least info->nr_blocks blocks; those behind, if any, are left alone. Bits a writeset
 * lacks, because it is older than a grow, count as clear.
 *
 * The bounds are not limited to 32 bits; ERAMETA_NO_LIMIT as `before` stands for none. `before`
 * does not turn time back: of a block that was written again, the array has only the last era.
 *
 * Returns 0, or -1 with *e: ERR_CORRUPT with the block and the reason, ERR_BUSY where the reason
 * for the damage is that the metadata changed meanwhile, or what io->read gives. After -1 the set
 * may have some of the blocks.
 */
#define ERAMETA_NO_LIMIT UINT64_MAX
int erameta_changed(struct erameta *m, uint64_t since, uint64_t before, struct blockset *set,
		    struct err *e);

/*
 * The same for part `part` of `nr_parts` of the device, counted from 0; all parts together are
 * erameta_changed. Parts have no word of the set in common, and m is only read, so they may run at the
 * same time in several threads, if io->read may. ERR_CORRUPT may be the metadata having changed
 * meanwhile: erameta_recheck tells.
 */
int erameta_changed_part(const struct erameta *m, unsigned int part, unsigned int nr_parts,
			 uint64_t since, uint64_t before, struct blockset *set, struct err *e);

/*
 * After all reading: the superblocks, read again, say what they said at the open. ERR_BUSY where
 * not. In the held view the device's own superblock may go on, as long as it holds the same
 * snapshot.
 */
int erameta_recheck(struct erameta *m, struct err *e);

#endif
