/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copyargs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pure/erameta.h"
#include "system/cores.h"
#include "words/num.h"
#include "words/opt.h"
#include "world/zst.h"

#define ull unsigned long long

#define FREEZE_BYTES (UINT64_C(64) << 20)
#define MAX_PASSES 5
#define HOOK_LIMIT_MAX_S 86400

enum {
	O_FULL = 1,
	O_FROM,
	O_SINCE,
	O_BEFORE,
	O_RANGES,
	O_BLOCK_SIZE,
	O_ERA,
	O_METADATA,
	O_HELD,
	O_CUT,
	O_COW,
	O_FREEZE_LIMIT,
	O_MAX_PASSES,
	O_FREEZE_TIMEOUT,
	O_PRE_CUT,
	O_POST_CUT,
	O_HOOK_TIMEOUT,
	O_LIST,
	O_ESTIMATE,
	O_JSON,
	O_OUTPUT,
	O_LEVEL,
	O_COMPRESS,
	O_THREADS,
	O_LIMIT_RATE,
	O_NICE,
	O_IONICE,
	O_ALLOW_KERNEL,
	O_FORCED,
	O_ALLOW,
	O_PROGRESS,
	O_QUIET,
	O_VERBOSE,
	O_HELP,
	O_VERSION,
};

static const struct opt_spec specs[] = {
	{O_FULL, 0, "full", NULL, "copy everything", false},
	{O_FROM, 0, "from", "TOKEN", "copy what changed since TOKEN (era_apply --token)", false},
	{O_SINCE, 0, "since", "ERA", "copy or list what was written in ERA or later", false},
	{O_BEFORE, 0, "before", "ERA", "with --list: only what was written before ERA", false},
	{O_RANGES, 0, "ranges", "FILE", "ranges as era_invalidate prints them; - is stdin", false},
	{O_BLOCK_SIZE, 0, "block-size", "SECTORS", "era block size of --ranges", false},
	{O_ERA, 0, "era", "ERA", "with --ranges: the first era after their cut", false},
	{O_METADATA, 0, "metadata", "FILE", "read metadata that is not in use", false},
	{O_HELD, 0, "held", NULL, "of --metadata: the metadata snapshot held in it", false},
	{O_CUT, 0, "cut", "KIND", "auto, snapshot, freeze, fence or none", false},
	{O_COW, 0, "cow", "DEVICE", "room for the snapshot: a spare device", false},
	{O_FREEZE_LIMIT, 0, "freeze-limit", "N", "freeze for no more than N, as 64M or 2s", false},
	{O_MAX_PASSES, 0, "max-passes", "N", "passes before the frozen one (default 5)", false},
	{O_FREEZE_TIMEOUT, 0, "freeze-timeout", "SECONDS", "stand still no longer (default 30)", false},
	{O_PRE_CUT, 0, "pre-cut", "COMMAND", "run before the cut; a failure calls it off", false},
	{O_POST_CUT, 0, "post-cut", "COMMAND", "run after the cut, whatever happened", false},
	{O_HOOK_TIMEOUT, 0, "hook-timeout", "SECONDS", "how long each may run (default 60)", false},
	{O_LIST, 0, "list", "[=FORMAT]", "only list the changes: text, xml or json", false},
	{O_ESTIMATE, 0, "estimate", NULL, "only say how much would be copied", false},
	{O_JSON, 0, "json", NULL, "with --estimate: as JSON", false},
	{O_OUTPUT, 'o', "output", "FILE", "write to FILE; it appears when it is whole", false},
	{O_LEVEL, 0, "level", "N", "zstd level, 1 to 19 (default 3)", false},
	{O_COMPRESS, 0, "compress", "HOW", "zstd or none", false},
	{O_THREADS, 'T', "threads", "N", "threads (default: as many as cores, up to 8)", false},
	{O_LIMIT_RATE, 0, "limit-rate", "RATE", "read at most RATE bytes a second, as 50M", false},
	{O_NICE, 0, "nice", "N", "while copying: nice 1 to 19", false},
	{O_IONICE, 0, "ionice", "CLASS", "while copying: idle, or best-effort[:0-7]", false},
	{O_ALLOW_KERNEL, 0, "allow-kernel", NULL, "work on a kernel known to lose writes", false},
	{O_FORCED, 0, "forced-command", NULL, "in authorized_keys: take a request of erabackup", false},
	{O_ALLOW, 0, "allow", "DEVICE", "with --forced-command: of this device", true},
	{O_PROGRESS, 0, "progress", "WHEN", "auto, always, never or json", false},
	{O_QUIET, 'q', "quiet", NULL, "errors only", false},
	{O_VERBOSE, 'v', "verbose", NULL, "a summary at the end", false},
	{O_HELP, 'h', "help", NULL, "this text", false},
	{O_VERSION, 'V', "version", NULL, "the version", false},
	{0, 0, NULL, NULL, NULL, false},
};

