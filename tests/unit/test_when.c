/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * when: every form of a time, in several zones and over their changes of the clock; words that are none; what is printed
 * is read back; spans and ages. The expected moments are those of date(1).
 */
#include "words/when.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NOW 1795235109 /* 2026-11-21T04:25:09Z, 05:25:09 in Berlin */
#define BERLIN "Europe/Berlin"
#define SAMPLES 20000

static const struct {
	const char *zone, *word;
	time_t now, t;
} good[] = {
	{BERLIN, "now", NOW, 1795235109},
	{BERLIN, "today", NOW, 1795301999},
	{BERLIN, "yesterday", NOW, 1795215599},
	{"America/Los_Angeles", "today", NOW, 1795247999},
	{"Pacific/Kiritimati", "today", NOW, 1795255199},
	{"UTC", "yesterday", NOW, 1795219199},
	{BERLIN, "2026-11-20", NOW, 1795215599},
	{BERLIN, "2024-02-29", NOW, 1709247599},
	{BERLIN, "2000-02-29", NOW, 951865199},
	{BERLIN, "2026-11-20T03:00", NOW, 1795140059},
	{BERLIN, "2026-11-20 03:00", NOW, 1795140059},
	{BERLIN, "2026-11-20 03:00:05", NOW, 1795140005},
	{BERLIN, "2026-11-20T03:00:05", NOW, 1795140005},
	{BERLIN, "2026-11-20T03:00:00", NOW, 1795140000},
	{BERLIN, "2026-11-20T02:00Z", NOW, 1795140059},
	{BERLIN, "2026-11-20T02:00:05Z", NOW, 1795140005},
	{BERLIN, "2026-11-20T03:00:05+01:00", NOW, 1795140005},
	{BERLIN, "2026-11-20 03:00+05:45", NOW, 1795122959},
	{BERLIN, "2026-11-20T03:00:05-03:30", NOW, 1795156205},
	{BERLIN, "2026-11-20T03:00:05-00:00", NOW, 1795143605},
	{BERLIN, "2026-11-20 03:00:05 CET", NOW, 1795140005},
	{BERLIN, "2026-11-20 03:00:05 UTC", NOW, 1795143605},
	{BERLIN, "2026-11-20T03:00 UTC", NOW, 1795143659},
	{"America/Sao_Paulo", "2026-11-20 03:00:05 -03", NOW, 1795154405},
	{BERLIN, "03:00", NOW, 1795226459},
	{BERLIN, "23:59", NOW, 1795301999},
	{BERLIN, "00:00:00", NOW, 1795215600},
	{BERLIN, "today 03:00", NOW, 1795226459},
	{"America/Los_Angeles", "03:00", NOW, 1795172459},
	{BERLIN, "yesterday 14:00", NOW, 1795179659},
	{BERLIN, "yesterday 14:00:07", NOW, 1795179607},
	{BERLIN, "3h ago", NOW, 1795224309},
	{BERLIN, "3 h ago", NOW, 1795224309},
	{BERLIN, "1 hour ago", NOW, 1795231509},
	{BERLIN, "2 hours ago", NOW, 1795227909},
	{BERLIN, "0s ago", NOW, 1795235109},
	{BERLIN, "45s ago", NOW, 1795235064},
	{BERLIN, "90 seconds ago", NOW, 1795235019},
	{BERLIN, "1 second ago", NOW, 1795235108},
	{BERLIN, "5m ago", NOW, 1795234809},
	{BERLIN, "5 min ago", NOW, 1795234809},
	{BERLIN, "5min ago", NOW, 1795234809},
	{BERLIN, "1 minute ago", NOW, 1795235049},
	{BERLIN, "2 minutes ago", NOW, 1795234989},
	{BERLIN, "2d ago", NOW, 1795062309},
	{BERLIN, "2 days ago", NOW, 1795062309},
	{BERLIN, "1 day ago", NOW, 1795148709},
	{BERLIN, "1w ago", NOW, 1794630309},
	{BERLIN, "2 weeks ago", NOW, 1794025509},
	{BERLIN, "1 week ago", NOW, 1794630309},
	{BERLIN, "@1763600000", NOW, 1763600000},
	{BERLIN, "@0", NOW, 0},
	{BERLIN, "@253402300799", NOW, 253402300799},
	{BERLIN, "2026-10-25T02:30", NOW, 1792891859},
	{BERLIN, "2026-10-25T02:30:00", NOW, 1792891800},
	{BERLIN, "2026-10-25 02:30:00 CEST", NOW, 1792888200},
	{BERLIN, "2026-10-25 02:30:00 CET", NOW, 1792891800},
	{BERLIN, "2026-10-25", NOW, 1792969199},
	{BERLIN, "2026-03-29", NOW, 1774821599},
	{BERLIN, "2026-03-29T01:59", NOW, 1774745999},
	{BERLIN, "2026-03-29T03:00", NOW, 1774746059},
	{BERLIN, "yesterday 03:00", 1774839600, 1774746059},
	{BERLIN, "yesterday", 1774839600, 1774821599},
	{BERLIN, "1 day ago", 1774839600, 1774753200},
	{"America/Sao_Paulo", "2019-02-16", NOW, 1550372399},
	{"America/Sao_Paulo", "2019-02-16T23:30", NOW, 1550370659},
	{"Pacific/Apia", "2011-12-29", NOW, 1325239199},
	{"Pacific/Apia", "2011-12-31T00:00:00", NOW, 1325239200},
	{"Europe/Moscow", "2014-10-26T01:30:00", NOW, 1414276200},
	{"Europe/Moscow", "2014-10-26 01:30:00 MSK", NOW, 1414276200},
	{"Australia/Lord_Howe", "2026-04-05T01:45:00", NOW, 1775315700},
};

