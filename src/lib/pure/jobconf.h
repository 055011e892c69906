/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobconf: erabackup.conf, as text, to jobs. The only module that includes inih's header. erabackup.conf(5) is the
 * contract.
 *
 * Strict: an unknown key, a key twice in a section, a section twice, a value out of its range, a line too long for the
 * library (which would cut it without a word), a value with an inline comment: ERR_USAGE with file and line. What the
 * library would make of such a line nobody learns: it is stopped at the first one.
 */
#ifndef ERA_PURE_JOBCONF_H
#define ERA_PURE_JOBCONF_H

#include <stddef.h>

#include "pure/job.h"
#include "words/err.h"

#define JOBCONF_LINE_MAX 190 /* bytes of a line; of a comment, any number */

struct jobconf {
	struct job *jobs;
	unsigned int nr;
};

/* The len bytes of a whole file; `name` is the file's, for messages. Free also after a failure. */
int jobconf_parse(const char *text, size_t len, const char *name, struct jobconf *c, struct err *e);
void jobconf_free(struct jobconf *c);

/* The job of that name, or NULL. */
const struct job *jobconf_find(const struct jobconf *c, const char *name);

#endif
