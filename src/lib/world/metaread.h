/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metaread: erameta_changed and erameta_recheck, with two readers at once.
 *
 * A large era array is a gigabyte; one reader alternates between waiting for the disk and decoding, two
 * keep both busy. Memory: about 4 MiB a reader.
 */
#ifndef ERA_WORLD_METAREAD_H
#define ERA_WORLD_METAREAD_H

#include <stdint.h>

#include "pure/blockset.h"
#include "pure/erameta.h"
#include "words/err.h"

/* As erameta_changed followed by erameta_recheck, on a reader whose io is a metadev's. */
int metaread_changed(struct erameta *m, uint64_t since, uint64_t before, struct blockset *set,
		     struct err *e);

#endif
