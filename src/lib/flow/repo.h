/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repo: a repository on disk. erabackup-repository(5) is the contract.
 *
 *	DIR/repository    version and id
 *	DIR/lock          held by whoever changes something
 *	DIR/readers       held, shared, by whoever reads streams and changes nothing
 *	DIR/state         the catalog, replaced atomically: what it says is true
 *	DIR/streams/      immutable once named
 *	DIR/incoming/     what is being written; whoever has the lock may throw it away
 *
 * Changes are made by flow/repochange alone.
 */
#ifndef ERA_FLOW_REPO_H
#define ERA_FLOW_REPO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "pure/catalog.h"
#include "words/err.h"

struct repo {
	char dir[PATH_MAX];
	uint8_t id[WIRE_ID_LEN];
	struct catalog cat;
	int lock; /* -1: not held */
	int readers;
};

/* 1: made; 0: is there already. A directory that holds something else is ERR_USAGE. */
int repo_create(const char *dir, struct err *e);

/* Read the state. Close always. Nothing is changed. */
int repo_open(struct repo *r, const char *dir, struct err *e);

/* Locked, and the state is not even read: for whoever makes it again. */
int repo_lock_only(struct repo *r, const char *dir, struct err *e);

/* The same of a directory that has streams and may have lost all else: it gets a new id where it has none. */
int repo_lock_wreck(struct repo *r, const char *dir, struct err *e);

/* As repo_open, and no stream is removed until repo_close. */
int repo_read(struct repo *r, const char *dir, struct err *e);

/* The state, behind repo_lock_only. */
int repo_load(struct repo *r, struct err *e);

void repo_close(struct repo *r);

/* The catalog becomes the state. Locked. */
int repo_commit(struct repo *r, struct err *e);

/* DIR/NAME, DIR/streams/NAME, DIR/incoming/NAME. ERR_USAGE where it is too long. */
int repo_path(const struct repo *r, const char *name, char path[PATH_MAX], struct err *e);
int repo_stream_path(const struct repo *r, const char *name, char path[PATH_MAX], struct err *e);
int repo_incoming_path(const struct repo *r, const char *name, char path[PATH_MAX], struct err *e);

/* Of its directories: what is in them is nobody else's to read. */
#define REPO_DIR_MODE 0700

/* As a catalog has it. */
uint64_t repo_mtime_ns(const struct stat *st);

/* Does the error say that the file is gone or cannot be given back by its disk? */
bool repo_is_lost(int error);

/* Is the file of stream i there, and as it was when it was last found good? 1, 0, or -1. */
int repo_untouched(const struct repo *r, size_t i, struct err *e);

/* The paths of streams first to last, to be freed with one free. */
const char **repo_paths(const struct repo *r, size_t first, size_t last, struct err *e);

#endif
