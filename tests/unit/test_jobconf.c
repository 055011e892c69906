/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobconf: every error with its file and line, what [defaults] does, what goes together, what the library would misread,
 * the examples of the documentation, and damage. Keys and their values are test_job's.
 */
#include "pure/jobconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define SAID "source = /dev/x\nrepository = /r/%j\n"
#define FILE_NAME "/etc/erabackup.conf"

static int parse(const char *text, const char *name, struct jobconf *c, struct err *e)
{
	return jobconf_parse(text, strlen(text), name, c, e);
}

static void test_builtin(void)
{
	struct jobconf c;
	struct err e = {0};
	const struct job *j;

	ok(parse("[a]\n" SAID, "f", &c, &e) == 0 && c.nr == 1, "a job with the least %s", e.text);
	j = c.jobs;
	ok(strcmp(j->name, "a") == 0 && j->line == 1 && strcmp(j->source, "/dev/x") == 0 && strcmp(j->path, "/dev/x") == 0 &&
		   !j->ssh && !j->host && !j->user && j->port == 0 && strcmp(j->repository, "/r/a") == 0,
	   "what and where");
	ok(j->prune_interval == 604800 && j->verify_interval == 604800 && j->every == 86400 && j->timeout == 60 &&
		   strcmp(j->command, "era_copy") == 0,
	   "the defaults of the manual");
	ok(!j->mirror && !j->cow && !j->freeze_limit && !j->pre_cut && !j->post_cut && !j->identity && !j->known_hosts &&
		   !j->ssh_config && !j->before && !j->after && !j->metrics,
	   "strings that are not said");
	ok(j->cut == 0 && !j->max_passes && !j->freeze_timeout && !j->hook_timeout && !j->level && !j->plain && !j->threads &&
		   !j->limit_rate && !j->prio.nice && !j->prio.io && !j->accept_new && !retention_is_set(&j->keep),
	   "numbers that are not said");
	jobconf_free(&c);
}

/* Errors: what stands behind the file's name. */

