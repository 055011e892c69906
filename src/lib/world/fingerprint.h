/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fingerprint: has somebody written to the data while nobody tracked it? docs/volume.md section 2
 * says which bytes are hashed. At most 8 MiB are read, past the page cache, into 1 MiB of memory.
 */
#ifndef ERA_WORLD_FINGERPRINT_H
#define ERA_WORLD_FINGERPRINT_H

#include <stdint.h>

#include "words/err.h"

#define FINGERPRINT_LEN 16

/*
 * Of the first len_bytes of a block device or a regular file; len_bytes > 0. ERR_IDENTITY where it
 * has less, ERR_RUNTIME where it cannot be read.
 */
int fingerprint_device(const char *path, uint64_t len_bytes, uint8_t out[FINGERPRINT_LEN],
		       struct err *e);

#endif
