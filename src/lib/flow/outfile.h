/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outfile: a file that appears under its name only when it is whole and durable.
 *
 * Until then it lies beside it as NAME.part, locked. A FIFO or /dev/null is written to directly.
 *
 * Never: a block device, where a stream cannot end; a file the caller reads from.
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

/* `name` must stay valid. source_fd is of the file that must not be replaced. */
int outfile_open(struct outfile *f, const char *name, int source_fd, struct err *e);

/* Sync, give it its name. With `replace` over a file of that name; else such a file is an error. */
int outfile_publish(struct outfile *f, bool replace, struct err *e);

/* What was not published is removed. Always, also after a failure of open. */
void outfile_close(struct outfile *f);

#endif
