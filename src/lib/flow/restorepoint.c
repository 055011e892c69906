/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/restorepoint.h"

#include <stdlib.h>

int restorepoint(const struct repo *r, size_t i, const struct restoreflow_opts *o, struct restoreflow_result *result,
		 struct err *e)
{
	const size_t first = catalog_chain(&r->cat, i);
	struct restoreflow_opts all = *o;
	int rc;

	all.nr = (unsigned int)(i - first + 1);
	all.paths = repo_paths(r, first, i, e);
	if (!all.paths)
		return -1;
	rc = restoreflow(&all, result, e);
	free((void *)all.paths);
	return rc;
}
