/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * eratab: what each line says, and where and how a wrong one is wrong, word by word; texts that no
 * editor makes; and names.
 */
#include "pure/eratab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define X10 "xxxxxxxxxx"
#define X80 X10 X10 X10 X10 X10 X10 X10 X10
#define X100 X80 X10 X10
#define OPTION_HINT "options are noauto, initramfs, discard=off|pass, fallback=linear|fail and timeout=SECONDS, " \
		    "with commas and without blanks between them"
#define DEVICE_HINT "a device is /dev/..., PARTUUID=..., UUID=..., LABEL=... or PARTLABEL=..."
#define LINE_HINT "a line is: NAME DATA-DEVICE META-DEVICE [OPTION,...]"

/* A line, and the entry it makes; options as letters: n i p f, in that order. */
static const struct {
	const char *line, *name, *data, *meta, *flags;
	unsigned int timeout;
} good[] = {
	{"root /dev/sda2 /dev/sda3", "root", "/dev/sda2", "/dev/sda3", "", 30},
	{" \troot\t/dev/sda2 \t /dev/sda3 \t", "root", "/dev/sda2", "/dev/sda3", "", 30},
	{"root /dev/sda2 /dev/sda3 none", "root", "/dev/sda2", "/dev/sda3", "", 30},
	{"root /dev/sda2 /dev/sda3 -", "root", "/dev/sda2", "/dev/sda3", "", 30},
	{"root /dev/sda2 /dev/sda3 # a comment", "root", "/dev/sda2", "/dev/sda3", "", 30},
	{"root /dev/sda2 /dev/sda3 noauto # /dev/sda4", "root", "/dev/sda2", "/dev/sda3", "n", 30},
	{"r /dev/a#1 /dev/b noauto", "r", "/dev/a#1", "/dev/b", "n", 30},
	{"r /dev/a /dev/b noauto,initramfs,discard=pass,fallback=fail,timeout=5", "r", "/dev/a", "/dev/b", "nipf", 5},
	{"r /dev/a /dev/b timeout=3600s,fallback=linear,discard=off,initramfs", "r", "/dev/a", "/dev/b", "i", 3600},
	{"r /dev/a /dev/b timeout=0", "r", "/dev/a", "/dev/b", "", 0},
	{"r PARTUUID=0a-01 UUID=9b", "r", "PARTUUID=0a-01", "UUID=9b", "", 30},
	{"r LABEL=a=b PARTLABEL=c", "r", "LABEL=a=b", "PARTLABEL=c", "", 30},
	{"r LABEL=\"my #1 data\" PARTLABEL=\"my meta\" noauto", "r", "LABEL=my #1 data", "PARTLABEL=my meta", "n", 30},
	{"r LABEL=\"x\" LABEL=y", "r", "LABEL=x", "LABEL=y", "", 30},
	{"r LABEL=gr\xc3\xbc\xc3\x9f /dev/b", "r", "LABEL=gr\xc3\xbc\xc3\x9f", "/dev/b", "", 30},
	{"a#+-.:=@_Z9 /dev/a /dev/b", "a#+-.:=@_Z9", "/dev/a", "/dev/b", "", 30},
	{X100 " /dev/a /dev/b", X100, "/dev/a", "/dev/b", "", 30},
	{"r /dev/" X100 X100 X10 X10 X10 X10 X10 " /dev/b", "r", "/dev/" X100 X100 X10 X10 X10 X10 X10, "/dev/b", "", 30},
	{"none /dev/a /dev/b", "none", "/dev/a", "/dev/b", "", 30},
	{"#r /dev/a /dev/b", NULL, NULL, NULL, NULL, 0},
	{"", NULL, NULL, NULL, NULL, 0},
	{" \t", NULL, NULL, NULL, NULL, 0},
	{"\t# x", NULL, NULL, NULL, NULL, 0},
};

