/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/retention.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400

static const struct {
	unsigned int why;
	const char *word;
} words[] = {
	{RETENTION_LAST, "last"},     {RETENTION_DAILY, "daily"},   {RETENTION_WEEKLY, "weekly"},
	{RETENTION_MONTHLY, "monthly"}, {RETENTION_YEARLY, "yearly"}, {RETENTION_HEAD, "head"},
};

/* The number of a point's period: more for a later one. */
typedef int64_t period_fn(const struct tm *tm, int64_t day);

static int64_t day_of(const struct tm *tm, int64_t day)
{
	(void)tm;
	return day;
}

/* Day 0 was a Thursday; the Monday before it began week 0. */
static int64_t week_of(const struct tm *tm, int64_t day)
{
	(void)tm;
	return (day + 3) / 7;
}

static int64_t month_of(const struct tm *tm, int64_t day)
{
	(void)day;
	return tm->tm_year * INT64_C(12) + tm->tm_mon;
}

static int64_t year_of(const struct tm *tm, int64_t day)
{
	(void)day;
	return tm->tm_year;
}

static int64_t period(time_t t, period_fn *fn)
{
	struct tm tm = {0};

	/* Only years that no int can count make it fail: all of them are one period. */
	if (!localtime_r(&t, &tm))
		return INT64_MAX;
	return fn(&tm, (t + tm.tm_gmtoff) / DAY);
}

/*
 * The newest point of each of the newest nr periods. Back in time a period never becomes a later one: where the clock
 * was put back over midnight, what came before that belongs to the day that it was put back to.
 */
static void keep_periods(unsigned int nr, period_fn *fn, unsigned int flag, const time_t *times, size_t n,
			 unsigned int *why)
{
	int64_t last = 0;
	int64_t now;
	size_t i;

	for (i = n; i > 0 && nr > 0; i--) {
		now = period(times[i - 1], fn);
		if (i < n && now >= last)
			continue;
		last = now;
		why[i - 1] |= flag;
		nr--;
	}
}

bool retention_is_set(const struct retention *r)
{
	return r->last || r->daily || r->weekly || r->monthly || r->yearly;
}

void retention_apply(const struct retention *r, const time_t *times, size_t nr, unsigned int *why)
{
	const bool all = !retention_is_set(r);
	size_t i;

	for (i = 0; i < nr; i++)
		why[i] = all || nr - i <= r->last ? RETENTION_LAST : 0;
	keep_periods(r->daily, day_of, RETENTION_DAILY, times, nr, why);
	keep_periods(r->weekly, week_of, RETENTION_WEEKLY, times, nr, why);
	keep_periods(r->monthly, month_of, RETENTION_MONTHLY, times, nr, why);
	keep_periods(r->yearly, year_of, RETENTION_YEARLY, times, nr, why);
}

const char *retention_words(unsigned int why, char buf[RETENTION_WORDS_LEN])
{
	size_t len = 0;
	size_t i;

	buf[0] = '\0';
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (why & words[i].why)
			len += (size_t)snprintf(buf + len, RETENTION_WORDS_LEN - len, "%s%s", len ? ", " : "",
						words[i].word);
	return buf;
}
