/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/verifyrepo.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "flow/streamverify.h"
#include "system/stop.h"

static void tell(const struct verifyrepo_opts *o, const struct repo *r, size_t i, const char *name, const char *problem,
		 size_t lost_end)
{
	if (o->each)
		o->each(o->ctx, &r->cat, i, name, problem, lost_end);
}

static int verify_one(struct repo *r, size_t i, const struct verifyrepo_opts *o, unsigned int *bad, struct err *e)
{
	const char *name = r->cat.streams[i].name;
	struct err why = {0};

	report_step(o->report, "verifying %s", name);
	if (streamverify(r, i, o->stored_only, o->report->threads, &o->report->tick, &why) == 0) {
		tell(o, r, i, name, NULL, i);
		return 0;
	}
	if (why.kind != ERR_CORRUPT) {
		*e = why;
		return -1;
	}
	(*bad)++;
	tell(o, r, i, name, why.text, catalog_chain_end(&r->cat, i));
	return 0;
}

/* Whose copy it may be is for a person to find out. */
static int find_foreign(struct repo *r, const struct verifyrepo_opts *o, unsigned int *bad, struct err *e)
{
	char path[PATH_MAX];
	struct dirent *d;
	size_t k;
	DIR *dir;

	if (repo_stream_path(r, "", path, e))
		return -1;
	dir = opendir(path);
	if (!dir)
		return err_sys(e, "%s: cannot read", path);
	while ((d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    catalog_by_name(&r->cat, d->d_name) < r->cat.nr)
			continue;
		for (k = 0; k < r->cat.nr_removing && strcmp(r->cat.removing[k], d->d_name) != 0; k++)
			;
		if (k < r->cat.nr_removing)
			continue;
		(*bad)++;
		tell(o, r, r->cat.nr, d->d_name, "does not belong to this repository; nothing uses it", r->cat.nr);
	}
	closedir(dir);
	return 0;
}

static int all(struct repo *r, const struct verifyrepo_opts *o, unsigned int *bad, struct err *e)
{
	size_t i;

	for (i = 0; i < r->cat.nr; i++)
		if (stop_check(e) || verify_one(r, i, o, bad, e))
			return err_prefix(e, "%s", r->dir);
	return find_foreign(r, o, bad, e);
}

int verifyrepo(struct repo *r, const struct verifyrepo_opts *o, struct err *e)
{
	struct err kept = {0};
	unsigned int bad = 0;

	if (all(r, o, &bad, e) == 0) {
		/* Of a merged stream what was compressed again may never have been decompressed: that is still due. */
		if (!o->stored_only)
			r->cat.checked = (uint64_t)time(NULL);
		if (!o->stored_only && bad == 0)
			r->cat.verified = r->cat.checked;
	}
	/* What was found counts, also where it was not all. */
	if (r->lock >= 0 && repo_commit(r, e->kind ? &kept : e))
		return -1;
	if (e->kind || bad == 0)
		return e->kind ? -1 : 0;
	err_set(e, ERR_CORRUPT, "%s: %u file%s damaged, missing or foreign", r->dir, bad, bad == 1 ? " is" : "s are");
	return err_hint(e, "erabackup verify names them; put a good copy back, or let the next run make a full");
}
