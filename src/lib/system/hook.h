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

#include "words/err.h"

struct hook {
	const char *option;  /* "--pre-cut", for messages */
	const char *command; /* for /bin/sh -c */
	unsigned int limit_s;
	bool whatever; /* not given up when we are told to stop */
	int kept_fd;   /* the command and all it starts have it too: it closes with the last of them; 0: none */
};

/* "NAME=VALUE" pairs to add to the environment; ends with NULL. 0 where it ended with status 0; else ERR_RUNTIME. */
int hook_run(const struct hook *h, const char *const *env, struct err *e);

#endif
