/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/request.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words/num.h"

#define ull unsigned long long

#define NAME "era_copy"

/* Paths */

/* No help from ctype: what a letter is does not depend on a locale. */
static bool plain_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("/._+:@%=-", c));
}

/* A name between two slashes. */
static bool part_ok(const char *part, size_t len)
{
	return len > 0 && !(len == 1 && part[0] == '.') && !(len == 2 && memcmp(part, "..", 2) == 0);
}

bool request_path_ok(const char *path)
{
	size_t len;

	if (*path != '/')
		return false;
	while (*path == '/') {
		path++;
		len = strcspn(path, "/");
		if (!part_ok(path, len))
			return false;
		for (; len > 0; len--, path++)
			if (!plain_byte(*path))
				return false;
	}
	return true;
}

/* Print */

struct text {
	char *buf;
	size_t len;
	bool full; /* something did not fit */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	const size_t room = REQUEST_LEN - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		t->full = true;
	else
		t->len += (size_t)n;
}

static void put_number(struct text *t, const char *option, uint64_t n)
{
	if (n > 0)
		put(t, " --%s=%llu", option, (ull)n);
}

static int put_path(struct text *t, const char *before, const char *path, const char *what, struct err *e)
{
	if (!request_path_ok(path)) {
		err_set(e, ERR_USAGE, "%s: '%.200s' is not a path that can be asked for", what, path);
		return err_hint(e, "it begins with /, has no part that is empty, \".\" or \"..\", and is of letters, "
				   "digits and / . _ + : @ %% = -");
	}
	put(t, "%s%s", before, path);
	return 0;
}

static int put_command(struct text *t, const char *command, struct err *e)
{
	if (strcmp(command, NAME) != 0)
		return put_path(t, "", command, "the command", e);
	put(t, "%s", command);
	return 0;
}