/* Clocks never showed these, or nobody writes so. */
static const struct {
	const char *zone, *word, *text;
} bad[] = {
	{BERLIN, "", "'' is no time"},
	{BERLIN, "latest", NULL},
	{BERLIN, "Now", NULL},
	{BERLIN, "now ", NULL},
	{BERLIN, " now", NULL},
	{BERLIN, "tomorrow", NULL},
	{BERLIN, "todayx", NULL},
	{BERLIN, "today 3:00", NULL},
	{BERLIN, "todayT03:00", NULL},
	{BERLIN, "today 03:00Z", NULL},
	{BERLIN, "yesterday14:00", NULL},
	{BERLIN, "yesterday 14:00 CET", NULL},
	{BERLIN, "2026", NULL},
	{BERLIN, "2026-11", NULL},
	{BERLIN, "2026-11-2", NULL},
	{BERLIN, "2026-11-200", NULL},
	{BERLIN, "26-11-20", NULL},
	{BERLIN, "20261120", NULL},
	{BERLIN, "2026/11/20", NULL},
	{BERLIN, "2026-02-29", "'2026-02-29' is no time"},
	{BERLIN, "2100-02-29", NULL},
	{BERLIN, "2026-04-31", NULL},
	{BERLIN, "2026-00-10", NULL},
	{BERLIN, "2026-13-10", NULL},
	{BERLIN, "2026-10-00", NULL},
	{BERLIN, "2026-10-32", NULL},
	{BERLIN, "1969-12-31", NULL},
	{BERLIN, "0000-01-01", NULL},
	{BERLIN, "2026-11-20T", NULL},
	{BERLIN, "2026-11-20 ", NULL},
	{BERLIN, "2026-11-20Z", NULL},
	{BERLIN, "2026-11-20t03:00", NULL},
	{BERLIN, "2026-11-20T3:00", NULL},
	{BERLIN, "2026-11-20T24:00", NULL},
	{BERLIN, "2026-11-20T03:60", NULL},
	{BERLIN, "2026-11-20T03:00:60", NULL},
	{BERLIN, "2026-11-20T03:00:5", NULL},
	{BERLIN, "2026-11-20T03:00:05.5", NULL},
	{BERLIN, "2026-11-20T03:00z", NULL},
	{BERLIN, "2026-11-20T03:00+1:00", NULL},
	{BERLIN, "2026-11-20T03:00+0100", NULL},
	{BERLIN, "2026-11-20T03:00+24:00", NULL},
	{BERLIN, "2026-11-20T03:00+01:60", NULL},
	{BERLIN, "2026-11-20T03:00+01:00x", NULL},
	{BERLIN, "2026-11-20T03:00Zx", NULL},
	{BERLIN, "2026-11-20T03", NULL},
	{BERLIN, "3:00", NULL},
	{BERLIN, "03:00Z", NULL},
	{BERLIN, "03:00 ", NULL},
	{BERLIN, "25:00", NULL},
	{BERLIN, "@", NULL},
	{BERLIN, "@-1", NULL},
	{BERLIN, "@1e9", NULL},
	{BERLIN, "@253402300800", NULL},
	{BERLIN, "ago", NULL},
	{BERLIN, "3 ago", NULL},
	{BERLIN, "3h", NULL},
	{BERLIN, "3hago", NULL},
	{BERLIN, "3h  ago", NULL},
	{BERLIN, "3h ago ", NULL},
	{BERLIN, "-3h ago", NULL},
	{BERLIN, "3.5h ago", NULL},
	{BERLIN, "three hours ago", NULL},
	{BERLIN, "3 months ago", NULL},
	{BERLIN, "99999999999999999999999h ago", NULL},
	{BERLIN, "18446744073709551615w ago", NULL},
	{BERLIN, "1000000d ago", NULL},
	{BERLIN, "100000d ago", "'100000d ago' is before 1970"},
	{BERLIN, "2026-03-29T02:30", "'2026-03-29T02:30' is no time: the clocks here were put forward over it"},
	{BERLIN, "2026-03-29 02:00:00", NULL},
	{BERLIN, "2026-03-29 02:59:59", NULL},
	{BERLIN, "2026-10-25 03:00:00 CEST", NULL},
	{BERLIN, "2026-10-25 02:30 PST", "'2026-10-25 02:30 PST': no clock here showed that in PST"},
	{BERLIN, "2026-07-01 02:30 CET", NULL},
	{"America/New_York", "2026-03-08T02:30", NULL},
	{"Pacific/Apia", "2011-12-30", "'2011-12-30' is no time: the clocks here were put forward over it"},
	{"Pacific/Apia", "2011-12-30T12:00", NULL},
	{"America/Sao_Paulo", "2018-11-04T00:30", NULL},
	{"UTC", "2026-11-20 02:00 CET", NULL},
};

