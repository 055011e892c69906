/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * opt: command lines, from one table a program. getopt_long parses; this adds what it does not do:
 * an option given twice is an error unless its table line allows it, errors are struct err, and the
 * table prints the help.
 */
#ifndef ERA_WORDS_OPT_H
#define ERA_WORDS_OPT_H

#include <stdbool.h>

#include "words/err.h"

struct opt_spec {
	int id;           /* 1 to OPT_ID_MAX, unique; what opt_next gives */
	char letter;      /* short option, or 0 */
	const char *name; /* long option */
	const char *arg;  /* what the help calls its value; NULL: takes none; "[=X]": may have one */
	const char *help;
	bool repeat;
};

#define OPT_ID_MAX 63

struct opt {
	int argc;
	char **argv;
	const struct opt_spec *specs; /* ends with id 0 */
	unsigned long long seen; /* a bit for each id */
	bool begun;
};

/*
 * The next option: 1 with *id and *value (NULL where it has none), 0 at the end with optind at the
 * first operand, -1 with ERR_USAGE. Operands may stand between options. A value is never empty: it
 * would be a name or a token that somebody's script failed to find.
 */
int opt_next(struct opt *o, int *id, const char **value, struct err *e);

/* Was the option seen? */
bool opt_seen(const struct opt *o, int id);

/* ERR_USAGE where an operand, called `what`, is empty. */
int opt_operand(const char *word, const char *what, struct err *e);

/* Two columns, to stdout. */
void opt_help(const struct opt_spec *specs);

#endif
