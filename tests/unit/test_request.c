/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request: one text for one request, there and back, and nothing that merely resembles one. */
#include "pure/request.h"

#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "words/num.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SEED 20261
#define TOKEN "era1.000102030405060708090a0b0c0d0e0f.f0e1d2c3b4a5968778695a4b3c2d1e0f.7.1048576"
#define FROM "era_copy --from " TOKEN " "
#define DEV "/dev/mapper/srv"

static char room[REQUEST_LEN];
static char *words[REQUEST_WORDS_MAX + 1];
static unsigned int nr;

static bool accepted(const char *text, struct request *r)
{
	struct err e = {0};
	const int rc = request_parse(text, room, words, &nr, r, &e);

	if (rc && (e.kind != ERR_USAGE || e.hint[0] || strcmp(e.text, "not a request of erabackup") != 0))
		return ok(false, "a refusal that tells something: %s", e.text);
	return rc == 0;
}

/* A table of each */

static const char *const good[] = {
	FROM DEV,
	"era_copy --from full " DEV,
	"/usr/local/bin/era_copy --from full /a",
	"era_copy --estimate --json --from " TOKEN " " DEV,
	"era_copy --estimate --json --from full " DEV,
	FROM "--cut=none " DEV,
	FROM "--cut=snapshot --cow=/dev/sdc1 " DEV,
	FROM "--cut=freeze --freeze-limit=67108864 --max-passes=5 --freeze-timeout=30 " DEV,
	FROM "--freeze-limit=2s " DEV,
	FROM "--freeze-limit=0 " DEV,
	FROM "--level=19 --threads=2 --limit-rate=52428800 " DEV,
	FROM "--compress=none " DEV,
	FROM "--cut=fence --cow=/dev/b --freeze-limit=1 --max-passes=1 --freeze-timeout=1 --level=1 --compress=none "
	     "--threads=1 --limit-rate=1 --nice=19 --ionice=best-effort:4 " DEV,
	FROM "--limit-rate=18446744073709551615 " DEV,
	FROM "--nice=1 " DEV,
	FROM "--nice=19 --ionice=idle " DEV,
	FROM "--limit-rate=1 --ionice=best-effort:0 " DEV,
	FROM "--ionice=best-effort:7 " DEV,
	FROM "/dev/disk/by-id/a.b_c+d:e@f%g=h-i",
	FROM "/...",
	FROM "/.a/..b/c..",
};

