/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics: a file for the textfile collector of Prometheus' node exporter.
 *
 * Replaced atomically, and only after a run that succeeded: so whoever watches erabackup_last_success_timestamp_seconds sees
 * a job that fails, hangs or was never started, all by the same rule.
 */
#ifndef ERA_FLOW_METRICS_H
#define ERA_FLOW_METRICS_H

#include "pure/catalog.h"
#include "words/err.h"

int metrics_write(const char *path, const char *job, const struct catalog *c, struct err *e);

#endif
