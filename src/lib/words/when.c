/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/num.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define WEEK (7 * DAY)
#define SPAN_END (UINT64_C(1) << 40)
#define TIME_MAX INT64_C(253402300799) /* the last second of 9999 */

/* What a word says. A wall clock's reading is in seconds since 1970 as if it were of UTC. */
struct reading {
	int64_t wall;
	bool dated;	   /* the day is written as a date */
	bool clocked;	   /* a time of day is written */
	bool has_offset;   /* the zone is, too */
	int64_t offset;	   /* seconds east of UTC */
	const char *zone;  /* its name, or NULL */
};

/* Moments of the local clock */

static int64_t local_offset(time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static bool in_zone(time_t t, const char *zone)
{
	struct tm tm;

	return !zone || (localtime_r(&t, &tm) && tm.tm_zone && strcmp(tm.tm_zone, zone) == 0);
}

/*
 * The last moment at which local clocks showed `wall`, -1 where they never did: they were put forward over it. By the
 * offsets of the day before and the day after, because mktime answers anything in both cases.
 */
static int last_moment(int64_t wall, const char *zone, time_t *t)
{
	int64_t near;
	time_t candidate;
	int rc = -1;

	for (near = wall - DAY; near <= wall + DAY; near += 2 * DAY) {
		candidate = (time_t)(wall - local_offset((time_t)near));
		if (candidate + local_offset(candidate) != wall || !in_zone(candidate, zone))
			continue;
		if (rc == 0 && candidate <= *t)
			continue;
		*t = candidate;
		rc = 0;
	}
	return rc;
}

/* Words. Each of these moves *p behind what it took, and leaves it where it took nothing. */

static bool take_word(const char **p, const char *word)
{
	const size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

/* Exactly n digits. */
static bool take_digits(const char **p, unsigned int n, int max, int *v)
{
	int value = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if ((*p)[i] < '0' || (*p)[i] > '9')
			return false;
		value = 10 * value + ((*p)[i] - '0');
	}
	if (value > max)
		return false;
	*p += n;
	*v = value;
	return true;
}

/* "2026-11-20": its first second. -1 where no calendar has it. */
static int take_date(const char **p, int64_t *wall)
{
	struct tm tm = {0}, back;
	time_t t;

	if (!take_digits(p, 4, 9999, &tm.tm_year) || !take_word(p, "-") || !take_digits(p, 2, 12, &tm.tm_mon) ||
	    !take_word(p, "-") || !take_digits(p, 2, 31, &tm.tm_mday) || tm.tm_year < 1970)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	back = tm;
	t = timegm(&back);
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday)
		return -1;
	*wall = t;
	return 0;
}

/* "03:00" is its last second, "03:00:05". */
static bool take_clock(const char **p, int64_t *seconds)
{
	const char *q = *p;
	int h, m, s = 59;

	if (!take_digits(&q, 2, 23, &h) || !take_word(&q, ":") || !take_digits(&q, 2, 59, &m))
		return false;
	if (take_word(&q, ":") && !take_digits(&q, 2, 59, &s))
		return false;
	*p = q;
	*seconds = h * HOUR + m * MINUTE + s;
	return true;
}

/* "Z", "+01:00", " CET". */
static bool take_zone(const char **p, struct reading *r)
{
	const int sign = **p == '-' ? -1 : 1;
	int h, m;

	if (take_word(p, "Z")) {
		r->has_offset = true;
	} else if (take_word(p, "+") || take_word(p, "-")) {
		if (!take_digits(p, 2, 23, &h) || !take_word(p, ":") || !take_digits(p, 2, 59, &m))
			return false;
		r->has_offset = true;
		r->offset = sign * (h * HOUR + m * MINUTE);
	} else if (take_word(p, " ")) {
		r->zone = *p;
		r->has_offset = strcmp(r->zone, "UTC") == 0;
		*p += strlen(*p);
	}
	return true;
}

/* The day, as its first second. */
static int take_day(const char **p, int64_t today, struct reading *r)
{
	r->wall = today;
	if (take_word(p, "today"))
		return 0;
	if (take_word(p, "yesterday")) {
		r->wall = today - DAY;
		return 0;
	}
	r->dated = true;
	return take_date(p, &r->wall);
}

static int take_reading(const char *word, int64_t today, struct reading *r)
{
	const char *p = word;
	int64_t seconds = 0;

	r->wall = today;
	if (!take_clock(&p, &seconds)) {
		if (take_day(&p, today, r))
			return -1;
		r->clocked = take_word(&p, " ") || (r->dated && take_word(&p, "T"));
		if (!r->clocked)
			seconds = DAY - 1;
		else if (!take_clock(&p, &seconds))
			return -1;
		if (r->clocked && r->dated && !take_zone(&p, r))
			return -1;
	}
	r->wall += seconds;
	return *p == '\0' ? 0 : -1;
}

/* Distances */

static const struct unit {
	const char *letter, *one, *many;
	unsigned int seconds;
} units[] = {
	{"s", "second", "seconds", 1},	{"m", "minute", "minutes", MINUTE}, {"h", "hour", "hours", HOUR},
	{"d", "day", "days", DAY},	{"w", "week", "weeks", WEEK},	    {"min", "min", "min", MINUTE},
};

static int parse_number(const char **p, uint64_t *n)
{
	const size_t len = strspn(*p, "0123456789");
	char digits[24];

	if (len >= sizeof(digits))
		return -1;
	memcpy(digits, *p, len);
	digits[len] = '\0';
	*p += len;
	return num_parse(digits, 0, UINT64_MAX, n);
}

