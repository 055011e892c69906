/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * benchdata: data for measurements, the same for the same seed.
 *
 *   benchdata tree DIR MIB SEED                    files of MIB together: text, programs, random, half and half
 *   benchdata change FILE BLOCK PERCENT SEED       overwrite PERCENT of FILE's blocks of BLOCK bytes, at random
 *                                                  places; their list, as era_invalidate prints it, to stdout
 *
 * Text is made of words by Zipf's law, programs of a few hundred instructions with operands that repeat: zstd -1 gets
 * about 2.6 and 2.2 out of them, what it gets out of a Debian's /usr/share/doc and /usr/bin.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../draw.h"

#define MIB 1048576u
#define WORD_BITS 14u
#define CODE_BITS 9u
#define NR_WORDS (1u << WORD_BITS)
#define NR_CODES (1u << CODE_BITS)

static uint64_t state;
static char words[NR_WORDS][12];
static uint8_t codes[NR_CODES][6];
static uint8_t piece[MIB];

static double unit(void)
{
	return (double)(draw(&state) >> 11) / (double)(UINT64_C(1) << 53);
}

/* The low ones of the numbers below 2^bits much more often than the high ones. */
static unsigned int zipf(unsigned int bits)
{
	const uint64_t x = draw(&state);

	return (unsigned int)(x >> 8) & ((1u << (x % (bits + 1))) - 1);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void make_tables(void)
{
	unsigned int i;
	unsigned int k;

	for (i = 0; i < NR_WORDS; i++)
		for (k = 0; k < 2 + i % 9; k++)
			words[i][k] = (char)('a' + zipf(5) % 26);
	for (i = 0; i < NR_CODES; i++)
		for (k = 0; k < sizeof(codes[i]); k++)
			codes[i][k] = (uint8_t)draw(&state);
}

static void text(uint8_t *p, size_t len)
{
	size_t at = 0;
	const char *w;

	while (at < len) {
		for (w = words[zipf(WORD_BITS)]; *w && at < len; w++)
			p[at++] = (uint8_t)*w;
		if (at < len)
			p[at++] = draw(&state) % 11 == 0 ? '\n' : ' ';
	}
}

/* An instruction, and now and then an operand: near ones often, any other seldom. */
static void program(uint8_t *p, size_t len)
{
	size_t at = 0;
	size_t n;
	uint64_t x;

	while (at < len) {
		x = draw(&state);
		n = 2 + x % 4;
		n = n < len - at ? n : len - at;
		memcpy(p + at, codes[zipf(CODE_BITS)], n);
		at += n;
		if (x >> 8 & 1 && at < len)
			p[at++] = (uint8_t)zipf(8);
		if ((x >> 9 & 7) == 0 && len - at >= 4) {
			memset(p + at, 0, 4);
			p[at] = (uint8_t)(x >> 16);
			p[at + 1] = (uint8_t)(x >> 24 & 15);
			at += 4;
		}
	}
}

static void random_bytes(uint8_t *p, size_t len)
{
	uint64_t x;
	size_t at;

	for (at = 0; at < len; at += sizeof(x)) {
		x = draw(&state);
		memcpy(p + at, &x, len - at < sizeof(x) ? len - at : sizeof(x));
	}
}

/* Of any 20 pieces 9 are text, 6 programs, 3 random, 2 half random. */
static void make(uint8_t *p, size_t len)
{
	const unsigned int kind = (unsigned int)(draw(&state) % 20);

	if (kind < 9)
		text(p, len);
	else if (kind < 15)
		program(p, len);
	else if (kind < 18)
		random_bytes(p, len);
	else {
		text(p, len / 2);
		random_bytes(p + len / 2, len - len / 2);
	}
}

static void write_file(const char *path, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die(path);
	make(piece, len);
	if (fwrite(piece, 1, len, f) != len || fclose(f))
		die(path);
}

/* A hundred files a directory, of 1 KiB to 1 MiB. */
static void tree(const char *dir, uint64_t mib)
{
	uint64_t left = mib * MIB;
	char path[4096];
	unsigned int nr;
	size_t len;

	for (nr = 0; left > 0; nr++) {
		snprintf(path, sizeof(path), "%s/%u", dir, nr / 100);
		if (nr % 100 == 0 && mkdir(path, 0755))
			die(path);
		len = (size_t)1024 << draw(&state) % 11;
		len -= (draw(&state) >> 8) % (len / 2);
		len = len < left ? len : (size_t)left;
		snprintf(path, sizeof(path), "%s/%u/%u", dir, nr / 100, nr % 100);
		write_file(path, len);
		left -= len;
	}
}

static void change(const char *path, size_t block, double percent)
{
	const int fd = open(path, O_WRONLY);
	struct stat st;
	uint64_t nr;
	uint64_t i;

	if (fd < 0 || fstat(fd, &st) || block == 0 || block > sizeof(piece))
		die(path);
	nr = (uint64_t)st.st_size / block;
	puts("<blocks>");
	for (i = 0; i < nr; i++) {
		if (unit() * 100 >= percent)
			continue;
		make(piece, block);
		if (pwrite(fd, piece, block, (off_t)(i * block)) != (ssize_t)block)
			die(path);
		printf("  <block block=\"%llu\"/>\n", (unsigned long long)i);
	}
	puts("</blocks>");
	if (fsync(fd) || close(fd) || fflush(stdout))
		die(path);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "tree") == 0) {
		state = strtoull(argv[4], NULL, 0);
		make_tables();
		tree(argv[2], strtoull(argv[3], NULL, 0));
	} else if (argc == 6 && strcmp(argv[1], "change") == 0) {
		state = strtoull(argv[5], NULL, 0);
		make_tables();
		change(argv[2], strtoull(argv[3], NULL, 0), strtod(argv[4], NULL));
	} else {
		fputs("usage: benchdata tree DIR MIB SEED | change FILE BLOCK PERCENT SEED\n", stderr);
		return 2;
	}
	return 0;
}