static const struct {
	const char *text, *want;
} bad[] = {
	{"", ":1: there is no job"},
	{"\n\n# nothing\n", ":3: there is no job"},
	{"[defaults]\nlevel = 3\n", ":2: there is no job"},
	{"[a]\n", ":1: job a: there is no source"},
	{"\n[a]\nsource = /dev/x\n", ":2: job a: there is no repository"},
	{"[b]\n" SAID "[a]\nrepository = /r\n", ":4: job a: there is no source"},
	{"source = /dev/x\n[a]\n", ":1: a key stands before the first section"},
	{"[a]\nrepository = /r\nsource = web1:/dev/x\n", ":3: source: 'web1:/dev/x' is no source"},
	{"[defaults]\nrepository = r\n[a]\n" SAID, ":2: repository cannot be 'r'"},
	{"[a]\n" SAID "sources = /dev/x\n", ":4: there is no key 'sources'"},
	{"[a]\n" SAID "Level = 3\n", ":4: there is no key 'Level'"},
	{"[a]\n" SAID "keep_last = 3\n", ":4: there is no key 'keep_last'"},
	{"[a]\n" SAID "level 5 = 3\n", ":4: there is no key 'level 5'"},
	{"[a]\n" SAID "level = 3\n\nlevel = 3\n", ":6: level is there twice, first on line 4"},
	{"[defaults]\nlevel = 3\nlevel = 4\n[a]\n" SAID, ":3: level is there twice, first on line 2"},
	{"[a]\n" SAID "[b]\n" SAID "[a]\nlevel = 3\n", ":7: section [a] is there twice, first on line 1"},
	{"[defaults]\n[a]\n" SAID "[defaults]\n", ":5: section [defaults] is there twice, first on line 1"},
	{"[defaults]\nsource = /dev/x\n", ":2: source is each job's own, it cannot stand in [defaults]"},
	{"[defaults]\nlevel = 99\n[a]\nlevel = 1\n" SAID, ":2: level cannot be '99'"},
	{"[a]\n" SAID "[defaults]\nlevel = 99\n", ":5: level cannot be '99'"},
	{"[a]\n" SAID "level =\n", ":4: level has no value"},
	{"[a]\n" SAID "before =   \n", ":4: before has no value"},
	{"[a]\n" SAID "level\n", ":4: a line is [NAME] or KEY = VALUE"},
	{"[a]\n" SAID "= 5\n", ":4: a line is [NAME] or KEY = VALUE"},
	{"[a]\n" SAID "level: 5\n", ":4: a line is [NAME] or KEY = VALUE"},
	{"[a]\n" SAID "before: x = 5\n", ":4: a line is [NAME] or KEY = VALUE"},
	{"[a\n" SAID, ":1: a section is [NAME] and nothing behind it"},
	{"[a] x\n" SAID, ":1: a section is [NAME] and nothing behind it"},
	{"[\n" SAID, ":1: a section is [NAME] and nothing behind it"},
	{"[a]]\n" SAID, ":1: 'a]' cannot name a job: a name has letters, digits, - _ and ."},
	{"[]\n" SAID, ":1: the name of a job is empty"},
	{"[ a]\n" SAID, ":1: ' a' cannot name a job: a name has letters, digits, - _ and ."},
	{"[a/b]\n" SAID, ":1: 'a/b' cannot name a job: a name has letters, digits, - _ and ."},
	{"[-a]\n" SAID, ":1: '-a' cannot name a job: a name does not begin with - or ."},
	{"[..]\n" SAID, ":1: '..' cannot name a job: a name does not begin with - or ."},
	{"[" X50 "xxxxxxxxxxxxxxx]\n" SAID, ":1: '" X50 "xxxxxxxxxxxxxxx' cannot name a job: a name has 64 bytes at most"},
	{"[a]\n" SAID " level = 3\n", ":4: the line is indented"},
	{"[a]\n" SAID "before = x\n\ty\n", ":5: the line is indented"},
	{" [a]\n" SAID, ":1: the line is indented"},
	{"[a]\n" SAID "before = x ; y\n", ":4: there is a ; behind a blank, column 12"},
	{"[a]\n" SAID "level = 3 ; fast\n", ":4: there is a ; behind a blank, column 11"},
	{"[a]\n" SAID "level\t;= 3\n", ":4: there is a ; behind a blank, column 7"},
	{"[a] ;x\n" SAID, ":1: there is a ; behind a blank, column 5"},
	{"[a]\r\n" SAID, ":1: the line ends in a carriage return"},
	{"[a]\n" SAID "before = a\001b\n", ":4: there is a character 0x01, column 11, which no text has"},
	{"[a]\n" SAID "before = a\x7f\n", ":4: there is a character 0x7f, column 11, which no text has"},
	{"[a]\n" SAID "before = a\rb\n", ":4: there is a character 0x0d, column 11, which no text has"},
	{"[a]\n" SAID "level = 3\ncompress = none\n", ":1: job a: level does not go with compress = none"},
	{"[a]\n" SAID "[b]\n" SAID "cut = none\npre-cut = x\n",
	 ":4: job b: pre-cut and post-cut go with a cut, and cut = none makes none"},
	{"[b]\n" SAID "cut = none\npost-cut = x\n", ":1: job b: pre-cut and post-cut go with a cut, and cut = none makes none"},
	{"[b]\n" SAID "cut = freeze\ncow = /dev/x\n", ":1: job b: cow goes with cut = snapshot"},
	{"[b]\n" SAID "cut = fence\ncow = /dev/x\n", ":1: job b: cow goes with cut = snapshot"},
	{"[b]\n" SAID "cut = none\ncow = /dev/x\n", ":1: job b: cow goes with cut = snapshot"},
	{"[b]\n" SAID "cut = snapshot\nfreeze-limit = 1M\n", ":1: job b: freeze-limit and max-passes go with cut = freeze"},
	{"[b]\n" SAID "cut = fence\nmax-passes = 2\n", ":1: job b: freeze-limit and max-passes go with cut = freeze"},
	{"[b]\n" SAID "cow = /dev/x\nmax-passes = 2\n", ":1: job b: freeze-limit and max-passes go with cut = freeze"},
	{"[b]\n" SAID "mirror = /r//b/.\n", ":1: job b: mirror and repository are the same"},
	{"[b]\n" SAID "mirror = /dev/x\n", ":1: job b: the mirror is the source itself"},
	{"[b]\n" SAID "mirror = /m\nmetrics = /m\n", ":1: job b: mirror and metrics are the same"},
	{"[defaults]\nrepository = /r\n[a]\nsource = /dev/x\n[b]\nsource = /dev/y\n",
	 ":5: jobs a and b have the same repository, /r"},
	{"[a]\n" SAID "[c]\nsource=/x\nrepository=//r/a/\n", ":4: jobs a and c have the same repository, //r/a/"},
	{"[defaults]\nmirror = /m\n[a]\n" SAID "[b]\n" SAID, ":6: jobs a and b have the same mirror, /m"},
	{"[defaults]\nmetrics = /m\n[a]\n" SAID "[b]\n" SAID, ":6: jobs a and b have the same metrics, /m"},
	/* What a job cannot put aside: what kind of cut there is. */
	{"[defaults]\ncut = fence\n[a]\n" SAID "cow = /dev/x\n", ":3: job a: cow goes with cut = snapshot"},
	{"[defaults]\ncompress = none\n[a]\n" SAID "level = 3\n", ":3: job a: level does not go with compress = none"},
	{"[defaults]\ncut = none\n[a]\n" SAID "pre-cut = x\n",
	 ":3: job a: pre-cut and post-cut go with a cut, and cut = none makes none"},
	{"[defaults]\ncut = freeze\ncow = /dev/x\n[a]\n" SAID, ":4: job a: cow goes with cut = snapshot"},
};

