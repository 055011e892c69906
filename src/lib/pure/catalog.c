/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "words/num.h"
#include "words/when.h"

void catalog_init(struct catalog *c)
{
	memset(c, 0, sizeof(*c));
}

void catalog_free(struct catalog *c)
{
	free(c->streams);
	free(c->removing);
	catalog_init(c);
}

void catalog_name(struct catalog_stream *s)
{
	char when[WHEN_LEN];
	char id[2 * WIRE_ID_LEN + 1];

	num_hex(s->stream_id, WIRE_ID_LEN, id);
	snprintf(s->name, sizeof(s->name), "%.16s-%s-%s.era", when_utc((time_t)s->time, when),
		 s->kind == WIRE_FULL ? "full" : "incr", id);
}

/* 20261120T020005Z */
static int parse_time(const char *text, uint64_t *t)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &tm);
	time_t at;

	if (!end || *end != '-')
		return -1;
	at = timegm(&tm);
	*t = (uint64_t)at;
	return at < 0 ? -1 : 0;
}

int catalog_parse_name(const char *name, struct catalog_stream *s)
{
	char hex[2 * WIRE_ID_LEN + 1] = "";
	char kind[5] = "";

	if (strlen(name) >= sizeof(s->name) || parse_time(name, &s->time) ||
	    sscanf(name, "%*16s-%4[a-z]-%32[0-9a-f].era", kind, hex) != 2 || num_unhex(hex, s->stream_id, WIRE_ID_LEN))
		return -1;
	s->kind = strcmp(kind, "full") == 0 ? WIRE_FULL : WIRE_INCREMENTAL;
	catalog_name(s);
	return strcmp(s->name, name) == 0 ? 0 : -1;
}

void catalog_describe(const struct wire_head *h, const struct wire_end *d, uint64_t length, struct catalog_stream *s)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->stream_id, h->stream_id, WIRE_ID_LEN);
	memcpy(s->state_id, h->state_id, WIRE_ID_LEN);
	memcpy(s->parent_id, h->parent_id, WIRE_ID_LEN);
	memcpy(s->generation, h->generation, WIRE_ID_LEN);
	memcpy(s->digest, d->digest, sizeof(s->digest));
	s->kind = h->kind;
	s->cut = h->cut;
	s->consistency = d->consistency;
	s->merged = !wire_id_same(h->stream_id, h->state_id);
	s->passes = d->passes;
	s->era_c = d->era_c;
	s->time = h->time;
	s->size = h->size;
	s->length = length;
	s->changed = d->data_bytes + d->zero_bytes;
	catalog_name(s);
}

/* May `s` stand behind `before`? NULL: it is the first. */
static int follows(const struct catalog_stream *before, const struct catalog_stream *s, struct err *e)
{
	if (s->kind == WIRE_FULL)
		return 0;
	if (s->kind != WIRE_INCREMENTAL)
		return err_set(e, ERR_IDENTITY, "%s: a chain is made of fulls and incrementals", s->name);
	if (!before)
		return err_set(e, ERR_IDENTITY, "%s: is an incremental, and there is nothing before it", s->name);
	if (!wire_id_same(before->state_id, s->parent_id) || !wire_id_same(before->generation, s->generation) ||
	    before->size > s->size)
		return err_set(e, ERR_IDENTITY, "%s: does not start where %s ends", s->name, before->name);
	return 0;
}

int catalog_takes(const struct catalog *c, const struct catalog_stream *s, struct err *e)
{
	size_t i;

	if (c->nr >= CATALOG_STREAMS_MAX) {
		err_set(e, ERR_RUNTIME, "the repository has %zu streams and takes no more", c->nr);
		return err_hint(e, "prune it: keep-last and others in erabackup.conf(5)");
	}
	for (i = 0; i < c->nr_removing && strcmp(c->removing[i], s->name) != 0; i++)
		;
	if (i < c->nr_removing || catalog_by_name(c, s->name) < c->nr || catalog_by_state(c, s->state_id) < c->nr)
		return err_set(e, ERR_IDENTITY, "%s: is in the repository already", s->name);
	return follows(c->nr ? &c->streams[c->nr - 1] : NULL, s, e);
}

