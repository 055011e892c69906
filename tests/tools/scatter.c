/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scatter: blocks at random places, for measurements of sparse devices of any size.
 *
 *   scatter draw NR_BLOCKS COUNT SEED                print COUNT different numbers below NR_BLOCKS, in order
 *   scatter write FILE BLOCK_BYTES SEED <NUMBERS     fill these blocks with random bytes
 *   scatter check FILE BLOCK_BYTES SEED <NUMBERS     exit 1 where one of these blocks is not as "write" leaves it
 *
 * The bytes follow from SEED and the number of the block, so a check needs nothing to compare with.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../draw.h"
#include "words/num.h"

#define MAX_BLOCK (1 << 24)

static int usage(void)
{
	fprintf(stderr, "usage: scatter draw NR_BLOCKS COUNT SEED\n"
			"       scatter write|check FILE BLOCK_BYTES SEED <NUMBERS\n");
	return 2;
}

static int draw_blocks(char **arg)
{
	uint64_t nr, count, seed, left, b;
	uint8_t *bits;

	if (num_parse(arg[0], 1, UINT32_MAX, &nr) || num_parse(arg[1], 1, nr, &count) ||
	    num_parse(arg[2], 0, INT64_MAX, &seed))
		return usage();
	bits = calloc(nr / 8 + 1, 1);
	if (!bits) {
		perror("scatter");
		return 1;
	}
	for (left = count; left; ) {
		b = draw(&seed) % nr;
		if (bits[b / 8] & 1 << b % 8)
			continue;
		bits[b / 8] |= (uint8_t)(1 << b % 8);
		left--;
	}
	for (b = 0; b < nr; b++)
		if (bits[b / 8] & 1 << b % 8)
			printf("%" PRIu64 "\n", b);
	free(bits);
	return fflush(stdout) ? 1 : 0;
}

static void content(uint64_t seed, uint64_t block, uint64_t *words, uint64_t len_bytes)
{
	uint64_t state = seed, i;

	state = draw(&state) ^ block;
	for (i = 0; i < len_bytes / 8; i++)
		words[i] = draw(&state);
}

/* One block of the file; 1 where it is not as it should be. */
static int one(int fd, const char *path, int check, uint64_t block, const void *want, void *have, uint64_t len_bytes)
{
	const off_t off_bytes = (off_t)(block * len_bytes);
	const ssize_t n = check ? pread(fd, have, len_bytes, off_bytes) : pwrite(fd, want, len_bytes, off_bytes);

	if (n != (ssize_t)len_bytes) {
		perror(path);
		return 1;
	}
	if (check && memcmp(want, have, len_bytes) != 0) {
		fprintf(stderr, "scatter: %s: block %" PRIu64 " is not what was written\n", path, block);
		return 1;
	}
	return 0;
}

static int each_block(char **arg, int check)
{
	static uint64_t want[MAX_BLOCK / 8], have[MAX_BLOCK / 8];
	uint64_t len_bytes, seed, block;
	char line[32];
	int fd, rc = 0;

	if (num_parse(arg[1], 512, MAX_BLOCK, &len_bytes) || len_bytes % 8 || num_parse(arg[2], 0, INT64_MAX, &seed))
		return usage();
	fd = open(arg[0], (check ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
	if (fd < 0) {
		perror(arg[0]);
		return 1;
	}
	while (!rc && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (num_parse(line, 0, UINT32_MAX, &block)) {
			fprintf(stderr, "scatter: '%s' is no block\n", line);
			rc = 2;
			break;
		}
		content(seed, block, want, len_bytes);
		rc = one(fd, arg[0], check, block, want, have, len_bytes);
	}
	if (!check && fsync(fd)) {
		perror(arg[0]);
		rc = 1;
	}
	return close(fd) ? 1 : rc;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "draw"))
		return draw_blocks(argv + 2);
	if (argc == 5 && (!strcmp(argv[1], "write") || !strcmp(argv[1], "check")))
		return each_block(argv + 2, argv[1][0] == 'c');
	return usage();
}
