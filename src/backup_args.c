/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backup_args.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/cores.h"
#include "system/fdio.h"
#include "words/num.h"
#include "words/opt.h"
#include "words/when.h"

#define CONFIG "/etc/erabackup.conf"
#define CONFIG_MAX (1u << 20)
#define INTERVAL_MAX_S (366u * 86400)

enum {
	O_CONFIG = 1,
	O_REPOSITORY,
	O_ALL,
	O_AT,
	O_TO,
	O_DIFFERENCES,
	O_ALLOW_INCONSISTENT,
	O_FORCE,
	O_FULL,
	O_INTERVAL,
	O_DEEP,
	O_STORED,
	O_DRY_RUN,
	O_JSON,
	O_THREADS,
	O_PROGRESS,
	O_QUIET,
	O_VERBOSE,
	O_HELP,
	O_VERSION,
};

static const struct opt_spec specs[] = {
	{O_CONFIG, 'c', "config", "FILE", "the jobs (default: " CONFIG ")", false},
	{O_REPOSITORY, 'r', "repository", "DIR", "this repository, in place of a JOB", false},
	{O_ALL, 'a', "all", NULL, "all jobs", false},
	{O_AT, 0, "at", "WHEN", "restore: this point: an id, a time, latest", false},
	{O_TO, 0, "to", "TARGET", "restore: to this image or device", false},
	{O_DIFFERENCES, 0, "differences", NULL, "restore: write only what differs", false},
	{O_ALLOW_INCONSISTENT, 0, "allow-inconsistent", NULL, "restore: also a copy of a live device", false},
	{O_FORCE, 'f', "force", NULL, "restore, mirror: over something unknown", false},
	{O_FULL, 0, "full", NULL, "run: a full, whatever is possible", false},
	{O_INTERVAL, 0, "interval", "TIME", "run: again each TIME, as 60s", false},
	{O_DEEP, 0, "deep", NULL, "verify: compare the mirror too", false},
	{O_STORED, 0, "stored", NULL, "verify: decompress nothing", false},
	{O_DRY_RUN, 0, "dry-run", NULL, "prune: only say what would be done", false},
	{O_JSON, 0, "json", NULL, "for programs", false},
	{O_THREADS, 'T', "threads", "N", "threads", false},
	{O_PROGRESS, 0, "progress", "WHEN", "auto, always, never or json", false},
	{O_QUIET, 'q', "quiet", NULL, "errors and warnings only", false},
	{O_VERBOSE, 'v', "verbose", NULL, "say what is being done", false},
	{O_HELP, 'h', "help", NULL, "this text", false},
	{O_VERSION, 'V', "version", NULL, "the version", false},
	{0, 0, NULL, NULL, NULL, false},
};

#define BIT(o) (1ull << (o))
#define ANYWHERE (BIT(O_CONFIG) | BIT(O_JSON) | BIT(O_QUIET) | BIT(O_VERBOSE) | BIT(O_PROGRESS))
#define READS (BIT(O_REPOSITORY))

static const struct {
	const char *name;
	const char *what;
	unsigned long long options;
	bool jobs; /* any number of them, or --all */
} commands[NR_COMMANDS] = {
	[CHECK_CONFIG] = {"check-config", "is the configuration right?", 0, false},
	[INIT] = {"init", "make the repository of a job", BIT(O_ALL), true},
	[RUN] = {"run", "make the next backup", BIT(O_ALL) | BIT(O_FULL) | BIT(O_INTERVAL) | BIT(O_THREADS), true},
	[EXPLAIN] = {"explain", "what the next run would do, and why", BIT(O_ALL), true},
	[STATUS] = {"status", "how the jobs stand", BIT(O_ALL), true},
	[LIST] = {"list", "the restore points", READS, false},
	[INFO] = {"info", "all about a repository, or a stream of it", READS, false},
	[VERIFY] = {"verify", "is everything there and good?", READS | BIT(O_ALL) | BIT(O_DEEP) | BIT(O_STORED) | BIT(O_THREADS),
		    true},
	[RESTORE] = {"restore", "write a restore point to an image or device",
		     READS | BIT(O_AT) | BIT(O_TO) | BIT(O_DIFFERENCES) | BIT(O_ALLOW_INCONSISTENT) | BIT(O_FORCE) |
			     BIT(O_THREADS), false},
	[PRUNE] = {"prune", "remove what retention does not keep", BIT(O_ALL) | BIT(O_DRY_RUN) | BIT(O_THREADS), true},
	[MIRROR] = {"mirror", "bring the mirror to the head", BIT(O_ALL) | BIT(O_FORCE) | BIT(O_THREADS), true},
	[UNLOCK] = {"unlock", "make a damaged state again from the streams", READS, false},
};

