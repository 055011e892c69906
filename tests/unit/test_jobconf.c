/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobconf: every key with values at the ends of its range, every error with its file and line, what [defaults] does, what
 * goes together, sources, and what the library would misread.
 */
#include "pure/jobconf.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "words/when.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define SAID "source = /dev/x\nrepository = /r/%j\n"
#define FILE_NAME "/etc/erabackup.conf"

/* Values */

enum what { STRING, UNSIGNED, WIDE, INT, BOOL, CUT };

#define FIELD(f) offsetof(struct job, f)

/* "-": a value that is refused. Strings are compared with what is said unless there is `want`. */
static const struct {
	const char *key, *value;
	enum what what;
	size_t at;
	uint64_t number;
	const char *want; /* of strings; "-": refused */
} values[] = {
	{"repository", "/backup/a b;#'\"\xc3\xbc", STRING, FIELD(repository), 0, NULL},
	{"repository", "/%j/%%j/%%%j", STRING, FIELD(repository), 0, "/j1/%j/%j1"},
	{"repository", "/100%", STRING, 0, 0, "-"},
	{"repository", "/%J", STRING, 0, 0, "-"},
	{"repository", "backup", STRING, 0, 0, "-"},
	{"repository", "%j", STRING, 0, 0, "-"},
	{"repository", "~/backup", STRING, 0, 0, "-"},
	{"repository", "\"/backup\"", STRING, 0, 0, "-"},
	{"repository", "/backup # the main one", STRING, 0, 0, "-"},
	{"repository", "/backup\t# the main one", STRING, 0, 0, "-"},
	{"mirror", "/m/%j.img", STRING, FIELD(mirror), 0, "/m/j1.img"},
	{"mirror", "m.img", STRING, 0, 0, "-"},
	{"metrics", "/var/lib/%j.prom", STRING, FIELD(metrics), 0, "/var/lib/j1.prom"},
	{"metrics", "j.prom", STRING, 0, 0, "-"},
	{"cut", "auto", CUT, FIELD(cut), 0, NULL},
	{"cut", "none", CUT, FIELD(cut), WIRE_CUT_NONE, NULL},
	{"cut", "fence", CUT, FIELD(cut), WIRE_CUT_FENCE, NULL},
	{"cut", "freeze", CUT, FIELD(cut), WIRE_CUT_FREEZE, NULL},
	{"cut", "snapshot", CUT, FIELD(cut), WIRE_CUT_SNAPSHOT, NULL},
	{"cut", "Snapshot", CUT, 0, 0, "-"},
	{"cut", "snap", CUT, 0, 0, "-"},
	{"cow", "/dev/vg0/spare", STRING, FIELD(cow), 0, NULL},
	{"cow", "dev/sdc", STRING, 0, 0, "-"},
	{"cow", "/dev/a b", STRING, 0, 0, "-"},
	{"freeze-limit", "64M", STRING, FIELD(freeze_limit), 0, NULL},
	{"freeze-limit", "0", STRING, FIELD(freeze_limit), 0, NULL},
	{"freeze-limit", "2s", STRING, FIELD(freeze_limit), 0, NULL},
	{"freeze-limit", "3600s", STRING, FIELD(freeze_limit), 0, NULL},
	{"freeze-limit", "8191P", STRING, FIELD(freeze_limit), 0, NULL},
	{"freeze-limit", "3601s", STRING, 0, 0, "-"},
	{"freeze-limit", "0s", STRING, 0, 0, "-"},
	{"freeze-limit", "s", STRING, 0, 0, "-"},
	{"freeze-limit", "8192P", STRING, 0, 0, "-"},
	{"freeze-limit", "2m", STRING, 0, 0, "-"},
	{"freeze-limit", "00000000000000000002s", STRING, 0, 0, "-"},
	{"max-passes", "1", UNSIGNED, FIELD(max_passes), 1, NULL},
	{"max-passes", "63", UNSIGNED, FIELD(max_passes), 63, NULL},
	{"max-passes", "0", UNSIGNED, 0, 0, "-"},
	{"max-passes", "64", UNSIGNED, 0, 0, "-"},
	{"freeze-timeout", "1", UNSIGNED, FIELD(freeze_timeout), 1, NULL},
	{"freeze-timeout", "3600", UNSIGNED, FIELD(freeze_timeout), 3600, NULL},
	{"freeze-timeout", "0", UNSIGNED, 0, 0, "-"},
	{"freeze-timeout", "3601", UNSIGNED, 0, 0, "-"},
	{"freeze-timeout", "30s", UNSIGNED, 0, 0, "-"},
	{"pre-cut", "mysql -e 'FLUSH' > \"/x\" # = [%j]", STRING, FIELD(pre_cut), 0, NULL},
	{"post-cut", "a;b", STRING, FIELD(post_cut), 0, NULL},
	{"hook-timeout", "1", UNSIGNED, FIELD(hook_timeout), 1, NULL},
	{"hook-timeout", "86400", UNSIGNED, FIELD(hook_timeout), 86400, NULL},
	{"hook-timeout", "0", UNSIGNED, 0, 0, "-"},
	{"hook-timeout", "86401", UNSIGNED, 0, 0, "-"},
	{"level", "1", INT, FIELD(level), 1, NULL},
	{"level", "19", INT, FIELD(level), 19, NULL},
	{"level", "0", INT, 0, 0, "-"},
	{"level", "20", INT, 0, 0, "-"},
	{"level", "-1", INT, 0, 0, "-"},
	{"compress", "zstd", BOOL, FIELD(plain), 0, NULL},
	{"compress", "none", BOOL, FIELD(plain), 1, NULL},
	{"compress", "gzip", BOOL, 0, 0, "-"},
	{"threads", "1", UNSIGNED, FIELD(threads), 1, NULL},
	{"threads", "256", UNSIGNED, FIELD(threads), 256, NULL},
	{"threads", "0", UNSIGNED, 0, 0, "-"},
	{"threads", "257", UNSIGNED, 0, 0, "-"},
	{"threads", "4294967297", UNSIGNED, 0, 0, "-"},
	{"limit-rate", "1", WIDE, FIELD(limit_rate), 1, NULL},
	{"limit-rate", "50M", WIDE, FIELD(limit_rate), 52428800, NULL},
	{"limit-rate", "50MiB", WIDE, FIELD(limit_rate), 52428800, NULL},
	{"limit-rate", "0", WIDE, 0, 0, "-"},
	{"limit-rate", "50MB", WIDE, 0, 0, "-"},
	{"limit-rate", "9223372036854775808", WIDE, 0, 0, "-"},
	{"keep-last", "0", UNSIGNED, FIELD(keep.last), 0, NULL},
	{"keep-last", "7", UNSIGNED, FIELD(keep.last), 7, NULL},
	{"keep-last", "1000000", UNSIGNED, FIELD(keep.last), 1000000, NULL},
	{"keep-last", "1000001", UNSIGNED, 0, 0, "-"},
	{"keep-last", "-1", UNSIGNED, 0, 0, "-"},
	{"keep-last", "all", UNSIGNED, 0, 0, "-"},
	{"keep-daily", "8", UNSIGNED, FIELD(keep.daily), 8, NULL},
	{"keep-daily", "x", UNSIGNED, 0, 0, "-"},
	{"keep-weekly", "9", UNSIGNED, FIELD(keep.weekly), 9, NULL},
	{"keep-weekly", "x", UNSIGNED, 0, 0, "-"},
	{"keep-monthly", "10", UNSIGNED, FIELD(keep.monthly), 10, NULL},
	{"keep-monthly", "x", UNSIGNED, 0, 0, "-"},
	{"keep-yearly", "11", UNSIGNED, FIELD(keep.yearly), 11, NULL},
	{"keep-yearly", "x", UNSIGNED, 0, 0, "-"},
	{"prune-interval", "0", WIDE, FIELD(prune_interval), 0, NULL},
	{"prune-interval", "never", WIDE, FIELD(prune_interval), WHEN_NEVER, NULL},
	{"prune-interval", "2w", WIDE, FIELD(prune_interval), 1209600, NULL},
	{"prune-interval", "23", WIDE, 0, 0, "-"},
	{"verify-interval", "0", WIDE, FIELD(verify_interval), 0, NULL},
	{"verify-interval", "never", WIDE, FIELD(verify_interval), WHEN_NEVER, NULL},
	{"verify-interval", "36h", WIDE, FIELD(verify_interval), 129600, NULL},
	{"verify-interval", "weekly", WIDE, 0, 0, "-"},
	{"every", "1m", WIDE, FIELD(every), 60, NULL},
	{"every", "12h", WIDE, FIELD(every), 43200, NULL},
	{"every", "59s", WIDE, 0, 0, "-"},
	{"every", "0", WIDE, 0, 0, "-"},
	{"every", "never", WIDE, 0, 0, "-"},
	{"identity", "/root/.ssh/id backup", STRING, FIELD(identity), 0, NULL},
	{"identity", "id_ed25519", STRING, 0, 0, "-"},
	{"known-hosts", "/etc/known", STRING, FIELD(known_hosts), 0, NULL},
	{"known-hosts", "known", STRING, 0, 0, "-"},
	{"ssh-config", "/etc/%h", STRING, FIELD(ssh_config), 0, NULL},
	{"ssh-config", "config", STRING, 0, 0, "-"},
	{"host-key", "strict", BOOL, FIELD(accept_new), 0, NULL},
	{"host-key", "accept-new", BOOL, FIELD(accept_new), 1, NULL},
	{"host-key", "no", BOOL, 0, 0, "-"},
	{"timeout", "5s", UNSIGNED, FIELD(timeout), 5, NULL},
	{"timeout", "1h", UNSIGNED, FIELD(timeout), 3600, NULL},
	{"timeout", "4s", UNSIGNED, 0, 0, "-"},
	{"timeout", "3601s", UNSIGNED, 0, 0, "-"},
	{"timeout", "60", UNSIGNED, 0, 0, "-"},
	{"timeout", "never", UNSIGNED, 0, 0, "-"},
	{"command", "era_copy", STRING, FIELD(command), 0, NULL},
	{"command", "/opt/era/bin/era_copy", STRING, FIELD(command), 0, NULL},
	{"command", "bin/era_copy", STRING, 0, 0, "-"},
	{"command", "sudo era_copy", STRING, 0, 0, "-"},
	{"command", "/opt/$HOME", STRING, 0, 0, "-"},
	{"before", "mount /backup", STRING, FIELD(before), 0, NULL},
	{"after", "echo a = b : c # d", STRING, FIELD(after), 0, NULL},
};

