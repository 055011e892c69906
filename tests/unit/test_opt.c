/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opt: what getopt_long alone lets pass, and the words of each refusal. */
#include "words/opt.h"

#include <getopt.h>
#include <string.h>

#include "tap.h"

enum { O_ALL = 1, O_FILE, O_INPUT, O_LIST, O_QUIET, O_LAST = OPT_ID_MAX };

static const struct opt_spec specs[] = {
	{O_ALL, 0, "all", NULL, "", false},	      {O_FILE, 'o', "file", "FILE", "", false},
	{O_INPUT, 'i', "input", "FILE", "", true},    {O_LIST, 0, "list", "[=FORMAT]", "", false},
	{O_QUIET, 'q', "quiet", NULL, "", false},     {O_LAST, 'z', "last", NULL, "", false},
	{0, 0, NULL, NULL, NULL, false},
};

static const char *const letters[OPT_ID_MAX + 1] = {
	[O_ALL] = "a", [O_FILE] = "o", [O_INPUT] = "i", [O_LIST] = "l", [O_QUIET] = "q", [O_LAST] = "z",
};

struct row {
	const char *args[6];
	const char *want; /* letter, value in brackets; then a slash and the operands; or the error */
	bool error;
};

static const struct row rows[] = {
	{{NULL}, "/", false},
	{{"--all"}, "a/", false},
	{{"--file", "x"}, "o[x]/", false},
	{{"--file=x"}, "o[x]/", false},
	{{"--file="}, "option --file has an empty value", true},
	{{"-o", ""}, "option --file has an empty value", true},
	{{"-o", "x"}, "o[x]/", false},
	{{"-ox"}, "o[x]/", false},
	{{"-qo", "x"}, "qo[x]/", false},
	{{"-qz"}, "qz/", false},
	{{"--list"}, "l/", false},
	{{"--list=xml"}, "l[xml]/", false},
	{{"--list", "xml"}, "l/xml,", false},
	{{"-i", "1", "--input", "2", "-i3"}, "i[1]i[2]i[3]/", false},
	{{"dev", "--all"}, "a/dev,", false},
	{{"--all", "dev", "-q", "b"}, "aq/dev,b,", false},
	{{"--", "--all"}, "/--all,", false},
	{{"-"}, "/-,", false},
	{{"--file", "--all"}, "o[--all]/", false},
	{{"--all", "--all"}, "option --all is given twice", true},
	{{"-q", "--quiet"}, "option --quiet is given twice", true},
	{{"-qq"}, "option --quiet is given twice", true},
	{{"-z", "-z"}, "option --last is given twice", true},
	{{"-o", "a", "--file=b"}, "option --file is given twice", true},
	{{"--list", "--list=xml"}, "option --list is given twice", true},
	{{"--file="}, "option --file has an empty value", true},
	{{"--file", ""}, "option --file has an empty value", true},
	{{"-o", ""}, "option --file has an empty value", true},
	{{"--unknown"}, "unknown or ambiguous option --unknown", true},
	{{"--unknown=5"}, "unknown or ambiguous option --unknown=5", true},
	{{"dev", "--unknown"}, "unknown or ambiguous option --unknown", true},
	{{"--l"}, "unknown or ambiguous option --l", true},
	{{"-x"}, "unknown option -x", true},
	{{"-qx"}, "unknown option -x", true},
	{{"--file"}, "option --file needs a value", true},
	{{"-q", "-o"}, "option -o needs a value", true},
	{{"--all=yes"}, "option --all=yes takes no value", true},
	{{"--quiet="}, "option --quiet= takes no value", true},
	{{"-l"}, "unknown option -l", true},
};

static int make_argv(const struct row *r, char *argv[8])
{
	int n = 0;

	argv[n++] = (char *)"prog";
	for (; n - 1 < 6 && r->args[n - 1]; n++)
		argv[n] = (char *)r->args[n - 1];
	argv[n] = NULL;
	return n;
}

static void parse(const struct row *r, char *got, struct err *e)
{
	char *argv[8];
	struct opt o = {.argc = make_argv(r, argv), .argv = argv, .specs = specs};
	const char *value;
	int id;
	int rc;

	got[0] = '\0';
	while ((rc = opt_next(&o, &id, &value, e)) == 1) {
		strcat(got, opt_seen(&o, id) ? letters[id] : "!");
		if (value)
			sprintf(got + strlen(got), "[%s]", value);
	}
	if (rc < 0)
		return;
	strcat(got, "/");
	for (; optind < o.argc; optind++)
		sprintf(got + strlen(got), "%s,", argv[optind]);
}

int main(void)
{
	char got[256];
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err_clear(&e);
		parse(&rows[i], got, &e);
		if (rows[i].error)
			ok(e.kind == ERR_USAGE && strcmp(e.text, rows[i].want) == 0, "%s (%s)",
			   rows[i].want, e.text);
		else
			ok(e.kind == ERR_NONE && strcmp(got, rows[i].want) == 0, "%s (%s%s)", rows[i].want,
			   got, e.text);
	}
	return tap_done();
}
