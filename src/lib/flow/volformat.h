/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volformat: making a volume, and beginning its history again. The only place that writes a first
 * label or wipes metadata.
 *
 * Never: a byte of DATA is written; META is written where it is used, or where it carries something
 * and nobody said --force.
 */
#ifndef ERA_FLOW_VOLFORMAT_H
#define ERA_FLOW_VOLFORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/label.h"
#include "words/err.h"

/* Where `format` is not told: see era_setup(8). */
#define VOLFORMAT_BLOCK UINT64_C(262144)
#define VOLFORMAT_COW_REST UINT64_MAX

struct volformat_opts {
	const char *meta; /* as resolve_device takes them */
	const char *data;
	uint64_t block_bytes;
	uint64_t cow_bytes; /* VOLFORMAT_COW_REST: what is left */
	bool force;
};

/* How large a data device is, to choose its metadata by. */
int volformat_data_size(const char *spec, uint64_t *bytes, struct err *e);

/* *l is the label that was written; `warning` is empty where there is nothing to say. */
int volformat(const struct volformat_opts *o, struct label *l, char warning[256], struct err *e);

/* Blank metadata and a new generation, for a volume that is not open. */
int volformat_reset(const char *meta, const char *reason, struct label *l, struct err *e);

#endif
