/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * untracked: notes that a volume's data was, or may have been, written without dm-era knowing.
 *
 *	/run/era/untracked-NAME        since this boot NAME is a plain mapping, and why
 *	/var/lib/era/untracked-NAME    the label could not be told: it has to be, before the history is
 *	                               believed again (flow/labelled)
 *
 * The second is made from the first when a file system to keep it on is there; where the label was
 * told, it is not needed. docs/volume.md section 5.
 */
#ifndef ERA_FLOW_UNTRACKED_H
#define ERA_FLOW_UNTRACKED_H

#include <stdbool.h>

#include "words/err.h"

#define UNTRACKED_REASON 256

struct untracked {
	bool label_told;
	char reason[UNTRACKED_REASON];
};

/* Write the note of this boot. */
int untracked_write(const char *name, const struct untracked *u, struct err *e);

/* 1 with *u, 0 where there is none. A note that cannot be read counts as one that says so. */
int untracked_now(const char *name, struct untracked *u);
int untracked_kept(const char *name, struct untracked *u);

/*
 * Either of the two that the label was not told. The one of this boot counts where there is no other: what was
 * kept may be hidden by a file system that was mounted since.
 */
int untracked_untold(const char *name, struct untracked *u);

/* Durably copy the notes of this boot that no label was told to root/var/lib/era, made where it is not. */
int untracked_keep(const char *root, struct err *e);

/* The label was told, or the plain mapping is gone. A note that is not there is fine. */
int untracked_forget_now(const char *name, struct err *e);
int untracked_forget_kept(const char *name, struct err *e);

#endif
