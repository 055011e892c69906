/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metacheck: is all of dm-era's metadata whole?
 *
 * Every block that the device's own superblock or the held one leads to is read and verified: the tree
 * of writesets, each writeset's bitset, the current writeset, the era array, and the space map with its
 * index, bitmaps and counts of references. Then the references that were found are compared with those
 * the space map has counted.
 *
 * What is an error, and why that is safe. The kernel writes no block in place: everything a superblock
 * leads to was written, and flushed, before that superblock was, and the counts belong to the same
 * transaction. So what it committed is exact, after a power cut as much as after an orderly end: a block
 * freed or taken since the last commit is as it was at that commit. This was compared, exact to the
 * block, on metadata of kernels cut in the middle of writes, digestion, and snapshots being taken and
 * dropped. ERR_CORRUPT therefore is
 * - whatever metablock and metatree refuse, and an index or bitmap that is damaged or misplaced;
 * - a pointer behind what the space map covers, a space map larger than the device;
 * - a block that two pointers of one superblock lead to, or that is of one kind here and of another
 *   there. The own superblock and the held one share most of their blocks, and no block is in one of
 *   them twice;
 * - a block with fewer references counted than found: the kernel would take it for free, now or when
 *   the next reference goes, and overwrite it;
 * - a block counted as 3 or more whose number is not in the tree of counts: the kernel fails on it.
 *
 * What is a note, in the report: blocks counted and not found, or counted higher than found, cost room and
 * nothing else; a total of blocks in use that is not the sum of the counts makes the status wrong.
 * What is not looked at: nr_free and none_free_before of the index, with which the kernel saves itself
 * searching. Its own nr_free of the last bitmap counts blocks that do not exist. Also not the current
 * writeset of the held superblock, which the snapshot does not protect (erameta.h), nor counts of blocks
 * behind the end.
 *
 * One writeset may be there twice: kernels before 5.12 leave the current writeset in the superblock when
 * they have archived it. The same root for the same era is one reference.
 */
#ifndef ERA_PURE_METACHECK_H
#define ERA_PURE_METACHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/erameta_io.h"

struct metacheck_report {
	uint32_t era;
	bool held;		/* a metadata snapshot is held, and was verified */
	uint64_t nr_writesets;	/* archived, not digested; of the device's own */
	uint64_t total_blocks;	/* the space map covers; all of these in blocks of 4096 bytes */
	uint64_t used_blocks;	/* as the superblock says */
	uint64_t counted_blocks; /* as the space map counts; not used_blocks: the status is wrong */
	uint64_t found_blocks;	/* that something leads to */
	uint64_t leaked_blocks; /* counted as in use and not found: counted = found + leaked */
	uint64_t first_leaked;	/* one of them; 0: none */
	uint64_t excess_blocks; /* found, and counted with more references than that */
};

/*
 * Check it all. The device is not in use: ERR_BUSY where the metadata changed meanwhile. ERR_CORRUPT
 * names the block and the reason; after an error the report has no meaning. Memory: 8 MiB, and one byte
 * for each metadata block, at most 4 MiB.
 */
int metacheck_run(const struct erameta_io *io, struct metacheck_report *report, struct err *e);

#endif
