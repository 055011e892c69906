/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metasize: how much metadata a device needs, as plain numbers.
 *
 *   metasize DATA_SIZE BLOCK_SIZE     "NR_ERA_BLOCKS IDLE BOUND BYTES"
 */
#include <inttypes.h>
#include <stdio.h>

#include "pure/metasize.h"
#include "words/num.h"

int main(int argc, char **argv)
{
	uint64_t data_bytes, block_bytes;
	struct metasize s;
	struct err e = {0};

	if (argc != 3 || num_parse_size(argv[1], 1, UINT64_MAX, &data_bytes) ||
	    num_parse_size(argv[2], 1, UINT64_MAX, &block_bytes)) {
		fprintf(stderr, "usage: metasize DATA_SIZE BLOCK_SIZE\n");
		return 2;
	}
	if (metasize_for(data_bytes, block_bytes, &s, &e)) {
		fprintf(stderr, "metasize: %s\n", e.text);
		return (int)e.kind;
	}
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s.nr_era_blocks, s.idle, s.bound,
	       s.bytes);
	return 0;
}
