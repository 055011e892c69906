/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stack: the device-mapper devices of a volume, built from the bottom and taken down from the top.
 * docs/volume.md section 1.
 *
 * Never: a device that is not ours by its DM UUID is touched.
 */
#ifndef ERA_FLOW_STACK_H
#define ERA_FLOW_STACK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "pure/label.h"
#include "words/err.h"
#include "world/dm.h"

#define STACK_PREFIX "ERA-"
#define STACK_PLAIN_PREFIX "ERA-fallback-"

enum stack_kind {
	STACK_NONE,    /* the name is free */
	STACK_ERA,     /* the volume is open */
	STACK_PLAIN,   /* a plain mapping stands in its place */
	STACK_PARTS,   /* what a killed open or close left: to be taken down */
	STACK_FOREIGN, /* the name, or a name beneath, is somebody else's */
};

struct stack {
	enum stack_kind kind;
	char name[DM_WORD];
	char volume[2 * LABEL_ID_LEN + 1]; /* hexadecimal; kinds ERA and PARTS */
	struct dm_dev top;		   /* each with an empty name where it does not exist */
	struct dm_dev orig;
	struct dm_dev meta;
	struct dm_dev snap; /* what a snapshot cut is using, or left (flow/snaplayer) */
	struct dm_dev cow;
	char data_path[PATH_MAX]; /* the kernel's names of what is beneath; kinds ERA and PLAIN */
	char meta_path[PATH_MAX]; /* kind ERA */
};

/* What stands under this name. 0 or -1. */
int stack_find(const char *name, struct stack *s, struct err *e);

/* Call fn for each volume and plain mapping, until it gives something other than 0. */
int stack_each(int (*fn)(void *ctx, const struct stack *s), void *ctx, struct err *e);

struct stack_spec {
	const char *name;
	const char *data_path;
	const char *meta_path;
	const struct label *label;
	bool pass_discards;
};

/* All of it, or nothing: what was built is taken down where a later part fails. */
int stack_up(const struct stack_spec *s, struct err *e);

/* NAME as a plain mapping of all of DATA. */
int stack_up_plain(const char *name, const char *data_path, struct err *e);

/* From the top: fails with ERR_BUSY, and nothing taken down, where NAME is in use. */
int stack_down(const struct stack *s, struct err *e);

/* The same in two steps: between them the data is still, and can be looked at. */
int stack_down_top(const struct stack *s, struct err *e);
int stack_down_rest(const struct stack *s, struct err *e);

/* Names of the layers beneath NAME. */
void stack_orig_name(const char *name, char out[DM_WORD]);
void stack_meta_name(const char *name, char out[DM_WORD]);

#endif
