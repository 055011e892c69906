/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * headroom: how many metadata blocks dm-era needs.
 *
 * When the metadata is full, writes to blocks not yet marked fail, a rollover that fails leaves the
 * tracking broken, and a suspend can lose an era. So room is checked before every message and every
 * suspend. The figures are in blocks of 4 KiB; where they come from is in docs/durability.md.
 */
#ifndef ERA_PURE_HEADROOM_H
#define ERA_PURE_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What dm-era keeps for a device of nr_era_blocks, in blocks, the btree above it included: the
 * array with the era of each block; and one writeset, with a bit for each.
 */
uint64_t headroom_array(uint64_t nr_era_blocks);
uint64_t headroom_writeset(uint64_t nr_era_blocks);

/* Blocks that must be free before a take, checkpoint or suspend of a device of nr_era_blocks. */
uint64_t headroom_needed(uint64_t nr_era_blocks, bool snapshot_held);

#endif