static void help(void)
{
	printf("Usage: era_copy --full DEVICE                     everything\n"
	       "       era_copy --from TOKEN DEVICE               what changed since\n"
	       "       era_copy --list --since ERA DEVICE         only the list\n\n");
	opt_help(specs);
	printf("\nA whole incremental backup, first time and every time:\n"
	       "  ssh HOST era_copy --from \"$(era_apply --token m.img)\" DEVICE |\n"
	       "    era_apply m.img\n\n"
	       "Exit: 0 done, 1 failure, 2 usage, 3 corrupt input, 4 a full is needed,\n"
	       "5 in use. See era_copy(1).\n");
}

/* Values */

static int number(const char *name, const char *value, uint64_t min, uint64_t max, uint64_t *n,
		  struct err *e)
{
	if (num_parse(value, min, max, n) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--%s is a number from %llu to %llu, not '%.40s'", name, (ull)min,
		       (ull)max, value);
}

static int take_cut(const char *value, enum wire_cut *cut, struct err *e)
{
	unsigned int i;

	*cut = 0;
	if (strcmp(value, "auto") == 0)
		return 0;
	for (i = WIRE_CUT_NONE; i <= WIRE_CUT_SNAPSHOT; i++)
		if (strcmp(value, wire_cut_name((uint8_t)i)) == 0)
			*cut = (enum wire_cut)i;
	return *cut ? 0 : err_set(e, ERR_USAGE, "--cut is auto, snapshot, freeze, fence or none, not '%.40s'",
				  value);
}

static int take_list(const char *value, enum listflow_format *list, struct err *e)
{
	if (!value || strcmp(value, "text") == 0)
		*list = LISTFLOW_TEXT;
	else if (strcmp(value, "xml") == 0)
		*list = LISTFLOW_XML;
	else if (strcmp(value, "json") == 0)
		*list = LISTFLOW_JSON;
	else
		return err_set(e, ERR_USAGE, "--list is text, xml or json, not '%.40s'", value);
	return 0;
}

