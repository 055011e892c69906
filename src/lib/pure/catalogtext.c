/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/catalogtext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/hash.h"
#include "words/num.h"

#define ull unsigned long long
#define WORDS_MAX 16
#define SUM_LEN 21 /* "sum ", 16 digits, line end */

static const char first_line[] = "era-repository-state 1";

/* Print */

static void print_stream(FILE *f, const char *key, const struct catalog_stream *s)
{
	char id[4][2 * WIRE_ID_LEN + 1];

	num_hex(s->state_id, WIRE_ID_LEN, id[0]);
	num_hex(s->parent_id, WIRE_ID_LEN, id[1]);
	num_hex(s->generation, WIRE_ID_LEN, id[2]);
	num_hex(s->digest, sizeof(s->digest), id[3]);
	fprintf(f, "%s %s %s %s %s %s %s %u %llu %llu %llu %llu %llu %s %s\n", key, s->name, id[0], id[1], id[2],
		wire_cut_name(s->cut), wire_consistency_name(s->consistency), s->passes, (ull)s->era_c, (ull)s->size,
		(ull)s->changed, (ull)s->length, (ull)s->mtime_ns, id[3], s->damaged ? "damaged" : "good");
}

static void print_lines(FILE *f, const struct catalog *c)
{
	char id[2 * WIRE_ID_LEN + 1];
	size_t i;

	num_hex(c->id, WIRE_ID_LEN, id);
	fprintf(f, "%s\nrepository %s\n", first_line, id);
	fprintf(f, "run %llu %llu %llu %llu %llu\n", (ull)c->run_time, (ull)c->run_seconds, (ull)c->run_still_us,
		(ull)c->meta_used, (ull)c->meta_total);
	fprintf(f, "verified %llu %llu\npruned %llu\n", (ull)c->verified, (ull)c->checked, (ull)c->pruned);
	for (i = 0; i < c->nr; i++)
		print_stream(f, "stream", &c->streams[i]);
	if (c->has_adding)
		print_stream(f, "adding", &c->adding);
	if (c->merging[0])
		fprintf(f, "merging %s\n", c->merging);
	for (i = 0; i < c->nr_removing; i++)
		fprintf(f, "removing %s\n", c->removing[i]);
}

