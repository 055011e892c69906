/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/listflow.h"

#include <stdio.h>

#include "flow/copyflow.h"
#include "pure/rangelist.h"
#include "words/json.h"
#include "words/num.h"

#define ull unsigned long long

static int print_list(enum listflow_format format, const struct blockset *set,
		      const struct rangelist_about *about, struct err *e)
{
	switch (format) {
	case LISTFLOW_XML:
		return rangelist_xml(stdout, set, e);
	case LISTFLOW_JSON:
		return rangelist_json(stdout, set, about, e);
	case LISTFLOW_TEXT:
	case LISTFLOW_NONE:
	default:
		return rangelist_text(stdout, set, e);
	}
}

int listflow_file(const struct plan_opts *o, enum listflow_format format, struct err *e)
{
	const uint64_t since = o->has_token ? o->token.era_c : o->since;
	struct rangelist_about about = {0};
	struct plan_listing listing = {0};
	struct blockset set = {0};
	int rc = -1;

	if (plan_list_file(o->metadata, o->held, since, o->before, &set, &listing, e))
		goto out;
	about.block_size = listing.block_sectors;
	about.since = (uint32_t)since;
	about.era = (uint32_t)listing.era_c;
	rc = print_list(format, &set, &about, e);
out:
	blockset_fini(&set);
	return rc;
}

int listflow_plan(const struct plan *p, enum listflow_format format, struct err *e)
{
	struct rangelist_about about = {
		.block_size = (uint32_t)(p->head.granule / 512),
		.since = (uint32_t)p->head.since,
		.era = (uint32_t)p->head.era_c,
	};

	return print_list(format, &p->set, &about, e);
}

/* What a program has from dm-era's metadata only, it has only where there is some. */
static int estimate_json(const struct plan *p, uint64_t bytes, struct err *e)
{
	const char *kind = wire_kind_name(p->head.kind);

	if (p->cut.meta_total == 0)
		return json_value(stdout, e, "{s:s,s:I,s:I,s:I,s:I}", "kind", kind, "bytes", (ull)bytes, "size",
				  (ull)p->head.size, "since", (ull)p->head.since, "era", (ull)p->head.era_c);
	return json_value(stdout, e, "{s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "kind", kind, "bytes", (ull)bytes, "size",
			  (ull)p->head.size, "since", (ull)p->head.since, "era", (ull)p->head.era_c, "metadata_used",
			  (ull)p->cut.meta_used, "metadata_total", (ull)p->cut.meta_total);
}

int listflow_estimate(const struct plan *p, bool json, struct err *e)
{
	const uint64_t bytes = copyflow_bytes(&p->set, p->head.granule, p->head.size);
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];

	if (!json) {
		printf("%s: %s of %s to copy\n", wire_kind_name(p->head.kind),
		       num_size(bytes, a, sizeof(a)), num_size(p->head.size, b, sizeof(b)));
	} else if (estimate_json(p, bytes, e)) {
		return -1;
	} else {
		putchar('\n');
	}
	return json_end(stdout, "standard output", e);
}
