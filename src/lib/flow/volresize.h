/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volresize: an open volume takes the size that its data device has grown to. docs/volume.md section 6.
 *
 * The device stands still for a moment, guarded as at a cut.
 */
#ifndef ERA_FLOW_VOLRESIZE_H
#define ERA_FLOW_VOLRESIZE_H

#include <stdint.h>

#include "flow/stack.h"
#include "words/err.h"

struct volresize {
	uint64_t old_bytes;
	uint64_t new_bytes; /* the same: nothing was to be done */
};

/* ERR_USAGE where no volume of that name is open, ERR_IDENTITY where the device has shrunk, ERR_RUNTIME where the metadata has no room for more. */
int volresize(const char *name, struct volresize *r, struct err *e);

#endif
