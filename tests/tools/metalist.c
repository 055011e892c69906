/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metalist: the blocks a metadata device lists, by our own reader, without the rest of the suite.
 *
 *   metalist [--held] [--text|--json|--xml] SINCE DEVICE
 *   metalist --parse [--text|--xml] NR_BLOCKS FILE      the same from era_invalidate's XML
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pure/erameta.h"
#include "pure/eraxml.h"
#include "pure/rangelist.h"
#include "words/num.h"
#include "world/metadev.h"

struct options {
	bool held, parse;
	char format;
	uint64_t number;
	const char *path;
};

static int print(const struct options *o, const struct blockset *set,
		 const struct erameta_info *info, struct err *e)
{
	struct rangelist_about about = {0};

	if (info) {
		about.block_size = info->block_size;
		about.era = info->era;
		about.since = (uint32_t)o->number;
	}
	if (o->format == 'j')
		return rangelist_json(stdout, set, &about, e);
	return o->format == 'x' ? rangelist_xml(stdout, set, e) : rangelist_text(stdout, set, e);
}

static int list(const struct options *o, struct err *e)
{
	struct metadev *dev = metadev_open(o->path, e);
	struct erameta *m = NULL;
	struct blockset set = {0};
	int rc = -1;

	if (!dev)
		goto out;
	m = erameta_open(metadev_io(dev), o->held ? ERAMETA_HELD : ERAMETA_CURRENT, e);
	if (!m || blockset_init(&set, erameta_info(m)->nr_blocks, e) ||
	    erameta_changed(m, o->number, ERAMETA_NO_LIMIT, &set, e) || erameta_recheck(m, e) ||
	    print(o, &set, erameta_info(m), e))
		goto out;
	rc = 0;
out:
	blockset_fini(&set);
	erameta_close(m);
	metadev_close(dev);
	return rc;
}

static int parse(const struct options *o, struct err *e)
{
	FILE *f = fopen(o->path, "r");
	struct eraxml *x = NULL;
	struct blockset set = {0};
	char buf[65536];
	int rc = -1;
	size_t n;

	if (!f) {
		err_sys(e, "%s", o->path);
		goto out;
	}
	if (blockset_init(&set, o->number, e))
		goto out;
	x = eraxml_new(&set, e);
	if (!x)
		goto out;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
		if (eraxml_feed(x, buf, n, e))
			goto out;
	}
	if (eraxml_finish(x, e) || print(o, &set, NULL, e))
		goto out;
	rc = 0;
out:
	eraxml_free(x);
	blockset_fini(&set);
	if (f)
		fclose(f);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {.format = 't'};
	struct err e = {0};
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--held") == 0)
			o.held = true;
		else if (strcmp(argv[i], "--parse") == 0)
			o.parse = true;
		else
			o.format = argv[i][2];
	}
	if (argc != i + 2 || num_parse(argv[i], 0, UINT64_MAX, &o.number)) {
		fprintf(stderr, "usage: metalist [--held|--parse] [--text|--json|--xml] "
				"NUMBER FILE\n");
		return 2;
	}
	o.path = argv[i + 1];
	if (o.parse ? parse(&o, &e) : list(&o, &e)) {
		fprintf(stderr, "metalist: %s\n%s%s%s", e.text, e.hint[0] ? "hint: " : "", e.hint,
			e.hint[0] ? "\n" : "");
		return (int)e.kind;
	}
	return 0;
}
