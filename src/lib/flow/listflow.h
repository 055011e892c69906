/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listflow: the changes, or how much they are, on standard output: what era_copy says instead of copying. */
#ifndef ERA_FLOW_LISTFLOW_H
#define ERA_FLOW_LISTFLOW_H

#include <stdbool.h>

#include "flow/plan.h"
#include "words/err.h"

enum listflow_format { LISTFLOW_NONE, LISTFLOW_TEXT, LISTFLOW_XML, LISTFLOW_JSON };

/* Of o->metadata, without a device. */
int listflow_file(const struct plan_opts *o, enum listflow_format format, struct err *e);

/* Of a plan that was made. */
int listflow_plan(const struct plan *p, enum listflow_format format, struct err *e);
int listflow_estimate(const struct plan *p, bool json, struct err *e);

#endif