static const struct {
	const char *text, *why;
} bad[] = {
	{"", "nothing"},
	{" ", "a blank"},
	{"era_copy", "a command alone"},
	{"era_copy " DEV, "no start"},
	{"era_copy --from " TOKEN, "no device"},
	{"era_copy --from " DEV, "no token"},
	{"--from full " DEV, "no command"},
	{" era_copy --from full " DEV, "a blank before"},
	{"era_copy --from full " DEV " ", "a blank behind"},
	{"era_copy  --from full " DEV, "two blanks"},
	{"era_copy\t--from full " DEV, "a tab"},
	{"era_copy --from full\n" DEV, "a line end"},
	{"era_copy --from full " DEV "\n", "a line end behind"},
	{"era_copy --from full " DEV ";id", "a semicolon"},
	{"era_copy --from full " DEV " ;id", "a word behind the device"},
	{"era_copy --from full $(id)", "a substitution"},
	{"era_copy --from full '" DEV "'", "quotes"},
	{"sh --from full " DEV, "another program"},
	{"/bin/sh --from full " DEV, "another program with a path"},
	{"bin/era_copy --from full " DEV, "a relative command"},
	{"/usr//bin/era_copy --from full " DEV, "an empty part"},
	{"/tmp/../era_copy --from full " DEV, "a way up"},
	{"/era_copy/ --from full " DEV, "a directory for a command"},
	{"/my_era_copy --from full " DEV, "another name that ends like it"},
	{"ERA_COPY --from full " DEV, "another case"},
	{"era_copy --full " DEV, "--full"},
	{"era_copy --since 3 " DEV, "--since"},
	{"era_copy --fro full " DEV, "a shortened option"},
	{"era_copy --from=full " DEV, "--from with ="},
	{"era_copy --from= " DEV, "--from with nothing"},
	{"era_copy --from Full " DEV, "a token in another case"},
	{"era_copy --from --from full " DEV, "--from twice"},
	{"era_copy --from full --from full " DEV, "two starts"},
	{"era_copy --json --estimate --from full " DEV, "--json before --estimate"},
	{"era_copy --estimate --from full " DEV, "--estimate without --json"},
	{"era_copy --json --from full " DEV, "--json alone"},
	{"era_copy --estimate --json", "an estimate of nothing"},
	{"era_copy --estimate --json --from full", "an estimate of no device"},
	{"era_copy --estimate --json --from full --cut=none " DEV, "an estimate with a cut"},
	{"era_copy --from full --cut=auto " DEV, "--cut=auto"},
	{"era_copy --from full --cut= " DEV, "an empty kind of cut"},
	{"era_copy --from full --cut=? " DEV, "what is no kind of cut"},
	{"era_copy --from full --cut none " DEV, "a value apart"},
	{"era_copy --from full --cut=none --cut=none " DEV, "an option twice"},
	{"era_copy --from full --cow=/dev/b --cut=snapshot " DEV, "another order"},
	{"era_copy --cut=none --from full " DEV, "an option before --from"},
	{"era_copy --from full " DEV " --cut=none", "an option behind the device"},
	{"era_copy --from full --cow=dev " DEV, "a relative --cow"},
	{"era_copy --from full --cow= " DEV, "an empty --cow"},
	{"era_copy --from full --freeze-limit=64M " DEV, "a unit"},
	{"era_copy --from full --freeze-limit=02s " DEV, "a zero before seconds"},
	{"era_copy --from full --freeze-limit=0s " DEV, "no seconds"},
	{"era_copy --from full --freeze-limit=s " DEV, "seconds without a number"},
	{"era_copy --from full --freeze-limit=2ss " DEV, "more than seconds"},
	{"era_copy --from full --freeze-limit=9223372036854775808 " DEV, "a size of 2^63"},
	{"era_copy --from full --freeze-limit=4294967296s " DEV, "2^32 seconds"},
	{"era_copy --from full --level=03 " DEV, "a zero in front"},
	{"era_copy --from full --level=+3 " DEV, "a sign"},
	{"era_copy --from full --level=-3 " DEV, "a negative number"},
	{"era_copy --from full --level=0 " DEV, "a zero"},
	{"era_copy --from full --level=0x3 " DEV, "a hexadecimal number"},
	{"era_copy --from full --level=2147483648 " DEV, "a level of 2^31"},
	{"era_copy --from full --threads=4294967296 " DEV, "2^32 threads"},
	{"era_copy --from full --nice=0 " DEV, "nice 0"},
	{"era_copy --from full --nice=-20 " DEV, "a raised priority"},
	{"era_copy --from full --nice=-1 " DEV, "a raised priority by one"},
	{"era_copy --from full --nice=+5 " DEV, "nice with a sign"},
	{"era_copy --from full --nice=05 " DEV, "nice with a zero in front"},
	{"era_copy --from full --nice= " DEV, "nice without a number"},
	{"era_copy --from full --nice " DEV, "nice without a value"},
	{"era_copy --from full --nice 5 " DEV, "nice with its value apart"},
	{"era_copy --from full --nice=5;x " DEV, "nice and a semicolon"},
	{"era_copy --from full --nice=4294967301 " DEV, "nice 2^32 + 5"},
	{"era_copy --from full --nice=5 --nice=5 " DEV, "nice twice"},
	{"era_copy --from full --ionice=realtime " DEV, "real time"},
	{"era_copy --from full --ionice=realtime:7 " DEV, "real time with a level"},
	{"era_copy --from full --ionice=none " DEV, "no class"},
	{"era_copy --from full --ionice=1 " DEV, "a class by its number"},
	{"era_copy --from full --ionice=best-effort " DEV, "a class without its level"},
	{"era_copy --from full --ionice=best-effort: " DEV, "an empty level"},
	{"era_copy --from full --ionice=best-effort:8 " DEV, "a level that is none"},
	{"era_copy --from full --ionice=best-effort:07 " DEV, "a level with a zero in front"},
	{"era_copy --from full --ionice=best-effort:-1 " DEV, "a level below 0"},
	{"era_copy --from full --ionice=idle:0 " DEV, "a level of idle"},
	{"era_copy --from full --ionice=Idle " DEV, "a class in another case"},
	{"era_copy --from full --ionice= " DEV, "an empty class"},
	{"era_copy --from full --ionice=idle --nice=5 " DEV, "ionice before nice"},
	{"era_copy --from full --nice=5 --limit-rate=1 " DEV, "nice before the rate"},
	{"era_copy --estimate --json --from full --nice=5 " DEV, "an estimate that is nice"},
	{"era_copy --from full --limit-rate=50M " DEV, "a rate with a unit"},
	{"era_copy --from full --limit-rate=18446744073709551616 " DEV, "a rate of 2^64"},
	{"era_copy --from full --compress=zstd " DEV, "what need not be said"},
	{"era_copy --from full --compress " DEV, "an option without its value"},
	{"era_copy --from full --pre-cut='id' " DEV, "--pre-cut"},
	{"era_copy --from full --pre-cut=id " DEV, "--pre-cut without quotes"},
	{"era_copy --from full --post-cut='id' " DEV, "--post-cut"},
	{"era_copy --from full --hook-timeout=1 " DEV, "--hook-timeout"},
	{"era_copy --from full --output=/etc/x " DEV, "--output"},
	{"era_copy --from full -o /etc/x " DEV, "-o"},
	{"era_copy --from full --metadata=/etc/shadow " DEV, "--metadata"},
	{"era_copy --from full --ranges=- " DEV, "--ranges"},
	{"era_copy --from full --allow-kernel " DEV, "--allow-kernel"},
	{"era_copy --from full --forced-command " DEV, "--forced-command"},
	{"era_copy --from full --allow=" DEV " " DEV, "--allow"},
	{"era_copy --from full -- " DEV, "--"},
	{"era_copy --from full -", "- for a device"},
	{"era_copy --from full dev/sda", "a relative device"},
	{"era_copy --from full /", "the root"},
	{"era_copy --from full /dev/", "a slash behind"},
	{"era_copy --from full //dev/sda", "an empty part at the begin"},
	{"era_copy --from full /dev/./sda", "a part of one dot"},
	{"era_copy --from full /dev/mapper/../sda", "a way up"},
	{"era_copy --from full /dev/..", "a way up at the end"},
	{"era_copy --from full /dev/sd*", "an asterisk"},
	{"era_copy --from full /dev/s\xd1\x95" "da", "a letter that looks like one"},
	{"era_copy --from full /dev/sda\x7f", "DEL"},
	{"era_copy --from full /dev/sda\xff", "no character at all"},
	{"era_copy --from full ~/sda", "a tilde"},
	{"PATH=/tmp era_copy --from full " DEV, "a variable"},
	{"exec era_copy --from full " DEV, "a word of the shell"},
};

