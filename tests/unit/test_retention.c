/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retention: a table of small chains, over ends of years and changes of the clock; and random chains beside a model that
 * knows nothing but the sentence in the manual: the newest point of each of the newest N days that have one.
 */
#include "pure/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define POINTS_MAX 100
#define ROUNDS 100

/* Points of UTC times "DD HH" of a month; what keeps each as letters l d w m y, "-" for none. */
static const struct {
	const char *name, *zone;
	struct retention r;
	const char *points; /* "2026-11-20T03 ..." in UTC */
	const char *why;
} cases[] = {
	{"no points", "UTC", {.last = 3}, "", ""},
	{"no rule keeps all", "UTC", {0}, "2026-11-20T03 2026-11-21T03", "l l"},
	{"last", "UTC", {.last = 2}, "2026-11-19T03 2026-11-20T03 2026-11-21T03", "- l l"},
	{"more than there are", "UTC", {.last = 9}, "2026-11-19T03 2026-11-20T03", "l l"},
	{"the most there can be", "UTC", {.last = UINT32_MAX, .daily = UINT32_MAX}, "2026-11-19T03 2026-11-19T04", "l ld"},
	{"the newest of a day", "UTC", {.daily = 2}, "2026-11-19T03 2026-11-20T03 2026-11-20T23 2026-11-21T00 2026-11-21T01",
	 "- - d - d"},
	{"days without a point do not count", "UTC", {.daily = 2}, "2026-01-01T03 2026-03-01T03 2026-11-21T03", "- d d"},
	{"equal times", "UTC", {.daily = 2}, "2026-11-20T03 2026-11-20T03 2026-11-21T03 2026-11-21T03", "- d - d"},
	{"equal times, last", "UTC", {.last = 1}, "2026-11-21T03 2026-11-21T03", "- l"},
	{"days are of local time", "Pacific/Kiritimati", {.daily = 9}, "2026-11-20T09 2026-11-20T10 2026-11-21T09",
	 "d - d"},
	{"and west of UTC", "America/Los_Angeles", {.daily = 9}, "2026-11-20T07 2026-11-20T08 2026-11-21T07", "d - d"},
	/* 2026-11-15 is a Sunday. */
	{"weeks begin on Monday", "UTC", {.weekly = 9}, "2026-11-15T23 2026-11-16T00 2026-11-22T23 2026-11-23T00",
	 "w - w w"},
	{"a week has two years", "UTC", {.weekly = 9, .yearly = 9},
	 "2026-12-27T03 2026-12-28T03 2026-12-31T03 2027-01-03T03 2027-01-04T03", "w - y w wy"},
	{"week 53 of 2020", "UTC", {.weekly = 9}, "2020-12-27T03 2020-12-28T03 2021-01-03T23 2021-01-04T00", "w - w w"},
	{"week 1 of 2019", "UTC", {.weekly = 2}, "2018-12-30T03 2018-12-31T03 2019-01-01T03 2019-01-06T03", "w - - w"},
	{"months", "UTC", {.monthly = 2}, "2025-11-30T03 2026-10-31T23 2026-11-01T00 2026-11-21T03", "- m - m"},
	{"the same month of two years", "UTC", {.monthly = 9}, "2025-11-21T03 2026-11-21T03", "m m"},
	{"a month is of local time", "Europe/Berlin", {.monthly = 9}, "2026-10-31T22 2026-10-31T23", "m m"},
	{"years", "UTC", {.yearly = 2}, "2024-12-31T23 2025-01-01T00 2025-12-31T23 2026-11-21T03", "- - y y"},
	{"rules add up", "UTC", {.last = 1, .daily = 1, .weekly = 2, .monthly = 2, .yearly = 2},
	 "2025-06-01T03 2026-10-31T03 2026-11-14T03 2026-11-21T03", "y m w ldwmy"},
	/* 23 and 25 hours. */
	{"the day of the change to summer time", "Europe/Berlin", {.daily = 9},
	 "2026-03-28T22 2026-03-28T23 2026-03-29T21 2026-03-29T22", "d - d d"},
	{"the day of the change back", "Europe/Berlin", {.daily = 9},
	 "2026-10-24T21 2026-10-24T22 2026-10-25T22 2026-10-25T23", "d - d d"},
	{"a day that was left out", "Pacific/Apia", {.daily = 9}, "2011-12-30T09 2011-12-30T10", "d d"},
	/* Until 2011 its clocks were put back at 00:01: the minute before belonged to a day that went again. */
	{"a day that began twice", "America/St_Johns", {.daily = 2},
	 "2010-11-06T12 2010-11-07T02:30:30 2010-11-07T03 2010-11-07T12", "- - d d"},
	{"and one that began once", "America/St_Johns", {.daily = 9}, "2010-11-07T02:30:30 2010-11-07T03", "- d"},
};

static time_t parse_utc(const char *word)
{
	struct tm tm = {0};

	sscanf(word, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm);
}

static size_t parse_points(const char *text, time_t *times)
{
	char copy[512], *save = NULL, *word;
	size_t nr = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		times[nr++] = parse_utc(word);
	return nr;
}

