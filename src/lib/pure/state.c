/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/state.h"

#include <stdio.h>
#include <string.h>

#include "words/hash.h"
#include "words/num.h"

static const char first_line[] = "era-state 1\n";

size_t state_print(const struct state *s, char text[STATE_TEXT_MAX])
{
	char word[TOKEN_LEN];
	char hex[33];
	size_t n;

	n = (size_t)sprintf(text, "%sat %s\n", first_line, token_print(&s->at, word));
	if (s->applying) {
		num_hex(s->stream_id, WIRE_ID_LEN, hex);
		n += (size_t)sprintf(text + n, "applying %s %s %s\n", wire_kind_name(s->kind),
				     token_print(&s->next, word), hex);
	} else if (!s->at.full) {
		num_hex(s->fingerprint, sizeof(s->fingerprint), hex);
		n += (size_t)sprintf(text + n, "fingerprint %s\n", hex);
	}
	n += (size_t)sprintf(text + n, "sum %016llx\n", (unsigned long long)hash64(text, n));
	return n;
}

static int malformed(struct err *e)
{
	err_clear(e);
	return err_set(e, ERR_CORRUPT, "is not a state file of era_apply, or was damaged");
}

/* The word between a line's key and the next blank or line end, copied; moves *p behind it. */
static int next_word(const char **p, char word[TOKEN_LEN])
{
	const size_t n = strcspn(*p, " \n");

	if (n == 0 || n >= TOKEN_LEN)
		return -1;
	memcpy(word, *p, n);
	word[n] = '\0';
	*p += n;
	return 0;
}

/* Move *p behind `what`, or -1. */
static int expect(const char **p, const char *what)
{
	const size_t n = strlen(what);

	if (strncmp(*p, what, n) != 0)
		return -1;
	*p += n;
	return 0;
}

static int parse_applying(const char **p, struct state *s, struct err *e)
{
	char word[TOKEN_LEN];

	if (next_word(p, word))
		return -1;
	for (s->kind = WIRE_FULL; s->kind <= WIRE_REVERSE; s->kind++)
		if (strcmp(word, wire_kind_name(s->kind)) == 0)
			break;
	if (s->kind > WIRE_REVERSE || expect(p, " ") || next_word(p, word) ||
	    token_parse(word, &s->next, e))
		return -1;
	if (expect(p, " ") || next_word(p, word) || num_unhex(word, s->stream_id, WIRE_ID_LEN))
		return -1;
	s->applying = true;
	return expect(p, "\n");
}

static int parse_lines(const char **p, struct state *s, struct err *e)
{
	char word[TOKEN_LEN];

	if (expect(p, first_line) || expect(p, "at ") || next_word(p, word) ||
	    token_parse(word, &s->at, e) || expect(p, "\n"))
		return -1;
	if (expect(p, "applying ") == 0)
		return parse_applying(p, s, e);
	if (s->at.full)
		return 0;
	if (expect(p, "fingerprint ") || next_word(p, word) ||
	    num_unhex(word, s->fingerprint, sizeof(s->fingerprint)))
		return -1;
	return expect(p, "\n");
}

int state_parse(const char *text, struct state *s, struct err *e)
{
	const char *p = text;
	char sum[64];

	memset(s, 0, sizeof(*s));
	if (parse_lines(&p, s, e))
		return malformed(e);
	snprintf(sum, sizeof(sum), "sum %016llx\n",
		 (unsigned long long)hash64(text, (size_t)(p - text)));
	if (strcmp(p, sum) != 0)
		return malformed(e);
	return 0;
}

void state_after(const struct wire_head *h, uint64_t era_c, struct token *t)
{
	memset(t, 0, sizeof(*t));
	if (wire_id_is_zero(h->state_id)) {
		t->full = true;
		return;
	}
	memcpy(t->generation, h->generation, WIRE_ID_LEN);
	memcpy(t->id, h->state_id, WIRE_ID_LEN);
	t->era_c = era_c;
	t->size = h->size;
}

static int need_full(struct err *e)
{
	return err_hint(e, "apply a full stream: era_copy --full DEVICE | era_apply TARGET");
}

/* Is the incremental one that starts at or before `at`? */
static int starts_from(const struct token *at, const struct wire_head *h, struct err *e)
{
	if (at->full) {
		err_set(e, ERR_IDENTITY, "the target holds nothing yet, and the stream is incremental");
		return need_full(e);
	}
	if (!wire_id_same(at->generation, h->generation)) {
		err_set(e, ERR_IDENTITY, "the stream is of another generation than the target: "
					 "another source, or one that lost track in between");
		return need_full(e);
	}
	if (h->parent_size != at->size) {
		err_set(e, ERR_IDENTITY,
			"the stream's parent had %llu bytes, the target's state has %llu",
			(unsigned long long)h->parent_size, (unsigned long long)at->size);
		return need_full(e);
	}
	if (!wire_id_is_zero(h->parent_id) && !wire_id_same(h->parent_id, at->id)) {
		err_set(e, ERR_IDENTITY, "the stream does not start from the target's state");
		return err_hint(e, "streams apply in the order they were made; the next one is "
				   "made with era_copy --from \"$(era_apply --token TARGET)\"");
	}
	/*
	 * Everything since the target's cut must be in. Where the parent is named by its era alone, nothing
	 * else says that the stream is not older than the target.
	 */
	if (h->since <= at->era_c && (!wire_id_is_zero(h->parent_id) ||
				      (at->era_c != 0 && h->era_c >= at->era_c)))
		return 0;
	err_set(e, ERR_IDENTITY, "the stream covers eras %llu to %llu, the target is at era %llu",
		(unsigned long long)h->since, (unsigned long long)h->era_c,
		(unsigned long long)at->era_c);
	return need_full(e);
}

