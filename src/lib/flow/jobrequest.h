/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobrequest: what a job asks of its source, as the text of pure/request. */
#ifndef ERA_FLOW_JOBREQUEST_H
#define ERA_FLOW_JOBREQUEST_H

#include <stdbool.h>

#include "pure/jobconf.h"
#include "pure/request.h"
#include "pure/token.h"
#include "words/err.h"

/* The stream from `from` on; or, with `estimate`, only how much that would be. */
int jobrequest(const struct job *j, const struct token *from, bool estimate, char text[REQUEST_LEN], struct err *e);

#endif
