/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mountline: one line of /proc/self/mountinfo (proc(5)).
 *
 * It is pure (text in, values out), and lies below everything because more than one layer reads that file.
 */
#ifndef ERA_WORDS_MOUNTLINE_H
#define ERA_WORDS_MOUNTLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mount {
	uint64_t id; /* as statx gives it */
	dev_t dev;
	char *root; /* what of its filesystem is mounted */
	char *where;
	char *type;
	char *source;
	char *super; /* options of the file system, not of the mount point */
};

/* Cuts the line up: the strings of *m lie in it. False where it is no such line. */
bool mountline_parse(char *line, struct mount *m);

/* Spaces and the like are written as \040 in the kernel's lists. In place. */
void mountline_unescape(char *s);

#endif