/* However it was written: bytes, or seconds. */
static int put_freeze_limit(struct text *t, const char *limit, struct err *e)
{
	const size_t len = strlen(limit);
	char digits[16];
	uint64_t n;

	if (num_parse_size(limit, 0, INT64_MAX, &n) == 0) {
		put(t, " --freeze-limit=%llu", (ull)n);
		return 0;
	}
	if (len > 1 && len <= sizeof(digits) && limit[len - 1] == 's') {
		snprintf(digits, sizeof(digits), "%.*s", (int)len - 1, limit);
		if (num_parse(digits, 1, UINT_MAX, &n) == 0) {
			put(t, " --freeze-limit=%llus", (ull)n);
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "freeze-limit: '%.40s' is not bytes, as 64M, nor seconds, as 2s", limit);
}

/* For a shell: all is itself between single quotes, but the single quote. */
static int put_quoted(struct text *t, const char *option, const char *words, struct err *e)
{
	const char *c;

	if (!words)
		return 0;
	put(t, " --%s='", option);
	for (c = words; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return err_set(e, ERR_USAGE, "%s: a command has no control characters", option);
		if (*c == '\'')
			put(t, "'\\''");
		else
			put(t, "%c", *c);
	}
	put(t, "'");
	return 0;
}

static int put_cut(struct text *t, const struct request *r, struct err *e)
{
	if (r->cut && (r->cut < WIRE_CUT_NONE || r->cut > WIRE_CUT_SNAPSHOT))
		return err_set(e, ERR_USAGE, "the kind of cut %d is unknown", (int)r->cut);
	if (r->cut)
		put(t, " --cut=%s", wire_cut_name((uint8_t)r->cut));
	if (r->cow && put_path(t, " --cow=", r->cow, "cow", e))
		return -1;
	if (r->freeze_limit && put_freeze_limit(t, r->freeze_limit, e))
		return -1;
	put_number(t, "max-passes", r->max_passes);
	put_number(t, "freeze-timeout", r->freeze_timeout);
	return 0;
}

static int put_options(struct text *t, const struct request *r, struct err *e)
{
	char io[PRIO_IO_LEN];

	if (put_cut(t, r, e))
		return -1;
	if (r->level < 0)
		return err_set(e, ERR_USAGE, "level: %d is below 0", r->level);
	put_number(t, "level", (uint64_t)r->level);
	if (r->plain)
		put(t, " --compress=none");
	put_number(t, "threads", r->threads);
	put_number(t, "limit-rate", r->limit_rate);
	put_number(t, "nice", r->prio.nice);
	if (r->prio.io)
		put(t, " --ionice=%s", prio_print_io(&r->prio, io));
	if (put_quoted(t, "pre-cut", r->pre_cut, e) || put_quoted(t, "post-cut", r->post_cut, e))
		return -1;
	put_number(t, "hook-timeout", r->hook_timeout);
	return 0;
}

int request_print(const struct request *r, char text[REQUEST_LEN], struct err *e)
{
	struct text t = {.buf = text};
	struct token same;
	char word[TOKEN_LEN];

	text[0] = '\0';
	if (put_command(&t, r->command, e) || token_parse(token_print(&r->token, word), &same, e))
		return -1;
	put(&t, "%s --from %s", r->estimate ? " --estimate --json" : "", word);
	if (!r->estimate && put_options(&t, r, e))
		return -1;
	if (put_path(&t, " ", r->device, "the device", e))
		return -1;
	return t.full ? err_set(e, ERR_USAGE, "the request is longer than %d bytes", REQUEST_LEN - 1) : 0;
}

/*
 * Parse
 *
 * What is read here may be read generously: it is printed and compared at the end.
 */

static int refuse(struct err *e)
{
	return err_set(e, ERR_USAGE, "not a request of erabackup");
}

/* Cut at blanks. */
static int cut_words(char *room, char *words[REQUEST_WORDS_MAX + 1], unsigned int *nr)
{
	char *p = room;

	for (*nr = 0; p && *nr < REQUEST_WORDS_MAX; (*nr)++) {
		words[*nr] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = '\0';
	}
	words[*nr] = NULL;
	return p ? -1 : 0;
}

static int take_count(const char *value, unsigned int *n)
{
	uint64_t v;

	if (num_parse(value, 1, UINT_MAX, &v))
		return -1;
	*n = (unsigned int)v;
	return 0;
}

static int take_cut(const char *value, enum wire_cut *cut)
{
	unsigned int i;

	for (i = WIRE_CUT_NONE; i <= WIRE_CUT_SNAPSHOT; i++)
		if (strcmp(value, wire_cut_name((uint8_t)i)) == 0)
			*cut = (enum wire_cut)i;
	return *cut ? 0 : -1;
}

static int take_level(const char *value, int *level)
{
	uint64_t n;

	if (num_parse(value, 1, INT_MAX, &n))
		return -1;
	*level = (int)n;
	return 0;
}

/* The value of "--OPTION=", where the word is of that option. */
static const char *value_of(const char *word, const char *option)
{
	const size_t len = strlen(option);

	return strncmp(word, "--", 2) == 0 && strncmp(word + 2, option, len) == 0 && word[2 + len] == '='
		       ? word + 2 + len + 1
		       : NULL;
}

static int take_word(struct request *r, const char *word)
{
	const char *v;

	if ((v = value_of(word, "cut")))
		return take_cut(v, &r->cut);
	if ((v = value_of(word, "cow")))
		r->cow = v;
	else if ((v = value_of(word, "freeze-limit")))
		r->freeze_limit = v;
	else if ((v = value_of(word, "max-passes")))
		return take_count(v, &r->max_passes);
	else if ((v = value_of(word, "freeze-timeout")))
		return take_count(v, &r->freeze_timeout);
	else if ((v = value_of(word, "level")))
		return take_level(v, &r->level);
	else if ((v = value_of(word, "threads")))
		return take_count(v, &r->threads);
	else if ((v = value_of(word, "limit-rate")))
		return num_parse(v, 1, UINT64_MAX, &r->limit_rate);
	else if ((v = value_of(word, "nice")))
		return take_count(v, &r->prio.nice);
	else if ((v = value_of(word, "ionice")))
		return prio_take_io(&r->prio, v);
	else if ((v = value_of(word, "compress")))
		r->plain = true;
	else
		return -1;
	return 0;
}

static int take_words(char **words, unsigned int nr, struct request *r, struct err *e)
{
	unsigned int i = 1;

	r->command = words[0];
	r->estimate = nr > 1 && strcmp(words[1], "--estimate") == 0;
	if (r->estimate)
		i += 2;
	/* "--from", its value, and behind all the device. */
	if (nr < i + 3 || token_parse(words[i + 1], &r->token, e))
		return -1;
	for (i += 2; i < nr - 1; i++)
		if (take_word(r, words[i]))
			return -1;
	r->device = words[i];
	return 0;
}

/* Called by our name: what else it is, is nobody's business here. */
static bool our_command(const char *command)
{
	const char *slash = strrchr(command, '/');

	return strcmp(slash ? slash + 1 : command, NAME) == 0;
}

int request_parse(const char *text, char room[REQUEST_LEN], char *words[REQUEST_WORDS_MAX + 1], unsigned int *nr,
		  struct request *r, struct err *e)
{
	const size_t len = strnlen(text, REQUEST_LEN);
	struct err why = {0};
	char again[REQUEST_LEN];

	memset(r, 0, sizeof(*r));
	*nr = 0;
	if (len == REQUEST_LEN)
		return refuse(e);
	memcpy(room, text, len + 1);
	if (cut_words(room, words, nr) || take_words(words, *nr, r, &why) || !our_command(r->command) ||
	    request_print(r, again, &why) || strcmp(again, text) != 0)
		return refuse(e);
	return 0;
}
