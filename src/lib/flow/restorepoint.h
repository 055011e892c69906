/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restorepoint: restoreflow of the chain that leads to a stream of a repository. */
#ifndef ERA_FLOW_RESTOREPOINT_H
#define ERA_FLOW_RESTOREPOINT_H

#include <stddef.h>

#include "flow/repo.h"
#include "flow/restoreflow.h"
#include "words/err.h"

/* Stream i of the catalog; *o is as restoreflow wants it, without paths. */
int restorepoint(const struct repo *r, size_t i, const struct restoreflow_opts *o, struct restoreflow_result *result,
		 struct err *e);

#endif
