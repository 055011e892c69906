/* SPDX-License-Identifier: GPL-3.0-or-later */
/* era_copy: cut a moment, read what changed, write one stream. See era_copy(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/copyflow.h"
#include "flow/identity.h"
#include "flow/outfile.h"
#include "flow/plan.h"
#include "pure/erameta.h"
#include "pure/rangelist.h"
#include "pure/state.h"
#include "system/cores.h"
#include "system/fdio.h"
#include "system/stop.h"
#include "words/json.h"
#include "words/msg.h"
#include "words/num.h"
#include "words/opt.h"
#include "world/zst.h"

#define ull unsigned long long

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
	O_LIST,
	O_ESTIMATE,
	O_JSON,
	O_OUTPUT,
	O_LEVEL,
	O_COMPRESS,
	O_THREADS,
	O_LIMIT_RATE,
	O_ALLOW_KERNEL,
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
	{O_CUT, 0, "cut", "KIND", "fence or none (default: fence for dm-era)", false},
	{O_LIST, 0, "list", "[=FORMAT]", "only list the changes: text, xml or json", false},
	{O_ESTIMATE, 0, "estimate", NULL, "only say how much would be copied", false},
	{O_JSON, 0, "json", NULL, "with --estimate: as JSON", false},
	{O_OUTPUT, 'o', "output", "FILE", "write to FILE; it appears when it is whole", false},
	{O_LEVEL, 0, "level", "N", "zstd level, 1 to 19 (default 3)", false},
	{O_COMPRESS, 0, "compress", "HOW", "zstd or none", false},
	{O_THREADS, 'T', "threads", "N", "threads (default: as many as cores, up to 8)", false},
	{O_LIMIT_RATE, 0, "limit-rate", "RATE", "read at most RATE bytes a second, as 50M", false},
	{O_ALLOW_KERNEL, 0, "allow-kernel", NULL, "work on a kernel known to lose writes", false},
	{O_PROGRESS, 0, "progress", "WHEN", "auto, always, never or json", false},
	{O_QUIET, 'q', "quiet", NULL, "errors only", false},
	{O_VERBOSE, 'v', "verbose", NULL, "a summary at the end", false},
	{O_HELP, 'h', "help", NULL, "this text", false},
	{O_VERSION, 'V', "version", NULL, "the version", false},
	{0, 0, NULL, NULL, NULL, false},
};

enum list_format { LIST_NONE, LIST_TEXT, LIST_XML, LIST_JSON };

struct options {
	struct plan_opts plan;
	struct copyflow_opts copy;
	const char *output;
	enum list_format list;
	enum progress_mode progress;
	int level;
	bool plain; /* no compression */
	bool estimate, json, quiet, verbose;
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
	if (strcmp(value, "fence") == 0)
		*cut = WIRE_CUT_FENCE;
	else if (strcmp(value, "none") == 0)
		*cut = WIRE_CUT_NONE;
	else
		return err_set(e, ERR_USAGE, "--cut is fence or none, not '%.40s'", value);
	return 0;
}

