/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * when: moments and spans of time as people write and read them.
 *
 * Local time, unless a word says its zone. The moment "now" is an argument, so that an answer depends on nothing but
 * what is given (and the zone of the process).
 */
#ifndef ERA_WORDS_WHEN_H
#define ERA_WORDS_WHEN_H

#include <stdint.h>
#include <time.h>

#include "words/err.h"

#define WHEN_LEN 48
#define WHEN_NEVER UINT64_MAX /* a span that does not end */

/*
 * "now", "today", "yesterday", "2026-11-20" (each day: its last second), "2026-11-20T03:00", "2026-11-20 03:00:05",
 * with "Z" or "+01:00" behind it where it says its zone, "03:00" of today, "yesterday 14:00", "3h ago", "2 days ago",
 * "@1763600000". A minute without seconds is its last second, so that a point made within it is not younger; of two
 * moments that the clock shows the same it is the later. What when_rfc3339 prints is read back as the same moment, and so
 * is what when_print prints where the zone's name tells the two apart. In a distance a day is 24 hours. ERR_USAGE for all else, for days that no calendar has, and for times over
 * which the clock was put forward.
 */
int when_parse(const char *word, time_t now, time_t *t, struct err *e);

/* "2026-11-20 03:00:05 CET". Returns buf. */
const char *when_print(time_t t, char buf[WHEN_LEN]);

/* RFC 3339, for JSON: "2026-11-20T03:00:05+01:00". Returns buf. */
const char *when_rfc3339(time_t t, char buf[WHEN_LEN]);

/* For names of files: "20261120T020005Z", UTC. Returns buf. */
const char *when_utc(time_t t, char buf[WHEN_LEN]);

/* Two units at most: "45 s", "3 min", "5 h 12 min", "3 d 4 h". A negative age is "0 s". Returns buf. */
const char *when_age(int64_t seconds, char buf[WHEN_LEN]);

/*
 * A number with s, m, h, d or w; "0"; "never" is WHEN_NEVER. Seconds, else less than 2^40, so that a sum with a time
 * does not overflow. 0, or -1 and *seconds is left alone.
 */
int when_span(const char *word, uint64_t *seconds);

#endif
