/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/job.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/sourcename.h"
#include "words/num.h"
#include "words/when.h"

#define DAY 86400
#define EVERY_MIN 60

#define ull unsigned long long

struct key;

/* Puts the value into the field at `at`. -1: not a value of this key, and *e says more where there is more to say. */
typedef int set_fn(struct job *j, const struct key *k, const char *value, struct err *e);

struct key {
	const char *name;
	set_fn *set;
	size_t at; /* of the field in struct job */
	uint64_t min, max;
	const char *what; /* it is */
};

/* Values */

static void *field_of(struct job *j, const struct key *k)
{
	return (char *)j + k->at;
}

static int put_string(char **field, const char *value, struct err *e)
{
	char *copy = strdup(value);

	if (!copy)
		return err_set(e, ERR_RUNTIME, "no memory for a job");
	free(*field);
	*field = copy;
	return 0;
}

static int set_text(struct job *j, const struct key *k, const char *value, struct err *e)
{
	return put_string(field_of(j, k), value, e);
}

static int set_count(struct job *j, const struct key *k, const char *value, struct err *e)
{
	unsigned int *field = field_of(j, k);
	uint64_t n;

	(void)e;
	if (num_parse(value, k->min, k->max, &n))
		return -1;
	*field = (unsigned int)n;
	return 0;
}

static int set_span(struct job *j, const struct key *k, const char *value, struct err *e)
{
	uint64_t *field = field_of(j, k);
	uint64_t seconds;

	(void)e;
	if (when_span(value, &seconds) || seconds < k->min || seconds > k->max)
		return -1;
	*field = seconds;
	return 0;
}

/* Paths of this machine may have any characters. */
static int set_path(struct job *j, const struct key *k, const char *value, struct err *e)
{
	if (value[0] != '/')
		return -1;
	if (strstr(value, " #") || strstr(value, "\t#"))
		return err_set(e, ERR_USAGE, "a comment has a line of its own, it does not follow a value");
	return put_string(field_of(j, k), value, e);
}

/* %j and %% */
static int expand(const char *value, const char *name, char out[PATH_MAX], struct err *e)
{
	size_t len = 0;
	const char *p;
	int n;

	for (p = value; *p; p++) {
		if (p[0] == '%' && p[1] != 'j' && p[1] != '%')
			return err_set(e, ERR_USAGE, "a %% in it is %%j, the name of the job, or %%%%, which is one %%");
		if (p[0] == '%' && *++p == 'j')
			n = snprintf(out + len, PATH_MAX - len, "%s", name);
		else
			n = snprintf(out + len, PATH_MAX - len, "%c", *p);
		if (n < 0 || (size_t)n >= PATH_MAX - len)
			return err_set(e, ERR_USAGE, "it is longer than a path can be");
		len += (size_t)n;
	}
	return 0;
}

static int set_place(struct job *j, const struct key *k, const char *value, struct err *e)
{
	char path[PATH_MAX] = "";

	return expand(value, j->name, path, e) ? -1 : set_path(j, k, path, e);
}

/* An empty one is absent. */
static int put_part(char **field, const char *value, struct err *e)
{
	if (value[0])
		return put_string(field, value, e);
	free(*field);
	*field = NULL;
	return 0;
}

static int set_source(struct job *j, const struct key *k, const char *value, struct err *e)
{
	struct sourcename s;

	if (sourcename_parse(value, &s, e) || set_text(j, k, value, e))
		return -1;
	j->ssh = s.ssh;
	j->port = s.port;
	if (put_part(&j->user, s.user, e) || put_part(&j->host, s.host, e))
		return -1;
	return put_string(&j->path, s.path, e);
}

/* A path that goes to the source. */
static int set_far_path(struct job *j, const struct key *k, const char *value, struct err *e)
{
	return sourcename_check_path(value, e) ? -1 : set_text(j, k, value, e);
}

static int set_command(struct job *j, const struct key *k, const char *value, struct err *e)
{
	return strcmp(value, "era_copy") == 0 ? set_text(j, k, value, e) : set_far_path(j, k, value, e);
}

static int set_cut(struct job *j, const struct key *k, const char *value, struct err *e)
{
	unsigned int i;

	(void)k;
	(void)e;
	if (strcmp(value, "auto") == 0) {
		j->cut = 0;
		return 0;
	}
	for (i = WIRE_CUT_NONE; i <= WIRE_CUT_SNAPSHOT; i++)
		if (strcmp(value, wire_cut_name((uint8_t)i)) == 0) {
			j->cut = (enum wire_cut)i;
			return 0;
		}
	return -1;
}