static int take_list(const char *value, enum list_format *list, struct err *e)
{
	if (!value || strcmp(value, "text") == 0)
		*list = LIST_TEXT;
	else if (strcmp(value, "xml") == 0)
		*list = LIST_XML;
	else if (strcmp(value, "json") == 0)
		*list = LIST_JSON;
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

/* Options whose value is a number. */
static int take_number(struct options *o, int id, const char *value, struct err *e)
{
	uint64_t n = 0;
	int rc = -1;

	switch (id) {
	case O_SINCE:
		o->plan.has_since = true;
		return number("since", value, 0, UINT32_MAX, &o->plan.since, e);
	case O_BEFORE:
		return number("before", value, 0, UINT32_MAX, &o->plan.before, e);
	case O_BLOCK_SIZE:
		return number("block-size", value, 1, WIRE_GRANULE_MAX / 512, &o->plan.block_sectors, e);
	case O_ERA:
		return number("era", value, 1, UINT32_MAX, &o->plan.era_c, e);
	case O_LEVEL:
		rc = number("level", value, ZST_LEVEL_MIN, ZST_LEVEL_MAX, &n, e);
		o->level = (int)n;
		return rc;
	case O_THREADS:
		rc = number("threads", value, 1, CORES_MAX, &n, e);
		o->copy.threads = (unsigned int)n;
		return rc;
	case O_LIMIT_RATE:
	default:
		if (num_parse_size(value, 1, INT64_MAX, &o->copy.limit_rate) == 0)
			return 0;
		return err_set(e, ERR_USAGE, "--limit-rate is bytes a second, as 500K or 50M, not '%.40s'",
			       value);
	}
}

static int take(struct options *o, int id, const char *value, struct err *e)
{
	switch (id) {
	case O_FULL: o->plan.full = true; return 0;
	case O_FROM:
		o->plan.has_token = true;
		return token_parse(value, &o->plan.token, e);
	case O_RANGES: o->plan.ranges = value; return 0;
	case O_METADATA: o->plan.metadata = value; return 0;
	case O_HELD: o->plan.held = true; return 0;
	case O_CUT: return take_cut(value, &o->plan.cut, e);
	case O_LIST: return take_list(value, &o->list, e);
	case O_ESTIMATE: o->estimate = true; return 0;
	case O_JSON: o->json = true; return 0;
	case O_OUTPUT: o->output = value; return 0;
	case O_COMPRESS: return take_compress(value, &o->plain, e);
	case O_ALLOW_KERNEL: o->plan.allow_kernel = true; return 0;
	case O_PROGRESS: return progress_parse(value, &o->progress, e);
	case O_QUIET: o->quiet = true; return 0;
	case O_VERBOSE: o->verbose = true; return 0;
	case O_HELP: help(); exit(0);
	case O_VERSION: puts("era_copy (erabackup) " ERA_VERSION); exit(0);
	default: return take_number(o, id, value, e);
	}
}

/* Combinations */

/* --list of metadata in a file needs no device. */
static bool list_only(const struct options *o)
{
	return o->list != LIST_NONE && o->plan.metadata;
}

static int check_start(const struct options *o, struct err *e)
{
	const struct plan_opts *p = &o->plan;
	const int starts = p->full + p->has_token + p->has_since;

	if (starts > 1)
		return err_set(e, ERR_USAGE, "--full, --from and --since exclude each other");
	if (p->ranges && !p->has_token && !p->full)
		return err_set(e, ERR_USAGE, "--ranges needs --from TOKEN: what the ranges start from");
	if (starts == 0) {
		err_set(e, ERR_USAGE, "where it starts is not said");
		return err_hint(e, "%s--from TOKEN or --since ERA", o->list ? "" : "--full, ");
	}
	if (o->list != LIST_NONE && (p->full || (p->has_token && p->token.full)))
		return err_set(e, ERR_USAGE, "--list needs --since ERA or --from TOKEN of an earlier stream");
	if (p->has_since && !o->list && !o->estimate && p->metadata)
		return err_set(e, ERR_USAGE, "a stream from --metadata needs --from TOKEN");
	return 0;
}

static int check_modes(const struct options *o, const struct opt *opt, struct err *e)
{
	const struct plan_opts *p = &o->plan;
	const char *why = NULL;

	if (o->list != LIST_NONE && o->estimate)
		why = "--list and --estimate exclude each other";
	else if (o->json && !o->estimate)
		why = "--json goes with --estimate; a list in JSON is --list=json";
	else if (p->ranges && p->metadata)
		why = "--ranges and --metadata exclude each other";
	else if (p->ranges && o->list != LIST_NONE)
		why = "--list and --ranges exclude each other";
	else if ((p->ranges || p->metadata) && p->cut == WIRE_CUT_FENCE)
		why = "--cut=fence does not go with ranges from elsewhere";
	else if (p->era_c && (p->metadata || (!p->ranges && !p->full &&
					      !(p->has_token && p->token.full))))
		why = "--era goes with --ranges, or with --full of something without eras";
	else if (p->block_sectors && p->metadata)
		why = "--block-size does not go with --metadata, which knows it";
	else if (p->held && !p->metadata)
		why = "--held goes with --metadata";
	else if (opt_seen(opt, O_BEFORE) && o->list == LIST_NONE)
		why = "--before goes with --list";
	else if (o->plain && opt_seen(opt, O_LEVEL))
		why = "--level does not go with --compress=none";
	else if (o->output && (o->list != LIST_NONE || o->estimate))
		why = "--output is for a stream; redirect standard output";
	else if (o->quiet && o->verbose)
		why = "--quiet and --verbose exclude each other";
	return why ? err_set(e, ERR_USAGE, "%s", why) : 0;
}

static int check(const struct options *o, const struct opt *opt, int operands, struct err *e)
{
	if (check_start(o, e) || check_modes(o, opt, e))
		return err_hint(e, "see era_copy --help");
	if (operands == 1 || (operands == 0 && list_only(o)))
		return 0;
	err_set(e, ERR_USAGE, operands ? "more than one DEVICE" : "no DEVICE is named");
	return err_hint(e, "see era_copy --help");
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	struct opt opt = {.argc = argc, .argv = argv, .specs = specs};
	const char *value;
	int id;
	int rc;

	o->level = ZST_LEVEL_DEFAULT;
	o->plan.before = ERAMETA_NO_LIMIT;
	while ((rc = opt_next(&opt, &id, &value, e)) > 0)
		if (take(o, id, value, e))
			return -1;
	if (rc < 0 || check(o, &opt, argc - optind, e))
		return -1;
	if (optind < argc) {
		o->plan.device = argv[optind];
		if (opt_operand(o->plan.device, "DEVICE", e))
			return -1;
	}
	if (o->copy.threads == 0)
		o->copy.threads = cores_default();
	o->plan.no_fence = o->estimate;
	return 0;
}

/* Modes */

static int print_list(const struct options *o, const struct blockset *set,
		      const struct rangelist_about *about, struct err *e)
{
	switch (o->list) {
	case LIST_XML:
		return rangelist_xml(stdout, set, e);
	case LIST_JSON:
		return rangelist_json(stdout, set, about, e);
	case LIST_TEXT:
	case LIST_NONE:
	default:
		return rangelist_text(stdout, set, e);
	}
}

static int list_file(const struct options *o, struct err *e)
{
	const uint64_t since = o->plan.has_token ? o->plan.token.era_c : o->plan.since;
	struct rangelist_about about = {0};
	struct plan_listing listing = {0};
	struct blockset set = {0};
	int rc = -1;

	if (plan_list_file(o->plan.metadata, o->plan.held, since, o->plan.before, &set, &listing, e))
		goto out;
	about.block_size = listing.block_sectors;
	about.since = (uint32_t)since;
	about.era = (uint32_t)listing.era_c;
	rc = print_list(o, &set, &about, e);
out:
	blockset_fini(&set);
	return rc;
}

static int list_plan(const struct options *o, const struct plan *p, struct err *e)
{
	struct rangelist_about about = {
		.block_size = (uint32_t)(p->head.granule / 512),
		.since = (uint32_t)p->head.since,
		.era = (uint32_t)p->head.era_c,
	};

	return print_list(o, &p->set, &about, e);
}

static int estimate(const struct options *o, const struct plan *p, struct err *e)
{
	const uint64_t bytes = copyflow_bytes(&p->set, p->head.granule, p->head.size);
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];

	if (!o->json) {
		printf("%s: %s of %s to copy\n", wire_kind_name(p->head.kind),
		       num_size(bytes, a, sizeof(a)), num_size(p->head.size, b, sizeof(b)));
	} else if (json_value(stdout, e, "{s:s,s:I,s:I,s:I,s:I}", "kind", wire_kind_name(p->head.kind),
			      "bytes", (ull)bytes, "size", (ull)p->head.size, "since",
			      (ull)p->head.since, "era", (ull)p->head.era_c)) {
		return -1;
	} else {
		putchar('\n');
	}
	return json_end(stdout, "standard output", e);
}

