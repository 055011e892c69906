/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/eratab.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/num.h"

#define TIMEOUT_MAX 3600
#define SHOWN_LEN   81 /* of what a person wrote, in a message */

enum { FIELD_NAME = 1, FIELD_DATA, FIELD_META, FIELD_OPTIONS };

static const char form[] = "a line is: NAME DATA-DEVICE META-DEVICE [OPTION,...]";

/* A piece of the file: not ended by a NUL. */
struct piece {
	const char *p;
	size_t len;
};

/* Where the parser is. */
struct place {
	const char *file;
	unsigned int line;
	struct piece rest; /* of the line */
	struct err *e;
};

/* The piece for a message: shortened, and with nothing that a terminal would act on. */
static const char *shown(struct piece s, char buf[SHOWN_LEN])
{
	const size_t n = num_min(s.len, SHOWN_LEN - 1);
	size_t i;

	for (i = 0; i < n; i++)
		buf[i] = (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i];
	buf[n] = '\0';
	if (n < s.len)
		memcpy(buf + n - 3, "...", 3);
	return buf;
}

/* FILE:LINE: what (field N). */
__attribute__((format(printf, 3, 4))) static int wrong(const struct place *at, int field,
						       const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(at->e, ERR_USAGE, "%s:%u: %s (field %d)", at->file, at->line, text, field);
}

static bool is(struct piece s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.p, word, s.len) == 0;
}

static bool begins(struct piece s, const char *word)
{
	return s.len >= strlen(word) && memcmp(s.p, word, strlen(word)) == 0;
}

static bool ends(struct piece s, const char *word)
{
	const size_t n = strlen(word);

	return s.len >= n && memcmp(s.p + s.len - n, word, n) == 0;
}

/* Names */

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("#+-.:=@_", c));
}

/* Why it cannot name a volume, or NULL. */
static const char *name_fault(struct piece s)
{
	size_t i;

	if (s.len == 0)
		return "it is empty";
	for (i = 0; i < s.len; i++)
		if (!name_char(s.p[i]))
			return "a name has letters, digits and # + - . : = @ _";
	if (strchr("-.#", s.p[0]))
		return "a name does not start with - . or #";
	if (s.len >= ERATAB_NAME_LEN)
		return "a name has 100 characters at most";
	if (is(s, "control"))
		return "device-mapper has that for itself";
	if (ends(s, "-orig") || ends(s, "-meta") || ends(s, "-cow") || ends(s, "-snap"))
		return "-orig, -meta, -cow and -snap at the end are for the parts of volumes";
	return NULL;
}

int eratab_check_name(const char *name, struct err *e)
{
	const struct piece s = {name, strlen(name)};
	const char *fault = name_fault(s);
	char buf[SHOWN_LEN];

	if (!fault)
		return 0;
	return err_set(e, ERR_USAGE, "'%s' cannot name a volume: %s", shown(s, buf), fault);
}

/* Options */

static int option_hint(const struct place *at)
{
	return err_hint(at->e,
			"options are noauto, initramfs, discard=off|pass, fallback=linear|fail and "
			"timeout=SECONDS, with commas and without blanks between them");
}

static int set_noauto(struct eratab_entry *n, struct piece value)
{
	(void)value;
	n->noauto = true;
	return 0;
}

static int set_initramfs(struct eratab_entry *n, struct piece value)
{
	(void)value;
	n->initramfs = true;
	return 0;
}

static int set_discard(struct eratab_entry *n, struct piece value)
{
	n->pass_discards = is(value, "pass");
	return n->pass_discards || is(value, "off") ? 0 : -1;
}

static int set_fallback(struct eratab_entry *n, struct piece value)
{
	n->no_fallback = is(value, "fail");
	return n->no_fallback || is(value, "linear") ? 0 : -1;
}

static int set_timeout(struct eratab_entry *n, struct piece value)
{
	char digits[16];
	uint64_t seconds;

	if (ends(value, "s"))
		value.len--;
	if (value.len >= sizeof(digits))
		return -1;
	memcpy(digits, value.p, value.len);
	digits[value.len] = '\0';
	/* A NUL in it would end the number early; the line was searched for those. */
	if (num_parse(digits, 0, TIMEOUT_MAX, &seconds))
		return -1;
	n->timeout = (unsigned int)seconds;
	return 0;
}

static const struct option {
	const char *name;
	const char *values; /* NULL: takes none */
	int (*set)(struct eratab_entry *n, struct piece value);
} options[] = {
	{"noauto", NULL, set_noauto},
	{"initramfs", NULL, set_initramfs},
	{"discard", "discard=off or discard=pass", set_discard},
	{"fallback", "fallback=linear or fallback=fail", set_fallback},
	{"timeout", "timeout=SECONDS, 0 to 3600", set_timeout},
};
#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

