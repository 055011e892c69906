/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metawalk: all of dm-era's metadata at rest, every block verified. */
#ifndef ERA_WORLD_METAWALK_H
#define ERA_WORLD_METAWALK_H

#include <stdint.h>

#include "pure/metacheck.h"
#include "words/err.h"

/*
 * metacheck_run on the metadata of len_bytes at off_bytes (0: to the end). ERR_CORRUPT names path, block and
 * reason; ERR_BUSY where it changes meanwhile: the device is in use.
 */
int metawalk_check(const char *path, uint64_t off_bytes, uint64_t len_bytes,
		   struct metacheck_report *report, struct err *e);

#endif
