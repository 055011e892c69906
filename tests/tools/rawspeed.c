/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rawspeed: the least that reading a stored stream can cost, to measure --verify against.
 *
 *	rawspeed hash THREADS FILE      XXH3 of all bytes, a MiB at a time
 *	rawspeed unpack THREADS FILE    zstd of each DATA frame, no checksum at all
 *
 * Each thread reads what it works on. Nothing is checked, and nothing is printed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/hash.h"
#include "words/num.h"
#include "world/streamfile.h"
#include "world/zst.h"

#define THREADS_MAX 64
#ifndef CHUNK
#define CHUNK 1048576u
#endif

static struct streamfile file;
static _Atomic uint64_t next;
static _Atomic uint64_t sum;

static void die(const struct err *e)
{
	fprintf(stderr, "rawspeed: %s\n", e->text);
	exit(1);
}

static void *hash_all(void *unused)
{
	uint8_t *buf = aligned_alloc(4096, CHUNK);
	struct err e = {0};
	size_t got = 1;

	(void)unused;
	while (buf && got > 0) {
		if (fdio_pread(file.fd, file.name, buf, CHUNK, atomic_fetch_add(&next, CHUNK), &got, &e))
			die(&e);
		atomic_fetch_xor(&sum, hash64(buf, got));
	}
	free(buf);
	return NULL;
}

static void unpack_entry(const struct wire_entry *n, struct zst *zst, uint8_t *stored, uint8_t *room)
{
	struct wire_header h;
	struct err e = {0};

	if (n->type != WIRE_DATA)
		return;
	if (streamfile_data(&file, n, &h, stored, &e))
		die(&e);
	if (h.codec == WIRE_CODEC_ZSTD && zst_decompress(zst, stored, h.stored_len, room, (size_t)h.logical_len, &e))
		die(&e);
}

/* A thread takes an INDEX piece at a time: its frames are up to 4096. */
static void *unpack_all(void *unused)
{
	struct wire_entry *entries = malloc(WIRE_ENTRIES_MAX * sizeof(*entries));
	uint8_t *stored = malloc(WIRE_CONTENT_MAX);
	uint8_t *room = malloc(WIRE_CONTENT_MAX);
	struct zst *zst = zst_new();
	uint32_t held = UINT32_MAX;
	uint32_t piece;
	uint64_t i;
	uint32_t nr;
	struct err e = {0};

	(void)unused;
	while ((i = atomic_fetch_add(&next, 1)) < file.nr_entries) {
		piece = (uint32_t)(i / WIRE_ENTRIES_MAX);
		if (piece != held && streamfile_piece(&file, piece, entries, &nr, &e))
			die(&e);
		held = piece;
		unpack_entry(&entries[i % WIRE_ENTRIES_MAX], zst, stored, room);
	}
	zst_free(zst);
	free(room);
	free(stored);
	free(entries);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	struct err e = {0};
	uint64_t nr;
	uint64_t i;

	if (argc != 4 || num_parse(argv[2], 1, THREADS_MAX, &nr) ||
	    (strcmp(argv[1], "hash") != 0 && strcmp(argv[1], "unpack") != 0)) {
		fprintf(stderr, "usage: rawspeed hash|unpack THREADS FILE\n");
		return 2;
	}
	if (streamfile_open(&file, argv[3], &e))
		die(&e);
	for (i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, argv[1][0] == 'h' ? hash_all : unpack_all, NULL))
			return 1;
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	streamfile_close(&file);
	return 0;
}