/* What stands behind "/etc/eratab:2: " of a wrong second line, and the hint. */
static const struct {
	const char *line, *text, *hint;
} bad[] = {
	{"r", "the data device is missing (field 2)", LINE_HINT},
	{"r # /dev/a /dev/b", "the data device is missing (field 2)", LINE_HINT},
	{"r /dev/a", "the metadata device is missing (field 3)", LINE_HINT},
	{"r /dev/a /dev/b noauto initramfs", "'initramfs' is one field too many (field 5)",
	 LINE_HINT "; options have commas and no blanks between them"},
	{"r /dev/a /dev/b noauto, initramfs", "a comma has no option beside it (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b discrd=off", "option 'discrd=off' is not known (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b NOAUTO", "option 'NOAUTO' is not known (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b none,noauto", "option 'none' is not known (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b defaults", "option 'defaults' is not known (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b noauto#x", "option 'noauto#x' is not known (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b =off", "option '=off' is not known (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b ,noauto", "a comma has no option beside it (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b noauto,,initramfs", "a comma has no option beside it (field 4)", OPTION_HINT},
	{"r /dev/a /dev/b noauto,noauto", "option 'noauto' is there twice (field 4)", ""},
	{"r /dev/a /dev/b discard=off,discard=pass", "option 'discard' is there twice (field 4)", ""},
	{"r /dev/a /dev/b noauto=yes", "option 'noauto' takes no value (field 4)", ""},
	{"r /dev/a /dev/b initramfs=", "option 'initramfs' takes no value (field 4)", ""},
	{"r /dev/a /dev/b discard", "option 'discard' has no value (field 4)", "it is discard=off or discard=pass"},
	{"r /dev/a /dev/b discard=", "option 'discard=' has a wrong value (field 4)", "it is discard=off or discard=pass"},
	{"r /dev/a /dev/b discard=on", "option 'discard=on' has a wrong value (field 4)",
	 "it is discard=off or discard=pass"},
	{"r /dev/a /dev/b discard=passs", "option 'discard=passs' has a wrong value (field 4)",
	 "it is discard=off or discard=pass"},
	{"r /dev/a /dev/b fallback=line", "option 'fallback=line' has a wrong value (field 4)",
	 "it is fallback=linear or fallback=fail"},
	{"r /dev/a /dev/b timeout=3601", "option 'timeout=3601' has a wrong value (field 4)",
	 "it is timeout=SECONDS, 0 to 3600"},
	{"r /dev/a /dev/b timeout=s", "option 'timeout=s' has a wrong value (field 4)", "it is timeout=SECONDS, 0 to 3600"},
	{"r /dev/a /dev/b timeout=5ss", "option 'timeout=5ss' has a wrong value (field 4)",
	 "it is timeout=SECONDS, 0 to 3600"},
	{"r /dev/a /dev/b timeout=5m", "option 'timeout=5m' has a wrong value (field 4)", "it is timeout=SECONDS, 0 to 3600"},
	{"r /dev/a /dev/b timeout=-1", "option 'timeout=-1' has a wrong value (field 4)", "it is timeout=SECONDS, 0 to 3600"},
	{"r /dev/a /dev/b timeout=0000000000000005", "option 'timeout=0000000000000005' has a wrong value (field 4)",
	 "it is timeout=SECONDS, 0 to 3600"},
	{"r sda2 /dev/b", "'sda2' does not name a device (field 2)", DEVICE_HINT},
	{"r /dev/a none", "'none' does not name a device (field 3)", DEVICE_HINT},
	{"r /dev/ /dev/b", "'/dev/' does not name a device (field 2)", DEVICE_HINT},
	{"r /dev /dev/b", "'/dev' does not name a device (field 2)", DEVICE_HINT},
	{"r /device /dev/b", "'/device' does not name a device (field 2)", DEVICE_HINT},
	{"r partuuid=1 /dev/b", "'partuuid=1' does not name a device (field 2)", DEVICE_HINT},
	{"r ID=1 /dev/b", "'ID=1' does not name a device (field 2)", DEVICE_HINT},
	{"r UUID= /dev/b", "'UUID=' does not name a device (field 2)", DEVICE_HINT},
	{"r /dev/a LABEL=\"\"", "'LABEL=\"\"' does not name a device (field 3)", DEVICE_HINT},
	{"r \"/dev/a\" /dev/b", "'\"/dev/a\"' does not name a device (field 2)", DEVICE_HINT},
	{"r LABEL=\"my data /dev/b", "the closing quote is missing (field 2)", ""},
	{"r LABEL=\"", "the closing quote is missing (field 2)", ""},
	{"r LABEL=\"a\"b /dev/b", "something follows the closing quote (field 2)", ""},
	{"r /dev/a LABEL=\"a\"noauto", "something follows the closing quote (field 3)", ""},
	{"r /dev/" X100 X100 X10 X10 X10 X10 X10 "x /dev/b", "the device has more than 255 characters (field 2)", ""},
	{"r /dev/a /dev/a", "data and metadata are the same device, /dev/a (field 3)", ""},
	{"r LABEL=a LABEL=\"a\"", "data and metadata are the same device, LABEL=a (field 3)", ""},
	{"first /dev/a /dev/b", "the name 'first' is used on line 1 already (field 1)", ""},
	{"r /dev/1d /dev/b", "/dev/1d is used on line 1 already (field 2)", ""},
	{"r /dev/1m /dev/b", "/dev/1m is used on line 1 already (field 2)", ""},
	{"r /dev/a /dev/1m", "/dev/1m is used on line 1 already (field 3)", ""},
	{"r /dev/a /dev/1d", "/dev/1d is used on line 1 already (field 3)", ""},
	{"a/b /dev/a /dev/b", "'a/b' cannot name a volume: a name has letters, digits and # + - . : = @ _ (field 1)", ""},
	{"-r /dev/a /dev/b", "'-r' cannot name a volume: a name does not start with - . or # (field 1)", ""},
	{"control /dev/a /dev/b", "'control' cannot name a volume: device-mapper has that for itself (field 1)", ""},
	{X100 "x /dev/a /dev/b",
	 "'" X10 X10 X10 X10 X10 X10 X10 "xxxxxxx...' cannot name a volume: a name has 100 characters at most (field 1)", ""},
	{"r /dev/a /dev/b\r", "the line ends in a carriage return",
	 "it was saved with the line ends of DOS: sed -i 's/\\r$//' /etc/eratab"},
	{"# only a comment\r", "the line ends in a carriage return",
	 "it was saved with the line ends of DOS: sed -i 's/\\r$//' /etc/eratab"},
	{"r /dev/a\r /dev/b", "there is a character 0x0d, column 9, which no text has", ""},
	{"r /dev/\x1b[1m /dev/b", "there is a character 0x1b, column 8, which no text has", ""},
	{"r /dev/a /dev/b \x7f", "there is a character 0x7f, column 17, which no text has", ""},
};

