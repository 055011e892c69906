/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * statefile: small files that are either the old one or the new one, whatever happens.
 *
 * Replacing is: write beside it, fsync, rename over it, fsync the directory. What it says is true
 * from the moment statefile_replace returns, through any crash. It never appends and never edits.
 */
#ifndef ERA_SYSTEM_STATEFILE_H
#define ERA_SYSTEM_STATEFILE_H

#include <stddef.h>

#include "words/err.h"

/* Mode 0600. On failure the old file is still there. */
int statefile_replace(const char *path, const char *text, size_t len, struct err *e);

/* The same, for everybody to read: mode 0644. */
int statefile_publish(const char *path, const char *text, size_t len, struct err *e);

/*
 * The whole file into buf, NUL behind it. Returns 1, or 0 where there is no such file, or -1; a file
 * that does not fit is ERR_CORRUPT.
 */
int statefile_read(const char *path, char *buf, size_t size, struct err *e);

/* Durable; a file that is not there is fine. */
int statefile_remove(const char *path, struct err *e);

#endif
