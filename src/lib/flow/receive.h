/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * receive: one stream from a source into the repository.
 *
 *	feed ──► file in incoming/
 *	   └───► verify: every checksum, END, and that it starts where the head of the chain ends
 *
 * It is added only where the stream is whole and good, the far side ended with status 0, and the file is durable. Else
 * nothing of it stays.
 */
#ifndef ERA_FLOW_RECEIVE_H
#define ERA_FLOW_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/repo.h"
#include "flow/tick.h"
#include "pure/catalog.h"
#include "pure/jobconf.h"
#include "words/err.h"

struct receive_opts {
	const struct job *job;
	const char *request;
	unsigned int threads;
	struct tick tick;
	/* A line of the far side's standard error. Called in another thread. */
	void (*line)(void *ctx, const char *text);
	void *ctx;
};

struct receive_result {
	struct catalog_stream stream; /* as added */
	uint64_t still_us;
	uint64_t meta_used; /* blocks of dm-era's metadata; 0 of 0: not said */
	uint64_t meta_total;
	bool refused; /* the source says that no incremental is possible: era_copy's status 4 */
};

/* `from` is the token that was asked for. The repository is locked. */
int receive(struct repo *r, const struct token *from, const struct receive_opts *o, struct receive_result *got,
	    struct err *e);

#endif
