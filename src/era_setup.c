/* SPDX-License-Identifier: GPL-3.0-or-later */
/* era_setup: format, open, close, show and grow era volumes. See era_setup(8). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/eratabfile.h"
#include "flow/untracked.h"
#include "flow/volcheck.h"
#include "flow/volformat.h"
#include "flow/volresize.h"
#include "flow/volshow.h"
#include "flow/volume.h"
#include "pure/metasize.h"
#include "system/fdio.h"
#include "system/kmsg.h"
#include "system/stop.h"
#include "words/json.h"
#include "words/msg.h"
#include "words/num.h"
#include "words/opt.h"

#define ull unsigned long long
#define ERATAB "/etc/eratab"

enum {
	O_ALL = 1,
	O_ALLOW_KERNEL,
	O_BLOCK_SIZE,
	O_COW_SIZE,
	O_DISCARD,
	O_ERATAB,
	O_FALLBACK,
	O_FINAL,
	O_FORCE,
	O_INITRAMFS,
	O_JSON,
	O_REASON,
	O_TIMEOUT,
	O_QUIET,
	O_HELP,
	O_VERSION,
};

static const struct opt_spec specs[] = {
	{O_ALL, 'a', "all", NULL, "open, close: every volume", false},
	{O_ALLOW_KERNEL, 0, "allow-kernel", NULL, "open: on a kernel known to lose writes", false},
	{O_BLOCK_SIZE, 'b', "block-size", "SIZE", "size, format: an era block (default 256K)", false},
	{O_COW_SIZE, 0, "cow-size", "SIZE", "format: room for snapshots (default: the rest)", false},
	{O_DISCARD, 0, "discard", "HOW", "open: off (default) or pass", false},
	{O_ERATAB, 0, "eratab", "FILE", "open, tab: instead of /etc/eratab", false},
	{O_FALLBACK, 0, "fallback", "HOW", "open: linear or fail, when it cannot be tracked", false},
	{O_FINAL, 0, "final", NULL, "close: the machine goes down", false},
	{O_FORCE, 'f', "force", NULL, "format: over what META holds; with DATA mounted", false},
	{O_INITRAMFS, 0, "initramfs", NULL, "open --all, tab: only what it opens", false},
	{O_JSON, 0, "json", NULL, "size, status, dump: as JSON", false},
	{O_REASON, 0, "reason", "TEXT", "reset: why, kept in the label", false},
	{O_TIMEOUT, 't', "timeout", "SECONDS", "open: wait for the devices", false},
	{O_QUIET, 'q', "quiet", NULL, "warnings and errors only", false},
	{O_HELP, 'h', "help", NULL, "this text", false},
	{O_VERSION, 'V', "version", NULL, "the version", false},
	{0, 0, NULL, NULL, NULL, false},
};

struct options {
	const char *eratab, *reason;
	uint64_t block_bytes, cow_bytes, timeout;
	bool all, allow_kernel, final, force, initramfs, json, quiet;
	bool pass_discards, no_fallback;
	const struct opt *opt;
	char **operand;
	int nr;
};

static void help(void)
{
	printf("Usage: era_setup size DATA|BYTES          room that the metadata needs\n"
	       "       era_setup format META DATA         make a volume; DATA is not written\n"
	       "       era_setup open NAME [META DATA] | --all\n"
	       "       era_setup close NAME | --all\n"
	       "       era_setup status [NAME]            what is open, and how it fares\n"
	       "       era_setup resize NAME              after its data device has grown\n"
	       "       era_setup dump META                the label\n"
	       "       era_setup check META               the label, and all metadata\n"
	       "       era_setup reset META               begin the history again\n"
	       "       era_setup tab                      /etc/eratab as it is understood\n"
	       "       era_setup note ROOT                keep what no label was told\n"
	       "       era_setup enable-root META         the root on dm-era; disable-root: back\n\n");
	opt_help(specs);
	printf("\nExit: 0 done, 1 failure, 2 usage, 3 damaged label or metadata, 4 not this\n"
	       "device, 5 in use. See era_setup(8) and eratab(5).\n");
}

/* Values */

static int take_size(const char *name, const char *value, uint64_t min, uint64_t *v, struct err *e)
{
	if (num_parse_size(value, min, INT64_MAX, v))
		err_set(e, ERR_USAGE, "--%s is a size as 4096, 512K or 1G, not '%.40s'", name, value);
	return e->kind ? -1 : 0;
}

