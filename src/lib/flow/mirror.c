/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/mirror.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/applyflow.h"
#include "flow/restorepoint.h"
#include "flow/target.h"

/* Is it an image that was a mirror of this repository, whatever has become of it? */
static bool is_ours(const struct repo *r, const char *mirror)
{
	struct stat st;

	return stat(mirror, &st) == 0 && S_ISREG(st.st_mode) && restorepoint_knows(r, mirror);
}

/* The whole chain: only what differs is written. */
static int restore(const struct repo *r, const struct job *j, bool force, const struct report *report, struct err *e)
{
	const struct restoreflow_opts o = {.target = j->mirror, .differences = true,
					   .force = force || is_ours(r, j->mirror), .threads = report->threads,
					   .tick = report->tick};
	struct restoreflow_result result;

	if (restorepoint(r, r->cat.nr - 1, &o, &result, e) == 0)
		return 0;
	if (e->kind != ERR_IDENTITY)
		return -1;
	e->hint[0] = '\0';
	return err_hint(e, "if it may be overwritten: erabackup mirror --force %s", j->name);
}

static int apply(const struct repo *r, size_t i, const char *mirror, const struct report *report, struct err *e)
{
	const struct applyflow_opts o = {.target = mirror, .threads = report->threads, .tick = report->tick};
	struct applyflow_result result;
	char path[PATH_MAX];
	int rc;
	int fd;

	if (repo_stream_path(r, r->cat.streams[i].name, path, e))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s: cannot open", path);
	rc = applyflow_run(fd, path, &o, &result, e);
	close(fd);
	return rc;
}

/* The stream from which on it has to be applied; the first of all if it has to be made anew. */
static size_t missing_from(const struct repo *r, const char *mirror, bool *known)
{
	const size_t chain = catalog_chain(&r->cat, r->cat.nr - 1);
	struct err ignored = {0};
	struct token at;
	size_t i;

	*known = target_token(mirror, NULL, &at, &ignored) == 0 && !at.full;
	if (!*known)
		return chain;
	i = catalog_by_state(&r->cat, at.id);
	*known = i >= chain && i < r->cat.nr;
	return *known ? i + 1 : chain;
}

int mirror_update(const struct repo *r, const struct job *j, bool force, const struct report *report, struct err *e)
{
	struct err why = {0};
	bool known;
	size_t i;

	if (r->cat.nr == 0)
		return err_set(e, ERR_RUNTIME, "%s: the repository has no stream yet", r->dir);
	i = missing_from(r, j->mirror, &known);
	if (!known) {
		report_step(report, "making the mirror %s", j->mirror);
		return restore(r, j, force, report, e);
	}
	/* The head once more costs nothing but its reading, and shows whether somebody was at the mirror. */
	if (i == r->cat.nr)
		i--;
	for (; i < r->cat.nr; i++) {
		report_step(report, "applying %s to the mirror", r->cat.streams[i].name);
		if (apply(r, i, j->mirror, report, &why))
			break;
	}
	if (why.kind != ERR_IDENTITY) {
		*e = why;
		return why.kind == ERR_NONE ? 0 : -1;
	}
	report_warn(report, "%s; it is restored from the chain", why.text);
	return restore(r, j, force, report, e);
}

int mirror_compare(const struct repo *r, const char *mirror, const struct report *report, struct err *e)
{
	const struct restoreflow_opts o = {.target = mirror, .compare = mirror != NULL, .threads = report->threads,
					   .tick = report->tick};
	struct restoreflow_result result;

	return restorepoint(r, r->cat.nr - 1, &o, &result, e);
}
