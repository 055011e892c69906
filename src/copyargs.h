/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * copyargs: era_copy's command line: its options, their bounds, and which of them go together.
 */
#ifndef ERA_COPYARGS_H
#define ERA_COPYARGS_H

#include <stdbool.h>

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
};

/* *a is zero before. ERR_USAGE. Prints and exits for --help and --version. */
int copyargs_parse(int argc, char **argv, struct copyargs *a, struct err *e);

/* --list of metadata in a file, which needs no device. */
bool copyargs_list_only(const struct copyargs *a);

#endif