static void test_bad(void)
{
	char want[512];
	struct jobconf c;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		memset(&c, 0xff, sizeof(c));
		snprintf(want, sizeof(want), FILE_NAME "%s", bad[i].want);
		rc = parse(bad[i].text, FILE_NAME, &c, &e);
		ok(rc == -1 && e.kind == ERR_USAGE && strcmp(e.text, want) == 0, "%s; %s", e.text, e.hint);
		jobconf_free(&c);
	}
}

/* [defaults] */

static void test_defaults(void)
{
	static const char text[] = "[a]\n" SAID "level = 9\nkeep-last = 0\n"
				   "[defaults]\nlevel = 5\nkeep-last = 7\nkeep-daily=3\nmirror = /m/%j\n"
				   "[b]\n" SAID "mirror = /other\n";
	struct jobconf c;
	struct err e = {0};
	const struct job *a, *b;

	ok(parse(text, "f", &c, &e) == 0 && c.nr == 2, "two jobs, and defaults between them %s", e.text);
	a = jobconf_find(&c, "a");
	b = jobconf_find(&c, "b");
	ok(a && b && a->line == 1 && b->line == 11, "are found, and know their lines");
	ok(a->level == 9 && a->keep.last == 0 && a->keep.daily == 3 && strcmp(a->mirror, "/m/a") == 0,
	   "a key of a job behind it, and before it");
	ok(b->level == 5 && b->keep.last == 7 && b->keep.daily == 3 && strcmp(b->mirror, "/other") == 0, "and of another");
	ok(!jobconf_find(&c, "defaults") && !jobconf_find(&c, "") && !jobconf_find(&c, "c"), "others are not found");
	jobconf_free(&c);
	ok(!jobconf_find(&c, "a") && c.nr == 0, "nothing is found when it is freed");
	jobconf_free(&c);
}

/* What [defaults] says and a job puts aside. */
static void test_put_aside(void)
{
	static const char text[] = "[defaults]\ncow = /dev/c\npre-cut = x\npost-cut = y\nlevel = 5\n"
				   "[a]\n" SAID "cut = none\ncompress = none\n"
				   "[b]\n" SAID "cut = fence\n"
				   "[c]\n" SAID "cut = snapshot\n"
				   "[d]\n" SAID "max-passes = 2\nfreeze-limit = 1M\n"
				   "[e]\n" SAID "cut = auto\n";
	static const char frozen[] = "[defaults]\nmax-passes = 2\nfreeze-limit = 1M\n"
				     "[a]\n" SAID "cow = /dev/c\n[b]\n" SAID "cut = fence\n[c]\n" SAID "cut = freeze\n";
	struct jobconf c;
	struct err e = {0};

	ok(parse(text, "f", &c, &e) == 0 && c.nr == 5, "details of the defaults are put aside %s", e.text);
	ok(!c.jobs[0].cow && !c.jobs[0].pre_cut && !c.jobs[0].post_cut && c.jobs[0].level == 0 && c.jobs[0].plain,
	   "by cut = none and compress = none");
	ok(!c.jobs[1].cow && c.jobs[1].pre_cut && c.jobs[1].post_cut && c.jobs[1].level == 5, "by cut = fence");
	ok(c.jobs[2].cow && c.jobs[2].pre_cut, "not by cut = snapshot");
	ok(!c.jobs[3].cow && c.jobs[3].max_passes == 2 && c.jobs[3].freeze_limit, "by what goes with freezing");
	ok(c.jobs[4].cow && c.jobs[4].pre_cut, "not by cut = auto");
	jobconf_free(&c);
	ok(parse(frozen, "f", &c, &e) == 0 && c.nr == 3, "what goes with freezing %s", e.text);
	ok(!c.jobs[0].max_passes && !c.jobs[0].freeze_limit && c.jobs[0].cow, "is put aside by cow");
	ok(!c.jobs[1].max_passes && !c.jobs[1].freeze_limit, "and by cut = fence");
	ok(c.jobs[2].max_passes == 2 && c.jobs[2].freeze_limit, "not by cut = freeze");
	jobconf_free(&c);
}

