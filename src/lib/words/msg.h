/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * msg: what a person sees on stderr: errors, warnings, one line of progress. Called by programs only;
 * libraries return errors and tick.
 */
#ifndef ERA_WORDS_MSG_H
#define ERA_WORDS_MSG_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "words/err.h"

/* The name before every line. `program` must stay valid. */
void msg_init(const char *program);

/* "era_copy: TEXT", and "  hint: HINT" below where there is one. Returns the exit code. */
int msg_error(const struct err *e);

void msg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line for a person who asked for more. */
void msg_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER, PROGRESS_JSON };

/* "auto", "always", "never", "json". ERR_USAGE for anything else. */
int progress_parse(const char *word, enum progress_mode *mode, struct err *e);

struct progress {
	enum progress_mode mode; /* AUTO is settled by progress_start */
	bool shown;
	struct timespec start;
	struct timespec last;
	uint64_t done; /* as the last tick said */
	uint64_t total;
	uint64_t stream;
};

/* AUTO shows a line on a terminal and nothing elsewhere. */
void progress_start(struct progress *p, enum progress_mode mode);

/* Has the signature of struct tick's fn. Prints a few times a second at the most. */
void progress_tick(void *progress, uint64_t done, uint64_t total, uint64_t stream);

/* Wipe the line, so that what follows stands alone; in JSON, say the last tick once more. */
void progress_end(struct progress *p);

/* Seconds since progress_start. */
double progress_seconds(const struct progress *p);

#endif
