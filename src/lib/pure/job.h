/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job: one job of erabackup.conf(5): its keys, and what values they take. Which of them do not go together is jobcheck's,
 * where they stand in the file is jobconf's.
 */
#ifndef ERA_PURE_JOB_H
#define ERA_PURE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/retention.h"
#include "pure/wire.h"
#include "words/err.h"
#include "words/prio.h"

#define JOB_NAME_MAX 64
#define JOB_KEYS_MAX 64 /* a set of keys is 64 bits */

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
	struct prio prio; /* of the far side */

	struct retention keep;
	uint64_t prune_interval; /* seconds; WHEN_NEVER */
	uint64_t verify_interval; /* seconds; WHEN_NEVER */
	uint64_t every; /* seconds; it always ends */

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

/* Letters, digits, - _ and ., not beginning with - or ., 1 to JOB_NAME_MAX bytes. ERR_USAGE. */
int job_check_name(const char *name, struct err *e);

/* A job of that name with the defaults. Free also after a failure, which is ERR_RUNTIME: no memory. */
int job_init(struct job *j, const char *name, struct err *e);
void job_free(struct job *j);

/* The number of a key, below JOB_KEYS_MAX, or -1 where there is none of that name. job_key_name: NULL behind the last. */
int job_key(const char *name);
const char *job_key_name(unsigned int key);

/* May [defaults] have it? */
bool job_key_is_shared(unsigned int key);

/* The value that is written. The last one holds. ERR_USAGE names key and value. */
int job_set(struct job *j, unsigned int key, const char *value, struct err *e);

#endif
