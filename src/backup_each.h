/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backup_each: one command over several jobs: a failure of one is told and the others go on; the first decides. With
 * --json it prints an array.
 */
#ifndef ERA_BACKUP_EACH_H
#define ERA_BACKUP_EACH_H

#include <stdbool.h>

#include "backup_args.h"
#include "backup_ui.h"
#include "words/err.h"

struct backup_each {
	const struct backup_args *args;
	struct backup_ui ui;
	bool any; /* a JSON value is out already */
};

/* `j` is NULL where a repository is named in place of jobs. Returns the exit code; an error that is not of a job is in *e. */
int backup_each(const struct backup_args *a, int (*one)(struct backup_each *w, const struct job *j, struct err *e),
		struct err *e);

/* Before the JSON value of a job. */
void backup_each_json(struct backup_each *w);

#endif
