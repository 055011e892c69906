/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume: opening and closing an era volume. docs/volume.md sections 3 to 5.
 *
 * Never: a write through the volume that dm-era does not see while the label says that the history is
 * unbroken.
 */
#ifndef ERA_FLOW_VOLUME_H
#define ERA_FLOW_VOLUME_H

#include <stdbool.h>

#include "flow/stack.h"
#include "pure/eratab.h"
#include "pure/label.h"
#include "words/err.h"

enum volume_how {
	VOLUME_OPENED,
	VOLUME_WAS_OPEN,
	VOLUME_PLAIN,	  /* a plain mapping now, because of `reason` */
	VOLUME_WAS_PLAIN,
};

struct volume_opts {
	bool allow_kernel;
	bool initramfs; /* no file system to keep notes on */
};

struct volume_opened {
	enum volume_how how;
	bool new_generation;
	char reason[LABEL_REASON]; /* of a new generation, or of a plain mapping */
	char hint[256];		   /* with a plain mapping: what to do about it */
	char warning[256];	   /* empty where there is none */
};

/*
 * Open the volume that v describes; v->data and v->meta are looked for until v->timeout is over. A
 * volume that is open already is fine. -1: it is not there, and neither is a plain mapping.
 */
int volume_open(const struct eratab_entry *v, const struct volume_opts *o,
		struct volume_opened *out, struct err *e);

/*
 * Close the volume, or take down the plain mapping, that s describes, and mark it clean. ERR_BUSY, with
 * by whom, where it is in use. What is no longer there is closed.
 *
 * Final: what is mounted read-only stays as it is and is marked clean in place: the machine is about
 * to go down. *in_place says that it was so. ERR_BUSY where it may still be written.
 */
int volume_close(const struct stack *s, bool final, bool *in_place, struct err *e);

/* Is the root file system mounted from it, so that whoever closes all does not mean this one? */
bool volume_is_root(const struct stack *s);

#endif