static int parse_option(const struct place *at, struct piece word, unsigned int *seen,
			struct eratab_entry *n)
{
	const char *equals = memchr(word.p, '=', word.len);
	const struct piece key = {word.p, equals ? (size_t)(equals - word.p) : word.len};
	const struct piece value = {word.p + key.len + 1, equals ? word.len - key.len - 1 : 0};
	char buf[SHOWN_LEN];
	size_t i;

	for (i = 0; i < NR_OPTIONS && !is(key, options[i].name); i++)
		;
	if (i == NR_OPTIONS) {
		if (word.len == 0)
			wrong(at, FIELD_OPTIONS, "a comma has no option beside it");
		else
			wrong(at, FIELD_OPTIONS, "option '%s' is not known", shown(word, buf));
		return option_hint(at);
	}
	if (*seen & 1u << i)
		return wrong(at, FIELD_OPTIONS, "option '%s' is there twice", options[i].name);
	*seen |= 1u << i;
	if (equals && !options[i].values)
		return wrong(at, FIELD_OPTIONS, "option '%s' takes no value", options[i].name);
	if (options[i].values && (!equals || options[i].set(n, value))) {
		wrong(at, FIELD_OPTIONS, "option '%s' has %s value", shown(word, buf),
		      equals ? "a wrong" : "no");
		return err_hint(at->e, "it is %s", options[i].values);
	}
	return options[i].values ? 0 : options[i].set(n, value);
}

static int parse_options(const struct place *at, struct piece list, struct eratab_entry *n)
{
	unsigned int seen = 0;
	struct piece word;
	const char *comma;

	if (list.len == 0 || is(list, "none") || is(list, "-"))
		return 0;
	for (;;) {
		comma = memchr(list.p, ',', list.len);
		word.p = list.p;
		word.len = comma ? (size_t)(comma - list.p) : list.len;
		if (parse_option(at, word, &seen, n))
			return -1;
		if (!comma)
			return 0;
		list.p += word.len + 1;
		list.len -= word.len + 1;
	}
}

/* Devices */

/* The bytes of "TAG=" at its start, or 0. */
static size_t tag_len(struct piece s)
{
	static const char *const tags[] = {"PARTUUID=", "UUID=", "LABEL=", "PARTLABEL="};
	size_t i;

	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (begins(s, tags[i]))
			return strlen(tags[i]);
	return 0;
}

/* The device without its quotes. */
static int parse_device(const struct place *at, int field, struct piece word,
			char out[ERATAB_DEVICE_LEN])
{
	const size_t tag = tag_len(word);
	struct piece value = {word.p + tag, word.len - tag};
	char buf[SHOWN_LEN];

	if (tag && value.len >= 2 && value.p[0] == '"') {
		value.p++;
		value.len -= 2;
	}
	if (tag ? value.len == 0 : !begins(word, "/dev/") || word.len == strlen("/dev/")) {
		wrong(at, field, "'%s' does not name a device", shown(word, buf));
		return err_hint(at->e, "a device is /dev/..., PARTUUID=..., UUID=..., LABEL=... or "
				       "PARTLABEL=...");
	}
	if (tag + value.len >= ERATAB_DEVICE_LEN)
		return wrong(at, field, "the device has more than %d characters",
			     ERATAB_DEVICE_LEN - 1);
	memcpy(out, word.p, tag);
	memcpy(out + tag, value.p, value.len);
	out[tag + value.len] = '\0';
	return 0;
}

/* Lines */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next field of at->rest. *word is empty where there is none. */
static int next_field(struct place *at, int field, struct piece *word)
{
	struct piece *rest = &at->rest;
	const char *p = rest->p;
	const char *const end = rest->p + rest->len;
	size_t tag;

	while (p < end && is_blank(*p))
		p++;
	if (p < end && *p == '#')
		p = end;
	word->p = p;
	word->len = (size_t)(end - p);
	tag = tag_len(*word);
	if (tag && tag < word->len && p[tag] == '"') {
		p = memchr(p + tag + 1, '"', word->len - tag - 1);
		if (!p || (p + 1 < end && !is_blank(p[1])))
			return wrong(at, field,
				     p ? "something follows the closing quote"
				       : "the closing quote is missing");
		p++;
	}
	while (p < end && !is_blank(*p))
		p++;
	word->len = (size_t)(p - word->p);
	rest->p = p;
	rest->len = (size_t)(end - p);
	return 0;
}

static int missing(const struct place *at, int field)
{
	static const char *const what[] = {"", "name", "data device", "metadata device"};

	wrong(at, field, "the %s is missing", what[field]);
	return err_hint(at->e, "%s", form);
}

