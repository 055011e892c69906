/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_args: erabackup's command line, and the jobs it names. */
#ifndef ERA_BACKUP_ARGS_H
#define ERA_BACKUP_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/jobconf.h"
#include "words/err.h"
#include "words/msg.h"

enum backup_command {
	CHECK_CONFIG,
	INIT,
	RUN,
	EXPLAIN,
	STATUS,
	LIST,
	INFO,
	VERIFY,
	RESTORE,
	PRUNE,
	MIRROR,
	UNLOCK,
	NR_COMMANDS,
};

struct backup_args {
	enum backup_command command;
	const char *config;
	const char *repository; /* -r */
	bool all;
	const char *at;
	const char *to;
	bool differences, allow_inconsistent, force, full, deep, stored, dry_run, json, quiet, verbose;
	uint64_t interval; /* seconds; 0: once */
	unsigned int threads; /* 0: not said */
	enum progress_mode progress;
	const char *id; /* info JOB ID */

	struct jobconf conf;
	const struct job **jobs; /* those that are meant */
	unsigned int nr_jobs;
};

/* *a is zero before. Reads the configuration where one is needed. Prints and exits for --help and --version. */
int backup_args_parse(int argc, char **argv, struct backup_args *a, struct err *e);
void backup_args_free(struct backup_args *a);

/* The repository that list, info, verify, restore and unlock are about. */
const char *backup_args_repository(const struct backup_args *a);

/* Threads for a job's work here. */
unsigned int backup_args_threads(const struct backup_args *a, const struct job *j);

#endif
