/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state: what a target holds, as kept in TARGET.era.
 *
 *	era-state 1
 *	at TOKEN                     a state the target was at; "full" where it held nothing
 *	fingerprint HEX              of the target's content there; only without "applying"
 *	applying KIND TOKEN STREAM   a stream is being written over it, and TOKEN is where it leads
 *	sum HEX                      XXH3-64 of the lines above
 *
 * With "applying" the content is a mixture, and "at" is what it was before. The text is for people
 * too; the sum catches an edit and a torn copy.
 */
#ifndef ERA_PURE_STATE_H
#define ERA_PURE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pure/token.h"
#include "pure/wire.h"
#include "words/err.h"

struct state {
	struct token at;
	uint8_t fingerprint[16]; /* valid where !applying and !at.full */
	bool applying;
	uint8_t kind;                   /* enum wire_kind of the stream being applied */
	struct token next;              /* what the target will be at; full: none (a reverse) */
	uint8_t stream_id[WIRE_ID_LEN]; /* of the stream being applied */
};

#define STATE_TEXT_MAX 1024

/* Returns the length of the text. */
size_t state_print(const struct state *s, char text[STATE_TEXT_MAX]);

/* ERR_CORRUPT where the text is not one of ours; the caller names the file. */
int state_parse(const char *text, struct state *s, struct err *e);

/* The state after a stream: its token. A reverse stream to nothing gives "full". */
void state_after(const struct wire_head *h, uint64_t era_c, struct token *t);

/*
 * May a stream with this HEAD be applied to a target in this state? The heart of "no wrong mirror":
 * DESIGN's rules, stated in docs/durability.md. ERR_IDENTITY with a hint where not.
 *
 * *done is set where the target is at the stream's result already: nothing is to be written.
 */
int state_accepts(const struct state *s, const struct wire_head *h, bool *done, struct err *e);

/*
 * What to write down before the first write, after state_accepts: the stream is being applied over
 * what was there. And before the first write of a later pass: its C.
 */
void state_begin(struct state *s, const struct wire_head *h);
void state_later_pass(struct state *s, uint64_t era_c);

/* What to write down after the last write, when all is durable; the fingerprint is the caller's. */
void state_finish(struct state *s, const struct wire_head *h, uint64_t era_c);

#endif