static void summary(const struct plan *p, const struct streamout *out, double seconds)
{
	const uint64_t changed = copyflow_bytes(&p->set, p->head.granule, p->head.size);
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];
	char c[NUM_SIZE_LEN];
	char word[TOKEN_LEN];
	struct token t;

	state_after(&p->head, p->head.era_c, &t);
	msg_note("%s: %s of %s %s, sent %s in %.1f s; cut %s, stood still %.0f ms",
		 wire_kind_name(p->head.kind), num_size(changed, a, sizeof(a)),
		 num_size(p->head.size, b, sizeof(b)), p->full ? "copied" : "changed",
		 num_size(out->position, c, sizeof(c)), seconds, wire_cut_name(p->head.cut),
		 (double)p->head.still_us / 1e3);
	msg_note("token %s", token_print(&t, word));
}

static int write_stream(struct options *o, struct plan *p, int fd, const char *name, struct err *e)
{
	const struct wire_pass pass = {1, p->head.since, p->head.era_c};
	struct streamout *out = calloc(1, sizeof(*out));
	struct progress progress;
	int rc = -1;

	if (!out)
		return err_set(e, ERR_RUNTIME, "no memory to write a stream");
	progress_start(&progress, o->quiet ? PROGRESS_NEVER : o->progress);
	o->copy.tick.fn = progress_tick;
	o->copy.tick.arg = &progress;
	identity_random(p->head.stream_id);
	memcpy(p->head.state_id, p->head.stream_id, WIRE_ID_LEN);
	if (streamout_open(out, fd, name, o->plain ? 0 : o->level, &p->head, e) == 0 &&
	    streamout_pass(out, &pass, &p->set, e) == 0 &&
	    copyflow_pass(&p->src, &p->set, out, &o->copy, e) == 0 &&
	    streamout_end(out, p->head.consistency, p->head.still_us, e) == 0)
		rc = 0;
	progress_end(&progress);
	if (rc == 0 && (o->verbose || (!o->quiet && isatty(STDERR_FILENO))))
		summary(p, out, progress_seconds(&progress));
	streamout_close(out);
	free(out);
	return rc;
}