static const struct {
	const char *word;
	int rc;
	uint64_t seconds;
} spans[] = {
	{"0", 0, 0}, {"0s", 0, 0}, {"0w", 0, 0}, {"1s", 0, 1}, {"90m", 0, 5400}, {"23h", 0, 82800},
	{"7d", 0, 604800}, {"2w", 0, 1209600}, {"007d", 0, 604800}, {"never", 0, WHEN_NEVER},
	{"1099511627775s", 0, UINT64_C(1099511627775)}, {"1099511627776s", -1, 0}, {"1817988w", -1, 0},
	{"18446744073709551615s", -1, 0}, {"18446744073709551616s", -1, 0}, {"30500568904944w", -1, 0},
	{"0000000000000000000000001s", -1, 0}, {"", -1, 0}, {"1", -1, 0}, {"00", 0, 0}, {"s", -1, 0}, {"1S", -1, 0},
	{"1 s", -1, 0}, {" 1s", -1, 0}, {"1s ", -1, 0}, {"-1s", -1, 0}, {"+1s", -1, 0}, {"1.5h", -1, 0}, {"1h30m", -1, 0},
	{"1min", -1, 0}, {"1y", -1, 0}, {"1hours", -1, 0}, {"Never", -1, 0}, {"nevers", -1, 0}, {"0x10s", -1, 0},
};

static const struct {
	int64_t seconds;
	const char *text;
} ages[] = {
	{INT64_MIN, "0 s"}, {-1, "0 s"}, {0, "0 s"}, {45, "45 s"}, {59, "59 s"}, {60, "1 min"}, {239, "3 min"},
	{3599, "59 min"}, {3600, "1 h"}, {3659, "1 h"}, {18720, "5 h 12 min"}, {86399, "23 h 59 min"}, {86400, "1 d"},
	{89999, "1 d"}, {273600, "3 d 4 h"}, {86400 * 400, "400 d"}, {INT64_MAX, "106751991167300 d 15 h"},
};

static const struct {
	const char *zone;
	time_t t;
	const char *text, *rfc3339, *utc;
} prints[] = {
	{BERLIN, 1763604005, "2025-11-20 03:00:05 CET", "2025-11-20T03:00:05+01:00", "20251120T020005Z"},
	{BERLIN, 1782864000, "2026-07-01 02:00:00 CEST", "2026-07-01T02:00:00+02:00", "20260701T000000Z"},
	{"UTC", 0, "1970-01-01 00:00:00 UTC", "1970-01-01T00:00:00+00:00", "19700101T000000Z"},
	{"America/St_Johns", 1763604005, "2025-11-19 22:30:05 NST", "2025-11-19T22:30:05-03:30", "20251120T020005Z"},
	{"<-00>0:30", 1763604005, "2025-11-20 01:30:05 -00", "2025-11-20T01:30:05-00:30", "20251120T020005Z"},
	{"Asia/Kathmandu", 1763604005, "2025-11-20 07:45:05 +0545", "2025-11-20T07:45:05+05:45", "20251120T020005Z"},
	{"<MMT>0:44:30", 0, "1969-12-31 23:15:30 MMT", "1970-01-01T00:00:00+00:00", "19700101T000000Z"},
	{"UTC", 253402300799, "9999-12-31 23:59:59 UTC", "9999-12-31T23:59:59+00:00", "99991231T235959Z"},
	{"UTC", INT64_MAX, "@9223372036854775807", "@9223372036854775807", "@9223372036854775807"},
};

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void test_good(void)
{
	struct err e;
	time_t t;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		set_zone(good[i].zone);
		err_clear(&e);
		t = -1;
		rc = when_parse(good[i].word, good[i].now, &t, &e);
		ok(rc == 0 && t == good[i].t, "%s [%s] is %lld %s", good[i].zone, good[i].word, (long long)t, e.text);
	}
}

