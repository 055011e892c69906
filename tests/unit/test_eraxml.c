/* SPDX-License-Identifier: GPL-3.0-or-later */
/* eraxml: what both generations of era_invalidate print, and everything that is not quite that. */
#include "pure/eraxml.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NR 100

/* Parse `text` in pieces of `piece` bytes into a set of NR blocks. */
static int parse(const char *text, size_t len, size_t piece, struct blockset *set, struct err *e)
{
	struct eraxml *x;
	size_t at, n;
	int rc = 0;

	memset(e, 0, sizeof(*e));
	blockset_init(set, NR, e);
	x = eraxml_new(set, e);
	for (at = 0; at < len && rc == 0; at += n) {
		n = len - at < piece ? len - at : piece;
		rc = eraxml_feed(x, text + at, n, e);
	}
	if (rc == 0)
		rc = eraxml_finish(x, e);
	eraxml_free(x);
	return rc;
}

/* The set as "0-6 8-9". */
static const char *show(const struct blockset *set)
{
	static char buf[256];
	struct blockrun r;
	size_t n = 0;

	buf[0] = '\0';
	blockset_for_each_run(set, r)
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%d-%d", n ? " " : "",
				      (int)r.begin, (int)r.end);
	return buf;
}

static const struct {
	const char *what, *text, *want;
} good[] = {
	{"0.9", "<blocks>\n  <range begin=\"0\" end = \"6\"/>\n  <block block=\"8\"/>\n</blocks>\n",
	 "0-6 8-9"},
	{"1.x", "<blocks>\n  <range begin=\"0\" end=\"6\"/>\n  <block block=\"8\"/>\n</blocks>",
	 "0-6 8-9"},
	{"an empty list", "<blocks>\n</blocks>", ""},
	{"an empty list on one line", "<blocks></blocks>", ""},
	{"an empty list in one tag", "<blocks/>", ""},
	{"an XML declaration", "<?xml version=\"1.0\"?>\n<blocks/>", ""},
	{"entries that touch", "<blocks><range begin='0' end='2'/><block block='2'/></blocks>",
	 "0-3"},
	{"the last block", "<blocks><block block='99'/></blocks>", "99-100"},
	{"all blocks", "<blocks><range begin='0' end='100'/></blocks>", "0-100"},
	{"attributes the other way round", "<blocks><range end='3' begin='1'/></blocks>", "1-3"},
	{"an entry as two tags", "<blocks><block block='1'></block></blocks>", "1-2"},
	{"lines of DOS", "<blocks>\r\n<block block='1'/>\r\n</blocks>\r\n", "1-2"},
};

static void accepts(void)
{
	struct blockset set;
	struct err e;
	size_t i, piece;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		bool same = true;

		for (piece = 1; piece <= strlen(good[i].text); piece++) {
			same &= parse(good[i].text, strlen(good[i].text), piece, &set, &e) == 0 &&
				strcmp(show(&set), good[i].want) == 0;
			blockset_fini(&set);
		}
		ok(same, "%s, in pieces of every size %s", good[i].what, e.text);
	}
}

#define B(x) "<blocks>\n" x "</blocks>"

static const struct {
	const char *what, *text, *says;
} bad[] = {
	{"an empty input", "", "line 1: there is nothing at all"},
	{"only blanks", " \n\n", "line 3: "},
	{"not XML", "Usage: era_invalidate\n", "line 1: "},
	{"another root", "<superblock/>", "<superblock> where <blocks>"},
	{"a range as root", "<range begin='0' end='1'/>", "<range> where <blocks>"},
	{"a root with an attribute", "<blocks a='1'/>", "<blocks> has an attribute"},
	{"two roots", "<blocks/><blocks/>", "line 1: "},
	{"text behind the end", "<blocks/>x", "line 1: "},
	{"a list behind a list", "<blocks></blocks>\n<blocks></blocks>", "line 2: "},
	{"an unknown entry", B("<extent begin='0' end='1'/>"), "line 2: <extent> is not known"},
	{"blocks in blocks", B("<blocks/>"), "<blocks> is not known"},
	{"an entry in an entry", B("<block block='1'><block block='2'/></block>"), "inside of"},
	{"an unknown attribute", B("<block block='1' era='2'/>"), "attribute that is not known"},
	{"one too many in a range", B("<range begin='1' end='2' x='1'/>"), "attribute that is not"},
	{"a block with another attribute", B("<block begin='1'/>"), "<block> has no block"},
	{"a range without an end", B("<range begin='1'/>"), "<range> has no end"},
	{"a range without a begin", B("<range end='1'/>"), "<range> has no begin"},
	{"a range with another attribute", B("<range begin='1' stop='2'/>"), "<range> has no end"},
	{"a block without a number", B("<block/>"), "<block> has no block"},
	{"an attribute twice", B("<block block='1' block='2'/>"), "line 2: duplicate attribute"},
	{"no digits", B("<block block=''/>"), "block=\"\" is not a number"},
	{"a sign", B("<block block='-1'/>"), "\"-1\" is not a number"},
	{"a blank", B("<block block=' 1'/>"), "\" 1\" is not a number"},
	{"hexadecimal", B("<block block='0x1'/>"), "\"0x1\" is not a number"},
	{"2^64", B("<block block='18446744073709551616'/>"), "is not a number"},
	{"2^64 - 1", B("<block block='18446744073709551615'/>"), "is not a block"},
	{"a fraction", B("<range begin='0' end='1.5'/>"), "end=\"1.5\" is not a number"},
	{"an empty range", B("<range begin='3' end='3'/>"), "3 to 3 is empty or backwards"},
	{"a range backwards", B("<range begin='3' end='2'/>"), "3 to 2 is empty or backwards"},
	{"entries that descend", B("<block block='3'/>\n<block block='2'/>"), "line 3: the range"},
	{"an entry twice", B("<block block='3'/><block block='3'/>"), "before the end of the one"},
	{"entries that overlap", B("<range begin='0' end='5'/><block block='4'/>"),
	 "before the end"},
	{"a block behind the device", B("<block block='100'/>"), "does not fit the device"},
	{"a range over the end", B("<range begin='99' end='101'/>"), "does not fit the device"},
	{"text in the list", B("1-3"), "text between"},
	{"text in an entry", B("<block block='1'>1</block>"), "text between"},
	{"an entity", B("&lt;"), "text between"},
	{"an entity nobody declared", B("&x;"), "line 2: undefined entity"},
	{"a comment", B("<!-- 1 -->"), "a comment"},
	{"a comment in front", "<!-- 1 --><blocks/>", "a comment"},
	{"a processing instruction", B("<?php?>"), "a processing instruction"},
	{"a document type", "<!DOCTYPE blocks><blocks/>", "a document type"},
	{"a billion laughs",
	 "<!DOCTYPE b [<!ENTITY a \"ha\"><!ENTITY c \"&a;&a;&a;\">]><blocks>&c;</blocks>",
	 "a document type"},
	{"tags that do not match", "<blocks>\n<range begin='0' end='1'></blocks>",
	 "line 2: mismatched"},
};