static int stream(struct options *o, struct plan *p, struct err *e)
{
	struct outfile f;
	int rc = -1;

	if (!o->output)
		return write_stream(o, p, STDOUT_FILENO, "standard output", e);
	if (outfile_open(&f, o->output, p->src.fd, e) == 0 && write_stream(o, p, f.fd, o->output, e) == 0)
		rc = outfile_publish(&f, true, e);
	outfile_close(&f);
	return rc;
}

static int check_stdout(struct err *e)
{
	struct stat st;

	if (isatty(STDOUT_FILENO))
		err_set(e, ERR_USAGE, "a stream is not written to a terminal");
	else if (fstat(STDOUT_FILENO, &st) == 0 && S_ISBLK(st.st_mode))
		err_set(e, ERR_USAGE, "standard output: is a block device, and a stream is a file");
	else
		return 0;
	return err_hint(e, "pipe it into era_apply, or name a file with -o");
}

static int run(struct options *o, struct err *e)
{
	static struct plan p;
	int rc = -1;

	if (!o->list && !o->estimate && !o->output && check_stdout(e))
		return -1;
	if (list_only(o) && !o->plan.device)
		return list_file(o, e);
	if (plan_open(&p, &o->plan, e))
		goto out;
	if (p.cut.warning[0] && !o->quiet)
		msg_warn("%s", p.cut.warning);
	if (plan_make(&p, &o->plan, e))
		goto out;
	/* Once a chain, where it begins, and not every night. */
	if (p.is_era && !p.cut.labelled && p.full && !o->quiet && !o->list && !o->estimate)
		msg_warn("%s: its metadata has no label: if it is ever begun again, make a full; see CAVEATS "
			 "in era_copy(1)", o->plan.device);
	if (o->list)
		rc = list_plan(o, &p, e);
	else
		rc = o->estimate ? estimate(o, &p, e) : stream(o, &p, e);
out:
	plan_close(&p);
	return rc;
}

int main(int argc, char **argv)
{
	static struct options o;
	struct err e = {0};

	msg_init("era_copy");
	stop_init();
	if (fdio_std())
		return ERR_RUNTIME;
	if (parse(argc, argv, &o, &e) || run(&o, &e))
		return msg_error(&e);
	return 0;
}
