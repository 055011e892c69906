/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dumpflow: what is in a stream, for people or as JSON. It reads the stream through the same parser as
 * apply, but does not decode the content of DATA: verify does.
 */
#ifndef ERA_FLOW_DUMPFLOW_H
#define ERA_FLOW_DUMPFLOW_H

#include <stdbool.h>
#include <stdio.h>

#include "words/err.h"

/* What could be read before an error is printed too; JSON is then not closed. */
int dumpflow_run(int fd, const char *name, bool json, FILE *out, struct err *e);

#endif
