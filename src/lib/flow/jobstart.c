/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobstart.h"

#include <stdio.h>
#include <string.h>

#include "flow/streamverify.h"

/* Without the lock: what a run would verify is taken for damaged where it is marked or gone. */
static int look_chain(const struct repo *r, struct err *why, struct err *e)
{
	size_t i;
	int same;

	for (i = catalog_chain(&r->cat, r->cat.nr - 1); i < r->cat.nr; i++) {
		same = repo_untouched(r, i, e);
		if (same < 0)
			return -1;
		if (r->cat.streams[i].damaged || !same) {
			err_set(why, ERR_CORRUPT, "%s/streams/%s: is damaged, gone or was changed", r->dir,
				r->cat.streams[i].name);
			return 0;
		}
	}
	return 1;
}

static int verify_chain(struct repo *r, unsigned int threads, struct err *why, struct err *e)
{
	bool changed;
	const int good = streamverify_chain(r, threads, &changed, why);

	if (good < 0) {
		*e = *why;
		return -1;
	}
	return changed && repo_commit(r, e) ? -1 : good;
}

int jobstart(struct repo *r, bool full, unsigned int threads, struct token *from, char *reason, size_t len,
	     struct err *e)
{
	struct err why = {0};
	int good;

	memset(from, 0, sizeof(*from));
	from->full = true;
	snprintf(reason, len, "%s", full ? "a full was asked for" : "it is the first backup");
	if (full || r->cat.nr == 0)
		return 0;
	good = r->lock >= 0 ? verify_chain(r, threads, &why, e) : look_chain(r, &why, e);
	if (good < 0)
		return -1;
	if (!good) {
		snprintf(reason, len, "%s", why.text);
		return 0;
	}
	catalog_token(&r->cat.streams[r->cat.nr - 1], from);
	reason[0] = '\0';
	return 0;
}