/*
 * Was `next` made after `at`, on a device that had not shrunk? Only then does "changed since `at`" name
 * every block in which the two differ. An incremental is; a full need not be: somebody may go back to
 * an older one.
 */
static bool leads_on(const struct token *at, const struct token *next, uint8_t kind)
{
	return kind != WIRE_REVERSE && !at->full && !next->full &&
	       wire_id_same(at->generation, next->generation) && next->era_c != 0 &&
	       next->era_c >= at->era_c && next->size >= at->size &&
	       (at->era_c != 0 || kind != WIRE_FULL);
}

/*
 * The target is in the middle of `next` over `at`. Every block is of one of the two. An incremental
 * since `at` repairs it if it is younger than `next`: then each block that `next` may have brought
 * either has not changed since, or is in the incremental too. What `next` may have grown is in it as
 * far as it is still there. A half-applied reverse stream leaves blocks of an older state that no
 * incremental names; so does a full older than `at`.
 */
static int repairs(const struct state *s, const struct wire_head *h, struct err *e)
{
	if (leads_on(&s->at, &s->next, s->kind) && h->era_c > s->next.era_c)
		return starts_from(&s->at, h, e);
	err_set(e, ERR_IDENTITY, "the target was left in the middle of another stream");
	return err_hint(e, "apply that stream again, its undo stream, a younger incremental from the "
			   "same parent, or a full");
}

/*
 * Does the reverse stream undo the very stream that is being applied? Another one that leads to the same state, as a
 * merged stream and the last of those it was made of do, may have brought blocks that this one does not take back.
 */
static bool undoes(const struct wire_head *h, const uint8_t stream_id[WIRE_ID_LEN])
{
	uint8_t id[WIRE_ID_LEN];

	if (!h->field[WIRE_UNDOES][0])
		return wire_id_same(h->parent_id, stream_id);
	return num_unhex(h->field[WIRE_UNDOES], id, WIRE_ID_LEN) == 0 && wire_id_same(id, stream_id);
}

static int accepts_reverse(const struct state *s, const struct wire_head *h, struct err *e)
{
	const struct token *from = s->applying ? &s->next : &s->at;

	if (!from->full && wire_id_same(h->parent_id, from->id) &&
	    (!s->applying || (s->kind != WIRE_REVERSE && undoes(h, s->stream_id))))
		return 0;
	err_set(e, ERR_IDENTITY, "the stream undoes another one than the target's last");
	return err_hint(e, "undo streams apply in the opposite order of the streams they undo");
}

int state_accepts(const struct state *s, const struct wire_head *h, bool *done, struct err *e)
{
	*done = !s->applying && !s->at.full && wire_id_same(s->at.id, h->state_id) &&
		wire_id_same(s->at.generation, h->generation);
	if (*done || h->kind == WIRE_FULL)
		return 0;
	if (s->applying && wire_id_same(s->stream_id, h->stream_id))
		return 0;
	if (h->kind == WIRE_REVERSE)
		return accepts_reverse(s, h, e);
	if (s->applying)
		return repairs(s, h, e);
	return starts_from(&s->at, h, e);
}

void state_begin(struct state *s, const struct wire_head *h)
{
	const bool again = s->applying && wire_id_same(s->stream_id, h->stream_id);
	const uint64_t reached = s->next.era_c;

	state_after(h, h->era_c, &s->next);
	/* What an earlier attempt brought may be of a later pass than the first. */
	if (again && reached > s->next.era_c)
		s->next.era_c = reached;
	/*
	 * A full over a mixture, or over something that it does not lead on from: if it too is left in the
	 * middle, nothing but it or another full helps, and the token must say so.
	 */
	if (!again && h->kind == WIRE_FULL && (s->applying || !leads_on(&s->at, &s->next, h->kind))) {
		memset(&s->at, 0, sizeof(s->at));
		s->at.full = true;
	}
	s->applying = true;
	s->kind = h->kind;
	memcpy(s->stream_id, h->stream_id, WIRE_ID_LEN);
}

void state_later_pass(struct state *s, uint64_t era_c)
{
	if (era_c > s->next.era_c)
		s->next.era_c = era_c;
}

void state_finish(struct state *s, const struct wire_head *h, uint64_t era_c)
{
	state_after(h, era_c, &s->at);
	s->applying = false;
}
