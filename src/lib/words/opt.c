/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/opt.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* getopt's tables from ours. Long options return their id plus LONG_BASE. */
#define LONG_BASE 1000

static int has_arg(const struct opt_spec *s)
{
	if (!s->arg)
		return no_argument;
	return s->arg[0] == '[' ? optional_argument : required_argument;
}

static void make_tables(const struct opt_spec *specs, struct option *longs, char *shorts)
{
	/* A leading colon tells a missing value from an unknown option. */
	*shorts++ = ':';
	for (; specs->id; specs++, longs++) {
		*longs = (struct option){specs->name, has_arg(specs), NULL, LONG_BASE + specs->id};
		if (!specs->letter)
			continue;
		*shorts++ = specs->letter;
		if (has_arg(specs) == required_argument)
			*shorts++ = ':';
	}
	*longs = (struct option){0};
	*shorts = '\0';
}

static const struct opt_spec *find(const struct opt_spec *specs, int c)
{
	for (; specs->id; specs++)
		if (c == LONG_BASE + specs->id || (specs->letter && c == specs->letter))
			return specs;
	return NULL;
}

/* The word getopt stumbled over. */
static int refuse(const struct opt *o, int c, struct err *e)
{
	const char *word = o->argv[optind - 1];

	if (c == ':')
		err_set(e, ERR_USAGE, "option %s needs a value", word);
	else if (optopt >= LONG_BASE)
		err_set(e, ERR_USAGE, "option %s takes no value", word);
	else if (optopt)
		err_set(e, ERR_USAGE, "unknown option -%c", optopt);
	else
		err_set(e, ERR_USAGE, "unknown or ambiguous option %s", word);
	return err_hint(e, "see --help");
}

int opt_next(struct opt *o, int *id, const char **value, struct err *e)
{
	struct option longs[OPT_ID_MAX + 1];
	char shorts[2 * OPT_ID_MAX + 2];
	const struct opt_spec *s;
	int c;

	make_tables(o->specs, longs, shorts);
	opterr = 0;
	/* glibc's way to begin again: a program may read more than one command line. */
	if (!o->begun)
		optind = 0;
	o->begun = true;
	c = getopt_long(o->argc, o->argv, shorts, longs, NULL);
	if (c == -1)
		return 0;
	s = c == '?' || c == ':' ? NULL : find(o->specs, c);
	if (!s)
		return refuse(o, c, e);
	if (opt_seen(o, s->id) && !s->repeat)
		return err_set(e, ERR_USAGE, "option --%s is given twice", s->name);
	if (has_arg(s) == required_argument && optarg[0] == '\0') {
		err_set(e, ERR_USAGE, "option --%s has an empty value", s->name);
		return err_hint(e, "a command that should have given it may have failed");
	}
	o->seen |= 1ULL << s->id;
	*id = s->id;
	*value = optarg;
	return 1;
}

bool opt_seen(const struct opt *o, int id)
{
	return o->seen >> id & 1;
}

int opt_operand(const char *word, const char *what, struct err *e)
{
	if (word[0] != '\0')
		return 0;
	err_set(e, ERR_USAGE, "%s is empty", what);
	return err_hint(e, "a command that should have given it may have failed");
}

void opt_help(const struct opt_spec *specs)
{
	char left[64];

	for (; specs->id; specs++) {
		snprintf(left, sizeof(left), "%s%c%s --%s%s%s", specs->letter ? "-" : " ",
			 specs->letter ? specs->letter : ' ', specs->letter ? "," : " ", specs->name,
			 specs->arg && specs->arg[0] != '[' ? " " : "", specs->arg ? specs->arg : "");
		printf("  %-28s %s\n", left, specs->help);
	}
}
