/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volcheck: what lies on a metadata device, shown and verified. Reads only. */
#ifndef ERA_FLOW_VOLCHECK_H
#define ERA_FLOW_VOLCHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "words/err.h"

/* The label, to f. `spec` as resolve_device takes it. */
int volcheck_dump(const char *spec, bool json, FILE *f, struct err *e);

/*
 * The label's copies, and all of dm-era's metadata; what was found good, in words. ERR_CORRUPT
 * where a copy or a block is damaged; ERR_BUSY where the volume is in use and its metadata moved meanwhile.
 */
#define VOLCHECK_WORDS 256
int volcheck(const char *spec, char words[VOLCHECK_WORDS], struct err *e);

#endif
