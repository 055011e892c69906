/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * child: a program of its own beside us, what it says, and how it ended.
 *
 * It has a session, and so a process group, of its own: no terminal, so that nobody is asked for anything, and one
 * thing to end with all it started. No descriptor of ours is open in it but those named here, no signal is blocked
 * or ignored. A program that cannot be run is an error of child_start, with the reason, and not a status of 127.
 */
#ifndef ERA_SYSTEM_CHILD_H
#define ERA_SYSTEM_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "words/err.h"

struct child;

struct child_opts {
	const char *const *argv; /* the first is looked up in PATH; ends with NULL */
	int io;			 /* its standard input and output, a socket; -1: /dev/null, and a pipe to us */
	int err;		 /* its standard error; -1: a pipe to us */
	const atomic_bool *cut;	 /* set by another thread: reads and waits give up; NULL: nobody sets it */
	bool leashed;		 /* SIGTERM to it when the thread that starts it ends */
};

struct child_end {
	int status; /* -1: a signal ended it */
	int sig;
};

enum child_what { CHILD_OVER, CHILD_OUT, CHILD_ERR };

/* Close also after a failure; NULL is fine. */
int child_start(struct child **c, const struct child_opts *o, struct err *e);

/*
 * Wait for something, and read it: *what says from where. CHILD_OVER: both pipes have ended, and *got is 0. Ends with
 * an error when stop_requested().
 */
int child_read(struct child *c, void *buf, size_t len, size_t *got, enum child_what *what, struct err *e);

/* Wait until it has ended, or stop_requested(). */
int child_wait(struct child *c, struct child_end *end, struct err *e);

/* SIGTERM to all of its group, and SIGKILL after limit_ms. Returns when it has ended. */
void child_end(struct child *c, unsigned int limit_ms);

/* Ends it, where it has not ended, as child_end does. */
void child_close(struct child *c);

#endif
