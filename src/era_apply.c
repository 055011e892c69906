/* SPDX-License-Identifier: GPL-3.0-or-later */
/* era_apply: read a stream, check it, apply it to an image or device. See era_apply(1). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/applyflow.h"
#include "flow/dumpflow.h"
#include "flow/target.h"
#include "pure/state.h"
#include "system/cores.h"
#include "system/fdio.h"
#include "system/priority.h"
#include "system/stop.h"
#include "words/msg.h"
#include "words/num.h"
#include "words/opt.h"
#include "words/prio.h"

#define INPUTS_MAX 4096

enum {
	O_INPUT = 1,
	O_VERIFY,
	O_DUMP,
	O_JSON,
	O_TOKEN,
	O_UNDO,
	O_STATE,
	O_FORCE,
	O_THREADS,
	O_NICE,
	O_IONICE,
	O_PROGRESS,
	O_QUIET,
	O_VERBOSE,
	O_HELP,
	O_VERSION,
};

static const struct opt_spec specs[] = {
	{O_INPUT, 'i', "input", "FILE", "read FILE, not stdin; repeat for a chain", true},
	{O_VERIFY, 0, "verify", "[=WHAT]", "only check the streams: content or stored", false},
	{O_DUMP, 0, "dump", NULL, "print header and frames; there is no TARGET", false},
	{O_JSON, 0, "json", NULL, "with --dump: as JSON", false},
	{O_TOKEN, 0, "token", NULL, "print the token from which the next stream starts", false},
	{O_UNDO, 0, "undo", "FILE", "first write the way back, a stream, to FILE", false},
	{O_STATE, 0, "state", "FILE", "keep TARGET's state in FILE", false},
	{O_FORCE, 'f', "force", NULL, "let a full go over a target that is unknown", false},
	{O_THREADS, 'T', "threads", "N", "threads (default: as many as cores, up to 8)", false},
	{O_NICE, 0, "nice", "N", "stand back: nice 1 to 19", false},
	{O_IONICE, 0, "ionice", "CLASS", "stand back: idle, or best-effort[:0-7]", false},
	{O_PROGRESS, 0, "progress", "WHEN", "auto, always, never or json", false},
	{O_QUIET, 'q', "quiet", NULL, "errors only", false},
	{O_VERBOSE, 'v', "verbose", NULL, "a summary of each stream", false},
	{O_HELP, 'h', "help", NULL, "this text", false},
	{O_VERSION, 'V', "version", NULL, "the version", false},
	{0, 0, NULL, NULL, NULL, false},
};

struct options {
	const char *inputs[INPUTS_MAX];
	unsigned int nr_inputs;
	bool verify, dump, json, token, quiet, verbose;
	enum progress_mode progress;
	struct prio prio;
	struct applyflow_opts flow;
};

static void help(void)
{
	printf("Usage: era_apply [OPTION]... TARGET      apply a stream to an image or device\n"
	       "       era_apply --token TARGET          where the next stream starts\n"
	       "       era_apply --verify | --dump       check or show a stream\n\n");
	opt_help(specs);
	printf("\nA whole incremental backup, first time and every time:\n"
	       "  ssh HOST era_copy --from \"$(era_apply --token m.img)\" DEVICE |\n"
	       "    era_apply m.img\n\n"
	       "Exit: 0 done, 1 failure, 2 usage, 3 corrupt or truncated, 4 not this target\n"
	       "or parent, 5 in use. See era_apply(1).\n");
}

static int take_verify(struct options *o, const char *what, struct err *e)
{
	o->verify = true;
	if (!what || strcmp(what, "content") == 0)
		return 0;
	if (strcmp(what, "stored") != 0)
		return err_set(e, ERR_USAGE, "--verify is of content or stored, not of '%.40s'", what);
	o->flow.stored_only = true;
	return 0;
}

static int take(struct options *o, int id, const char *value, struct err *e)
{
	uint64_t n;

	switch (id) {
	case O_INPUT:
		if (o->nr_inputs == INPUTS_MAX)
			return err_set(e, ERR_USAGE, "more than %d inputs", INPUTS_MAX);
		o->inputs[o->nr_inputs++] = value;
		return 0;
	case O_THREADS:
		if (num_parse(value, 1, CORES_MAX, &n))
			return err_set(e, ERR_USAGE, "--threads is 1 to %u, not '%.40s'", CORES_MAX, value);
		o->flow.threads = (unsigned int)n;
		return 0;
	case O_NICE:
		if (num_parse(value, 0, PRIO_NICE_MAX, &n))
			return err_set(e, ERR_USAGE, "--nice is 0 to %u, not '%.40s'", PRIO_NICE_MAX, value);
		o->prio.nice = (unsigned int)n;
		return 0;
	case O_IONICE: return prio_option_io(&o->prio, value, e);
	case O_PROGRESS:
		return progress_parse(value, &o->progress, e);
	case O_VERIFY:
		return take_verify(o, value, e);
	case O_DUMP: o->dump = true; return 0;
	case O_JSON: o->json = true; return 0;
	case O_TOKEN: o->token = true; return 0;
	case O_UNDO: o->flow.undo = value; return 0;
	case O_STATE: o->flow.state = value; return 0;
	case O_FORCE: o->flow.force = true; return 0;
	case O_QUIET: o->quiet = true; return 0;
	case O_VERBOSE: o->verbose = true; return 0;
	case O_HELP: help(); exit(0);
	case O_VERSION: puts("era_apply (erabackup) " ERA_VERSION); exit(0);
	default: return err_set(e, ERR_USAGE, "unknown option");
	}
}

/* Which combinations make sense. */
static int check(const struct options *o, int operands, struct err *e)
{
	const bool no_target = o->verify || o->dump;

	if (o->verify + o->dump + o->token > 1)
		err_set(e, ERR_USAGE, "--verify, --dump and --token exclude each other");
	else if (no_target && operands > 0)
		err_set(e, ERR_USAGE, "--verify and --dump take no TARGET: name streams with -i");
	else if (!no_target && operands != 1)
		err_set(e, ERR_USAGE, operands ? "more than one TARGET" : "no TARGET is named");
	else if (o->json && !o->dump)
		err_set(e, ERR_USAGE, "--json goes with --dump");
	else if (o->token && (o->nr_inputs || o->flow.undo || o->flow.force))
		err_set(e, ERR_USAGE, "--token takes only --state");
	else if (no_target && (o->flow.undo || o->flow.force || o->flow.state))
		err_set(e, ERR_USAGE, "--undo, --force and --state go with a TARGET");
	else if (o->flow.undo && o->nr_inputs > 1)
		err_set(e, ERR_USAGE, "--undo takes one stream at a time");
	else if (o->quiet && o->verbose)
		err_set(e, ERR_USAGE, "--quiet and --verbose exclude each other");
	if (e->kind == ERR_NONE)
		return 0;
	return err_hint(e, "see era_apply --help");
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	struct opt opt = {.argc = argc, .argv = argv, .specs = specs};
	const char *value;
	int id;
	int rc;

	while ((rc = opt_next(&opt, &id, &value, e)) > 0)
		if (take(o, id, value, e))
			return -1;
	if (rc < 0 || check(o, argc - optind, e))
		return -1;
	if (!o->verify && !o->dump) {
		o->flow.target = argv[optind];
		if (opt_operand(o->flow.target, "TARGET", e))
			return -1;
	}
	if (o->flow.threads == 0)
		o->flow.threads = cores_default();
	return 0;
}