static void test_bad(void)
{
	struct err e;
	time_t t;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set_zone(bad[i].zone);
		err_clear(&e);
		t = -7;
		ok(when_parse(bad[i].word, NOW, &t, &e) == -1 && e.kind == ERR_USAGE && t == -7 &&
			   (!bad[i].text || strcmp(e.text, bad[i].text) == 0),
		   "%s [%s]: %s; %s", bad[i].zone, bad[i].word, e.text, e.hint);
	}
}

static void test_spans(void)
{
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		n = 4711;
		ok(when_span(spans[i].word, &n) == spans[i].rc && n == (spans[i].rc ? 4711 : spans[i].seconds),
		   "span [%s] is %" PRIu64, spans[i].word, n);
	}
}

static void test_prints(void)
{
	char buf[WHEN_LEN];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ages); i++)
		ok(strcmp(when_age(ages[i].seconds, buf), ages[i].text) == 0, "an age of %" PRId64 ": %s", ages[i].seconds,
		   buf);
	for (i = 0; i < ARRAY_SIZE(prints); i++) {
		set_zone(prints[i].zone);
		ok(strcmp(when_print(prints[i].t, buf), prints[i].text) == 0, "%s: %s", prints[i].zone, buf);
		ok(strcmp(when_rfc3339(prints[i].t, buf), prints[i].rfc3339) == 0, "%s: %s", prints[i].zone, buf);
		ok(strcmp(when_utc(prints[i].t, buf), prints[i].utc) == 0, "%s: %s", prints[i].zone, buf);
	}
	/* A name of a zone that has no room is cut. */
	set_zone("ANAMEOFAZONETHATISLONGERTHANWHATISPRINTEDOFIT3");
	when_print(NOW, buf);
	ok(strlen(buf) == WHEN_LEN - 1 && strncmp(buf, "2026-11-21 01:", 14) == 0, "%s", buf);
}

static uint64_t random_seed = 20261121;

static uint64_t random_below(uint64_t n)
{
	random_seed = random_seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_seed >> 20) % n;
}

/* What is printed is the same moment again, in each hour around each change of the clock, too. */
static void test_round_trips(void)
{
	static const char *const zones[] = {BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
					    "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca"};
	char buf[WHEN_LEN];
	struct err e = {0};
	time_t t, back;
	size_t i, k;
	int wrong;

	for (i = 0; i < ARRAY_SIZE(zones); i++) {
		set_zone(zones[i]);
		wrong = 0;
		for (k = 0; k < SAMPLES; k++) {
			/* 1975 to 2100, or each hour of 2014. */
			t = k % 2 ? (time_t)(157766400 + random_below(3944678400)) : 1388534400 + (time_t)(k / 2 * 3600);
			if (when_parse(when_print(t, buf), NOW, &back, &e) || back != t)
				wrong++;
			if (when_parse(when_rfc3339(t, buf), NOW, &back, &e) || back != t)
				wrong++;
			if (wrong == 1)
				printf("# %s: %lld, %s, %s\n", zones[i], (long long)t, buf, e.text);
			if (wrong)
				break;
		}
		ok(wrong == 0, "%s: what is printed is read back", zones[i]);
	}
}

/* A minute's word is the newest moment that shows this minute: the clock of no later one does, and it does. */
static void test_last(void)
{
	char word[WHEN_LEN], shown[WHEN_LEN];
	struct err e = {0};
	time_t t, last;
	int wrong = 0;

	set_zone(BERLIN);
	/* Two days around the end of summer time. */
	for (t = 1792800000; t < 1792800000 + 172800; t += 60) {
		when_print(t, word);
		word[16] = '\0';
		if (when_parse(word, NOW, &last, &e) || last < t + 59 - t % 60 || last > t + 3600 + 59) {
			wrong++;
			continue;
		}
		when_print(last, shown);
		if (strncmp(shown, word, 16) != 0)
			wrong++;
		when_print(last + 1, shown);
		if (strncmp(shown, word, 16) == 0)
			wrong++;
	}
	ok(wrong == 0, "a point made within a minute is not younger than what its word says: %s", e.text);
}

int main(void)
{
	printf("# seed %" PRIu64 "\n", random_seed);
	test_good();
	test_bad();
	test_spans();
	test_prints();
	test_round_trips();
	test_last();
	return tap_done();
}
