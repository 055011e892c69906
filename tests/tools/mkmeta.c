/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkmeta: write dm-era metadata of any size into a file, for tests and measurements.
 *
 *   mkmeta NR_BLOCKS BLOCK_SECTORS ERA SINCE CHANGED_PPM WRITESETS SCATTER SEED OUT [CHANGED]
 *
 * Every block gets an era below SINCE. CHANGED_PPM blocks in a million, at random, and those whose
 * numbers stand in the file CHANGED, one a line, are written again in an era from SINCE up to, not
 * including, ERA: the newest WRITESETS eras are writesets, older ones are in the era array. With
 * SCATTER 1 the blocks of the array lie in no order, as after much digestion. The same numbers give
 * the same file. There are no space maps: the readers of eras do not ask.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../draw.h"
#include "../metaimage.h"
#include "words/num.h"

enum { NR_BLOCKS, BLOCK_SECTORS, ERA, SINCE, PPM, WRITESETS, SCATTER, SEED, NR_ARGS };

static uint64_t state;

static void *zeros(uint64_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p) {
		perror("mkmeta");
		exit(1);
	}
	return p;
}

/* Blocks an image needs: arrays, their trees, and some to spare. Made prime to the stride. */
static uint64_t room(const uint64_t *a)
{
	const uint64_t eras = num_div_up(a[NR_BLOCKS], MI_ERAS);
	const uint64_t words = num_div_up(a[NR_BLOCKS], 64 * MI_WORDS);
	uint64_t n = eras + a[WRITESETS] * (words + 4);

	n += n / 60 + 64;
	while ((n - 1) % 65537 == 0)
		n++;
	return n;
}

static void map(struct metaimage *m, const char *path)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || ftruncate(fd, (off_t)(m->nr_blocks * MI_LEN)) != 0) {
		perror(path);
		exit(1);
	}
	m->p = mmap(NULL, m->nr_blocks * MI_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* The block is written again, in an era from SINCE: into the array, or as a bit of a writeset. */
static void change(const uint64_t *a, uint64_t b, uint8_t *eras, uint8_t **words)
{
	const uint64_t first_set = a[ERA] - a[WRITESETS];
	const uint64_t era = a[SINCE] + draw(&state) % (a[ERA] - a[SINCE]);

	if (era >= first_set)
		words[era - first_set][b / 8] |= (uint8_t)(1 << b % 8);
	else
		mi32(eras + 4 * b, (uint32_t)era);
}

static void fill(const uint64_t *a, uint8_t *eras, uint8_t **words)
{
	uint64_t b;

	for (b = 0; b < a[NR_BLOCKS]; b++) {
		mi32(eras + 4 * b, (uint32_t)(draw(&state) % a[SINCE]));
		if (draw(&state) % 1000000 < a[PPM])
			change(a, b, eras, words);
	}
}

/* The blocks that a file names. */
static void fill_listed(const uint64_t *a, uint8_t *eras, uint8_t **words, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[32];
	uint64_t b;

	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (num_parse(line, 0, a[NR_BLOCKS] - 1, &b)) {
			fprintf(stderr, "mkmeta: %s: '%s' is no block\n", path, line);
			exit(2);
		}
		change(a, b, eras, words);
	}
	fclose(f);
}

static void build(const uint64_t *a, struct metaimage *m, const char *listed)
{
	const uint64_t nr_words = num_div_up(a[NR_BLOCKS], 64);
	uint8_t *eras = zeros(a[NR_BLOCKS], 4);
	uint8_t **words = zeros(a[WRITESETS], sizeof(*words));
	struct mi_writeset *w = zeros(a[WRITESETS], sizeof(*w));
	struct mi_super s = {
		.block_size = (uint32_t)a[BLOCK_SECTORS],
		.nr_blocks = (uint32_t)a[NR_BLOCKS],
		.era = (uint32_t)a[ERA],
	};
	uint64_t i;

	for (i = 0; i < a[WRITESETS]; i++)
		words[i] = zeros(nr_words, 8);
	fill(a, eras, words);
	if (listed)
		fill_listed(a, eras, words, listed);
	s.array_root = mi_array(m, eras, a[NR_BLOCKS], 4);
	for (i = 0; i < a[WRITESETS]; i++) {
		w[i].era = a[ERA] - a[WRITESETS] + i;
		w[i].nr_bits = (uint32_t)a[NR_BLOCKS];
		w[i].root = mi_array(m, words[i], nr_words, 8);
		free(words[i]);
	}
	s.writeset_root = mi_writesets(m, w, a[WRITESETS]);
	mi_super(m, 0, &s);
	free(eras);
	free(words);
	free(w);
}

int main(int argc, char **argv)
{
	struct metaimage m = {.used = 1, .per_node = 168};
	uint64_t a[NR_ARGS];
	int i;

	for (i = 0; i < NR_ARGS; i++) {
		if (argc < NR_ARGS + 2 || argc > NR_ARGS + 3 || num_parse(argv[i + 1], 0, INT32_MAX, &a[i])) {
			fprintf(stderr, "usage: mkmeta NR_BLOCKS BLOCK_SECTORS ERA SINCE "
					"CHANGED_PPM WRITESETS SCATTER SEED OUT [CHANGED]\n");
			return 2;
		}
	}
	if (a[SINCE] == 0 || a[ERA] <= a[SINCE] || a[WRITESETS] >= a[ERA]) {
		fprintf(stderr, "mkmeta: 0 < SINCE < ERA and WRITESETS < ERA\n");
		return 2;
	}
	state = a[SEED];
	m.nr_blocks = room(a);
	m.stride = a[SCATTER] ? 65537 : 0;
	map(&m, argv[NR_ARGS + 1]);
	build(a, &m, argv[NR_ARGS + 2]);
	return munmap(m.p, m.nr_blocks * MI_LEN) ? 1 : 0;
}