/* Lines */

static void test_layout(void)
{
	static const char text[] = "\xef\xbb\xbf# with a BOM\n\n \t \n; comment ; comment\n   # indented = [x\n"
				   "[a]\t\nsource=/dev/x\nrepository\t=  /r  \t\n#" X50 X50 X50 X50 X50 X50 X50 X50 "\n"
				   "before = a=b;c # d\nafter = =;x";
	static const char nul[] = "[a]\nsource = /dev/x\nrepo\0sitory = /r\n";
	struct jobconf c;
	struct err e = {0};

	ok(parse(text, "f", &c, &e) == 0 && c.nr == 1, "comments, blanks, the last line without its end %s", e.text);
	ok(c.jobs && strcmp(c.jobs[0].repository, "/r") == 0 && strcmp(c.jobs[0].before, "a=b;c # d") == 0 &&
		   strcmp(c.jobs[0].after, "=;x") == 0 && c.jobs[0].line == 6,
	   "values are what stands there");
	jobconf_free(&c);
	ok(jobconf_parse(nul, sizeof(nul) - 1, "f", &c, &e) == -1 &&
		   strcmp(e.text, "f:3: there is a character 0x00, column 5, which no text has") == 0,
	   "a NUL: %s", e.text);
	jobconf_free(&c);
	err_clear(&e);
	ok(jobconf_parse(text, 40, "f", &c, &e) == -1 && strstr(e.text, "there is no job"), "no byte behind the length: %s",
	   e.text);
	jobconf_free(&c);
}

/* Lines of every length: whole, or refused. */
static void test_long(void)
{
	char text[1024], value[600];
	struct jobconf c;
	struct err e;
	size_t len;
	int rc, wrong = 0;

	for (len = 1; len < 500; len++) {
		err_clear(&e);
		memset(value, 'x', len);
		value[len] = '\0';
		snprintf(text, sizeof(text), "[a]\n%sbefore=%s\nlevel=7\n", SAID, value);
		rc = parse(text, "f", &c, &e);
		if (len + 7 <= JOBCONF_LINE_MAX)
			wrong += rc != 0 || strcmp(c.jobs[0].before, value) != 0 || c.jobs[0].level != 7;
		else
			wrong += rc != -1 || strcmp(e.text, "f:4: the line has more than 190 bytes") != 0;
		jobconf_free(&c);
	}
	ok(wrong == 0, "a line of 190 bytes is whole, one of 191 refused");
}

/* Section names as long as they may be, which the library would cut, alike but for the last letter. */
static void test_long_names(void)
{
	static const char text[] = "[" X50 "xxxxxxxxxxxxx1]\n" SAID "[" X50 "xxxxxxxxxxxxx2]\n" SAID;
	struct jobconf c;
	struct err e = {0};

	ok(parse(text, "f", &c, &e) == 0 && c.nr == 2 && strlen(c.jobs[1].name) == 64 &&
		   jobconf_find(&c, X50 "xxxxxxxxxxxxx2") == &c.jobs[1],
	   "two names of 64 bytes %s", e.text);
	jobconf_free(&c);
}

static void test_many(void)
{
	const unsigned int nr = 1000;
	char *text = malloc(64 * (size_t)nr), *p = text;
	struct jobconf c;
	struct err e = {0};
	unsigned int i;

	for (i = 0; i < nr; i++)
		p += sprintf(p, "[j%u]\n%s", i, SAID);
	ok(parse(text, "f", &c, &e) == 0 && c.nr == nr && jobconf_find(&c, "j999") == &c.jobs[999], "%u jobs %s", nr,
	   e.text);
	jobconf_free(&c);
	free(text);
}

/* A place that %j makes too long for a path. */
static void test_expanded(void)
{
	char text[1024] = "[" X50 "xxxxxxxxxxxxxx]\nsource = /dev/x\nrepository = /";
	struct jobconf c;
	struct err e = {0};
	int i;

	for (i = 0; i < 70; i++)
		strcat(text, "%j");
	ok(parse(text, "f", &c, &e) == -1 && strcmp(e.text, "f:3: repository: it is longer than a path can be") == 0,
	   "%s", e.text);
	jobconf_free(&c);
}

/* A file of the sources, or NULL; tests are run from their top. */
static char *read_file(const char *name)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(name, "r");

	if (!f || fread(text, 1, 65535, f) == 0) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