static const struct {
	const char *name;
	bool good;
} names[] = {
	{"root", true}, {"r", true}, {"a-b", true}, {"9", true}, {"orig", true}, {"x-orig2", true}, {"Control", true},
	{"", false}, {"a b", false}, {"a/b", false}, {"\xc3\xbc", false}, {"a\n", false}, {"-a", false}, {".", false},
	{"..", false}, {".a", false}, {"#a", false}, {"control", false}, {"a-orig", false}, {"a-meta", false},
	{"a-cow", false}, {"-cow", false}, {"a-snap", false}, {X100, true}, {X100 "x", false},
};

static bool is_entry(const struct eratab_entry *n, size_t i)
{
	char flags[5] = "";

	strcat(flags, n->noauto ? "n" : "");
	strcat(flags, n->initramfs ? "i" : "");
	strcat(flags, n->pass_discards ? "p" : "");
	strcat(flags, n->no_fallback ? "f" : "");
	return strcmp(n->name, good[i].name) == 0 && strcmp(n->data, good[i].data) == 0 &&
	       strcmp(n->meta, good[i].meta) == 0 && strcmp(flags, good[i].flags) == 0 &&
	       n->timeout == good[i].timeout && n->line == 1;
}

static void test_good(void)
{
	struct eratab t;
	struct err e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		err_clear(&e);
		memset(&t, 0xff, sizeof(t));
		ok(eratab_parse("f", good[i].line, &t, &e) == 0 && e.kind == ERR_NONE &&
			   t.nr == (good[i].name ? 1 : 0) && (!good[i].name || is_entry(t.entry, i)),
		   "[%s] %s", good[i].line, e.text);
		eratab_free(&t);
	}
}

static void test_bad(void)
{
	char text[1024], want[1024];
	struct eratab t;
	struct err e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		snprintf(text, sizeof(text), "first /dev/1d /dev/1m\n%s\nlast /dev/2d /dev/2m\n", bad[i].line);
		snprintf(want, sizeof(want), "/etc/eratab:2: %s", bad[i].text);
		ok(eratab_parse("/etc/eratab", text, &t, &e) == -1 && e.kind == ERR_USAGE &&
			   strcmp(e.text, want) == 0 && strcmp(e.hint, bad[i].hint) == 0,
		   "%s; %s", e.text, e.hint);
		eratab_free(&t);
	}
}

static void test_whole(void)
{
	static const char text[] = "# volumes\n\nroot /dev/a /dev/b initramfs\n   # more\ndata /dev/c /dev/d";
	static const char nul[] = "root /dev/a /dev/b\nda\0ta /dev/c /dev/d\n";
	struct eratab t;
	struct err e;

	err_clear(&e);
	ok(eratab_parse("f", text, &t, &e) == 0 && t.nr == 2, "two volumes, the last line without its end");
	ok(eratab_find(&t, "data") == &t.entry[1] && t.entry[1].line == 5 && t.entry[0].line == 3,
	   "they are found, and know their lines");
	ok(!eratab_find(&t, "dat") && !eratab_find(&t, "data2") && !eratab_find(&t, ""), "others are not");
	eratab_free(&t);
	ok(t.nr == 0 && !eratab_find(&t, "data"), "nothing is found when it is freed");
	eratab_free(&t);
	ok(eratab_parse("f", "", &t, &e) == 0 && t.nr == 0, "an empty file");
	ok(eratab_parse("f", "\n\n#\n", &t, &e) == 0 && t.nr == 0, "a file of comments");
	ok(eratab_parse_bytes("f", text, 50, &t, &e) == 0 && t.nr == 1, "no byte behind the length is read");
	eratab_free(&t);
	ok(eratab_parse_bytes("f", nul, sizeof(nul) - 1, &t, &e) == -1 && e.kind == ERR_USAGE &&
		   strcmp(e.text, "f:2: there is a character 0x00, column 3, which no text has") == 0,
	   "a NUL: %s", e.text);
	eratab_free(&t);
}