static void tables(void)
{
	struct request r;
	char text[REQUEST_LEN];
	struct err e = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ok(accepted(good[i], &r), "accepted: %s", good[i]);
		ok(request_print(&r, text, &e) == 0 && strcmp(text, good[i]) == 0, "and printed the same");
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!accepted(bad[i].text, &r), "refused: %s", bad[i].why);
}

/* What an accepted text says */

static void values(void)
{
	struct request r;

	ok(accepted("/opt/era_copy --from " TOKEN " --cut=freeze --cow=/dev/b --freeze-limit=9s --max-passes=2 "
		    "--freeze-timeout=3 --level=4 --compress=none --threads=5 --limit-rate=6 --nice=8 "
		    "--ionice=best-effort:7 " DEV, &r) &&
		   strcmp(r.command, "/opt/era_copy") == 0 && !r.estimate && !r.token.full && r.token.era_c == 7 &&
		   r.token.size == 1048576 && r.cut == WIRE_CUT_FREEZE && strcmp(r.cow, "/dev/b") == 0 &&
		   strcmp(r.freeze_limit, "9s") == 0 && r.max_passes == 2 && r.freeze_timeout == 3 && r.level == 4 &&
		   r.plain && r.threads == 5 && r.limit_rate == 6 && r.prio.nice == 8 &&
		   r.prio.io == PRIO_IO_BEST_EFFORT && r.prio.level == 7 && !r.pre_cut && !r.post_cut && !r.hook_timeout &&
		   strcmp(r.device, DEV) == 0, "each value is where it belongs");
	ok(nr == 15 && words[0] == r.command && strcmp(words[1], "--from") == 0 && strcmp(words[2], TOKEN) == 0 &&
		   words[14] == r.device && !words[15], "the words are those of the text");
	ok(accepted("era_copy --estimate --json --from full " DEV, &r) && r.estimate && r.token.full && nr == 6 &&
		   !r.cut && !r.cow && !r.freeze_limit && !r.level, "an estimate has nothing else");
}

