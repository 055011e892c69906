/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outfile: a file that appears under its name only when it is whole and durable.
 *
 * Until then it lies beside it as NAME.part. A device, a FIFO or /dev/null is written to directly.
 */
#ifndef ERA_FLOW_OUTFILE_H
#define ERA_FLOW_OUTFILE_H

#include <limits.h>
#include <stdbool.h>

#include "words/err.h"

struct outfile {
	int fd;
	const char *name;
	bool regular;
	char part[PATH_MAX];
};

/* `name` must stay valid. */
int outfile_open(struct outfile *f, const char *name, struct err *e);

/* Sync, give it its name. With `replace` over a file of that name; else such a file is an error. */
int outfile_publish(struct outfile *f, bool replace, struct err *e);

/* What was not published is removed. Always, also after a failure of open. */
void outfile_close(struct outfile *f);

#endif