char *catalogtext_print(const struct catalog *c, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	if (!f)
		return NULL;
	print_lines(f, c);
	if (fflush(f) == 0)
		fprintf(f, "sum %016llx\n", (ull)hash64(text, *len));
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/* Parse */

struct words {
	unsigned int nr;
	char *word[WORDS_MAX];
	unsigned int next;
	bool bad;
};

static void split(char *line, struct words *w)
{
	memset(w, 0, sizeof(*w));
	for (;;) {
		if (w->nr == WORDS_MAX) {
			w->bad = true;
			return;
		}
		w->word[w->nr++] = line;
		line = strchr(line, ' ');
		if (!line)
			return;
		*line++ = '\0';
	}
}

static const char *word(struct words *w)
{
	if (w->next < w->nr)
		return w->word[w->next++];
	w->bad = true;
	return "";
}

static uint64_t number(struct words *w, uint64_t max)
{
	uint64_t n = 0;

	if (num_parse(word(w), 0, max, &n))
		w->bad = true;
	return n;
}

static void id(struct words *w, uint8_t *out)
{
	if (num_unhex(word(w), out, WIRE_ID_LEN))
		w->bad = true;
}

/* The value from min to max that `name` gives this word. */
static uint8_t named(struct words *w, const char *(*name)(uint8_t), uint8_t min, uint8_t max)
{
	const char *text = word(w);
	uint8_t v;

	for (v = min; v <= max; v++)
		if (strcmp(name(v), text) == 0)
			return v;
	w->bad = true;
	return min;
}

static void take_name(struct words *w, struct catalog_stream *s)
{
	if (catalog_parse_name(word(w), s))
		w->bad = true;
}

static void take_stream(struct words *w, struct catalog_stream *s)
{
	const char *flag;

	memset(s, 0, sizeof(*s));
	take_name(w, s);
	id(w, s->state_id);
	id(w, s->parent_id);
	id(w, s->generation);
	s->cut = named(w, wire_cut_name, WIRE_CUT_NONE, WIRE_CUT_SNAPSHOT);
	s->consistency = named(w, wire_consistency_name, WIRE_CALLERS, WIRE_FS_CONSISTENT);
	s->passes = (uint32_t)number(w, WIRE_PASSES_MAX);
	s->era_c = number(w, UINT32_MAX);
	s->size = number(w, WIRE_SIZE_MAX);
	s->changed = number(w, UINT64_MAX);
	s->length = number(w, INT64_MAX);
	s->mtime_ns = number(w, UINT64_MAX);
	id(w, s->digest);
	flag = word(w);
	s->damaged = strcmp(flag, "damaged") == 0;
	if (!s->damaged && strcmp(flag, "good") != 0)
		w->bad = true;
	s->merged = !wire_id_same(s->stream_id, s->state_id);
}

static int take_removing(struct words *w, struct catalog *c)
{
	char (*more)[CATALOG_NAME_LEN] = reallocarray(c->removing, c->nr_removing + 1, sizeof(*more));
	struct catalog_stream s;

	if (!more)
		return -1;
	c->removing = more;
	take_name(w, &s);
	memcpy(c->removing[c->nr_removing++], s.name, CATALOG_NAME_LEN);
	return 0;
}

static int take_line(struct words *w, struct catalog *c, struct err *e)
{
	const char *key = word(w);
	struct catalog_stream s;

	if (strcmp(key, "repository") == 0) {
		id(w, c->id);
	} else if (strcmp(key, "run") == 0) {
		c->run_time = number(w, INT64_MAX);
		c->run_seconds = number(w, INT64_MAX);
		c->run_still_us = number(w, INT64_MAX);
		c->meta_used = number(w, INT64_MAX);
		c->meta_total = number(w, INT64_MAX);
	} else if (strcmp(key, "verified") == 0) {
		c->verified = number(w, INT64_MAX);
		c->checked = number(w, INT64_MAX);
	} else if (strcmp(key, "pruned") == 0) {
		c->pruned = number(w, INT64_MAX);
	} else if (strcmp(key, "stream") == 0) {
		take_stream(w, &s);
		if (!w->bad)
			return catalog_append(c, &s, e);
	} else if (strcmp(key, "adding") == 0) {
		take_stream(w, &c->adding);
		c->has_adding = true;
	} else if (strcmp(key, "merging") == 0) {
		take_name(w, &s);
		memcpy(c->merging, s.name, sizeof(c->merging));
	} else if (strcmp(key, "removing") != 0 || take_removing(w, c)) {
		return -1;
	}
	return 0;
}

static int parse_lines(char *text, struct catalog *c, struct err *e)
{
	struct words w;
	char *line;

	line = strsep(&text, "\n");
	if (!line || strcmp(line, first_line) != 0)
		return -1;
	while ((line = strsep(&text, "\n")) && *line) {
		split(line, &w);
		if (take_line(&w, c, e) || w.bad || w.next != w.nr)
			return -1;
	}
	return wire_id_is_zero(c->id) ? -1 : 0;
}

static int malformed(struct err *e)
{
	const struct err why = *e;

	err_clear(e);
	err_set(e, ERR_CORRUPT, "%s", why.kind ? why.text : "a line of it makes no sense, or its sum is wrong");
	return err_prefix(e, "is not the state of a repository, or was damaged");
}

int catalogtext_parse(const char *text, struct catalog *c, struct err *e)
{
	const size_t len = strlen(text);
	char sum[SUM_LEN + 1];
	char *copy;
	int rc;

	catalog_init(c);
	if (len < SUM_LEN)
		return malformed(e);
	snprintf(sum, sizeof(sum), "sum %016llx\n", (ull)hash64(text, len - SUM_LEN));
	if (strcmp(text + len - SUM_LEN, sum) != 0)
		return malformed(e);
	copy = strndup(text, len - SUM_LEN);
	if (!copy)
		return err_set(e, ERR_RUNTIME, "no memory for the state of a repository");
	rc = parse_lines(copy, c, e);
	free(copy);
	return rc ? malformed(e) : 0;
}