static void help(void)
{
	int i;

	printf("Usage: erabackup [OPTION]... COMMAND [JOB]...\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		printf("  %-28s %s\n", commands[i].name, commands[i].what);
	printf("\n");
	opt_help(specs);
	printf("\nExit: 0 done, 1 failure, 2 usage, 3 corrupt, 4 identity or host key, 5 in use.\n"
	       "See erabackup(1) and erabackup.conf(5).\n");
}

static int take(struct backup_args *a, int id, const char *value, struct err *e)
{
	uint64_t n;

	switch (id) {
	case O_CONFIG: a->config = value; return 0;
	case O_REPOSITORY: a->repository = value; return 0;
	case O_ALL: a->all = true; return 0;
	case O_AT: a->at = value; return 0;
	case O_TO: a->to = value; return 0;
	case O_DIFFERENCES: a->differences = true; return 0;
	case O_ALLOW_INCONSISTENT: a->allow_inconsistent = true; return 0;
	case O_FORCE: a->force = true; return 0;
	case O_FULL: a->full = true; return 0;
	case O_DEEP: a->deep = true; return 0;
	case O_STORED: a->stored = true; return 0;
	case O_DRY_RUN: a->dry_run = true; return 0;
	case O_JSON: a->json = true; return 0;
	case O_QUIET: a->quiet = true; return 0;
	case O_VERBOSE: a->verbose = true; return 0;
	case O_PROGRESS: return progress_parse(value, &a->progress, e);
	case O_INTERVAL:
		if (when_span(value, &a->interval) || a->interval == 0 || a->interval > INTERVAL_MAX_S)
			return err_set(e, ERR_USAGE, "--interval is a time as 60s or 15m, not '%.40s'", value);
		return 0;
	case O_THREADS:
		if (num_parse(value, 1, CORES_MAX, &n))
			return err_set(e, ERR_USAGE, "--threads is 1 to %u, not '%.40s'", CORES_MAX, value);
		a->threads = (unsigned int)n;
		return 0;
	case O_HELP: help(); exit(0);
	case O_VERSION: puts("erabackup " ERA_VERSION); exit(0);
	default: return err_set(e, ERR_USAGE, "unknown option");
	}
}

static int find_command(const char *word, enum backup_command *command, struct err *e)
{
	int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(commands[i].name, word) != 0)
			continue;
		*command = (enum backup_command)i;
		return 0;
	}
	return err_set(e, ERR_USAGE, "there is no command '%.40s'", word);
}

/* Each option with the commands that have it. */
static int check_options(const struct backup_args *a, const struct opt *opt, struct err *e)
{
	const struct opt_spec *s;

	for (s = specs; s->id; s++)
		if (opt_seen(opt, s->id) && !((ANYWHERE | commands[a->command].options) & BIT(s->id)))
			return err_set(e, ERR_USAGE, "--%s does not go with %s", s->name, commands[a->command].name);
	if (a->quiet && a->verbose)
		return err_set(e, ERR_USAGE, "--quiet and --verbose exclude each other");
	if (a->json && a->interval)
		return err_set(e, ERR_USAGE, "--json and --interval exclude each other");
	if (a->full && a->interval)
		return err_set(e, ERR_USAGE, "--full and --interval exclude each other: every round would be a full");
	if (a->config && a->repository)
		return err_set(e, ERR_USAGE, "--config and --repository exclude each other");
	if (a->command == RESTORE && !a->to)
		return err_set(e, ERR_USAGE, "restore needs --to TARGET");
	return 0;
}

/* Jobs */

static int parse_file(int fd, const char *name, struct jobconf *c, struct err *e)
{
	char *text = malloc(CONFIG_MAX);
	size_t len = 0;
	int rc = -1;

	if (!text)
		err_set(e, ERR_RUNTIME, "%s: no memory to read it", name);
	else if (fdio_read(fd, name, text, CONFIG_MAX, &len, e) == 0)
		rc = len < CONFIG_MAX ? jobconf_parse(text, len, name, c, e)
				      : err_set(e, ERR_USAGE, "%s: is longer than any configuration", name);
	free(text);
	return rc;
}

