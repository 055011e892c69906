/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobcheck: do the values of a job go together? What era_copy would refuse at night is refused when the file is read.
 */
#ifndef ERA_PURE_JOBCHECK_H
#define ERA_PURE_JOBCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/job.h"
#include "words/err.h"

/*
 * As era_copy wants the keys of a cut and of a stream; and is all there that has to be? own: the keys, 1 << number, that
 * the job says itself. A detail that comes from [defaults] and does not go with what the job says itself is put aside:
 * its field is as if nobody had said it. ERR_USAGE.
 */
int jobcheck(struct job *j, uint64_t own, struct err *e);

/* Do two paths say the same? "/a//b/./" is "/a/b"; nobody asks a file system. */
bool jobcheck_same_path(const char *a, const char *b);

#endif