/* Printing refuses what a shell or era_copy would misread */

static int print(const struct request *r, const char *want)
{
	char text[REQUEST_LEN];
	struct err e = {0};

	if (request_print(r, text, &e))
		return e.kind == ERR_USAGE && !want;
	return want && strcmp(text, want) == 0;
}

static void printing(void)
{
	const struct request base = {.command = "era_copy", .token = {.full = true}, .device = DEV};
	struct request r = base;
	char word[REQUEST_LEN];

	r.freeze_limit = "64M";
	ok(print(&r, "era_copy --from full --freeze-limit=67108864 " DEV), "sizes are printed in bytes");
	r.freeze_limit = "002s";
	ok(print(&r, "era_copy --from full --freeze-limit=2s " DEV), "seconds without zeros in front");
	r.freeze_limit = "64 M";
	ok(print(&r, NULL), "what is neither is refused");
	r = base;
	r.pre_cut = "mysql -e \"FLUSH\" $x `y` \\";
	r.post_cut = "it's";
	r.hook_timeout = 5;
	ok(print(&r, "era_copy --from full --pre-cut='mysql -e \"FLUSH\" $x `y` \\' --post-cut='it'\\''s' "
		     "--hook-timeout=5 " DEV), "commands are quoted for a shell");
	r.estimate = true;
	ok(print(&r, "era_copy --estimate --json --from full " DEV), "an estimate leaves out what is for copying");
	r.estimate = false;
	r.pre_cut = "a\nb";
	ok(print(&r, NULL), "a command has no line end");
	r = base;
	r.cut = (enum wire_cut)5;
	ok(print(&r, NULL), "no kind of cut that there is not");
	r = base;
	r.level = -1;
	ok(print(&r, NULL), "no level below 0");
	r = base;
	r.token.full = false;
	ok(print(&r, NULL), "no token of nothing");
	r = base;
	r.command = "ssh";
	ok(print(&r, NULL), "no relative command");
	r.command = "/opt/wrapped-era";
	ok(print(&r, "/opt/wrapped-era --from full " DEV), "any absolute one");
	r = base;
	r.device = "/dev/a b";
	ok(print(&r, NULL), "no blank in a path");
	memset(word, 'a', sizeof(word));
	word[0] = '/';
	word[REQUEST_LEN - 21] = '\0';
	r.device = word;
	ok(print(&r, NULL), "nothing longer than there is room for");
	word[REQUEST_LEN - 22] = '\0';
	{
		char text[REQUEST_LEN];
		struct err e = {0};

		ok(request_print(&r, text, &e) == 0 && strlen(text) == REQUEST_LEN - 1 && accepted(text, &r),
		   "but as long as that, and there it is accepted");
	}
}

