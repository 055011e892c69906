/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/repochange.h"
#include "flow/pruneflow.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "flow/mergeflow.h"
#include "pure/pruneplan.h"
#include "system/stop.h"
#include "world/zst.h"

#define INCOMING "merged.part"

static int merge_into(struct repo *r, const struct prunestep *step, const struct mergeflow_opts *o, int fd,
		      const char *path, struct err *e)
{
	struct mergeflow_result merged;
	struct catalog_stream s;

	if (mergeflow(o, fd, path, &merged, e))
		return -1;
	catalog_describe(&merged.head, &merged.end, merged.stream, &s);
	s.time = r->cat.streams[step->last].time;
	catalog_name(&s);
	return repochange_exchange(r, fd, INCOMING, step->first, step->last, &s, e);
}

static int merge(struct repo *r, const struct prunestep *step, const struct job *j, const struct report *report,
		 struct err *e)
{
	struct mergeflow_opts o = {.nr = (unsigned int)(step->last - step->first + 1), .threads = report->threads,
				   .tick = report->tick, .level = j->plain ? 0 : j->level ? j->level : ZST_LEVEL_DEFAULT};
	char path[PATH_MAX];
	int rc = -1;
	int fd;

	report_step(report, "merging %u streams into %s", o.nr, r->cat.streams[step->last].name);
	if (repo_incoming_path(r, INCOMING, path, e))
		return -1;
	o.paths = repo_paths(r, step->first, step->last, e);
	fd = o.paths ? repochange_incoming(r, INCOMING, e) : -1;
	if (fd >= 0) {
		rc = merge_into(r, step, &o, fd, path, e);
		close(fd);
		if (rc)
			unlink(path);
	}
	free((void *)o.paths);
	if (rc && e->sys == ENOSPC) {
		e->hint[0] = '\0';
		err_hint(e, "a merged stream is written before the old ones are removed: the disk needs room for one more full");
	}
	return rc;
}

/* 1: a step was made; 0: there is none to make. */
static int step(struct repo *r, const struct job *j, const struct report *report, struct err *e)
{
	unsigned int *why = calloc(r->cat.nr + 1, sizeof(*why));
	struct prunestep next;
	int rc = -1;

	if (!why)
		return err_set(e, ERR_RUNTIME, "%s: no memory to plan", r->dir);
	if (pruneplan_keep(&r->cat, &j->keep, why, e))
		goto out;
	rc = 0;
	if (pruneplan_next(&r->cat, why, MERGEFLOW_LAYERS_MAX, &next)) {
		rc = next.merge ? merge(r, &next, j, report, e) : repochange_drop(r, next.first, next.last, e);
		rc = rc ? -1 : 1;
	}
out:
	free(why);
	return rc;
}

int pruneflow(struct repo *r, const struct job *j, const struct report *report, struct err *e)
{
	int rc;

	do
		rc = stop_check(e) ? -1 : step(r, j, report, e);
	while (rc == 1);
	if (rc)
		return -1;
	r->cat.pruned = (uint64_t)time(NULL);
	return repo_commit(r, e);
}
