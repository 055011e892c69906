/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hook: a command of the user's, run by the shell, with an end to its patience.
 *
 * Its standard input is empty and its standard output goes to standard error: our own carries a stream.
 * It has a process group of its own, and all of that is ended where the time runs out.
 */
#ifndef ERA_SYSTEM_HOOK_H
#define ERA_SYSTEM_HOOK_H

#include <stdbool.h>
#include <sys/types.h>

#include "words/err.h"

struct hook {
	const char *option;  /* "--pre-cut", for messages */
	const char *command; /* for /bin/sh -c */
	unsigned int limit_s;
	bool whatever; /* not given up when we are told to stop */
	/* Told the process group, and 0 when that has ended; NULL: nobody is. */
	void (*told)(void *ctx, pid_t group);
	void *ctx;
};

/* "NAME=VALUE" pairs to add to the environment; ends with NULL. 0 where it ended with status 0; else ERR_RUNTIME. */
/* End a group as hook_run does, without its shell being our child. */
void hook_end(pid_t group);

int hook_run(const struct hook *h, const char *const *env, struct err *e);

#endif