static void lengths(void)
{
	const size_t len = 1048576;
	char *text = malloc(len + 1);
	struct request r;
	size_t i;

	memset(text, 'a', len);
	text[len] = '\0';
	memcpy(text, "era_copy --from full /", 22);
	ok(!accepted(text, &r), "a MiB is refused");
	text[REQUEST_LEN] = '\0';
	ok(!accepted(text, &r), "one byte more than a request may have");
	for (i = 0; i < len; i++)
		text[i] = i % 2 ? ' ' : 'a';
	text[2 * REQUEST_WORDS_MAX - 1] = '\0';
	ok(!accepted(text, &r) && nr == REQUEST_WORDS_MAX, "as many words as there is room for are looked at");
	text[2 * REQUEST_WORDS_MAX - 1] = ' ';
	text[2 * REQUEST_WORDS_MAX + 1] = '\0';
	ok(!accepted(text, &r), "one more is not");
	free(text);
}

/* Random */

static uint64_t state = SEED;

static uint32_t below(uint32_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33) % n;
}

static const char *random_path(char *buf)
{
	static const char bytes[] = "abcxyzABCXYZ0123456789._+:@%=-/";
	size_t len, i;

	do {
		len = 2 + below(30);
		buf[0] = '/';
		for (i = 1; i < len; i++)
			buf[i] = bytes[below(sizeof(bytes) - 1)];
		buf[len] = '\0';
	} while (!request_path_ok(buf));
	return buf;
}

static void random_token(struct token *t)
{
	size_t i;

	memset(t, 0, sizeof(*t));
	t->full = below(4) == 0;
	if (t->full)
		return;
	for (i = 0; i < WIRE_ID_LEN; i++) {
		t->generation[i] = (uint8_t)below(256);
		t->id[i] = (uint8_t)(1 + below(255));
	}
	t->era_c = below(3) ? below(100000) : UINT64_MAX - below(3);
	t->size = 1 + below(1u << 30);
}

static unsigned int maybe(unsigned int max)
{
	return below(3) ? 0 : below(8) ? 1 + below(max) : UINT_MAX >> 1;
}

struct strings {
	char cow[64], device[64], limit[32];
};

static void random_request(struct request *r, struct strings *s)
{
	*r = (struct request){.command = below(2) ? "era_copy" : "/usr/bin/era_copy", .estimate = below(5) == 0};
	random_token(&r->token);
	r->device = random_path(s->device);
	if (r->estimate)
		return;
	r->cut = (enum wire_cut)below(5);
	if (below(3) == 0)
		r->cow = random_path(s->cow);
	snprintf(s->limit, sizeof(s->limit), "%u%s", 1 + below(100000), below(2) ? "s" : "");
	if (below(3) == 0)
		r->freeze_limit = s->limit;
	r->max_passes = maybe(64);
	r->freeze_timeout = maybe(100);
	r->level = (int)maybe(19);
	r->plain = below(4) == 0;
	r->threads = maybe(256);
	r->limit_rate = maybe(1000000);
	r->prio.nice = maybe(PRIO_NICE_MAX);
	r->prio.io = (enum prio_io)below(3);
	r->prio.level = r->prio.io == PRIO_IO_BEST_EFFORT ? below(8) : 0;
}

