/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pinned: all of the process stays in memory while a device stands still.
 *
 * A page that has to be read, or written out to make room, could wait for the very device that only this
 * process will resume. So every page is locked, and some heap is touched ahead, before the suspend.
 */
#ifndef ERA_SYSTEM_PINNED_H
#define ERA_SYSTEM_PINNED_H

#include "words/err.h"

/* Not nested, and before threads of ours are started. ERR_RUNTIME where the kernel does not allow it. */
int pinned_begin(struct err *e);
void pinned_end(void);

#endif
