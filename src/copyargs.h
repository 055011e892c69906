/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * copyargs: era_copy's command line: its options, their bounds, and which of them go together.
 *
 * With --forced-command there are two: the line of the key, which the administrator of the source wrote, and behind
 * it the request of whoever has the key. The line has the last word.
 */
#ifndef ERA_COPYARGS_H
#define ERA_COPYARGS_H

#include <stdbool.h>

#include "flow/forced.h"
#include "flow/listflow.h"
#include "flow/plan.h"
#include "flow/sendflow.h"
#include "words/err.h"
#include "words/msg.h"

struct copyargs {
	struct plan_opts plan;
	struct sendflow_opts send;
	const char *output;
	enum listflow_format list;
	enum progress_mode progress;
	bool plain; /* no compression */
	bool estimate, json, quiet, verbose;
	bool is_forced; /* nothing but the key's line is known; copyargs_request is due */
	struct forced forced;
	unsigned long long line; /* the options seen in it */
};

/* *a is zero before. ERR_USAGE. Prints and exits for --help and --version. */
int copyargs_parse(int argc, char **argv, struct copyargs *a, struct err *e);

/* Behind copyargs_parse, where it was forced: the words of an accepted request. They stay the caller's. */
int copyargs_request(struct copyargs *a, struct forced_asked *asked, struct err *e);

/* --list of metadata in a file, which needs no device. */
bool copyargs_list_only(const struct copyargs *a);

#endif
