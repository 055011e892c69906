/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lock: one program at a time, by flock on a file of its own. A dead holder holds nothing, so there is
 * no stale lock; the file stays, and names the last holder.
 */
#ifndef ERA_SYSTEM_LOCK_H
#define ERA_SYSTEM_LOCK_H

#include "words/err.h"

/* Returns a descriptor to close, or -1: ERR_BUSY names the holder's process. `what` is for messages. */
int lock_take(const char *path, const char *what, struct err *e);

/*
 * Held together with others who share it, and never with one who took it; waits for him. A descriptor to close, or -1; with
 * no error set where a lock cannot be made there at all: on a disk that is read-only or full, or is not ours to write to.
 */
int lock_share(const char *path, struct err *e);

#endif
