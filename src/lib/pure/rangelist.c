/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/rangelist.h"

#include <errno.h>
#include <inttypes.h>

/* stdio remembers that a write failed, so one look at the end is enough, however long the list. */
static int done(FILE *f, struct err *e)
{
	if (fflush(f) != 0)
		return err_sys(e, "writing the list of blocks");
	if (ferror(f))
		return err_set(e, ERR_RUNTIME, "writing the list of blocks failed");
	return 0;
}

int rangelist_text(FILE *f, const struct blockset *s, struct err *e)
{
	struct blockrun r;

	blockset_for_each_run(s, r)
		fprintf(f, "%" PRIu64 " %" PRIu64 "\n", r.begin, r.end);
	return done(f, e);
}

int rangelist_json(FILE *f, const struct blockset *s, const struct rangelist_about *about,
		   struct err *e)
{
	const char *comma = "";
	struct blockrun r;

	fprintf(f,
		"{\"block_size\":%" PRIu32 ",\"nr_blocks\":%" PRIu64 ",\"since\":%" PRIu32
		",\"era\":%" PRIu32 ",\"changed_blocks\":%" PRIu64 ",\"ranges\":[",
		about->block_size, s->nr_blocks, about->since, about->era, blockset_count(s));
	blockset_for_each_run(s, r) {
		fprintf(f, "%s[%" PRIu64 ",%" PRIu64 "]", comma, r.begin, r.end);
		comma = ",";
	}
	fputs("]}\n", f);
	return done(f, e);
}

int rangelist_xml(FILE *f, const struct blockset *s, struct err *e)
{
	struct blockrun r;

	fputs("<blocks>\n", f);
	blockset_for_each_run(s, r) {
		if (r.end - r.begin == 1)
			fprintf(f, "  <block block=\"%" PRIu64 "\"/>\n", r.begin);
		else
			fprintf(f, "  <range begin=\"%" PRIu64 "\" end=\"%" PRIu64 "\"/>\n",
				r.begin, r.end);
	}
	fputs("</blocks>", f);
	return done(f, e);
}
