/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The library splits lines into keys and values. But it cuts long lines, joins indented ones, takes " ;" for a comment
 * anywhere, cuts names of sections, goes on behind an error, and tells nobody on which line it is. So it is given line
 * by line what cannot be misunderstood; all else is refused here, where the line is known.
 */
#include "pure/jobconf.h"

#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/jobcheck.h"

#define DEFAULTS "defaults"

struct value {
	char *text; /* NULL: the section does not have the key */
	unsigned int line;
};

struct section {
	char *name;
	unsigned int line;
	struct value values[JOB_KEYS_MAX];
};

/* Where the parser is, and what it has. */
struct reading {
	const char *file;
	const char *p, *end;
	unsigned int line;
	struct section *sections; /* in the order of the file */
	size_t nr;
	bool failed;
	struct err *e;
};

__attribute__((format(printf, 3, 4))) static int wrong(struct reading *r, unsigned int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->failed = true;
	return err_set(r->e, ERR_USAGE, "%s:%u: %s", r->file, line, text);
}

/* The error that is set is one of that line. */
static int wrong_there(struct reading *r, unsigned int line)
{
	r->failed = true;
	return r->e->kind == ERR_USAGE ? err_prefix(r->e, "%s:%u", r->file, line) : -1;
}

static int no_memory(struct reading *r)
{
	r->failed = true;
	return err_set(r->e, ERR_RUNTIME, "%s: no memory for its jobs", r->file);
}

/* Lines */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int check_characters(struct reading *r, const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\r' && i + 1 == len) {
			wrong(r, r->line, "the line ends in a carriage return");
			return err_hint(r->e, "it was saved with the line ends of DOS: sed -i 's/\\r$//' %s", r->file);
		}
		if (((unsigned char)p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return wrong(r, r->line, "there is a character 0x%02x, column %zu, which no text has",
				     (unsigned char)p[i], i + 1);
		if (p[i] == ';' && i > 0 && is_blank(p[i - 1])) {
			wrong(r, r->line, "there is a ; behind a blank, column %zu", i + 1);
			return err_hint(r->e, "a comment has a line of its own; in a command write it without the blank, or "
					      "make the command a script");
		}
	}
	return 0;
}

/* "[name]", of which r->sections has the copy. */
static int begin_section(struct reading *r, const char *p, size_t len)
{
	struct section *grown;
	struct section s = {.line = r->line};
	size_t i;

	if (p[len - 1] != ']')
		return wrong(r, r->line, "a section is [NAME] and nothing behind it");
	s.name = strndup(p + 1, len - 2);
	grown = s.name ? realloc(r->sections, (r->nr + 1) * sizeof(s)) : NULL;
	if (grown)
		r->sections = grown;
	if (!grown) {
		free(s.name);
		return no_memory(r);
	}
	r->sections[r->nr++] = s;
	if (job_check_name(s.name, r->e))
		return wrong_there(r, r->line);
	for (i = 0; i + 1 < r->nr; i++)
		if (strcmp(r->sections[i].name, s.name) == 0)
			return wrong(r, r->line, "section [%s] is there twice, first on line %u", s.name,
				     r->sections[i].line);
	return 0;
}

/* "KEY = ..."; the library would take a colon too. */
static bool has_key(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len && p[i] != '=' && p[i] != ':'; i++)
		;
	return i > 0 && i < len && p[i] == '=';
}

static int check_line(struct reading *r, const char *p, size_t len)
{
	if (check_characters(r, p, len))
		return -1;
	if (len > JOBCONF_LINE_MAX) {
		wrong(r, r->line, "the line has more than %d bytes", JOBCONF_LINE_MAX);
		return err_hint(r->e, "a longer command belongs into a script");
	}
	if (is_blank(p[0])) {
		wrong(r, r->line, "the line is indented");
		return err_hint(r->e, "a value ends with its line, it cannot go on in the next one");
	}
	if (p[0] == '[')
		return begin_section(r, p, len);
	if (!has_key(p, len))
		return wrong(r, r->line, "a line is [NAME] or KEY = VALUE");
	if (r->nr == 0) {
		wrong(r, r->line, "a key stands before the first section");
		return err_hint(r->e, "what is for all jobs stands in [" DEFAULTS "]");
	}
	return 0;
}

/* As fgets; the library calls it for each line, and calls take_value for that one before it wants the next. */
static char *next_line(char *line, int size, void *arg)
{
	struct reading *r = arg;
	const char *const p = r->p;
	const char *newline;
	size_t len, skip;

	if (r->failed || p == r->end)
		return NULL;
	newline = memchr(p, '\n', (size_t)(r->end - p));
	len = (size_t)((newline ? newline : r->end) - p);
	r->p = newline ? newline + 1 : r->end;
	r->line++;
	while (len > 0 && is_blank(p[len - 1]))
		len--;
	for (skip = 0; skip < len && is_blank(p[skip]); skip++)
		;
	if (skip == len || p[skip] == '#' || p[skip] == ';')
		len = 0;
	else if (check_line(r, p, len))
		return NULL;
	if (len + 2 > (size_t)size) {
		wrong(r, r->line, "the line is longer than the library takes");
		return NULL;
	}
	memcpy(line, p, len);
	memcpy(line + len, "\n", 2);
	return line;
}

