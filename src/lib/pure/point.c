/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/point.h"

#include <string.h>

#include "words/num.h"
#include "words/when.h"

#define ID_WORD_MIN 4

const char *point_id(const struct catalog_stream *s, char buf[POINT_ID_LEN])
{
	num_hex(s->state_id, (POINT_ID_LEN - 1) / 2, buf);
	return buf;
}

/* How many points have an id that begins so; the last of them in *i. */
static unsigned int by_id(const struct catalog *c, const char *word, size_t *i)
{
	const size_t len = strlen(word);
	char id[2 * WIRE_ID_LEN + 1];
	unsigned int found = 0;
	size_t k;

	if (len < ID_WORD_MIN || strspn(word, "0123456789abcdef") != len)
		return 0;
	for (k = 0; k < c->nr; k++) {
		num_hex(c->streams[k].state_id, WIRE_ID_LEN, id);
		if (strncmp(id, word, len) != 0)
			continue;
		found++;
		*i = k;
	}
	return found;
}

/* The youngest that is not younger; of equals the later one. */
static bool by_time(const struct catalog *c, time_t t, size_t *i)
{
	bool found = false;
	size_t k;

	for (k = 0; k < c->nr; k++) {
		if ((time_t)c->streams[k].time > t || (found && c->streams[k].time < c->streams[*i].time))
			continue;
		found = true;
		*i = k;
	}
	return found;
}

int point_find(const struct catalog *c, const char *word, time_t now, size_t *i, struct err *e)
{
	char when[WHEN_LEN];
	unsigned int found;
	time_t t;

	if (c->nr == 0)
		return err_set(e, ERR_USAGE, "there is no restore point yet");
	if (strcmp(word, "latest") == 0) {
		*i = c->nr - 1;
		return 0;
	}
	found = by_id(c, word, i);
	if (found == 1)
		return 0;
	if (found > 1)
		return err_set(e, ERR_USAGE, "'%s' begins the ids of %u restore points", word, found);
	if (when_parse(word, now, &t, e)) {
		err_clear(e);
		err_set(e, ERR_USAGE, "'%.80s' is neither the beginning of a restore point's id nor a time", word);
		return err_hint(e, "erabackup list shows the points; times are as 2026-11-20T03:00 or yesterday");
	}
	if (by_time(c, t, i))
		return 0;
	err_set(e, ERR_USAGE, "there is no restore point of %s or before", when_print(t, when));
	return err_hint(e, "the oldest is of %s", when_print((time_t)c->streams[0].time, when));
}

/* The youngest before i that may be restored without a word. */
static void hint_older(const struct catalog *c, size_t i, const char *or, struct err *e)
{
	char when[WHEN_LEN];
	char id[POINT_ID_LEN];

	while (i > 0) {
		i--;
		if (!catalog_good(c, i))
			continue;
		err_hint(e, "--at %s, of %s, can be restored%s", point_id(&c->streams[i], id),
			 when_print((time_t)c->streams[i].time, when), or);
		return;
	}
	err_hint(e, "there is no older one that can be restored%s", or);
}

int point_check(const struct catalog *c, size_t i, bool allow_inconsistent, struct err *e)
{
	const struct catalog_stream *s = &c->streams[i];
	char when[WHEN_LEN];
	char id[POINT_ID_LEN];
	size_t k;

	if (!catalog_restorable(c, i)) {
		for (k = i; !c->streams[k].damaged; k--)
			;
		err_set(e, ERR_CORRUPT, "the point %s of %s builds on %s, which is damaged", point_id(s, id),
			when_print((time_t)s->time, when), c->streams[k].name);
		hint_older(c, k, "", e);
		return -1;
	}
	if (catalog_consistent(s) || allow_inconsistent)
		return 0;
	err_set(e, ERR_USAGE, "the point %s of %s was copied from a live device (cut %s): blocks of it may be torn",
		point_id(s, id), when_print((time_t)s->time, when), wire_cut_name(s->cut));
	hint_older(c, i, "; or use --allow-inconsistent", e);
	return -1;
}