static bool same_word(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same(const struct request *a, const struct request *b)
{
	return same_word(a->command, b->command) && a->estimate == b->estimate &&
	       memcmp(&a->token, &b->token, sizeof(a->token)) == 0 && a->cut == b->cut && same_word(a->cow, b->cow) &&
	       same_word(a->freeze_limit, b->freeze_limit) && a->max_passes == b->max_passes &&
	       a->freeze_timeout == b->freeze_timeout && a->level == b->level && a->plain == b->plain &&
	       a->threads == b->threads && a->limit_rate == b->limit_rate && a->prio.nice == b->prio.nice &&
	       a->prio.io == b->prio.io && a->prio.level == b->prio.level && same_word(a->device, b->device);
}

static void round_trips(void)
{
	struct strings s;
	struct request r, back;
	char text[REQUEST_LEN];
	struct err e = {0};
	unsigned int i, wrong = 0;

	for (i = 0; i < 20000; i++) {
		random_request(&r, &s);
		if (request_print(&r, text, &e) || !accepted(text, &back) || !same(&r, &back))
			wrong++;
	}
	ok(wrong == 0, "%u random requests there and back, %u wrong (seed %d)", i, wrong, SEED);
}

/*
 * The model: what is acceptable, as one expression written from the header, and beside it what an expression cannot
 * say: numbers that are too large, parts of dots.
 */
#define HEX "[0-9a-f]{32}"
#define NUMBER "[1-9][0-9]*"
#define PATH "(/[a-zA-Z0-9._+:@%=-]+)+"
#define SOME_TOKEN "(full|era1\\." HEX "\\." HEX "\\.(0|" NUMBER ")\\." NUMBER ")"
#define COMMAND "(era_copy|(/[a-zA-Z0-9._+:@%=-]+)*/era_copy)"

static const char model[] =
	"^" COMMAND " (--estimate --json --from " SOME_TOKEN "|--from " SOME_TOKEN
	"( --cut=(none|fence|freeze|snapshot))?( --cow=" PATH ")?( --freeze-limit=(0|" NUMBER "s?))?"
	"( --max-passes=" NUMBER ")?( --freeze-timeout=" NUMBER ")?( --level=" NUMBER ")?( --compress=none)?"
	"( --threads=" NUMBER ")?( --limit-rate=" NUMBER ")?( --nice=" NUMBER ")?"
	"( --ionice=(idle|best-effort:[0-7]))?) " PATH "$";

/* A number behind the mark, and not above the bound. */
static bool number_fits(const char *text, const char *mark, uint64_t max)
{
	const char *p = strstr(text, mark);
	char digits[32] = "";
	uint64_t n;

	if (!p)
		return true;
	p += strlen(mark);
	if (strspn(p, "0123456789") >= sizeof(digits))
		return false;
	memcpy(digits, p, strspn(p, "0123456789"));
	return num_parse(digits, 0, max, &n) == 0;
}

static bool token_fits(const char *text)
{
	const char *p = strstr(text, " --from era1.");
	struct token t;
	struct err e = {0};
	char word[2 * TOKEN_LEN];

	if (!p)
		return true;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(p + 8, " "), p + 8);
	return token_parse(word, &t, &e) == 0;
}

static bool seconds(const char *text)
{
	const char *p = strstr(text, " --freeze-limit=");

	return p && p[strcspn(p + 1, " ")] == 's';
}

static bool dotted(const char *text)
{
	const char *p;

	for (p = strchr(text, '/'); p; p = strchr(p + 1, '/'))
		if ((strcspn(p + 1, "/ ") == 1 && p[1] == '.') || (strcspn(p + 1, "/ ") == 2 && memcmp(p + 1, "..", 2) == 0))
			return true;
	return false;
}

static bool model_accepts(const regex_t *re, const char *text)
{
	return strlen(text) < REQUEST_LEN && regexec(re, text, 0, NULL, 0) == 0 && !dotted(text) && token_fits(text) &&
	       number_fits(text, " --freeze-limit=", seconds(text) ? UINT_MAX : INT64_MAX) &&
	       number_fits(text, " --max-passes=", UINT_MAX) && number_fits(text, " --freeze-timeout=", UINT_MAX) &&
	       number_fits(text, " --level=", INT_MAX) && number_fits(text, " --threads=", UINT_MAX) &&
	       number_fits(text, " --limit-rate=", UINT64_MAX) && number_fits(text, " --nice=", UINT_MAX);
}