/* Comments that are keys or sections become what they are. */
static void uncomment(char *text)
{
	char *to = text;
	const char *p;

	for (p = text; *p; p++)
		if (!(*p == '#' && (p == text || p[-1] == '\n') && p[1] != ' '))
			*to++ = *p;
	*to = '\0';
}

static void test_examples(void)
{
	static const char name[] = "docs/erabackup.conf.example";
	char *text = read_file(name);
	char *manual = read_file("docs/erabackup.conf.5.scd");
	char *begin = manual ? strstr(manual, "\n```\n[") : NULL;
	char *end = begin ? strstr(begin + 5, "\n```\n") : NULL;
	struct jobconf c;
	struct err e = {0};

	if (!text || !end) {
		skip("the examples are right", "not run from the top of the sources");
	} else {
		uncomment(text);
		ok(parse(text, name, &c, &e) == 0 && c.nr == 3, "the example is right %s", e.text);
		jobconf_free(&c);
		for (; begin; begin = strstr(end + 5, "\n```\n[")) {
			end = strstr(begin + 5, "\n```\n");
			ok(end && jobconf_parse(begin + 5, (size_t)(end - begin - 4), "manual", &c, &e) == 0 && c.nr > 0,
			   "one of the manual is %s", e.text);
			jobconf_free(&c);
		}
	}
	free(text);
	free(manual);
}

static uint64_t random_seed = 20261121;

static uint64_t random_below(uint64_t n)
{
	random_seed = random_seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_seed >> 20) % n;
}

/* One to three bytes changed, removed or put in: of those that mean something, or any. */
static size_t damage(char *text, size_t len)
{
	static const char odd[] = "\n\n[]=:;# \t\r%j\\/@-.\"0";
	uint64_t times = 1 + random_below(3);
	char c;
	size_t at;

	while (times--) {
		at = random_below(len);
		c = random_below(8) ? odd[random_below(sizeof(odd))] : (char)random_below(256);
		switch (random_below(3)) {
		case 0: text[at] = c; break;
		case 1: memmove(text + at, text + at + 1, --len - at); break;
		default:
			memmove(text + at + 1, text + at, len++ - at);
			text[at] = c;
			break;
		}
	}
	return len;
}

/* Jobs that have all they must have, or an error of a line that is there. */
static bool is_judged(const char *text, size_t len)
{
	/* Of its size, for who looks for reads behind the end. */
	char *copy = malloc(len);
	unsigned int line = 0, lines = 1, i;
	struct jobconf c;
	struct err e = {0};
	bool good = true;
	int rc;

	memcpy(copy, text, len);
	for (i = 0; i < len; i++)
		lines += copy[i] == '\n';
	rc = jobconf_parse(copy, len, "f", &c, &e);
	free(copy);
	for (i = 0; rc == 0 && i < c.nr; i++)
		good = good && c.jobs[i].path && c.jobs[i].path[0] == '/' && c.jobs[i].repository[0] == '/' && c.jobs[i].line;
	if (rc == 0)
		good = good && c.nr > 0 && e.kind == ERR_NONE;
	else
		good = e.kind == ERR_USAGE && sscanf(e.text, "f:%u: ", &line) == 1 && line > 0 && line <= lines;
	if (!good)
		printf("# [%.*s] %s\n", (int)len, text, e.text);
	jobconf_free(&c);
	return good;
}

static void test_damage(void)
{
	static const char text[] = "[defaults]\nrepository = /r/%j\nkeep-last = 7\n\n# one\n[web1]\n"
				   "source = ssh://root@[2001:db8::1]:22/dev/x\ncut = snapshot\n[db-1]\n"
				   "source = ssh://h/dev/y\nfreeze-limit = 2s\nafter = a;b\nevery = 6h\n";
	char copy[sizeof(text) + 3];
	size_t len;
	int i, wrong = 0;

	printf("# seed %llu\n", (unsigned long long)random_seed);
	for (i = 0; i < 50000 && wrong == 0; i++) {
		memcpy(copy, text, sizeof(text));
		len = damage(copy, sizeof(text) - 1);
		wrong += !is_judged(copy, len);
	}
	for (len = 1; len < sizeof(text); len++)
		wrong += !is_judged(text, len);
	ok(wrong == 0, "%d damaged files are taken, or refused with a line", i);
}

int main(void)
{
	test_builtin();
	test_bad();
	test_defaults();
	test_put_aside();
	test_layout();
	test_long();
	test_long_names();
	test_many();
	test_expanded();
	test_examples();
	test_damage();
	return tap_done();
}
