/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fdio: the one place that reads, writes and syncs file descriptors.
 *
 * Every call does all of it or fails; EINTR and short transfers are handled here and nowhere else.
 * The name is only for messages. Waits on pipes end when stop_requested() is set.
 */
#ifndef ERA_SYSTEM_FDIO_H
#define ERA_SYSTEM_FDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "words/err.h"

/*
 * Before anything is opened: make sure that a file opened later is not taken for standard input,
 * output or error. Words for a closed standard error would be written over it.
 */
int fdio_std(void);

/* Read up to len bytes; *got is less than len only at the end of the file. */
int fdio_read(int fd, const char *name, void *buf, size_t len, size_t *got, struct err *e);

/* One read, as much as is there, at least one byte; *got is 0 only at the end of the file. */
int fdio_read_some(int fd, const char *name, void *buf, size_t len, size_t *got, struct err *e);

/* Write two areas as one; the second may be empty. EPIPE says that the reader is gone. */
int fdio_write2(int fd, const char *name, const void *a, size_t a_len, const void *b, size_t b_len,
		struct err *e);

/* As fdio_read, at an offset. */
int fdio_pread(int fd, const char *name, void *buf, size_t len, uint64_t off_bytes, size_t *got,
	       struct err *e);

/*
 * The same without a wait: true where some of it was in memory, *got bytes at least 1. False says only that fdio_pread is
 * to be asked.
 */
bool fdio_pread_cached(int fd, void *buf, size_t len, uint64_t off_bytes, size_t *got);

/* Have the kernel read this part of a file in, and don't wait for it. A wish: it may do less. */
void fdio_ahead(int fd, uint64_t off_bytes, uint64_t len_bytes);

/* As fdio_pread into two areas, one behind the other. */
int fdio_pread2(int fd, const char *name, void *a, size_t a_len, void *b, size_t b_len, uint64_t off_bytes, size_t *got,
		struct err *e);

int fdio_pwrite(int fd, const char *name, const void *buf, size_t len, uint64_t off_bytes,
		struct err *e);

/* Let the disk begin with what was written to a range of a file, and wait for nothing. Of a pipe, nothing. */
void fdio_push(int fd, uint64_t off_bytes, uint64_t len);

/* fsync, checked. */
int fdio_sync(int fd, const char *name, struct err *e);

/* fsync of the directory that holds path, so that a create, rename or unlink in it is durable. */
int fdio_sync_parent(const char *path, struct err *e);

/* A directory, durable where this makes it. That it is there already is no error. */
int fdio_make_dir(const char *path, mode_t mode, struct err *e);

#endif