static int take_compress(const char *value, bool *plain, struct err *e)
{
	*plain = strcmp(value, "none") == 0;
	if (*plain || strcmp(value, "zstd") == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--compress is zstd or none, not '%.40s'", value);
}

static int count(const char *name, const char *value, uint64_t max, unsigned int *out, struct err *e)
{
	uint64_t n = 0;

	if (number(name, value, 1, max, &n, e))
		return -1;
	*out = (unsigned int)n;
	return 0;
}

/* Options whose value is a number. */
static int take_number(struct copyargs *a, int id, const char *value, struct err *e)
{
	uint64_t n = 0;
	int rc = -1;

	switch (id) {
	case O_SINCE:
		a->plan.has_since = true;
		return number("since", value, 0, UINT32_MAX, &a->plan.since, e);
	case O_BEFORE:
		return number("before", value, 0, UINT32_MAX, &a->plan.before, e);
	case O_BLOCK_SIZE:
		return number("block-size", value, 1, WIRE_GRANULE_MAX / 512, &a->plan.block_sectors, e);
	case O_ERA:
		return number("era", value, 1, UINT32_MAX, &a->plan.era_c, e);
	case O_LEVEL:
		rc = number("level", value, ZST_LEVEL_MIN, ZST_LEVEL_MAX, &n, e);
		a->send.level = (int)n;
		return rc;
	case O_NICE:
		rc = number("nice", value, 0, PRIO_NICE_MAX, &n, e);
		a->send.prio.nice = (unsigned int)n;
		return rc;
	case O_THREADS: return count("threads", value, CORES_MAX, &a->send.copy.threads, e);
	case O_MAX_PASSES: return count("max-passes", value, SENDFLOW_PASSES_MAX, &a->send.max_passes, e);
	case O_FREEZE_TIMEOUT: return count("freeze-timeout", value, STANDSTILL_LIMIT_MAX_S, &a->plan.cut.limit_s, e);
	case O_HOOK_TIMEOUT: return count("hook-timeout", value, HOOK_LIMIT_MAX_S, &a->plan.cut.hook_limit_s, e);
	case O_LIMIT_RATE:
	default:
		if (num_parse_size(value, 1, INT64_MAX, &a->send.copy.limit_rate) == 0)
			return 0;
		return err_set(e, ERR_USAGE, "--limit-rate is bytes a second, as 500K or 50M, not '%.40s'",
			       value);
	}
}

static int take(struct copyargs *a, int id, const char *value, struct err *e)
{
	switch (id) {
	case O_FULL: a->plan.full = true; return 0;
	case O_FROM:
		a->plan.has_token = true;
		return token_parse(value, &a->plan.token, e);
	case O_RANGES: a->plan.ranges = value; return 0;
	case O_METADATA: a->plan.metadata = value; return 0;
	case O_HELD: a->plan.held = true; return 0;
	case O_CUT: return take_cut(value, &a->plan.cut.kind, e);
	case O_COW: a->plan.cut.cow = value; return 0;
	case O_FREEZE_LIMIT: return sendflow_take_limit(&a->send, value, e);
	case O_PRE_CUT: a->plan.cut.pre = value; return 0;
	case O_POST_CUT: a->plan.cut.post = value; return 0;
	case O_LIST: return take_list(value, &a->list, e);
	case O_ESTIMATE: a->estimate = true; return 0;
	case O_JSON: a->json = true; return 0;
	case O_OUTPUT: a->output = value; return 0;
	case O_IONICE: return prio_option_io(&a->send.prio, value, e);
	case O_COMPRESS: return take_compress(value, &a->plain, e);
	case O_ALLOW_KERNEL: a->plan.allow_kernel = true; return 0;
	case O_FORCED: a->is_forced = true; return 0;
	case O_ALLOW: return forced_allow(&a->forced, value, e);
	case O_PROGRESS: return progress_parse(value, &a->progress, e);
	case O_QUIET: a->quiet = true; return 0;
	case O_VERBOSE: a->verbose = true; return 0;
	case O_HELP: help(); exit(0);
	case O_VERSION: puts("era_copy (erabackup) " ERA_VERSION); exit(0);
	default: return take_number(a, id, value, e);
	}
}

/* Combinations */

bool copyargs_list_only(const struct copyargs *a)
{
	return a->list != LISTFLOW_NONE && a->plan.metadata;
}

static int check_start(const struct copyargs *a, struct err *e)
{
	const struct plan_opts *p = &a->plan;
	const int starts = p->full + p->has_token + p->has_since;

	if (starts > 1)
		return err_set(e, ERR_USAGE, "--full, --from and --since exclude each other");
	if (p->ranges && !p->has_token && !p->full)
		return err_set(e, ERR_USAGE, "--ranges needs --from TOKEN: what the ranges start from");
	if (starts == 0) {
		err_set(e, ERR_USAGE, "where it starts is not said");
		return err_hint(e, "%s--from TOKEN or --since ERA", a->list ? "" : "--full, ");
	}
	if (a->list != LISTFLOW_NONE && (p->full || (p->has_token && p->token.full)))
		return err_set(e, ERR_USAGE, "--list needs --since ERA or --from TOKEN of an earlier stream");
	if (p->has_since && !a->list && !a->estimate && p->metadata)
		return err_set(e, ERR_USAGE, "a stream from --metadata needs --from TOKEN");
	return 0;
}

/* What goes with the kind of the cut. */
static const char *check_cut(const struct copyargs *a, const struct opt *opt)
{
	const struct moment_opts *c = &a->plan.cut;

	if ((a->plan.ranges || a->plan.metadata) &&
	    ((c->kind && c->kind != WIRE_CUT_NONE) || c->cow || c->pre || c->post))
		return "ranges from elsewhere come without a cut: no --cut, --cow, --pre-cut or --post-cut";
	if ((a->list != LISTFLOW_NONE || a->estimate) &&
	    (c->kind >= WIRE_CUT_FREEZE || c->cow || c->pre || c->post))
		return "--list and --estimate copy nothing: --cut is fence or none with them";
	if (c->kind == WIRE_CUT_NONE && (c->pre || c->post))
		return "--pre-cut and --post-cut go with a cut, and --cut=none makes none";
	if (c->cow && c->kind && c->kind != WIRE_CUT_SNAPSHOT)
		return "--cow goes with --cut=snapshot";
	if ((opt_seen(opt, O_FREEZE_LIMIT) || opt_seen(opt, O_MAX_PASSES)) &&
	    (c->cow || (c->kind && c->kind != WIRE_CUT_FREEZE)))
		return "--freeze-limit and --max-passes go with --cut=freeze";
	return NULL;
}

static int check_modes(const struct copyargs *a, const struct opt *opt, struct err *e)
{
	const struct plan_opts *p = &a->plan;
	const char *why = check_cut(a, opt);

	if (why)
		return err_set(e, ERR_USAGE, "%s", why);
	if (a->list != LISTFLOW_NONE && a->estimate)
		why = "--list and --estimate exclude each other";
	else if (a->json && !a->estimate)
		why = "--json goes with --estimate; a list in JSON is --list=json";
	else if (p->ranges && p->metadata)
		why = "--ranges and --metadata exclude each other";
	else if (p->ranges && a->list != LISTFLOW_NONE)
		why = "--list and --ranges exclude each other";
	else if (p->era_c && (p->metadata || (!p->ranges && !p->full &&
					      !(p->has_token && p->token.full))))
		why = "--era goes with --ranges, or with --full of something without eras";
	else if (p->block_sectors && p->metadata)
		why = "--block-size does not go with --metadata, which knows it";
	else if (p->held && !p->metadata)
		why = "--held goes with --metadata";
	else if (opt_seen(opt, O_BEFORE) && a->list == LISTFLOW_NONE)
		why = "--before goes with --list";
	else if (a->plain && opt_seen(opt, O_LEVEL))
		why = "--level does not go with --compress=none";
	else if (a->output && (a->list != LISTFLOW_NONE || a->estimate))
		why = "--output is for a stream; redirect standard output";
	else if (a->forced.nr > 0 && !a->is_forced)
		why = "--allow goes with --forced-command";
	else if (a->quiet && a->verbose)
		why = "--quiet and --verbose exclude each other";
	return why ? err_set(e, ERR_USAGE, "%s", why) : 0;
}

static int check(const struct copyargs *a, const struct opt *opt, int operands, struct err *e)
{
	if (check_start(a, e) || check_modes(a, opt, e))
		return err_hint(e, "see era_copy --help");
	if (operands == 1 || (operands == 0 && copyargs_list_only(a)))
		return 0;
	err_set(e, ERR_USAGE, operands ? "more than one DEVICE" : "no DEVICE is named");
	return err_hint(e, "see era_copy --help");
}

/* A whole command line was read. */
static int settle(struct copyargs *a, const struct opt *opt, struct err *e)
{
	if (check(a, opt, opt->argc - optind, e))
		return -1;
	if (optind < opt->argc) {
		a->plan.device = opt->argv[optind];
		if (opt_operand(a->plan.device, "DEVICE", e))
			return -1;
	}
	if (a->send.copy.threads == 0)
		a->send.copy.threads = cores_default();
	if (a->plain)
		a->send.level = 0;
	/* An estimate is not worth a standstill. */
	if (a->estimate && a->plan.cut.kind == 0)
		a->plan.cut.kind = WIRE_CUT_NONE;
	a->plan.cut.list_only = a->list != LISTFLOW_NONE;
	return 0;
}

/* The line of a key */

#define BIT(id) (1ULL << (id))
#define LINE_MAY                                                                                                   \
	(BIT(O_FORCED) | BIT(O_ALLOW) | BIT(O_COW) | BIT(O_FREEZE_TIMEOUT) | BIT(O_PRE_CUT) | BIT(O_POST_CUT) |    \
	 BIT(O_HOOK_TIMEOUT) | BIT(O_LEVEL) | BIT(O_THREADS) | BIT(O_LIMIT_RATE) | BIT(O_NICE) |           \
	 BIT(O_IONICE) | BIT(O_ALLOW_KERNEL))

static int check_line(struct copyargs *a, const struct opt *opt, struct err *e)
{
	a->line = opt->seen;
	a->forced.cow = a->plan.cut.cow;
	if (a->forced.nr == 0)
		err_set(e, ERR_USAGE, "--forced-command needs --allow DEVICE");
	else if ((opt->seen & ~LINE_MAY) || optind < opt->argc)
		err_set(e, ERR_USAGE, "beside --forced-command stands a DEVICE, or an option that does not go with it");
	else
		return 0;
	return err_hint(e, "see RESTRICTED KEYS in era_copy(1)");
}

/* The smaller one holds. */
static int take_asked_rate(struct copyargs *a, const char *value, struct err *e)
{
	const uint64_t ours = a->send.copy.limit_rate;

	if (take(a, O_LIMIT_RATE, value, e))
		return -1;
	if (ours > 0)
		a->send.copy.limit_rate = num_min(a->send.copy.limit_rate, ours);
	return 0;
}

/* A frozen filesystem waits for whoever reads the stream: how long is not for the reader to say. */
static int take_asked_timeout(struct copyargs *a, const char *value, struct err *e)
{
	if (take(a, O_FREEZE_TIMEOUT, value, e))
		return -1;
	if (a->plan.cut.limit_s <= STANDSTILL_LIMIT_S)
		return 0;
	err_set(e, ERR_USAGE, "--freeze-timeout: more than %d has to stand in the line of the key", STANDSTILL_LIMIT_S);
	return err_hint(e, "see RESTRICTED KEYS in era_copy(1)");
}

/* The line's own value stands. */
static int take_asked(struct copyargs *a, int id, const char *value, struct err *e)
{
	if (id == O_LIMIT_RATE)
		return take_asked_rate(a, value, e);
	/* A level of the line's is there to be used. */
	if ((a->line & BIT(id)) || (id == O_COMPRESS && (a->line & BIT(O_LEVEL))))
		return 0;
	return id == O_FREEZE_TIMEOUT ? take_asked_timeout(a, value, e) : take(a, id, value, e);
}

/* What of the line the cut that was asked for has no use for. */
static void leave_out(struct copyargs *a, const struct opt *asked)
{
	struct moment_opts *c = &a->plan.cut;
	const bool no_cut = a->estimate || c->kind == WIRE_CUT_NONE;

	if (no_cut)
		c->pre = c->post = NULL;
	if (no_cut || (c->kind && c->kind != WIRE_CUT_SNAPSHOT) || opt_seen(asked, O_FREEZE_LIMIT) ||
	    opt_seen(asked, O_MAX_PASSES))
		c->cow = NULL;
}

int copyargs_request(struct copyargs *a, struct forced_asked *asked, struct err *e)
{
	struct opt opt = {.argc = (int)asked->nr, .argv = asked->words, .specs = specs};
	const char *value;
	int id;
	int rc;

	while ((rc = opt_next(&opt, &id, &value, e)) > 0)
		if (take_asked(a, id, value, e))
			return -1;
	if (rc < 0)
		return -1;
	leave_out(a, &opt);
	return settle(a, &opt, e);
}

int copyargs_parse(int argc, char **argv, struct copyargs *a, struct err *e)
{
	struct opt opt = {.argc = argc, .argv = argv, .specs = specs};
	const char *value;
	int id;
	int rc;

	a->send.level = ZST_LEVEL_DEFAULT;
	a->send.freeze_bytes = FREEZE_BYTES;
	a->send.max_passes = MAX_PASSES;
	a->plan.cut.limit_s = STANDSTILL_LIMIT_S;
	a->plan.cut.hook_limit_s = CUTHOOKS_LIMIT_S;
	a->plan.before = ERAMETA_NO_LIMIT;
	while ((rc = opt_next(&opt, &id, &value, e)) > 0)
		if (take(a, id, value, e))
			return -1;
	if (rc < 0)
		return -1;
	return a->is_forced ? check_line(a, &opt, e) : settle(a, &opt, e);
}