static int take_choice(const char *name, const char *value, const char *no, const char *yes, bool *v,
		       struct err *e)
{
	*v = strcmp(value, yes) == 0;
	if (*v || strcmp(value, no) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--%s is %s or %s, not '%.40s'", name, no, yes, value);
}

static int take_timeout(const char *value, uint64_t *v, struct err *e)
{
	if (num_parse(value, 0, 3600, v))
		err_set(e, ERR_USAGE, "--timeout is 0 to 3600 seconds, not '%.40s'", value);
	return e->kind ? -1 : 0;
}

static int take(struct options *o, int id, const char *value, struct err *e)
{
	switch (id) {
	case O_ALL: o->all = true; return 0;
	case O_ALLOW_KERNEL: o->allow_kernel = true; return 0;
	case O_BLOCK_SIZE: return take_size("block-size", value, 1, &o->block_bytes, e);
	case O_COW_SIZE: return take_size("cow-size", value, 0, &o->cow_bytes, e);
	case O_DISCARD: return take_choice("discard", value, "off", "pass", &o->pass_discards, e);
	case O_ERATAB: o->eratab = value; return 0;
	case O_FALLBACK: return take_choice("fallback", value, "linear", "fail", &o->no_fallback, e);
	case O_FINAL: o->final = true; return 0;
	case O_FORCE: o->force = true; return 0;
	case O_INITRAMFS: o->initramfs = true; return 0;
	case O_JSON: o->json = true; return 0;
	case O_REASON: o->reason = value; return 0;
	case O_TIMEOUT: return take_timeout(value, &o->timeout, e);
	case O_QUIET: o->quiet = true; return 0;
	case O_HELP: help(); exit(0);
	case O_VERSION: puts("era_setup (erabackup) " ERA_VERSION); exit(0);
	default: return err_set(e, ERR_USAGE, "unknown option");
	}
}

/* size, format, reset, dump, check */

static int cmd_size(struct options *o, struct err *e)
{
	struct metasize m;
	uint64_t bytes;

	if (num_parse_size(o->operand[0], 1, UINT64_MAX, &bytes) &&
	    volformat_data_size(o->operand[0], &bytes, e))
		return -1;
	if (metasize_for(bytes, o->block_bytes, &m, e) ||
	    volshow_size(stdout, bytes, o->block_bytes, &m, o->json, e))
		return -1;
	if (o->json)
		putchar('\n');
	return json_end(stdout, "standard output", e);
}

static int cmd_dump(struct options *o, struct err *e)
{
	return volcheck_dump(o->operand[0], o->json, stdout, e);
}

static int cmd_format(struct options *o, struct err *e)
{
	const struct volformat_opts f = {
		.meta = o->operand[0],
		.data = o->operand[1],
		.block_bytes = o->block_bytes,
		.cow_bytes = o->cow_bytes,
		.force = o->force,
	};
	char warning[256];
	struct label l;

	if (volformat(&f, &l, warning, e))
		return -1;
	if (warning[0])
		msg_warn("%s", warning);
	return o->quiet ? 0 : cmd_dump(o, e);
}

static int cmd_reset(struct options *o, struct err *e)
{
	struct label l;

	if (volformat_reset(o->operand[0], o->reason ? o->reason : "era_setup reset", &l, e))
		return -1;
	if (!o->quiet)
		msg_note("%s: its history begins again; the next backup is a full", o->operand[0]);
	return 0;
}

static int cmd_check(struct options *o, struct err *e)
{
	char words[VOLCHECK_WORDS];

	if (volcheck(o->operand[0], words, e))
		return -1;
	if (!o->quiet)
		printf("%s: %s\n", o->operand[0], words);
	return json_end(stdout, "standard output", e);
}

/* open */

/* On the console and in the journal too, where nobody reads our standard error. */
static void tell(const struct options *o, const char *name, const char *text)
{
	if (o->initramfs)
		kmsg_error("era_setup", name, text);
}

static void report(const struct options *o, const char *name, const struct volume_opened *r)
{
	char text[VOLSHOW_OPENED];

	if (r->warning[0])
		msg_warn("%s: %s", name, r->warning);
	if (volshow_opened(r, text)) {
		msg_warn("%s: %s", name, text);
		if (r->hint[0])
			fprintf(stderr, "  hint: %s\n", r->hint);
		/* What was so before this run was told by the one that did it. */
		if (r->how == VOLUME_PLAIN || r->new_generation)
			tell(o, name, text);
	}
	if (r->how == VOLUME_WAS_OPEN && !o->quiet)
		msg_note("%s: is open already", name);
}

static int open_one(const struct options *o, const struct eratab_entry *v, struct err *e)
{
	const struct volume_opts how = {.allow_kernel = o->allow_kernel, .initramfs = o->initramfs};
	struct volume_opened r;

	if (volume_open(v, &how, &r, e)) {
		tell(o, v->name, e->text);
		return -1;
	}
	report(o, v->name, &r);
	return 0;
}

static void override(const struct options *o, struct eratab_entry *v)
{
	if (opt_seen(o->opt, O_DISCARD))
		v->pass_discards = o->pass_discards;
	if (opt_seen(o->opt, O_FALLBACK))
		v->no_fallback = o->no_fallback;
	if (opt_seen(o->opt, O_TIMEOUT))
		v->timeout = (unsigned int)o->timeout;
}

/* Every one is tried; the first error is told last and is the exit code. */
static void collect(struct err *all, const struct err *one)
{
	if (all->kind)
		msg_error(one);
	else
		*all = *one;
}

static int open_all(struct options *o, struct err *e)
{
	struct eratab t = {0};
	struct err one;
	size_t i;

	/* A line that is wrong must not keep the others from a boot. */
	eratabfile_read(o->eratab, &t, e);
	for (i = 0; i < t.nr; i++) {
		if (o->initramfs ? !t.entry[i].initramfs : t.entry[i].noauto)
			continue;
		override(o, &t.entry[i]);
		one = (struct err){0};
		if (open_one(o, &t.entry[i], &one))
			collect(e, &one);
	}
	eratab_free(&t);
	return e->kind ? -1 : 0;
}

static int cmd_open(struct options *o, struct err *e)
{
	struct eratab_entry v;

	if (o->all)
		return open_all(o, e);
	if (eratab_check_name(o->operand[0], e) ||
	    (o->nr == 3 ? eratabfile_words(o->operand[0], o->operand[1], o->operand[2], &v, e)
			: eratabfile_find(o->eratab, o->operand[0], &v, e)))
		return -1;
	override(o, &v);
	return open_one(o, &v, e);
}

/* close */

static int close_one(const struct options *o, const struct stack *s, struct err *e)
{
	bool in_place;

	if (volume_close(s, o->final, &in_place, e))
		return -1;
	if (in_place && !o->quiet)
		msg_note("%s: marked clean where it is", s->name);
	return 0;
}

struct closing {
	const struct options *o;
	struct err *e;
};

static int close_each(void *ctx, const struct stack *s)
{
	const struct closing *c = ctx;
	struct err one = {0};

	if (!c->o->final && volume_is_root(s)) {
		if (!c->o->quiet)
			msg_note("%s: is the root, and stays open", s->name);
		return 0;
	}
	if (close_one(c->o, s, &one))
		collect(c->e, &one);
	return 0;
}

static int cmd_close(struct options *o, struct err *e)
{
	struct closing c = {o, e};
	struct stack s;

	if (o->all)
		return stack_each(close_each, &c, e) || e->kind ? -1 : 0;
	if (eratab_check_name(o->operand[0], e) || stack_find(o->operand[0], &s, e))
		return -1;
	if (s.kind == STACK_FOREIGN)
		return err_set(e, ERR_USAGE, "%s: is not an era volume of ours", s.name);
	if (s.kind != STACK_NONE)
		return close_one(o, &s, e);
	if (!o->quiet)
		msg_note("%s: is not open", s.name);
	return 0;
}

/* status, resize, note */

static int cmd_status(struct options *o, struct err *e)
{
	const char *name = o->nr ? o->operand[0] : NULL;
	unsigned int nr;

	if ((name && eratab_check_name(name, e)) || volshow_volumes(stdout, name, o->json, &nr, e))
		return -1;
	if (nr == 0 && !o->quiet && !o->json)
		msg_note("no era volume is open");
	return json_end(stdout, "standard output", e);
}

static int cmd_resize(struct options *o, struct err *e)
{
	char size[NUM_SIZE_LEN];
	const char *name = o->operand[0];
	struct volresize r;

	if (eratab_check_name(name, e) || volresize(name, &r, e))
		return -1;
	if (!o->quiet)
		msg_note("%s: %s %s", name, r.old_bytes == r.new_bytes ? "has the size of its data device:"
									 : "has grown to",
			 num_size(r.new_bytes, size, sizeof(size)));
	return 0;
}

/* For the boot scripts: a table in which anything is wrong is no table. */
static int cmd_tab(struct options *o, struct err *e)
{
	struct eratab t = {0};
	int rc = eratabfile_read(o->eratab, &t, e);

	if (rc == 0)
		eratabfile_print(stdout, &t, o->initramfs);
	eratab_free(&t);
	return rc ? -1 : json_end(stdout, "standard output", e);
}

static int cmd_note(struct options *o, struct err *e)
{
	return untracked_keep(strcmp(o->operand[0], "/") == 0 ? "" : o->operand[0], e);
}

/* The program */

#define BIT(id) (1ULL << (id))
#define ALWAYS (BIT(O_QUIET) | BIT(O_HELP) | BIT(O_VERSION))

static const struct command {
	const char *name;
	int (*run)(struct options *o, struct err *e);
	int min, max; /* operands; where --all is given, none */
	unsigned long long options;
	const char *operands;
} commands[] = {
	{"size", cmd_size, 1, 1, BIT(O_BLOCK_SIZE) | BIT(O_JSON), "DATA|BYTES"},
	{"format", cmd_format, 2, 2, BIT(O_BLOCK_SIZE) | BIT(O_COW_SIZE) | BIT(O_FORCE), "META DATA"},
	{"open", cmd_open, 1, 3,
	 BIT(O_ALL) | BIT(O_ALLOW_KERNEL) | BIT(O_DISCARD) | BIT(O_ERATAB) | BIT(O_FALLBACK) |
		 BIT(O_INITRAMFS) | BIT(O_TIMEOUT), "NAME [META DATA] or --all"},
	{"close", cmd_close, 1, 1, BIT(O_ALL) | BIT(O_FINAL), "NAME or --all"},
	{"status", cmd_status, 0, 1, BIT(O_JSON), "[NAME]"},
	{"resize", cmd_resize, 1, 1, 0, "NAME"},
	{"dump", cmd_dump, 1, 1, BIT(O_JSON), "META"},
	{"check", cmd_check, 1, 1, 0, "META"},
	{"reset", cmd_reset, 1, 1, BIT(O_REASON), "META"},
	{"tab", cmd_tab, 0, 0, BIT(O_ERATAB) | BIT(O_INITRAMFS), "no operands"},
	{"note", cmd_note, 1, 1, 0, "ROOT"},
};

static const struct command *find_command(const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	err_set(e, ERR_USAGE, name[0] ? "unknown command '%.40s'" : "no command is given%.0s", name);
	err_hint(e, "see era_setup --help");
	return NULL;
}

static int check(const struct command *c, const struct options *o, struct err *e)
{
	const struct opt_spec *s;
	int i;

	for (s = specs; s->id; s++)
		if (opt_seen(o->opt, s->id) && !((c->options | ALWAYS) & BIT(s->id)))
			return err_set(e, ERR_USAGE, "%s does not take --%s", c->name, s->name);
	if (o->all ? o->nr != 0 : o->nr < c->min || o->nr > c->max || (c->max == 3 && o->nr == 2)) {
		err_set(e, ERR_USAGE, "era_setup %s takes %s", c->name, c->operands);
		return err_hint(e, "see era_setup --help");
	}
	if (o->initramfs && c->run == cmd_open && !o->all)
		return err_set(e, ERR_USAGE, "--initramfs goes with --all");
	for (i = 0; i < o->nr; i++)
		if (opt_operand(o->operand[i], c->operands, e))
			return -1;
	return 0;
}

static int run(int argc, char **argv, struct err *e)
{
	struct options o = {.block_bytes = VOLFORMAT_BLOCK, .cow_bytes = VOLFORMAT_COW_REST};
	struct opt opt = {.argc = argc, .argv = argv, .specs = specs};
	const struct command *c;
	const char *value;
	int id;
	int rc;

	o.eratab = ERATAB;
	o.opt = &opt;
	while ((rc = opt_next(&opt, &id, &value, e)) > 0)
		if (take(&o, id, value, e))
			return -1;
	if (rc < 0)
		return -1;
	c = find_command(optind < argc ? argv[optind] : "", e);
	o.operand = argv + optind + 1;
	o.nr = argc - optind - 1;
	return c && check(c, &o, e) == 0 ? c->run(&o, e) : -1;
}

/* What belongs to a distribution is a script's work: fstab, boot loader, initramfs. */
static int run_script(char **argv)
{
	struct err e = {0};

	execv(ERA_LIBEXECDIR "/enable-root", argv);
	err_sys(&e, "%s", ERA_LIBEXECDIR "/enable-root");
	err_hint(&e, "make install places it");
	return msg_error(&e);
}

int main(int argc, char **argv)
{
	struct err e = {0};

	msg_init("era_setup");
	stop_init();
	if (fdio_std())
		return ERR_RUNTIME;
	if (argc > 1 && (strcmp(argv[1], "enable-root") == 0 || strcmp(argv[1], "disable-root") == 0))
		return run_script(argv);
	return run(argc, argv, &e) ? msg_error(&e) : 0;
}