static int print_token(const struct options *o, struct err *e)
{
	char word[TOKEN_LEN];
	struct token t;

	if (target_token(o->flow.target, o->flow.state, &t, e))
		return -1;
	if (puts(token_print(&t, word)) < 0 || fflush(stdout))
		return err_sys(e, "standard output: cannot write");
	return 0;
}

static void summary(const struct options *o, const char *name, const struct applyflow_result *r,
		    double seconds)
{
	char data[NUM_SIZE_LEN];
	char zero[NUM_SIZE_LEN];
	char stream[NUM_SIZE_LEN];

	msg_note("%s: %s %s: %s of data and %s of zeros from a stream of %s in %.1f s", name,
		 wire_kind_name(r->head.kind),
		 r->was_there  ? "was there already, verified"
		 : o->flow.stored_only ? "verified as stored"
		 : o->verify	       ? "verified"
				       : "applied",
		 num_size(r->end.data_bytes, data, sizeof(data)),
		 num_size(r->end.zero_bytes, zero, sizeof(zero)),
		 num_size(r->stream_bytes, stream, sizeof(stream)), seconds);
}

/* In --verify of a chain: does this stream start where the one before ended? */
static int check_link(struct state *s, bool first, const struct applyflow_result *r,
		      const char *name, struct err *e)
{
	bool done;

	if (!first && state_accepts(s, &r->head, &done, e))
		return err_prefix(e, "%s", name);
	memset(s, 0, sizeof(*s));
	state_after(&r->head, r->end.era_c, &s->at);
	return 0;
}

static int one(struct options *o, int fd, const char *name, struct state *chain, bool first,
	       struct err *e)
{
	struct applyflow_result r;
	struct progress p;
	int rc;

	if (o->dump)
		return dumpflow_run(fd, name, o->json, stdout, e);
	progress_start(&p, o->quiet ? PROGRESS_NEVER : o->progress);
	o->flow.tick.fn = progress_tick;
	o->flow.tick.arg = &p;
	rc = applyflow_run(fd, name, &o->flow, &r, e);
	progress_end(&p);
	if (rc == 0 && o->verify)
		rc = check_link(chain, first, &r, name, e);
	if (rc == 0 && (o->verbose || (!o->quiet && isatty(STDERR_FILENO))))
		summary(o, name, &r, progress_seconds(&p));
	return rc;
}

/* "-" is standard input. */
static int open_input(const char *input, const char **name, struct err *e)
{
	int fd;

	*name = input;
	if (strcmp(input, "-") != 0) {
		fd = open(input, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, "%s: cannot open", input) : fd;
	}
	*name = "standard input";
	if (!isatty(STDIN_FILENO))
		return STDIN_FILENO;
	err_set(e, ERR_USAGE, "a stream is not read from a terminal");
	return err_hint(e, "pipe era_copy into this, or name a file with -i");
}

static int all(struct options *o, struct err *e)
{
	struct state chain = {0};
	struct priority was;
	const char *name;
	unsigned int i;
	int rc;
	int fd;

	if (o->flow.target && target_check_name(o->flow.target, e))
		return -1;
	/* For good: nothing stands still here. */
	if (priority_lower(&o->prio, &was, e))
		return -1;
	if (o->nr_inputs == 0)
		o->inputs[o->nr_inputs++] = "-";
	for (i = 0; i < o->nr_inputs; i++) {
		fd = open_input(o->inputs[i], &name, e);
		if (fd < 0)
			return -1;
		rc = one(o, fd, name, &chain, i == 0, e);
		if (fd != STDIN_FILENO)
			close(fd);
		if (rc)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct options o;
	struct err e = {0};

	msg_init("era_apply");
	stop_init();
	if (fdio_std())
		return ERR_RUNTIME;
	if (parse(argc, argv, &o, &e))
		return msg_error(&e);
	if (o.token ? print_token(&o, &e) : all(&o, &e))
		return msg_error(&e);
	return 0;
}