/* Change a text a little: a byte, or words. */
static void mutate(char *text)
{
	static const char bytes[] = " 0129afzAs/.-=_\t\n;'\"$`\\*\x7f\xc3";
	static const char *const others[] = {"--cut=none", "--from", "full", "--json", "--level=3", "/dev/x", "-o",
					     "--threads=2", "--estimate", "--compress=none", "--", "--cow=/b",
					     "--nice=5", "--nice=-5", "--ionice=idle", "--ionice=best-effort:3"};
	char copy[2 * REQUEST_LEN];
	const size_t len = strlen(text);
	const size_t at = below((uint32_t)len + 1);
	const size_t to = at + below((uint32_t)(len - at) + 1);
	const size_t blank = at + strcspn(text + at, " ");

	switch (below(8)) {
	case 0: /* another byte */
		snprintf(copy, sizeof(copy), "%.*s%c%s", (int)at, text, bytes[below(sizeof(bytes) - 1)],
			 at < len ? text + at + 1 : "");
		break;
	case 1: /* one more */
		snprintf(copy, sizeof(copy), "%.*s%c%s", (int)at, text, bytes[below(sizeof(bytes) - 1)], text + at);
		break;
	case 2: /* one less */
		snprintf(copy, sizeof(copy), "%.*s%s", (int)at, text, at < len ? text + at + 1 : "");
		break;
	case 3: /* a piece twice */
		snprintf(copy, sizeof(copy), "%.*s%s", (int)to, text, text + at);
		break;
	case 4: /* a piece less */
		snprintf(copy, sizeof(copy), "%.*s%s", (int)at, text, text + to);
		break;
	case 5: /* a word more */
		snprintf(copy, sizeof(copy), "%.*s %s%s", (int)blank, text, others[below(ARRAY_SIZE(others))], text + blank);
		break;
	case 6: /* a word less */
		snprintf(copy, sizeof(copy), "%.*s%s", (int)blank, text,
			 blank < len ? text + blank + 1 + strcspn(text + blank + 1, " ") : "");
		break;
	default: /* a random byte */
		snprintf(copy, sizeof(copy), "%.*s%c%s", (int)at, text, (char)(1 + below(255)),
			 at < len ? text + at + 1 : "");
	}
	copy[2 * REQUEST_LEN / 3] = '\0';
	strcpy(text, copy);
}

static void mutations(void)
{
	struct strings s;
	struct request r;
	char text[REQUEST_LEN], again[REQUEST_LEN];
	struct err e = {0};
	unsigned int i, k, nr_accepted = 0, differs = 0, wrong = 0;
	regex_t re;

	if (!ok(regcomp(&re, model, REG_EXTENDED | REG_NOSUB) == 0, "the model is an expression"))
		return;
	for (i = 0; i < 50000; i++) {
		random_request(&r, &s);
		if (request_print(&r, text, &e))
			break;
		for (k = below(3) + 1; k > 0; k--)
			mutate(text);
		if (accepted(text, &r) != model_accepts(&re, text) && wrong++ < 5)
			printf("# the model says otherwise: %s\n", text);
		if (!accepted(text, &r))
			continue;
		nr_accepted++;
		if (request_print(&r, again, &e) || strcmp(again, text) != 0)
			differs++;
	}
	regfree(&re);
	ok(i == 50000 && nr_accepted > 1000 && nr_accepted < 40000, "%u mutations, %u of them accepted (seed %d)", i,
	   nr_accepted, SEED);
	ok(differs == 0, "whatever is accepted is printed the same: %u are not", differs);
	ok(wrong == 0, "and all that is acceptable is accepted, and nothing else: %u were not so", wrong);
}

int main(void)
{
	tables();
	values();
	printing();
	lengths();
	round_trips();
	mutations();
	return tap_done();
}
