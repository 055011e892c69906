/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * request: the command lines that erabackup sends to a source, and that a restricted key accepts.
 *
 *	era_copy --from TOKEN [--cut=KIND] [...] DEVICE           a stream
 *	era_copy --estimate --json --from TOKEN DEVICE            how much it would be
 *
 * One text for one request: one blank between words, and options in the order
 *
 *	--from TOKEN --cut=KIND --cow=DEVICE --freeze-limit=N --max-passes=N --freeze-timeout=SECONDS
 *	--level=N --compress=none --threads=N --limit-rate=BYTES --nice=N --ionice=CLASS
 *
 * of which all but the first may be absent. A full is `--from full`. Numbers are decimal, without signs, units or
 * zeros in front; only N of --freeze-limit may be seconds: `2s`. CLASS is `idle`, or `best-effort:` and one digit, 0 to 7. There are
 * no quotes.
 *
 * So a text is accepted if, and only if, printing what was parsed gives the same text again. Nothing in it needs
 * quoting in a shell, and nothing in it is ever given to one by era_copy. Bounds of numbers, and which options go
 * with which, are era_copy's to check.
 */
#ifndef ERA_PURE_REQUEST_H
#define ERA_PURE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/token.h"
#include "pure/wire.h"
#include "words/err.h"
#include "words/prio.h"

#define REQUEST_LEN 4096
#define REQUEST_WORDS_MAX 32

/* Strings are the caller's. NULL, 0: not said. */
struct request {
	const char *command; /* "era_copy", or an absolute path; of an accepted text one that ends in /era_copy */
	bool estimate;	     /* all but token and device are left out: nothing will be copied */
	struct token token;
	enum wire_cut cut;
	const char *cow;
	const char *freeze_limit; /* "64M", "2s"; printed in bytes or seconds */
	unsigned int max_passes;
	unsigned int freeze_timeout;
	int level; /* not below 0 */
	bool plain;
	unsigned int threads;
	uint64_t limit_rate;
	struct prio prio;
	/* Only where the source's key is not restricted: quoted for a shell, never accepted by request_parse. */
	const char *pre_cut;
	const char *post_cut;
	unsigned int hook_timeout;
	const char *device;
};

/*
 * Is every byte of the path one that no shell takes for something else: letters, digits and / . _ + : @ % = - ?
 * Absolute, ends in a name, no "//", no part "." or "..".
 */
bool request_path_ok(const char *path);

/* ERR_USAGE where something does not fit, or has bytes that would need quoting. */
int request_print(const struct request *r, char text[REQUEST_LEN], struct err *e);

/*
 * The words of an acceptable text: words[0] is the command, words[*nr - 1] the device, words[*nr] NULL; they lie in
 * `room`. *r points into it too. ERR_USAGE, and nothing more is told: who sends something else is not to be helped.
 */
int request_parse(const char *text, char room[REQUEST_LEN], char *words[REQUEST_WORDS_MAX + 1], unsigned int *nr,
		  struct request *r, struct err *e);

#endif