static void refuses(void)
{
	struct blockset set;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const size_t len = strlen(bad[i].text);

		rc = parse(bad[i].text, len, len + 1, &set, &e);
		ok(rc == -1 && e.kind == ERR_CORRUPT && strstr(e.text, bad[i].says) != NULL &&
			   strstr(e.text, "line "),
		   "%s: %s", bad[i].what, e.text);
		blockset_fini(&set);
		rc = parse(bad[i].text, len, 1, &set, &e);
		ok(rc == -1 && e.kind == ERR_CORRUPT, "%s, a byte at a time", bad[i].what);
		blockset_fini(&set);
	}
}

/* Cut anywhere before the last '>', a list is not a list. */
static void truncated(void)
{
	const char *text = good[0].text;
	const size_t whole = strlen(text) - 1; /* the newline may go */
	struct blockset set;
	bool refused = true;
	struct err e;
	size_t len;

	for (len = 0; len < whole; len++) {
		refused &= parse(text, len, 7, &set, &e) == -1 && e.kind == ERR_CORRUPT;
		blockset_fini(&set);
	}
	ok(refused, "a list that was cut, at every length");
	ok(parse(text, whole, 7, &set, &e) == 0, "but for its last newline");
	blockset_fini(&set);
}

/* A byte of 0 is text like any other. */
static void zeros(void)
{
	struct blockset set;
	struct err e;

	ok(parse("<blocks>\0</blocks>", 18, 100, &set, &e) == -1, "a zero byte: %s", e.text);
	blockset_fini(&set);
	ok(parse("<blocks></blocks>\0", 18, 100, &set, &e) == -1, "at the end: %s", e.text);
	blockset_fini(&set);
}

/* What never ends must not grow in memory; a megabyte of it is enough to say no. */
static void endless(const char *head, const char *more, const char *what)
{
	struct blockset set;
	struct eraxml *x;
	struct err e = {0};
	size_t n;

	blockset_init(&set, NR, &e);
	x = eraxml_new(&set, &e);
	eraxml_feed(x, head, strlen(head), &e);
	for (n = 0; n < 1000000 && e.kind == ERR_NONE; n += strlen(more))
		eraxml_feed(x, more, strlen(more), &e);
	ok(e.kind == ERR_CORRUPT && n < 200000, "%s: %s", what, e.text);
	memset(&e, 0, sizeof(e));
	ok(eraxml_feed(x, "x", 1, &e) == -1 && e.kind == ERR_CORRUPT, "and still later");
	memset(&e, 0, sizeof(e));
	ok(eraxml_finish(x, &e) == -1 && e.kind == ERR_CORRUPT, "and at the end");
	eraxml_free(x);
	blockset_fini(&set);
}

/* Blanks and whole tags are no tag that grows. */
static void long_lists(void)
{
	char blanks[70000];
	struct blockset set;
	struct eraxml *x;
	struct err e = {0};
	char tag[64];
	uint64_t i;

	memset(blanks, ' ', sizeof(blanks));
	blockset_init(&set, 20000, &e);
	x = eraxml_new(&set, &e);
	eraxml_feed(x, "<blocks>", 8, &e);
	for (i = 0; i < 20; i++)
		eraxml_feed(x, blanks, sizeof(blanks), &e);
	for (i = 0; i < 20000; i += 2) {
		snprintf(tag, sizeof(tag), "  <block block=\"%d\"/>\n", (int)i);
		eraxml_feed(x, tag, strlen(tag), &e);
	}
	eraxml_feed(x, "</blocks>", 9, &e);
	ok(eraxml_finish(x, &e) == 0 && blockset_count_runs(&set) == 10000,
	   "1.4 MB of blanks and 10,000 entries %s", e.text);
	eraxml_free(x);
	blockset_fini(&set);
}

int main(void)
{
	accepts();
	refuses();
	truncated();
	zeros();
	endless("<blocks><block block=\"", "0000000000", "a number that does not end");
	endless("<blocks><block ", "          ", "a tag that does not end");
	endless("<blocks><", "aaaaaaaaaa", "a name that does not end");
	endless("<blocks><!--", "aaaaaaaaaa", "a comment that does not end");
	long_lists();
	eraxml_free(NULL);
	return tap_done();
}
