/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobconf: erabackup.conf, as text, to jobs. The only module that includes inih's header. erabackup.conf(5) is the
 * contract.
 *
 * Strict: an unknown key, a key twice in a section, a section twice, a value out of its range, a line too long for the
 * library (which would cut it without a word), a value with an inline comment: ERR_USAGE with file and line.
 */
#ifndef ERA_PURE_JOBCONF_H
#define ERA_PURE_JOBCONF_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/retention.h"
#include "pure/wire.h"
#include "words/err.h"

/* All strings are NULL where the key is absent and has no default. */
struct job {
	char *name;
	unsigned int line; /* of its section */

	char *source; /* as written */
	bool ssh;     /* else `path` is of this machine */
	char *user;
	char *host;
	unsigned int port; /* 0: not said */
	char *path;	   /* of the device, on its machine */
	char *repository;
	char *mirror;

	enum wire_cut cut; /* 0: auto */
	char *cow;
	char *freeze_limit; /* as era_copy takes it: "64M", "2s"; checked */
	unsigned int max_passes; /* 0: not said; so below */
	unsigned int freeze_timeout;
	char *pre_cut;
	char *post_cut;
	unsigned int hook_timeout;

	int level; /* 0: not said */
	bool plain; /* compress = none */
	unsigned int threads; /* 0: not said */
	uint64_t limit_rate; /* bytes a second; 0: no limit */

	struct retention keep;
	uint64_t prune_interval; /* seconds; WHEN_NEVER */
	uint64_t verify_interval;
	uint64_t every;

	char *identity;
	char *known_hosts;
	char *ssh_config;
	bool accept_new;
	unsigned int timeout; /* seconds */
	char *command;

	char *before;
	char *after;
	char *metrics;
};

struct jobconf {
	struct job *jobs;
	unsigned int nr;
};

/* `name` is the file's, for messages. Free also after a failure. */
int jobconf_parse(const char *text, const char *name, struct jobconf *c, struct err *e);
void jobconf_free(struct jobconf *c);

/* The job of that name, or NULL. */
const struct job *jobconf_find(const struct jobconf *c, const char *name);

#endif
