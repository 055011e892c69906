/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * problem: what the last run of a job failed with, in DIR/problem of its repository, for `status`. A run that succeeds
 * removes it. Best effort: where even that cannot be written, the age of the last good run tells.
 */
#ifndef ERA_FLOW_PROBLEM_H
#define ERA_FLOW_PROBLEM_H

#include <stdint.h>

#include "words/err.h"

#define PROBLEM_LEN 1024

void problem_note(const char *repository, const struct err *outcome);
void problem_clear(const char *repository);

/* When, and what; 0 where there is none. */
uint64_t problem_read(const char *repository, char text[PROBLEM_LEN]);

#endif