/* Bytes, or seconds with their s. */
static int set_freeze_limit(struct job *j, const struct key *k, const char *value, struct err *e)
{
	const size_t len = strlen(value);
	char digits[16];
	uint64_t n;

	if (len > 1 && len <= sizeof(digits) && value[len - 1] == 's') {
		memcpy(digits, value, len - 1);
		digits[len - 1] = '\0';
		if (num_parse(digits, k->min, k->max, &n))
			return -1;
	} else if (num_parse_size(value, 0, INT64_MAX, &n)) {
		return -1;
	}
	return set_text(j, k, value, e);
}

/* One of two words; the second is `true`. */
static int set_choice(bool *field, const char *value, const char *no, const char *yes)
{
	*field = strcmp(value, yes) == 0;
	return *field || strcmp(value, no) == 0 ? 0 : -1;
}

static int set_compress(struct job *j, const struct key *k, const char *value, struct err *e)
{
	(void)k;
	(void)e;
	return set_choice(&j->plain, value, "zstd", "none");
}

static int set_host_key(struct job *j, const struct key *k, const char *value, struct err *e)
{
	(void)k;
	(void)e;
	return set_choice(&j->accept_new, value, "strict", "accept-new");
}

static int set_rate(struct job *j, const struct key *k, const char *value, struct err *e)
{
	(void)e;
	return num_parse_size(value, k->min, k->max, &j->limit_rate);
}

static int set_ionice(struct job *j, const struct key *k, const char *value, struct err *e)
{
	(void)k;
	(void)e;
	return prio_take_io(&j->prio, value);
}

static int set_level(struct job *j, const struct key *k, const char *value, struct err *e)
{
	uint64_t n;

	(void)e;
	if (num_parse(value, k->min, k->max, &n))
		return -1;
	j->level = (int)n;
	return 0;
}

static int set_timeout(struct job *j, const struct key *k, const char *value, struct err *e)
{
	uint64_t seconds;

	(void)e;
	if (when_span(value, &seconds) || seconds < k->min || seconds > k->max)
		return -1;
	j->timeout = (unsigned int)seconds;
	return 0;
}

/* Keys */

#define AT(field) offsetof(struct job, field)
#define KEEP_MAX 1000000
#define COMMAND "a command"
#define COUNT "a number from 0 to 1000000"
#define INTERVAL "a span of time as 12h or 7d, 0 or never"
#define PLACE "an absolute path, in which %j stands for the job"

static const struct key keys[] = {
	{"source", set_source, AT(source), 0, 0, "ssh://[USER@]HOST[:PORT]/PATH, or a path"},
	{"repository", set_place, AT(repository), 0, 0, PLACE},
	{"mirror", set_place, AT(mirror), 0, 0, PLACE},
	{"cut", set_cut, 0, 0, 0, "auto, snapshot, freeze, fence or none"},
	{"cow", set_far_path, AT(cow), 0, 0, "an absolute path"},
	{"freeze-limit", set_freeze_limit, AT(freeze_limit), 1, 3600, "bytes, as 64M, or seconds, as 2s"},
	{"max-passes", set_count, AT(max_passes), 1, WIRE_PASSES_MAX - 1, "a number from 1 to 63"},
	{"freeze-timeout", set_count, AT(freeze_timeout), 1, 3600, "seconds, from 1 to 3600"},
	{"pre-cut", set_text, AT(pre_cut), 0, 0, COMMAND},
	{"post-cut", set_text, AT(post_cut), 0, 0, COMMAND},
	{"hook-timeout", set_count, AT(hook_timeout), 1, DAY, "seconds, from 1 to 86400"},
	{"level", set_level, 0, 1, 19, "a number from 1 to 19"},
	{"compress", set_compress, 0, 0, 0, "zstd or none"},
	{"threads", set_count, AT(threads), 1, 256, "a number from 1 to 256"},
	{"limit-rate", set_rate, 0, 1, INT64_MAX, "bytes a second, as 500K or 50M"},
	{"nice", set_count, AT(prio.nice), 0, PRIO_NICE_MAX, "a number from 0 to 19"},
	{"ionice", set_ionice, 0, 0, 0, PRIO_IO_WORDS},
	{"keep-last", set_count, AT(keep.last), 0, KEEP_MAX, COUNT},
	{"keep-daily", set_count, AT(keep.daily), 0, KEEP_MAX, COUNT},
	{"keep-weekly", set_count, AT(keep.weekly), 0, KEEP_MAX, COUNT},
	{"keep-monthly", set_count, AT(keep.monthly), 0, KEEP_MAX, COUNT},
	{"keep-yearly", set_count, AT(keep.yearly), 0, KEEP_MAX, COUNT},
	{"prune-interval", set_span, AT(prune_interval), 0, WHEN_NEVER, INTERVAL},
	{"verify-interval", set_span, AT(verify_interval), 0, WHEN_NEVER, INTERVAL},
	{"every", set_span, AT(every), EVERY_MIN, WHEN_NEVER - 1, "a span of time as 12h or 1d, 1m or more"},
	{"identity", set_path, AT(identity), 0, 0, "an absolute path"},
	{"known-hosts", set_path, AT(known_hosts), 0, 0, "an absolute path"},
	{"ssh-config", set_path, AT(ssh_config), 0, 0, "an absolute path"},
	{"host-key", set_host_key, 0, 0, 0, "strict or accept-new"},
	{"timeout", set_timeout, 0, 5, 3600, "a span of time from 5s to 1h"},
	{"command", set_command, AT(command), 0, 0, "era_copy or its absolute path"},
	{"before", set_text, AT(before), 0, 0, COMMAND},
	{"after", set_text, AT(after), 0, 0, COMMAND},
	{"metrics", set_place, AT(metrics), 0, 0, PLACE},
};
#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

