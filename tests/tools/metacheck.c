/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metacheck: a metadata device or an image of one, by our own reader.
 *
 *   metacheck --usage DEVICE     "USED TOTAL", blocks in use and in all, out of the superblock alone
 *   metacheck DEVICE             all of it, checked
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/metacheck.h"
#include "pure/metaspace.h"
#include "world/metadev.h"

static int usage(const struct erameta_io *io, struct err *e)
{
	uint8_t *superblock = aligned_alloc(ERAMETA_BLOCK_LEN, ERAMETA_BLOCK_LEN);
	uint64_t used, total;
	int rc = -1;

	if (!superblock) {
		err_sys(e, "no memory");
		goto out;
	}
	if (io->read(io->ctx, 0, 1, superblock, e) || metaspace_usage(superblock, &used, &total, e))
		goto out;
	printf("%" PRIu64 " %" PRIu64 "\n", used, total);
	rc = 0;
out:
	free(superblock);
	return rc;
}

static int check(const struct erameta_io *io, struct err *e)
{
	struct metacheck_report r;

	if (metacheck_run(io, &r, e))
		return -1;
	printf("era %" PRIu32 " held %d writesets %" PRIu64 " total %" PRIu64 " used %" PRIu64
	       " counted %" PRIu64 " found %" PRIu64 " leaked %" PRIu64 " excess %" PRIu64 "\n",
	       r.era, r.held, r.nr_writesets, r.total_blocks, r.used_blocks, r.counted_blocks,
	       r.found_blocks, r.leaked_blocks, r.excess_blocks);
	return 0;
}

int main(int argc, char **argv)
{
	const bool only_usage = argc == 3 && strcmp(argv[1], "--usage") == 0;
	struct metadev *dev;
	struct err e = {0};

	if (argc != 2 && !only_usage) {
		fprintf(stderr, "usage: metacheck [--usage] DEVICE\n");
		return 2;
	}
	dev = metadev_open(argv[argc - 1], &e);
	if (dev && only_usage)
		usage(metadev_io(dev), &e);
	else if (dev)
		check(metadev_io(dev), &e);
	metadev_close(dev);
	if (e.kind)
		fprintf(stderr, "metacheck: %s\n", e.text);
	return (int)e.kind;
}
