/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/jobcheck.h"

#include <stdlib.h>
#include <string.h>

/* Paths */

/* The next part of a path that leads somewhere, with its length; NULL at the end. */
static const char *part(const char *p, size_t *len)
{
	for (;;) {
		p += strspn(p, "/");
		*len = strcspn(p, "/");
		if (*len != 1 || *p != '.')
			return *len ? p : NULL;
		p++;
	}
}

bool jobcheck_same_path(const char *a, const char *b)
{
	size_t la, lb;

	for (;; a += la, b += lb) {
		a = part(a, &la);
		b = part(b, &lb);
		if (!a || !b)
			return a == b;
		if (la != lb || memcmp(a, b, la) != 0)
			return false;
	}
}

/* What goes together */

static uint64_t bit(const char *name)
{
	return UINT64_C(1) << job_key(name);
}

static void drop(char **field)
{
	free(*field);
	*field = NULL;
}

/* Details that the job does not say itself, and that do not go with what it does say. */
static void put_aside(struct job *j, uint64_t own)
{
	const bool fixed = own & bit("cut") && j->cut;

	if (fixed && j->cut != WIRE_CUT_SNAPSHOT && !(own & bit("cow")))
		drop(&j->cow);
	if (own & (bit("freeze-limit") | bit("max-passes")) && !(own & bit("cow")))
		drop(&j->cow);
	if (((fixed && j->cut != WIRE_CUT_FREEZE) || own & bit("cow")) && !(own & bit("freeze-limit")))
		drop(&j->freeze_limit);
	if (((fixed && j->cut != WIRE_CUT_FREEZE) || own & bit("cow")) && !(own & bit("max-passes")))
		j->max_passes = 0;
	if (fixed && j->cut == WIRE_CUT_NONE && !(own & bit("pre-cut")))
		drop(&j->pre_cut);
	if (fixed && j->cut == WIRE_CUT_NONE && !(own & bit("post-cut")))
		drop(&j->post_cut);
	if (own & bit("compress") && j->plain && !(own & bit("level")))
		j->level = 0;
}

static const char *clash(const struct job *j)
{
	if (j->cut == WIRE_CUT_NONE && (j->pre_cut || j->post_cut))
		return "pre-cut and post-cut go with a cut, and cut = none makes none";
	if (j->cow && j->cut && j->cut != WIRE_CUT_SNAPSHOT)
		return "cow goes with cut = snapshot";
	if ((j->freeze_limit || j->max_passes) && (j->cow || (j->cut && j->cut != WIRE_CUT_FREEZE)))
		return "freeze-limit and max-passes go with cut = freeze";
	if (j->plain && j->level)
		return "level does not go with compress = none";
	if (j->mirror && j->repository && jobcheck_same_path(j->mirror, j->repository))
		return "mirror and repository are the same";
	if (j->mirror && j->path && !j->ssh && jobcheck_same_path(j->mirror, j->path))
		return "the mirror is the source itself";
	if (j->mirror && j->metrics && jobcheck_same_path(j->mirror, j->metrics))
		return "mirror and metrics are the same";
	return NULL;
}

int jobcheck(struct job *j, uint64_t own, struct err *e)
{
	const char *why;

	put_aside(j, own);
	why = clash(j);
	if (why)
		return err_set(e, ERR_USAGE, "%s", why);
	if (!j->source)
		return err_set(e, ERR_USAGE, "there is no source");
	return j->repository ? 0 : err_set(e, ERR_USAGE, "there is no repository");
}