static int read_config(struct backup_args *a, struct err *e)
{
	const char *name = a->config ? a->config : CONFIG;
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0) {
		err_sys(e, "%s: cannot open", name);
		e->kind = ERR_USAGE;
		return err_hint(e, "erabackup.conf(5) tells what it has to say; -c names another file");
	}
	rc = parse_file(fd, name, &a->conf, e);
	close(fd);
	return rc;
}

static int take_jobs(struct backup_args *a, char **words, unsigned int nr, struct err *e)
{
	unsigned int i;
	unsigned int k;

	a->jobs = calloc(a->conf.nr + nr + 1, sizeof(const struct job *));
	if (!a->jobs)
		return err_set(e, ERR_RUNTIME, "no memory for jobs");
	for (i = 0; a->all && i < a->conf.nr; i++)
		a->jobs[a->nr_jobs++] = &a->conf.jobs[i];
	for (i = 0; i < nr; i++) {
		const struct job *j = jobconf_find(&a->conf, words[i]);

		if (!j)
			return err_set(e, ERR_USAGE, "there is no job '%.64s' in %s", words[i],
				       a->config ? a->config : CONFIG);
		for (k = 0; k < a->nr_jobs; k++)
			if (a->jobs[k] == j)
				return err_set(e, ERR_USAGE, "the job %s is named twice", j->name);
		a->jobs[a->nr_jobs++] = j;
	}
	return 0;
}

/* How many words may stand behind the command. */
static int check_words(const struct backup_args *a, unsigned int nr, struct err *e)
{
	const bool one = !commands[a->command].jobs && a->command != CHECK_CONFIG;
	const unsigned int most = a->repository || a->command == CHECK_CONFIG ? 0 : one ? 1 : UINT32_MAX;

	if (a->all && nr)
		return err_set(e, ERR_USAGE, "--all and the name of a job exclude each other");
	if (a->all && a->repository)
		return err_set(e, ERR_USAGE, "--all and --repository exclude each other");
	if (nr > most)
		return err_set(e, ERR_USAGE, "%s takes %s", commands[a->command].name,
			       most ? "one job" : "no job here");
	if (nr == 0 && !a->all && !a->repository && a->command != STATUS && a->command != CHECK_CONFIG)
		return err_set(e, ERR_USAGE, "%s of which job?", commands[a->command].name);
	return 0;
}

static int take_words(struct backup_args *a, char **words, unsigned int nr, struct err *e)
{
	/* info JOB ID, info -r DIR ID */
	if (a->command == INFO && nr == (a->repository ? 1 : 2))
		a->id = words[--nr];
	if (check_words(a, nr, e))
		return err_hint(e, "see erabackup --help");
	if (a->repository)
		return 0;
	if (a->command == STATUS && nr == 0)
		a->all = true;
	return read_config(a, e) || take_jobs(a, words, nr, e) ? -1 : 0;
}

int backup_args_parse(int argc, char **argv, struct backup_args *a, struct err *e)
{
	struct opt opt = {.argc = argc, .argv = argv, .specs = specs};
	const char *value;
	int id;
	int rc;

	a->at = "latest";
	while ((rc = opt_next(&opt, &id, &value, e)) > 0)
		if (take(a, id, value, e))
			return -1;
	if (rc < 0)
		return -1;
	if (optind == argc)
		err_set(e, ERR_USAGE, "what is to be done?");
	if (optind == argc || find_command(argv[optind], &a->command, e) || check_options(a, &opt, e))
		return err_hint(e, "see erabackup --help");
	return take_words(a, argv + optind + 1, (unsigned int)(argc - optind - 1), e);
}

void backup_args_free(struct backup_args *a)
{
	free(a->jobs);
	jobconf_free(&a->conf);
}

const char *backup_args_repository(const struct backup_args *a)
{
	return a->repository ? a->repository : a->jobs[0]->repository;
}

unsigned int backup_args_threads(const struct backup_args *a, const struct job *j)
{
	if (a->threads)
		return a->threads;
	return j && j->threads ? j->threads : cores_default();
}
