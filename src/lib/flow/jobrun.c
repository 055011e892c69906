/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobrun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "flow/jobhooks.h"
#include "flow/jobrequest.h"
#include "flow/jobstart.h"
#include "flow/metrics.h"
#include "flow/mirror.h"
#include "flow/problem.h"
#include "flow/pruneflow.h"
#include "flow/receive.h"
#include "flow/repochange.h"
#include "flow/verifyrepo.h"
#include "system/clock.h"
#include "words/num.h"
#include "words/when.h"

/* Receive */

static int receive_from(struct repo *repo, const struct job *j, const struct token *from, const struct report *report,
			struct receive_result *got, struct err *e)
{
	struct receive_opts o = {.job = j, .threads = report->threads, .tick = report->tick, .line = report->line,
				 .ctx = report->ctx};
	char request[REQUEST_LEN];

	memset(got, 0, sizeof(*got));
	if (jobrequest(j, from, false, request, e))
		return -1;
	o.request = request;
	report_step(report, "receiving from %s", j->source);
	return receive(repo, from, &o, got, e);
}

static int receive_any(struct repo *repo, const struct job *j, struct token *from, bool damaged,
		       const struct report *report, struct receive_result *got, struct jobrun_result *r, struct err *e)
{
	struct err why = {0};

	if (from->full) {
		if (damaged)
			report_warn(report, "a full, because a chain is not built on damage: %s", r->reason);
		else
			report_note(report, "a full, because %s", r->reason);
		return receive_from(repo, j, from, report, got, e);
	}
	if (receive_from(repo, j, from, report, got, &why) == 0)
		return 0;
	if (!got->refused) {
		*e = why;
		return -1;
	}
	snprintf(r->reason, sizeof(r->reason), "%s", why.text);
	/* A source without eras never can; where one could and cannot any more, something has happened to it. */
	if (from->era_c)
		report_warn(report, "a full, because no incremental is possible: %s", r->reason);
	else
		report_note(report, "a full, because no incremental is possible: %s", r->reason);
	*from = (struct token){.full = true};
	return receive_from(repo, j, from, report, got, e);
}

/* The last good run is one that has its stream in the chain, whatever comes behind. */
static int record(struct repo *repo, const struct receive_result *got, uint64_t seconds, struct err *e)
{
	struct catalog *c = &repo->cat;

	c->run_time = (uint64_t)time(NULL);
	c->run_seconds = seconds;
	c->run_still_us = got->still_us;
	c->meta_used = got->meta_used;
	c->meta_total = got->meta_total;
	return repo_commit(repo, e);
}

static void tell_clock(const struct job *j, int64_t off_s, const struct report *report)
{
	char age[WHEN_LEN];

	if (off_s)
		report_warn(report, "%s: its clock is %s %s ours; the restore point has our time", j->source,
			    when_age(off_s > 0 ? off_s : -off_s, age), off_s > 0 ? "ahead of" : "behind");
}

static int backup(struct repo *repo, const struct job *j, bool full, const struct report *report,
		  struct jobrun_result *r, struct err *e)
{
	const int64_t begin_us = clock_us();
	struct receive_result got;
	struct token from;
	char size[NUM_SIZE_LEN];
	bool damaged;

	if (jobstart(repo, full, report->threads, &from, &damaged, r->reason, sizeof(r->reason), e) ||
	    receive_any(repo, j, &from, damaged, report, &got, r, e))
		return -1;
	if (!from.full && got.stream.kind == WIRE_FULL)
		snprintf(r->reason, sizeof(r->reason), "the source sent one");
	r->committed = true;
	r->stream = got.stream;
	r->seconds = (uint64_t)(clock_us() - begin_us) / 1000000;
	tell_clock(j, got.clock_off_s, report);
	report_note(report, "%s %s, %s", wire_kind_name(r->stream.kind), r->stream.name,
		    num_size(r->stream.length, size, sizeof(size)));
	return record(repo, &got, r->seconds, e);
}

/* What comes behind */

static bool is_due(uint64_t last, uint64_t interval)
{
	const uint64_t now = (uint64_t)time(NULL);

	return interval != WHEN_NEVER && (now < last || now - last >= interval);
}

static size_t count_damaged(const struct catalog *c)
{
	struct catalog_sum sum;

	catalog_sum(c, &sum);
	return sum.damaged;
}

/* What is known as damaged is in the status; only news fails the run, or one bad file would fail every night. */
static int verify(struct repo *repo, const struct job *j, const struct report *report, struct err *e)
{
	const struct verifyrepo_opts o = {.report = report};
	const size_t before = count_damaged(&repo->cat);
	struct err why = {0};

	if (!is_due(repo->cat.checked, j->verify_interval) || verifyrepo(repo, &o, &why) == 0)
		return 0;
	if (why.kind == ERR_CORRUPT && count_damaged(&repo->cat) <= before) {
		report_warn(report, "%s", why.text);
		return 0;
	}
	*e = why;
	return -1;
}

static int prune(struct repo *repo, const struct job *j, const struct report *report, struct err *e)
{
	if (!retention_is_set(&j->keep) || !is_due(repo->cat.pruned, j->prune_interval))
		return 0;
	return pruneflow(repo, j, report, e);
}

static int mirror(struct repo *repo, const struct job *j, const struct report *report, struct err *e)
{
	return j->mirror ? mirror_update(repo, j, false, report, e) : 0;
}

/* Each that is due, whatever became of the one before; the first failure is the one that is told as such. */
static int look_after(struct repo *repo, const struct job *j, const struct report *report, struct err *e)
{
	/* What is damaged is not merged: so verify comes before prune. */
	static int (*const steps[])(struct repo *, const struct job *, const struct report *, struct err *) = {
		mirror, verify, prune};
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct err failed = {0};

		if (steps[i](repo, j, report, &failed) == 0)
			continue;
		if (e->kind)
			report_warn(report, "%s", failed.text);
		else
			*e = failed;
	}
	if (e->kind)
		return -1;
	return j->metrics ? metrics_write(j->metrics, j->name, &repo->cat, e) : 0;
}

/* What may go makes room for the next run. A disk that is full does not wait until it is due. */
static int after_failure(struct repo *repo, const struct job *j, const struct report *report, const struct err *e)
{
	struct err failed = {0};

	if (e->sys == ENOSPC)
		repo->cat.pruned = 0;
	if (prune(repo, j, report, &failed))
		report_warn(report, "%s", failed.text);
	return -1;
}

static int in_repository(const struct job *j, bool full, const struct report *report, struct jobrun_result *r,
			 struct err *e)
{
	struct repo repo;
	int rc = repochange_lock(&repo, j->repository, e);

	if (rc == 0) {
		rc = backup(&repo, j, full, report, r, e) ? after_failure(&repo, j, report, e)
							  : look_after(&repo, j, report, e);
		/* Of whoever has the lock: another's run is not ours to comment. */
		if (rc)
			problem_note(j->repository, e);
		else
			problem_clear(j->repository);
	}
	repo_close(&repo);
	return rc;
}

/* The commands are around everything: they may mount the disk that the repository is on. */
int jobrun(const struct job *j, bool full, const struct report *report, struct jobrun_result *r, struct err *e)
{
	struct err after = {0};
	int rc;

	memset(r, 0, sizeof(*r));
	rc = jobhooks_before(j, e) || in_repository(j, full, report, r, e) ? -1 : 0;
	if (jobhooks_after(j, r->committed ? &r->stream : NULL, e, &after) == 0)
		return rc;
	if (rc)
		report_warn(report, "%s", after.text);
	else
		*e = after;
	return -1;
}
