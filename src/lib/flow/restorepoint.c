/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/restorepoint.h"

#include <stdlib.h>
#include <string.h>

#include "flow/target.h"

bool restorepoint_knows(const struct repo *r, const char *target)
{
	uint8_t generation[WIRE_ID_LEN];
	size_t i;

	if (!target_generation(target, generation))
		return false;
	for (i = 0; i < r->cat.nr; i++)
		if (wire_id_same(r->cat.streams[i].generation, generation))
			return true;
	return false;
}

int restorepoint(const struct repo *r, size_t i, const struct restoreflow_opts *o, struct restoreflow_result *result,
		 struct err *e)
{
	const size_t first = catalog_chain(&r->cat, i);
	struct restoreflow_opts all = *o;
	int rc;

	all.known = o->target && restorepoint_knows(r, o->target);
	all.nr = (unsigned int)(i - first + 1);
	all.paths = repo_paths(r, first, i, e);
	if (!all.paths)
		return -1;
	rc = restoreflow(&all, result, e);
	free((void *)all.paths);
	return rc;
}