static bool has_value(const struct job *j, size_t i)
{
	const char *const at = (const char *)j + values[i].at;

	switch (values[i].what) {
	case UNSIGNED: return *(const unsigned int *)(const void *)at == values[i].number;
	case WIDE: return *(const uint64_t *)(const void *)at == values[i].number;
	case INT: return *(const int *)(const void *)at == (int)values[i].number;
	case BOOL: return *(const bool *)(const void *)at == (values[i].number != 0);
	case CUT: return *(const enum wire_cut *)(const void *)at == (enum wire_cut)values[i].number;
	default: break;
	}
	return strcmp(*(const char *const *)(const void *)at, values[i].want ? values[i].want : values[i].value) == 0;
}

static void test_values(void)
{
	char text[512], want[128];
	struct jobconf c;
	struct err e;
	size_t i;
	bool good;
	int rc;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		err_clear(&e);
		snprintf(text, sizeof(text), "[j1]\nsource = /dev/x\n%s%s = %s\n",
			 strcmp(values[i].key, "repository") ? "repository = /r\n" : "\n", values[i].key, values[i].value);
		good = !values[i].want || strcmp(values[i].want, "-") != 0;
		snprintf(want, sizeof(want), FILE_NAME ":4: %s", values[i].key);
		rc = jobconf_parse(text, FILE_NAME, &c, &e);
		if (good)
			ok(rc == 0 && c.nr == 1 && has_value(&c.jobs[0], i), "%s = %s %s", values[i].key, values[i].value, e.text);
		else
			ok(rc == -1 && e.kind == ERR_USAGE && strncmp(e.text, want, strlen(want)) == 0 && e.hint[0],
			   "%s; %s", e.text, e.hint);
		jobconf_free(&c);
	}
}