/* *n is filled; its name stays empty where the line has no entry. */
static int parse_line(struct place *at, struct eratab_entry *n)
{
	struct piece word;
	const char *fault;
	char buf[SHOWN_LEN];
	int field;

	for (field = FIELD_NAME; field <= FIELD_OPTIONS; field++) {
		if (next_field(at, field, &word))
			return -1;
		if (word.len == 0 && field == FIELD_NAME)
			return 0;
		if (word.len == 0 && field != FIELD_OPTIONS)
			return missing(at, field);
		if (field == FIELD_NAME) {
			fault = name_fault(word);
			if (fault)
				return wrong(at, field, "'%s' cannot name a volume: %s",
					     shown(word, buf), fault);
			memcpy(n->name, word.p, word.len);
		} else if (field == FIELD_OPTIONS) {
			if (parse_options(at, word, n))
				return -1;
		} else if (parse_device(at, field, word, field == FIELD_DATA ? n->data : n->meta)) {
			return -1;
		}
	}
	if (next_field(at, field, &word))
		return -1;
	if (word.len == 0)
		return 0;
	wrong(at, field, "'%s' is one field too many", shown(word, buf));
	return err_hint(at->e, "%s; options have commas and no blanks between them", form);
}

/* What no text file has, and would be taken for part of a name. */
static int check_characters(const struct place *at)
{
	const struct piece s = at->rest;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '\r' && i + 1 == s.len) {
			err_set(at->e, ERR_USAGE, "%s:%u: the line ends in a carriage return",
				at->file, at->line);
			return err_hint(
				at->e,
				"it was saved with the line ends of DOS: sed -i 's/\\r$//' %s",
				at->file);
		}
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return err_set(
				at->e, ERR_USAGE,
				"%s:%u: there is a character 0x%02x, column %zu, which no text has",
				at->file, at->line, (unsigned char)s.p[i], i + 1);
	}
	return 0;
}

/* The whole */

static int check_device(const struct place *at, int field, const char *device,
			const struct eratab_entry *old)
{
	if (strcmp(device, old->data) != 0 && strcmp(device, old->meta) != 0)
		return 0;
	return wrong(at, field, "%s is used on line %u already", device, old->line);
}

static int check_unique(const struct place *at, const struct eratab *t,
			const struct eratab_entry *n)
{
	const struct eratab_entry *old;
	size_t i;

	if (strcmp(n->data, n->meta) == 0)
		return wrong(at, FIELD_META, "data and metadata are the same device, %s", n->meta);
	for (i = 0; i < t->nr; i++) {
		old = &t->entry[i];
		if (strcmp(n->name, old->name) == 0)
			return wrong(at, FIELD_NAME, "the name '%s' is used on line %u already",
				     n->name, old->line);
		if (check_device(at, FIELD_DATA, n->data, old) ||
		    check_device(at, FIELD_META, n->meta, old))
			return -1;
	}
	return 0;
}

static int add_line(struct place *at, struct eratab *t)
{
	struct eratab_entry n = {.timeout = ERATAB_TIMEOUT, .line = at->line};
	struct eratab_entry *grown;

	if (check_characters(at) || parse_line(at, &n))
		return -1;
	if (n.name[0] == '\0')
		return 0;
	if (check_unique(at, t, &n))
		return -1;
	if (t->nr == ERATAB_MAX)
		return err_set(at->e, ERR_USAGE, "%s:%u: there are more than %d volumes", at->file,
			       at->line, ERATAB_MAX);
	grown = realloc(t->entry, (t->nr + 1) * sizeof(n));
	if (!grown)
		return err_sys(at->e, "%s", at->file);
	t->entry = grown;
	t->entry[t->nr++] = n;
	return 0;
}

int eratab_parse_bytes(const char *name, const char *bytes, size_t len, struct eratab *t,
		       struct err *e)
{
	struct place at = {.file = name, .line = 1, .e = e};
	const char *const end = bytes + len;
	const char *p = bytes;
	const char *newline;
	int rc = 0;

	memset(t, 0, sizeof(*t));
	for (; p < end; p = newline + 1, at.line++) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			newline = end;
		at.rest = (struct piece){p, (size_t)(newline - p)};
		if (add_line(&at, t))
			rc = -1;
		if (newline == end)
			break;
	}
	return rc;
}

int eratab_parse(const char *name, const char *text, struct eratab *t, struct err *e)
{
	return eratab_parse_bytes(name, text, strlen(text), t, e);
}

void eratab_free(struct eratab *t)
{
	free(t->entry);
	memset(t, 0, sizeof(*t));
}

const struct eratab_entry *eratab_find(const struct eratab *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (strcmp(t->entry[i].name, name) == 0)
			return &t->entry[i];
	return NULL;
}
