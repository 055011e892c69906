/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobhooks: the commands before and after a run, with what they are told in their environment (erabackup.conf(5)). */
#ifndef ERA_FLOW_JOBHOOKS_H
#define ERA_FLOW_JOBHOOKS_H

#include "pure/catalog.h"
#include "pure/jobconf.h"
#include "words/err.h"

int jobhooks_before(const struct job *j, struct err *e);

/* The stream that was added, or NULL; and the outcome of the run: kind ERR_NONE is success. */
int jobhooks_after(const struct job *j, const struct catalog_stream *s, const struct err *outcome, struct err *e);

#endif