static void test_all_keys(void)
{
	unsigned int key;
	bool tried;
	size_t i;

	for (key = 0; job_key_name(key); key++) {
		tried = strcmp(job_key_name(key), "source") == 0;
		for (i = 0; i < ARRAY_SIZE(values); i++)
			tried = tried || strcmp(values[i].key, job_key_name(key)) == 0;
		ok(tried && job_key(job_key_name(key)) == (int)key, "%s is tested", job_key_name(key));
	}
	ok(job_key("sourc") == -1 && job_key("") == -1 && job_key("Source") == -1, "others are no keys");
}

static void test_builtin(void)
{
	struct jobconf c;
	struct err e = {0};
	const struct job *j;

	ok(jobconf_parse("[a]\n" SAID, "f", &c, &e) == 0 && c.nr == 1, "a job with the least %s", e.text);
	j = c.jobs;
	ok(strcmp(j->name, "a") == 0 && j->line == 1 && strcmp(j->source, "/dev/x") == 0 && strcmp(j->path, "/dev/x") == 0 &&
		   !j->ssh && !j->host && !j->user && j->port == 0 && strcmp(j->repository, "/r/a") == 0,
	   "what and where");
	ok(j->prune_interval == 82800 && j->verify_interval == 604800 && j->every == 86400 && j->timeout == 60 &&
		   strcmp(j->command, "era_copy") == 0,
	   "the defaults of the manual");
	ok(!j->mirror && !j->cow && !j->freeze_limit && !j->pre_cut && !j->post_cut && !j->identity && !j->known_hosts &&
		   !j->ssh_config && !j->before && !j->after && !j->metrics,
	   "strings that are not said");
	ok(j->cut == 0 && !j->max_passes && !j->freeze_timeout && !j->hook_timeout && !j->level && !j->plain && !j->threads &&
		   !j->limit_rate && !j->accept_new && !retention_is_set(&j->keep),
	   "numbers that are not said");
	jobconf_free(&c);
}

