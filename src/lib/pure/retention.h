/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retention: which restore points stay.
 *
 * keep-last N keeps the newest N; keep-daily N the newest point of each of the newest N days that have one, by local
 * time; weeks begin on Monday. A point stays if any rule keeps it. With no rule at all, everything stays: each point is
 * one of the last.
 */
#ifndef ERA_PURE_RETENTION_H
#define ERA_PURE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct retention {
	unsigned int last; /* 0 is no rule; so below */
	unsigned int daily;
	unsigned int weekly;
	unsigned int monthly;
	unsigned int yearly;
};

enum retention_why {
	RETENTION_LAST = 1,
	RETENTION_DAILY = 2,
	RETENTION_WEEKLY = 4,
	RETENTION_MONTHLY = 8,
	RETENTION_YEARLY = 16,
	RETENTION_HEAD = 32, /* the caller's: the next incremental starts there */
};

bool retention_is_set(const struct retention *r);

/* times[] of nr points, oldest first; why[i] becomes the rules that keep point i (0: none does). */
void retention_apply(const struct retention *r, const time_t *times, size_t nr, unsigned int *why);

/* "last, weekly"; "" for 0. Returns buf. */
#define RETENTION_WORDS_LEN 80
const char *retention_words(unsigned int why, char buf[RETENTION_WORDS_LEN]);

#endif
