/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restorepoint: restoreflow of the chain that leads to a stream of a repository. */
#ifndef ERA_FLOW_RESTOREPOINT_H
#define ERA_FLOW_RESTOREPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/repo.h"
#include "flow/restoreflow.h"
#include "words/err.h"

/* Does the state of an image or device say that it holds some state of this repository, whatever has become of it? */
bool restorepoint_knows(const struct repo *r, const char *target);

/* Stream i of the catalog; *o is as restoreflow wants it, without paths. */
int restorepoint(const struct repo *r, size_t i, const struct restoreflow_opts *o, struct restoreflow_result *result,
		 struct err *e);

#endif