static void letters(const unsigned int *why, size_t nr, char *out)
{
	size_t i, k;

	*out = '\0';
	for (i = 0; i < nr; i++) {
		if (i)
			strcat(out, " ");
		for (k = 0; k < 5; k++)
			if (why[i] & 1u << k)
				strncat(out, &"ldwmy"[k], 1);
		if (why[i] == 0)
			strcat(out, "-");
	}
}

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void test_table(void)
{
	unsigned int why[POINTS_MAX];
	time_t times[POINTS_MAX];
	char got[512];
	size_t i, nr;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		set_zone(cases[i].zone);
		nr = parse_points(cases[i].points, times);
		memset(why, 0xff, sizeof(why));
		retention_apply(&cases[i].r, times, nr, why);
		letters(why, nr, got);
		ok(strcmp(got, cases[i].why) == 0, "%s: %s", cases[i].name, got);
	}
}

/* The model: points are of the same period if strftime says so; periods are counted from the newest. */

static void name_of(time_t t, unsigned int rule, char name[32])
{
	struct tm tm;

	localtime_r(&t, &tm);
	switch (rule) {
	case RETENTION_DAILY: strftime(name, 32, "%Y-%m-%d", &tm); break;
	case RETENTION_WEEKLY: strftime(name, 32, "%G-%V", &tm); break;
	case RETENTION_MONTHLY: strftime(name, 32, "%Y-%m", &tm); break;
	default: strftime(name, 32, "%Y", &tm); break;
	}
}

/* How many other periods have a newest point that is newer than this point's? And is this the newest of its own? */
static bool is_kept(const time_t *times, size_t nr, size_t i, unsigned int rule, unsigned int n)
{
	char mine[32], other[32], next[32];
	unsigned int newer = 0;
	size_t k;

	name_of(times[i], rule, mine);
	for (k = i + 1; k < nr; k++) {
		name_of(times[k], rule, other);
		if (strcmp(other, mine) == 0)
			return false;
		if (k + 1 < nr)
			name_of(times[k + 1], rule, next);
		if (k + 1 == nr || strcmp(other, next) != 0)
			newer++;
	}
	return newer < n;
}

static unsigned int model(const struct retention *r, const time_t *times, size_t nr, size_t i)
{
	const unsigned int n[] = {r->last, r->daily, r->weekly, r->monthly, r->yearly};
	unsigned int why = 0;
	size_t k;

	if (i + r->last >= nr)
		why |= RETENTION_LAST;
	for (k = 1; k < 5; k++)
		if (n[k] && is_kept(times, nr, i, 1u << k, n[k]))
			why |= 1u << k;
	return why;
}

static uint64_t random_seed = 20261121;

static uint64_t random_below(uint64_t n)
{
	random_seed = random_seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_seed >> 20) % n;
}

static void make_rules(struct retention *r)
{
	*r = (struct retention){.last = (unsigned int)random_below(4), .daily = (unsigned int)random_below(20),
				.weekly = (unsigned int)random_below(10), .monthly = (unsigned int)random_below(20),
				.yearly = 1 + (unsigned int)random_below(5)};
}

/* From minutes to months between two points; some have the same time. */
static size_t make_points(time_t *times)
{
	static const unsigned int steps[] = {1, 1800, 7200, 86400, 100000, 7 * 86400, 40 * 86400, 400 * 86400};
	const unsigned int step = steps[random_below(ARRAY_SIZE(steps))];
	const size_t nr = random_below(POINTS_MAX + 1);
	time_t t = (time_t)random_below(2000000000);
	size_t i;

	for (i = 0; i < nr; i++) {
		times[i] = t;
		t += (time_t)random_below(step);
	}
	return nr;
}

static bool round_is_right(void)
{
	unsigned int why[POINTS_MAX];
	time_t times[POINTS_MAX] = {0};
	struct retention r;
	size_t i, nr;

	make_rules(&r);
	nr = make_points(times);
	retention_apply(&r, times, nr, why);
	for (i = 0; i < nr; i++)
		if (why[i] != model(&r, times, nr, i)) {
			printf("# point %zu of %zu, %lld: %x, by the model %x\n", i, nr, (long long)times[i], why[i],
			       model(&r, times, nr, i));
			return false;
		}
	return true;
}

static void test_model(void)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu",
					    "Australia/Lord_Howe", "Pacific/Auckland"};
	size_t i;
	int k, wrong;

	for (i = 0; i < ARRAY_SIZE(zones); i++) {
		set_zone(zones[i]);
		for (k = 0, wrong = 0; k < ROUNDS && !wrong; k++)
			wrong = !round_is_right();
		ok(!wrong, "%s: %d random chains, as the model has it", zones[i], ROUNDS);
	}
}

static void test_words(void)
{
	static const struct retention none = {0}, yearly = {.yearly = 1};
	char buf[RETENTION_WORDS_LEN];

	ok(strcmp(retention_words(0, buf), "") == 0, "no words for nothing");
	ok(strcmp(retention_words(RETENTION_LAST | RETENTION_WEEKLY, buf), "last, weekly") == 0, "%s", buf);
	ok(strcmp(retention_words(~0u, buf), "last, daily, weekly, monthly, yearly, head") == 0, "%s", buf);
	ok(!retention_is_set(&none) && retention_is_set(&yearly), "a rule is one that keeps something");
}

int main(void)
{
	printf("# seed %" PRIu64 "\n", random_seed);
	test_table();
	test_model();
	test_words();
	return tap_done();
}