static int times(uint64_t n, unsigned int unit_seconds, uint64_t *seconds)
{
	uint64_t product;

	if (num_mul(n, unit_seconds, &product) || product >= SPAN_END)
		return -1;
	*seconds = product;
	return 0;
}

/* "3h ago", "2 days ago" */
static int parse_ago(const char *word, uint64_t *seconds)
{
	char unit[16];
	uint64_t n;
	size_t len, i;

	if (parse_number(&word, &n))
		return -1;
	take_word(&word, " ");
	len = strcspn(word, " ");
	if (len >= sizeof(unit) || strcmp(word + len, " ago") != 0)
		return -1;
	memcpy(unit, word, len);
	unit[len] = '\0';
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].letter) == 0 || strcmp(unit, units[i].one) == 0 ||
		    strcmp(unit, units[i].many) == 0)
			return times(n, units[i].seconds, seconds);
	return -1;
}

int when_span(const char *word, uint64_t *seconds)
{
	uint64_t n;
	size_t i;

	if (strcmp(word, "never") == 0) {
		*seconds = WHEN_NEVER;
		return 0;
	}
	if (parse_number(&word, &n))
		return -1;
	if (n == 0 && *word == '\0') {
		*seconds = 0;
		return 0;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]) && units[i].letter[1] == '\0'; i++)
		if (strcmp(word, units[i].letter) == 0)
			return times(n, units[i].seconds, seconds);
	return -1;
}

/* The whole */

static int no_time(const char *word, struct err *e)
{
	err_set(e, ERR_USAGE, "'%.40s' is no time", word);
	return err_hint(e, "a time is 2026-11-20, 2026-11-20T03:00, 03:00, today, yesterday, 'yesterday 14:00', '3h ago', "
			   "'2 days ago', now or @SECONDS");
}

static int parse_wall(const char *word, time_t now, time_t *t, struct err *e)
{
	const int64_t clock = now + local_offset(now);
	struct reading r = {0};

	if (take_reading(word, clock - clock % DAY, &r))
		return no_time(word, e);
	if (r.has_offset) {
		*t = (time_t)(r.wall - r.offset);
		return 0;
	}
	if (last_moment(r.wall, r.zone, t) == 0)
		return 0;
	if (r.zone) {
		err_set(e, ERR_USAGE, "'%.40s': no clock here showed that in %.20s", word, r.zone);
		return err_hint(e, "zones are Z, UTC, +01:00, or the name that this machine has for its own at that time");
	}
	err_set(e, ERR_USAGE, "'%.40s' is no time: the clocks here were put forward over it", word);
	return err_hint(e, "name a time before or after it, or its zone, as 2026-11-20T02:30Z");
}

int when_parse(const char *word, time_t now, time_t *t, struct err *e)
{
	uint64_t n;

	if (strcmp(word, "now") == 0) {
		*t = now;
		return 0;
	}
	if (word[0] == '@') {
		if (num_parse(word + 1, 0, TIME_MAX, &n))
			return no_time(word, e);
		*t = (time_t)n;
		return 0;
	}
	if (parse_ago(word, &n) == 0) {
		if (n > (uint64_t)now)
			return err_set(e, ERR_USAGE, "'%.40s' is before 1970", word);
		*t = now - (time_t)n;
		return 0;
	}
	return parse_wall(word, now, t, e);
}

/* Printing */

/* In a zone without a calendar for it, as seconds. */
static const char *print_seconds(time_t t, char buf[WHEN_LEN])
{
	snprintf(buf, WHEN_LEN, "@%lld", (long long)t);
	return buf;
}

const char *when_print(time_t t, char buf[WHEN_LEN])
{
	struct tm tm;
	size_t len;

	if (!localtime_r(&t, &tm))
		return print_seconds(t, buf);
	len = strftime(buf, WHEN_LEN, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(buf + len, WHEN_LEN - len, " %s", tm.tm_zone ? tm.tm_zone : "");
	return buf;
}

const char *when_rfc3339(time_t t, char buf[WHEN_LEN])
{
	struct tm tm;
	size_t len;
	long minutes;

	if (!localtime_r(&t, &tm))
		return print_seconds(t, buf);
	/* It has no room for the seconds of an offset. */
	if (tm.tm_gmtoff % MINUTE != 0 && gmtime_r(&t, &tm))
		tm.tm_gmtoff = 0;
	minutes = tm.tm_gmtoff / MINUTE;
	len = strftime(buf, WHEN_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, WHEN_LEN - len, "%c%02ld:%02ld", minutes < 0 ? '-' : '+', labs(minutes) / 60,
		 labs(minutes) % 60);
	return buf;
}

const char *when_utc(time_t t, char buf[WHEN_LEN])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return print_seconds(t, buf);
	strftime(buf, WHEN_LEN, "%Y%m%dT%H%M%SZ", &tm);
	return buf;
}

const char *when_age(int64_t seconds, char buf[WHEN_LEN])
{
	const long long s = seconds < 0 ? 0 : seconds;
	const long long m = s / MINUTE, h = s / HOUR, d = s / DAY;

	if (s < MINUTE)
		snprintf(buf, WHEN_LEN, "%lld s", s);
	else if (s < HOUR)
		snprintf(buf, WHEN_LEN, "%lld min", m);
	else if (s < DAY && m % 60 == 0)
		snprintf(buf, WHEN_LEN, "%lld h", h);
	else if (s < DAY)
		snprintf(buf, WHEN_LEN, "%lld h %lld min", h, m % 60);
	else if (h % 24 == 0)
		snprintf(buf, WHEN_LEN, "%lld d", d);
	else
		snprintf(buf, WHEN_LEN, "%lld d %lld h", d, h % 24);
	return buf;
}