/* nr volumes, the last line without its end. */
static char *make_volumes(unsigned int nr)
{
	char *text = malloc(64 * (size_t)nr + 1), *p = text;
	unsigned int i;

	for (i = 0; i < nr; i++)
		p += sprintf(p, "%sv%u /dev/d%u /dev/m%u", i ? "\n" : "", i, i, i);
	return text;
}

static void test_many(void)
{
	char *text = make_volumes(ERATAB_MAX);
	struct eratab t;
	struct err e;

	err_clear(&e);
	ok(eratab_parse("f", text, &t, &e) == 0 && t.nr == ERATAB_MAX &&
		   eratab_find(&t, "v255") == &t.entry[255] && strcmp(t.entry[0].data, "/dev/d0") == 0,
	   "%d volumes: %s", ERATAB_MAX, e.text);
	eratab_free(&t);
	free(text);
	text = make_volumes(ERATAB_MAX + 1);
	ok(eratab_parse("f", text, &t, &e) == -1 && e.kind == ERR_USAGE &&
		   strcmp(e.text, "f:257: there are more than 256 volumes") == 0,
	   "one more: %s", e.text);
	eratab_free(&t);
	free(text);
}

/* A line of a MiB in each place where it can be long. */
static void test_long(void)
{
	static const struct {
		const char *before, *text;
		int rc;
	} longs[] = {
		{"# ", NULL, 0},
		{"r /dev/a /dev/b #", NULL, 0},
		{"", "f:1: '" X10 X10 X10 X10 X10 X10 X10 "xxxxxxx...' cannot name a volume: a name has 100 characters "
		     "at most (field 1)", -1},
		{"r /dev/", "f:1: the device has more than 255 characters (field 2)", -1},
		{"r LABEL=\"", "f:1: the closing quote is missing (field 2)", -1},
		{"r /dev/a /dev/b ", "f:1: option '" X10 X10 X10 X10 X10 X10 X10 "xxxxxxx...' is not known (field 4)", -1},
		{"r /dev/a /dev/b timeout=", "f:1: option 'timeout=" X10 X10 X10 X10 X10 X10 "xxxxxxxxx...' has a wrong "
					     "value (field 4)", -1},
	};
	const size_t len = 1048576;
	char *text = malloc(len);
	struct eratab t;
	struct err e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(longs); i++) {
		memset(text, 'x', len);
		memcpy(text, longs[i].before, strlen(longs[i].before));
		err_clear(&e);
		ok(eratab_parse_bytes("f", text, len, &t, &e) == longs[i].rc &&
			   strcmp(e.text, longs[i].text ? longs[i].text : "") == 0,
		   "a MiB of x behind '%s': %s", longs[i].before, e.text);
		eratab_free(&t);
	}
	free(text);
}

static void test_names(void)
{
	struct err e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		err_clear(&e);
		ok((eratab_check_name(names[i].name, &e) == 0) == names[i].good &&
			   (e.kind == ERR_NONE) == names[i].good,
		   "name %zu: %s", i, e.text);
	}
	err_clear(&e);
	eratab_check_name("", &e);
	ok(strcmp(e.text, "'' cannot name a volume: it is empty") == 0, "no name: %s", e.text);
	err_clear(&e);
	eratab_check_name("a\x1b[2Jb", &e);
	ok(e.kind == ERR_USAGE && strcmp(e.text, "'a?[2Jb' cannot name a volume: a name has letters, digits and "
						 "# + - . : = @ _") == 0,
	   "what a terminal would act on is not repeated: %s", e.text);
}

/* A boot goes on with what is good, and hears of the first line that is not. */
static void test_rest(void)
{
	static const char text[] = "a /dev/x\n"
				   "b /dev/b /dev/c\n"
				   "b /dev/d /dev/e\n"
				   "c /dev/f /dev/g noauto";
	struct eratab t;
	struct err e = {0};

	ok(eratab_parse("tab", text, &t, &e) == -1 && strncmp(e.text, "tab:1: ", 7) == 0,
	   "the first of two errors: %s", e.text);
	ok(t.nr == 2 && eratab_find(&t, "b") && eratab_find(&t, "b")->line == 2 && eratab_find(&t, "c"),
	   "and the %zu lines that are good", t.nr);
	eratab_free(&t);
}

int main(void)
{
	test_rest();
	test_good();
	test_bad();
	test_whole();
	test_many();
	test_long();
	test_names();
	return tap_done();
}
