/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job: every key with values at the ends of its range and beyond; names of jobs and paths.
 */
#include "pure/job.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "pure/jobcheck.h"
#include "tap.h"
#include "words/when.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Values */

enum what { STRING, UNSIGNED, WIDE, INT, BOOL, CUT, IONICE };

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
	{"nice", "0", UNSIGNED, FIELD(prio.nice), 0, NULL},
	{"nice", "19", UNSIGNED, FIELD(prio.nice), 19, NULL},
	{"nice", "20", UNSIGNED, 0, 0, "-"},
	{"nice", "-1", UNSIGNED, 0, 0, "-"},
	{"nice", "+5", UNSIGNED, 0, 0, "-"},
	{"ionice", "idle", IONICE, FIELD(prio.io), PRIO_IO_IDLE, NULL},
	{"ionice", "best-effort", IONICE, FIELD(prio.io), PRIO_IO_BEST_EFFORT, NULL},
	{"ionice", "best-effort:7", UNSIGNED, FIELD(prio.level), 7, NULL},
	{"ionice", "best-effort:0", UNSIGNED, FIELD(prio.level), 0, NULL},
	{"ionice", "best-effort:8", IONICE, 0, 0, "-"},
	{"ionice", "realtime", IONICE, 0, 0, "-"},
	{"ionice", "2", IONICE, 0, 0, "-"},
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
	case IONICE: return *(const enum prio_io *)(const void *)at == (enum prio_io)values[i].number;
	case CUT: return *(const enum wire_cut *)(const void *)at == (enum wire_cut)values[i].number;
	default: break;
	}
	return strcmp(*(const char *const *)(const void *)at, values[i].want ? values[i].want : values[i].value) == 0;
}

static void test_values(void)
{
	char want[64];
	struct err e;
	struct job j;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		err_clear(&e);
		snprintf(want, sizeof(want), "%s", values[i].key);
		job_init(&j, "j1", &e);
		rc = job_set(&j, (unsigned int)job_key(values[i].key), values[i].value, &e);
		if (!values[i].want || strcmp(values[i].want, "-") != 0)
			ok(rc == 0 && e.kind == ERR_NONE && has_value(&j, i), "%s = %s %s", values[i].key, values[i].value, e.text);
		else
			ok(rc == -1 && e.kind == ERR_USAGE && strncmp(e.text, want, strlen(want)) == 0 && e.hint[0],
			   "%s; %s", e.text, e.hint);
		job_free(&j);
	}
}

/* A value takes the place of the one before, and a free job holds nothing. */
static void test_again(void)
{
	struct err e = {0};
	struct job j;

	ok(job_init(&j, "j1", &e) == 0 && strcmp(j.command, "era_copy") == 0 && j.timeout == 60, "a job with its defaults");
	job_set(&j, (unsigned int)job_key("source"), "ssh://a@b:5/c", &e);
	ok(job_set(&j, (unsigned int)job_key("source"), "/d", &e) == 0 && !j.ssh && !j.user && !j.host && j.port == 0 &&
		   strcmp(j.path, "/d") == 0,
	   "a source again: nothing of the first is left");
	job_free(&j);
	ok(!j.name && !j.path && !j.command, "and nothing of all, when it is freed");
	job_free(&j);
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
		ok(tried && job_key(job_key_name(key)) == (int)key &&
			   job_key_is_shared(key) == (strcmp(job_key_name(key), "source") != 0),
		   "%s is tested", job_key_name(key));
	}
	ok(job_key("sourc") == -1 && job_key("") == -1 && job_key("Source") == -1, "others are no keys");
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
		ok(jobcheck_same_path(paths[i].a, paths[i].b) == paths[i].same &&
			   jobcheck_same_path(paths[i].b, paths[i].a) == paths[i].same,
		   "%s and %s are %s", paths[i].a, paths[i].b, paths[i].same ? "the same" : "two");
}

int main(void)
{
	test_all_keys();
	test_values();
	test_again();
	test_paths();
	return tap_done();
}