/* 1: go on, as the library wants it. */
static int take_value(void *arg, const char *section, const char *name, const char *text)
{
	struct reading *r = arg;
	struct section *s = &r->sections[r->nr - 1];
	const int key = name ? job_key(name) : 0;
	struct value *v;

	(void)section;
	/* How a library that was built so tells of a new section. */
	if (!name || !text)
		return 1;
	if (key < 0) {
		wrong(r, r->line, "there is no key '%.80s'", name);
		return 0;
	}
	if (strcmp(s->name, DEFAULTS) == 0 && !job_key_is_shared((unsigned int)key)) {
		wrong(r, r->line, "%s is each job's own, it cannot stand in [" DEFAULTS "]", name);
		return 0;
	}
	v = &s->values[key];
	if (v->text) {
		wrong(r, r->line, "%s is there twice, first on line %u", name, v->line);
		return 0;
	}
	v->line = r->line;
	v->text = strdup(text);
	if (!v->text)
		no_memory(r);
	return v->text != NULL;
}

static int read_sections(struct reading *r)
{
	const int rc = ini_parse_stream(next_line, r, take_value, r);

	if (r->failed)
		return -1;
	if (rc > 0)
		return wrong(r, (unsigned int)rc, "a line is [NAME] or KEY = VALUE");
	return rc < 0 ? no_memory(r) : 0;
}

/* Jobs */

static int set_values(struct reading *r, struct job *j, const struct section *s)
{
	unsigned int key;

	for (key = 0; job_key_name(key); key++) {
		if (s->values[key].text && job_set(j, key, s->values[key].text, r->e))
			return wrong_there(r, s->values[key].line);
	}
	return 0;
}

static uint64_t own_keys(const struct section *s)
{
	uint64_t own = 0;
	unsigned int key;

	for (key = 0; job_key_name(key); key++)
		if (s->values[key].text)
			own |= UINT64_C(1) << key;
	return own;
}

static int make_job(struct reading *r, const struct section *s, const struct section *defaults, struct job *j)
{
	if (job_init(j, s->name, r->e))
		return no_memory(r);
	j->line = s->line;
	if ((defaults && set_values(r, j, defaults)) || set_values(r, j, s))
		return -1;
	if (jobcheck(j, own_keys(s), r->e) == 0)
		return 0;
	err_prefix(r->e, "job %s", j->name);
	return wrong_there(r, s->line);
}

/* Also what every job overrides has to make sense. */
static int check_defaults(struct reading *r, const struct section *defaults)
{
	struct job j;
	int rc;

	rc = job_init(&j, DEFAULTS, r->e) ? no_memory(r) : set_values(r, &j, defaults);
	job_free(&j);
	return rc;
}

static int check_path(struct reading *r, const struct job *a, const struct job *b, const char *what, const char *of_a,
		      const char *of_b)
{
	if (!of_a || !of_b || !jobcheck_same_path(of_a, of_b))
		return 0;
	wrong(r, b->line, "jobs %s and %s have the same %s, %.200s", a->name, b->name, what, of_b);
	return err_hint(r->e, "%%j in it stands for the name of the job");
}

static int check_unique(struct reading *r, const struct jobconf *c)
{
	const struct job *a, *b;

	for (b = c->jobs; b < c->jobs + c->nr; b++)
		for (a = c->jobs; a < b; a++)
			if (check_path(r, a, b, "repository", a->repository, b->repository) ||
			    check_path(r, a, b, "mirror", a->mirror, b->mirror) ||
			    check_path(r, a, b, "metrics", a->metrics, b->metrics))
				return -1;
	return 0;
}

static int make_jobs(struct reading *r, struct jobconf *c)
{
	const struct section *defaults = NULL;
	size_t i;

	for (i = 0; i < r->nr; i++)
		if (strcmp(r->sections[i].name, DEFAULTS) == 0)
			defaults = &r->sections[i];
	if (defaults && check_defaults(r, defaults))
		return -1;
	c->jobs = calloc(r->nr + 1, sizeof(*c->jobs));
	if (!c->jobs)
		return no_memory(r);
	for (i = 0; i < r->nr; i++)
		if (&r->sections[i] != defaults && make_job(r, &r->sections[i], defaults, &c->jobs[c->nr++]))
			return -1;
	if (c->nr > 0)
		return check_unique(r, c);
	wrong(r, r->line ? r->line : 1, "there is no job");
	return err_hint(r->e, "a job is a section, [NAME], with a source and a repository; see erabackup.conf(5)");
}

/* The whole */

static void free_sections(struct reading *r)
{
	size_t i, key;

	for (i = 0; i < r->nr; i++) {
		for (key = 0; key < JOB_KEYS_MAX; key++)
			free(r->sections[i].values[key].text);
		free(r->sections[i].name);
	}
	free(r->sections);
}

int jobconf_parse(const char *text, size_t len, const char *name, struct jobconf *c, struct err *e)
{
	struct reading r = {.file = name, .p = text, .end = text + len, .e = e};
	int rc = -1;

	memset(c, 0, sizeof(*c));
	/* Some editors put it before UTF-8. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.p += 3;
	if (read_sections(&r) == 0 && make_jobs(&r, c) == 0)
		rc = 0;
	free_sections(&r);
	return rc;
}

void jobconf_free(struct jobconf *c)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		job_free(&c->jobs[i]);
	free(c->jobs);
	memset(c, 0, sizeof(*c));
}

const struct job *jobconf_find(const struct jobconf *c, const char *name)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (strcmp(c->jobs[i].name, name) == 0)
			return &c->jobs[i];
	return NULL;
}
