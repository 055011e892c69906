/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zstgate: a gate with a compressor at each place: as many as compute at a time, however many threads there are.
 */
#ifndef ERA_WORLD_ZSTGATE_H
#define ERA_WORLD_ZSTGATE_H

#include "system/gate.h"
#include "words/err.h"
#include "world/zst.h"

/* So many threads read and write for each that decodes: a disk is fast when it has several things to do. */
#define ZSTGATE_IO_THREADS 2u

struct zstgate {
	struct gate gate;
	struct zst **zsts; /* one a place */
	unsigned int nr;
};

/* With nr >= 1 places. Fini also after a failure, and of one that is all zeros. */
int zstgate_init(struct zstgate *g, unsigned int nr, struct err *e);
void zstgate_fini(struct zstgate *g);

/* Wait for a place; *zst is the caller's until it leaves. */
unsigned int zstgate_enter(struct zstgate *g, struct zst **zst);
void zstgate_leave(struct zstgate *g, unsigned int place);

#endif
