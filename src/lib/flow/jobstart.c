/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobstart.h"

#include <stdio.h>
#include <string.h>

#include "flow/streamverify.h"

int jobstart(struct repo *r, bool full, unsigned int threads, struct token *from, bool *damaged, char *reason, size_t len,
	     struct err *e)
{
	struct err why = {0};
	bool changed;
	int good;

	*from = (struct token){.full = true};
	*damaged = false;
	snprintf(reason, len, "%s", full ? "a full was asked for" : "it is the first backup");
	if (full || r->cat.nr == 0)
		return 0;
	good = streamverify_chain(r, threads, &changed, &why);
	if (good < 0) {
		*e = why;
		return -1;
	}
	if (changed && r->lock >= 0 && repo_commit(r, e))
		return -1;
	if (!good) {
		*damaged = true;
		snprintf(reason, len, "%s", why.text);
		return 0;
	}
	catalog_token(&r->cat.streams[r->cat.nr - 1], from);
	reason[0] = '\0';
	return 0;
}