_Static_assert(NR_KEYS <= JOB_KEYS_MAX, "a set of keys is 64 bits");

int job_key(const char *name)
{
	size_t i;

	for (i = 0; i < NR_KEYS; i++)
		if (strcmp(name, keys[i].name) == 0)
			return (int)i;
	return -1;
}

const char *job_key_name(unsigned int key)
{
	return key < NR_KEYS ? keys[key].name : NULL;
}

bool job_key_is_shared(unsigned int key)
{
	return key < NR_KEYS && keys[key].set != set_source;
}

int job_set(struct job *j, unsigned int key, const char *value, struct err *e)
{
	const struct key *k = &keys[key];

	if (value[0] == '\0')
		err_set(e, ERR_USAGE, "%s has no value", k->name);
	else if (k->set(j, k, value, e) == 0)
		return 0;
	else if (e->kind == ERR_USAGE)
		err_prefix(e, "%s", k->name);
	else
		err_set(e, ERR_USAGE, "%s cannot be '%.80s'", k->name, value);
	return e->kind == ERR_USAGE ? err_hint(e, "it is %s", k->what) : -1;
}

/* A job */

int job_check_name(const char *name, struct err *e)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (name[0] == '\0')
		return err_set(e, ERR_USAGE, "the name of a job is empty");
	if (name[strspn(name, good)] != '\0')
		return err_set(e, ERR_USAGE, "'%.80s' cannot name a job: a name has letters, digits, - _ and .", name);
	if (name[0] == '-' || name[0] == '.')
		return err_set(e, ERR_USAGE, "'%.80s' cannot name a job: a name does not begin with - or .", name);
	if (strlen(name) > JOB_NAME_MAX)
		return err_set(e, ERR_USAGE, "'%.80s' cannot name a job: a name has %d bytes at most", name, JOB_NAME_MAX);
	return 0;
}

int job_init(struct job *j, const char *name, struct err *e)
{
	memset(j, 0, sizeof(*j));
	j->prune_interval = 7 * 86400;
	j->verify_interval = 7 * DAY;
	j->every = DAY;
	j->timeout = 60;
	return put_string(&j->name, name, e) || put_string(&j->command, "era_copy", e) ? -1 : 0;
}

void job_free(struct job *j)
{
	char **const strings[] = {&j->name,	&j->source,	   &j->user,	    &j->host,	 &j->path,
				  &j->repository, &j->mirror,	   &j->cow,	    &j->freeze_limit, &j->pre_cut,
				  &j->post_cut, &j->identity,	   &j->known_hosts, &j->ssh_config, &j->command,
				  &j->before,	&j->after,	   &j->metrics};
	size_t i;

	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(*strings[i]);
	memset(j, 0, sizeof(*j));
}
