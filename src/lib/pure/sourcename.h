/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sourcename: where a source is, as a job says it: "ssh://[USER@]HOST[:PORT]/PATH", or the path of a device of this
 * machine.
 *
 * What has passed needs no quoting for a shell, and is never taken for an option.
 */
#ifndef ERA_PURE_SOURCENAME_H
#define ERA_PURE_SOURCENAME_H

#include <stdbool.h>

#include "words/err.h"

#define SOURCENAME_LEN 256 /* of each part, with its NUL */

struct sourcename {
	bool ssh;
	char user[SOURCENAME_LEN]; /* empty: not said */
	char host[SOURCENAME_LEN]; /* an IPv6 address without its brackets */
	unsigned int port;	   /* 0: not said */
	char path[SOURCENAME_LEN];
};

/* ERR_USAGE with the part that is wrong. */
int sourcename_parse(const char *text, struct sourcename *s, struct err *e);

/* Absolute, of letters, digits and / . _ + : @ % = -, no part empty or "." or "..". ERR_USAGE with why it is not. */
int sourcename_check_path(const char *path, struct err *e);

#endif