int catalog_append(struct catalog *c, const struct catalog_stream *s, struct err *e)
{
	struct catalog_stream *more;

	if (follows(c->nr ? &c->streams[c->nr - 1] : NULL, s, e))
		return -1;
	more = reallocarray(c->streams, c->nr + 1, sizeof(*more));
	if (!more)
		return err_set(e, ERR_RUNTIME, "no memory for the streams of a repository");
	c->streams = more;
	c->streams[c->nr++] = *s;
	return 0;
}

static int remove_later(struct catalog *c, size_t first, size_t last, struct err *e)
{
	const size_t n = last - first + 1;
	char (*more)[CATALOG_NAME_LEN] = reallocarray(c->removing, c->nr_removing + n, sizeof(*more));
	size_t i;

	if (!more)
		return err_set(e, ERR_RUNTIME, "no memory for the streams of a repository");
	c->removing = more;
	for (i = first; i <= last; i++)
		memcpy(c->removing[c->nr_removing++], c->streams[i].name, CATALOG_NAME_LEN);
	return 0;
}

int catalog_replace(struct catalog *c, size_t first, size_t last, const struct catalog_stream *s, struct err *e)
{
	const size_t behind = c->nr - last - 1;
	const struct catalog_stream *next = behind ? &c->streams[last + 1] : NULL;
	const struct catalog_stream *before = first ? &c->streams[first - 1] : NULL;

	if ((s && follows(before, s, e)) || (next && follows(s ? s : before, next, e)) || remove_later(c, first, last, e))
		return -1;
	if (s)
		c->streams[first++] = *s;
	if (next)
		memmove(&c->streams[first], next, behind * sizeof(*next));
	c->nr = first + behind;
	return 0;
}

void catalog_token(const struct catalog_stream *s, struct token *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->generation, s->generation, WIRE_ID_LEN);
	memcpy(t->id, s->state_id, WIRE_ID_LEN);
	t->era_c = s->era_c;
	t->size = s->size;
}

size_t catalog_chain(const struct catalog *c, size_t i)
{
	while (i > 0 && c->streams[i].kind != WIRE_FULL)
		i--;
	return i;
}

size_t catalog_chain_end(const struct catalog *c, size_t i)
{
	for (i++; i < c->nr && c->streams[i].kind != WIRE_FULL; i++)
		;
	return i;
}

bool catalog_restorable(const struct catalog *c, size_t i)
{
	const size_t first = catalog_chain(c, i);

	while (!c->streams[i].damaged && i > first)
		i--;
	return !c->streams[i].damaged;
}

bool catalog_consistent(const struct catalog_stream *s)
{
	return s->consistency != WIRE_CONVERGING;
}

bool catalog_good(const struct catalog *c, size_t i)
{
	return catalog_consistent(&c->streams[i]) && catalog_restorable(c, i);
}

void catalog_sum(const struct catalog *c, struct catalog_sum *sum)
{
	size_t i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < c->nr; i++) {
		sum->bytes += c->streams[i].length;
		sum->points += catalog_good(c, i);
		sum->chains += c->streams[i].kind == WIRE_FULL;
		sum->damaged += c->streams[i].damaged;
	}
}

size_t catalog_by_name(const struct catalog *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nr && strcmp(c->streams[i].name, name) != 0; i++)
		;
	return i;
}

size_t catalog_by_state(const struct catalog *c, const uint8_t id[WIRE_ID_LEN])
{
	size_t i;

	for (i = 0; i < c->nr && !wire_id_same(c->streams[i].state_id, id); i++)
		;
	return i;
}
