/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metacheck: how full a metadata device or an image of one is, by our own reader.
 *
 *   metacheck --usage DEVICE     "USED TOTAL", blocks in use and in all, out of the superblock alone
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	struct metadev *dev;
	struct err e = {0};

	if (argc != 3 || strcmp(argv[1], "--usage") != 0) {
		fprintf(stderr, "usage: metacheck --usage DEVICE\n");
		return 2;
	}
	dev = metadev_open(argv[2], &e);
	if (dev)
		usage(metadev_io(dev), &e);
	metadev_close(dev);
	if (e.kind)
		fprintf(stderr, "metacheck: %s\n", e.text);
	return (int)e.kind;
}
