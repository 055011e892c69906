/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rangelist: each format to the byte, and a full disk is an error. */
#include "pure/rangelist.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static const struct rangelist_about about = {.block_size = 128, .since = 3, .era = 7};

static int text(FILE *f, const struct blockset *s, struct err *e)
{
	return rangelist_text(f, s, e);
}

static int json(FILE *f, const struct blockset *s, struct err *e)
{
	return rangelist_json(f, s, &about, e);
}

static int xml(FILE *f, const struct blockset *s, struct err *e)
{
	return rangelist_xml(f, s, e);
}

struct format {
	const char *name;
	int (*print)(FILE *f, const struct blockset *s, struct err *e);
	const char *empty, *some;
};

/* The XML is what era_invalidate 1.1.0 printed for the same blocks. */
static const struct format formats[] = {
	{"text", text, "", "0 6\n8 9\n63 66\n99 100\n"},
	{"json", json,
	 "{\"block_size\":128,\"nr_blocks\":100,\"since\":3,\"era\":7,\"changed_blocks\":0,"
	 "\"ranges\":[]}\n",
	 "{\"block_size\":128,\"nr_blocks\":100,\"since\":3,\"era\":7,\"changed_blocks\":11,"
	 "\"ranges\":[[0,6],[8,9],[63,66],[99,100]]}\n"},
	{"xml", xml, "<blocks>\n</blocks>",
	 "<blocks>\n"
	 "  <range begin=\"0\" end=\"6\"/>\n"
	 "  <block block=\"8\"/>\n"
	 "  <range begin=\"63\" end=\"66\"/>\n"
	 "  <block block=\"99\"/>\n"
	 "</blocks>"},
};

static bool prints(const struct format *t, const struct blockset *s, const char *want)
{
	struct err e = {0};
	char *buf = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&buf, &len);
	bool same = t->print(f, s, &e) == 0;

	fclose(f);
	same = same && strcmp(buf, want) == 0;
	if (!same)
		printf("# %s%s\n", buf, e.text);
	free(buf);
	return same;
}

static void full_disk(const struct format *t, struct blockset *s)
{
	struct err e = {0};
	FILE *f = fopen("/dev/full", "w");

	ok(t->print(f, s, &e) == -1 && e.kind == ERR_RUNTIME, "%s: a full disk at the end: %s",
	   t->name, e.text);
	fclose(f);
	memset(&e, 0, sizeof(e));
	f = fopen("/dev/full", "w");
	setvbuf(f, NULL, _IONBF, 0);
	ok(t->print(f, s, &e) == -1 && e.kind == ERR_RUNTIME, "%s: a full disk in the middle: %s",
	   t->name, e.text);
	fclose(f);
}

int main(void)
{
	struct blockset empty, some;
	struct err e = {0};
	size_t i;

	blockset_init(&empty, 100, &e);
	blockset_init(&some, 100, &e);
	blockset_add(&some, 0, 6);
	blockset_add(&some, 8, 9);
	blockset_add(&some, 63, 66);
	blockset_add(&some, 99, 100);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		ok(prints(&formats[i], &empty, formats[i].empty), "%s: an empty set",
		   formats[i].name);
		ok(prints(&formats[i], &some, formats[i].some), "%s: runs and single blocks",
		   formats[i].name);
		full_disk(&formats[i], &some);
	}
	blockset_fini(&empty);
	blockset_fini(&some);
	return tap_done();
}