/* Sources */

static const struct {
	const char *source;
	const char *user, *host;
	unsigned int port;
	const char *path; /* NULL: refused */
} sources[] = {
	{"/dev/mapper/data", NULL, NULL, 0, "/dev/mapper/data"},
	{"/images/a.img", NULL, NULL, 0, "/images/a.img"},
	{"/dev/disk/by-id/wwn-0x5@1:2=%3+4,", NULL, NULL, 0, NULL},
	{"/dev/disk/by-id/wwn-0x5@1:2=%3+4_.", NULL, NULL, 0, "/dev/disk/by-id/wwn-0x5@1:2=%3+4_."},
	{"ssh://web1/dev/sda", NULL, "web1", 0, "/dev/sda"},
	{"ssh://root@web1.example.org/dev/mapper/srv", "root", "web1.example.org", 0, "/dev/mapper/srv"},
	{"ssh://backup@db1:2222/dev/mapper/data", "backup", "db1", 2222, "/dev/mapper/data"},
	{"ssh://db_1-a.b:65535/d", NULL, "db_1-a.b", 65535, "/d"},
	{"ssh://[2001:db8::1]/dev/sda", NULL, "2001:db8::1", 0, "/dev/sda"},
	{"ssh://a.b_c+d-e@[fe80::1%eth0]:22/dev/sda", "a.b_c+d-e", "fe80::1%eth0", 22, "/dev/sda"},
	{"ssh://[::ffff:1.2.3.4]:1/d", NULL, "::ffff:1.2.3.4", 1, "/d"},
	{"ssh://a/d@b:c", NULL, "a", 0, "/d@b:c"},
	{"dev/sda", NULL, NULL, 0, NULL},
	{"web1:/dev/sda", NULL, NULL, 0, NULL},
	{"root@web1:/dev/sda", NULL, NULL, 0, NULL},
	{"SSH://web1/dev/sda", NULL, NULL, 0, NULL},
	{"sftp://web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh:/web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://", NULL, NULL, 0, NULL},
	{"ssh://web1", NULL, NULL, 0, NULL},
	{"ssh:///dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1/", NULL, NULL, 0, NULL},
	{"ssh://web1//dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/../sda", NULL, NULL, 0, NULL},
	{"ssh://web1/./sda", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/sda/", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/s da", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/$(x)", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/a;b", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/a'b", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/a,b", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/\xc3\xbc", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/~", NULL, NULL, 0, NULL},
	{"ssh://@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://-l@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://a b@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://a:b@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://a@b@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://root@/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://-oProxyCommand=x/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web 1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:0/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:65536/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:ssh/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://:22/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://2001:db8::1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[2001:db8::1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[2001:db8::1]22/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[2001:db8::1]:/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[web1]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[::1%]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[::1%-x]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[1:2:3]/dev/sda", NULL, NULL, 0, NULL},
};

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_source(const struct job *j, size_t i)
{
	return same(j->source, sources[i].source) && same(j->user, sources[i].user) && same(j->host, sources[i].host) &&
	       j->port == sources[i].port && same(j->path, sources[i].path) && j->ssh == (sources[i].host != NULL);
}

static void test_sources(void)
{
	char text[512];
	struct jobconf c;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		err_clear(&e);
		snprintf(text, sizeof(text), "[j1]\nrepository = /r\n\nsource = %s\n", sources[i].source);
		rc = jobconf_parse(text, "f", &c, &e);
		if (sources[i].path)
			ok(rc == 0 && is_source(c.jobs, i), "%s %s", sources[i].source, e.text);
		else
			ok(rc == -1 && e.kind == ERR_USAGE && strncmp(e.text, "f:4: source: ", 13) == 0 && e.hint[0], "%s; %s",
			   e.text, e.hint);
		jobconf_free(&c);
	}
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
		rc = jobconf_parse(bad[i].text, FILE_NAME, &c, &e);
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

	ok(jobconf_parse(text, "f", &c, &e) == 0 && c.nr == 2, "two jobs, and defaults between them %s", e.text);
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

	ok(jobconf_parse(text, "f", &c, &e) == 0 && c.nr == 5, "details of the defaults are put aside %s", e.text);
	ok(!c.jobs[0].cow && !c.jobs[0].pre_cut && !c.jobs[0].post_cut && c.jobs[0].level == 0 && c.jobs[0].plain,
	   "by cut = none and compress = none");
	ok(!c.jobs[1].cow && c.jobs[1].pre_cut && c.jobs[1].post_cut && c.jobs[1].level == 5, "by cut = fence");
	ok(c.jobs[2].cow && c.jobs[2].pre_cut, "not by cut = snapshot");
	ok(!c.jobs[3].cow && c.jobs[3].max_passes == 2 && c.jobs[3].freeze_limit, "by what goes with freezing");
	ok(c.jobs[4].cow && c.jobs[4].pre_cut, "not by cut = auto");
	jobconf_free(&c);
	ok(jobconf_parse(frozen, "f", &c, &e) == 0 && c.nr == 3, "what goes with freezing %s", e.text);
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

	ok(jobconf_parse(text, "f", &c, &e) == 0 && c.nr == 1, "comments, blanks, the last line without its end %s", e.text);
	ok(c.jobs && strcmp(c.jobs[0].repository, "/r") == 0 && strcmp(c.jobs[0].before, "a=b;c # d") == 0 &&
		   strcmp(c.jobs[0].after, "=;x") == 0 && c.jobs[0].line == 6,
	   "values are what stands there");
	jobconf_free(&c);
	ok(jobconf_parse_bytes(nul, sizeof(nul) - 1, "f", &c, &e) == -1 &&
		   strcmp(e.text, "f:3: there is a character 0x00, column 5, which no text has") == 0,
	   "a NUL: %s", e.text);
	jobconf_free(&c);
	err_clear(&e);
	ok(jobconf_parse_bytes(text, 40, "f", &c, &e) == -1 && strstr(e.text, "there is no job"), "no byte behind the length: %s",
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
		rc = jobconf_parse(text, "f", &c, &e);
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

	ok(jobconf_parse(text, "f", &c, &e) == 0 && c.nr == 2 && strlen(c.jobs[1].name) == 64 &&
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
	ok(jobconf_parse(text, "f", &c, &e) == 0 && c.nr == nr && jobconf_find(&c, "j999") == &c.jobs[999], "%u jobs %s", nr,
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
	ok(jobconf_parse(text, "f", &c, &e) == -1 && strcmp(e.text, "f:3: repository: it is longer than a path can be") == 0,
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
	char *begin = manual ? strstr(manual, "\n```\n") : NULL;
	char *end = begin ? strstr(begin + 5, "\n```\n") : NULL;
	struct jobconf c;
	struct err e = {0};

	if (!text || !end) {
		skip("the examples are right", "not run from the top of the sources");
	} else {
		uncomment(text);
		ok(jobconf_parse(text, name, &c, &e) == 0 && c.nr == 3, "the example is right %s", e.text);
		jobconf_free(&c);
		ok(jobconf_parse_bytes(begin + 5, (size_t)(end - begin - 4), "manual", &c, &e) == 0 && c.nr >= 2,
		   "the one of the manual is %s", e.text);
		jobconf_free(&c);
	}
	free(text);
	free(manual);
}

static const struct {
	const char *a, *b;
	bool same;
} paths[] = {
	{"/a", "/a", true}, {"/a/", "/a", true}, {"//a", "/a", true}, {"/./a/.", "/a", true}, {"/", "//./", true},
	{"/a/b", "/a", false}, {"/a", "/a/b", false}, {"/a/b", "/ab", false}, {"/.a", "/a", false}, {"/a/..", "/", false},
	{"/ab", "/ac", false}, {"/a/.b", "/a/b", false}, {"/..", "/.", false},
};

static void test_paths(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		ok(job_same_path(paths[i].a, paths[i].b) == paths[i].same &&
			   job_same_path(paths[i].b, paths[i].a) == paths[i].same,
		   "%s and %s are %s", paths[i].a, paths[i].b, paths[i].same ? "the same" : "two");
}

int main(void)
{
	test_all_keys();
	test_values();
	test_builtin();
	test_sources();
	test_bad();
	test_defaults();
	test_put_aside();
	test_layout();
	test_long();
	test_long_names();
	test_many();
	test_expanded();
	test_paths();
	test_examples();
	return tap_done();
}
