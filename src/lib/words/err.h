/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * err: what went wrong, for whom, and with which exit code.
 *
 * A function that can fail takes a struct err * as its last argument, returns 0 or -1, and fills the
 * error once. The program prints it once and exits with the kind's code. Libraries never print and
 * never exit.
 *
 * The first error wins: a clean-up that fails after the real failure does not hide it.
 *
 * The texts say which object, which offset, and what was expected. The hint says what a person can
 * do; it may be empty.
 */
#ifndef ERA_WORDS_ERR_H
#define ERA_WORDS_ERR_H

/* The values are the programs' exit codes; see EXIT STATUS in the manuals. */
enum err_kind {
	ERR_NONE = 0,
	ERR_RUNTIME = 1,  /* I/O or another failure at run time */
	ERR_USAGE = 2,    /* the command line */
	ERR_CORRUPT = 3,  /* a corrupt or truncated stream, metadata or input */
	ERR_IDENTITY = 4, /* not the parent, not this target, tracking lost: a full is needed */
	ERR_BUSY = 5,     /* locked, mounted, in use */
};

struct err {
	enum err_kind kind;
	int sys; /* the errno that err_sys was called with; 0: another error */
	char text[768];
	char hint[512];
};

/* Set kind and text unless an error is set already. Always returns -1. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set with ERR_RUNTIME, with ": " and the words for errno behind the text. Returns -1. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the hint of the error that is set, unless it has one. Always returns -1. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put words and ": " before the text of the error that is set: where it happened. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forget the error. */
void err_clear(struct err *e);

#endif
