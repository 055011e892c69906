/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volshow: sizes, labels and states of volumes, as text for people or JSON for programs. */
#ifndef ERA_FLOW_VOLSHOW_H
#define ERA_FLOW_VOLSHOW_H

#include <stdbool.h>
#include <stdio.h>

#include "flow/volstatus.h"
#include "flow/volume.h"
#include "pure/label.h"
#include "pure/metasize.h"
#include "words/err.h"
#include "world/labelio.h"

/* "2026-11-21 05:57:49 +0000", in local time; "-" for 0. */
#define VOLSHOW_TIME 32
const char *volshow_time(uint64_t seconds, char buf[VOLSHOW_TIME]);

/* What a person must hear of an open that did not fail. False, and no text: nothing. */
#define VOLSHOW_OPENED 400
bool volshow_opened(const struct volume_opened *r, char text[VOLSHOW_OPENED]);

int volshow_size(FILE *f, uint64_t data_bytes, uint64_t block_bytes, const struct metasize *m,
		 bool json, struct err *e);
int volshow_label(FILE *f, const char *meta, const struct label *l, const struct labelio_found *found,
		  bool json, struct err *e);

/*
 * The volume of that name, ERR_RUNTIME where it is not open; or, name NULL, all that are open, in JSON as a
 * list. *nr is how many.
 */
int volshow_volumes(FILE *f, const char *name, bool json, unsigned int *nr, struct err *e);

#endif
