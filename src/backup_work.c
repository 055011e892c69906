/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backup_work.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup_each.h"
#include "flow/jobrun.h"
#include "flow/mirror.h"
#include "flow/pruneflow.h"
#include "flow/repochange.h"
#include "flow/unlock.h"
#include "flow/verifyrepo.h"
#include "pure/point.h"
#include "pure/pruneplan.h"
#include "system/clock.h"
#include "system/stop.h"
#include "words/json.h"
#include "words/num.h"
#include "words/when.h"

#define ull unsigned long long

/* init */

static int init_one(struct backup_each *w, const struct job *j, struct err *e)
{
	const int made = repo_create(j->repository, e);

	if (made < 0)
		return -1;
	report_note(&w->ui.report, made ? "%s is a repository now" : "%s is a repository already", j->repository);
	if (!w->args->json)
		return 0;
	backup_each_json(w);
	return json_value(stdout, e, "{s:s,s:b}", "job", j->name, "made", made);
}

int backup_work_init(const struct backup_args *a, struct err *e)
{
	return backup_each(a, init_one, e);
}

/* run */

static int run_json(struct backup_each *w, const struct job *j, const struct jobrun_result *r, const struct err *outcome,
		    struct err *e)
{
	char text[2][JSON_TEXT_LEN];

	backup_each_json(w);
	return json_value(stdout, e, "{s:s,s:s,s:i,s:s?,s:s,s:s?,s:I,s:I,s:s}", "job", j->name, "outcome",
			  outcome->kind ? "failure" : "success", "exit", (int)outcome->kind, "kind",
			  r->committed ? wire_kind_name(r->stream.kind) : NULL, "reason", json_text(r->reason, text[0]),
			  "stream", r->committed ? r->stream.name : NULL, "bytes", (ull)r->stream.length, "duration_s",
			  (ull)r->seconds, "message", json_text(outcome->text, text[1]));
}

static int run_one(struct backup_each *w, const struct job *j, struct err *e)
{
	struct jobrun_result r;
	struct err json = {0};

	jobrun(j, w->args->full, &w->ui.report, &r, e);
	if (w->args->json && run_json(w, j, &r, e, &json) && e->kind == ERR_NONE)
		*e = json;
	return e->kind ? -1 : 0;
}

/* Until the next round is due, or we are told to stop. */
static void wait_until(int64_t due_us)
{
	int64_t left;

	while (!stop_requested() && (left = due_us - clock_us()) > 0)
		poll(NULL, 0, (int)num_min((uint64_t)left / 1000 + 1, 1000));
}

static int run_again_and_again(const struct backup_args *a)
{
	int64_t due_us = clock_us();

	while (!stop_requested()) {
		struct err e = {0};

		backup_each(a, run_one, &e);
		due_us += (int64_t)a->interval * 1000000;
		/* What took longer than the interval is not made up for. */
		if (due_us < clock_us())
			due_us = clock_us();
		wait_until(due_us);
	}
	return 0;
}

int backup_work_run(const struct backup_args *a, struct err *e)
{
	return a->interval ? run_again_and_again(a) : backup_each(a, run_one, e);
}

/* prune */

static void prune_line(const struct backup_each *w, const struct catalog_stream *s, unsigned int why)
{
	char words[RETENTION_WORDS_LEN];
	char id[POINT_ID_LEN];
	char when[WHEN_LEN];

	if (w->args->quiet || (!w->args->dry_run && !w->args->verbose))
		return;
	printf("%s  %-24s %s%s\n", point_id(s, id), when_print((time_t)s->time, when), why ? "keep   " : "remove",
	       retention_words(why, words));
}

static int prune_json(const struct catalog *c, const unsigned int *why, bool kept, struct err *e)
{
	char id[2 * WIRE_ID_LEN + 1];
	char words[RETENTION_WORDS_LEN];
	bool any = false;
	size_t i;

	for (i = 0; i < c->nr; i++) {
		if ((why[i] != 0) != kept)
			continue;
		json_comma(stdout, &any);
		num_hex(c->streams[i].state_id, WIRE_ID_LEN, id);
		if (kept ? json_value(stdout, e, "{s:s,s:s}", "id", id, "why", retention_words(why[i], words))
			 : json_value(stdout, e, "s", id))
			return -1;
	}
	return 0;
}

static int tell_prune(struct backup_each *w, const struct job *j, const struct catalog *c, const unsigned int *why,
		      struct err *e)
{
	size_t i;

	if (!w->args->json) {
		for (i = 0; i < c->nr; i++)
			prune_line(w, &c->streams[i], why[i]);
		return 0;
	}
	backup_each_json(w);
	printf("{\"job\":\"%s\",\"kept\":[", j->name);
	if (prune_json(c, why, true, e))
		return -1;
	printf("],\"removed\":[");
	if (prune_json(c, why, false, e))
		return -1;
	printf("]}");
	return 0;
}

static int prune_repo(struct backup_each *w, const struct job *j, struct repo *r, struct err *e)
{
	unsigned int *why = calloc(r->cat.nr + 1, sizeof(*why));
	int rc = -1;

	if (!why)
		return err_set(e, ERR_RUNTIME, "%s: no memory to plan", r->dir);
	if (pruneplan_keep(&r->cat, &j->keep, why, e) == 0 && tell_prune(w, j, &r->cat, why, e) == 0)
		rc = w->args->dry_run ? 0 : pruneflow(r, j, &w->ui.report, e);
	free(why);
	return rc;
}

static int prune_one(struct backup_each *w, const struct job *j, struct err *e)
{
	struct repo r;
	int rc;

	if (!retention_is_set(&j->keep))
		report_note(&w->ui.report, "no retention is set, so everything is kept: keep-last and others");
	rc = w->args->dry_run ? repo_open(&r, j->repository, e) : repochange_lock(&r, j->repository, e);
	if (rc == 0)
		rc = prune_repo(w, j, &r, e);
	repo_close(&r);
	return rc;
}

int backup_work_prune(const struct backup_args *a, struct err *e)
{
	return backup_each(a, prune_one, e);
}

/* mirror */

static int mirror_one(struct backup_each *w, const struct job *j, struct err *e)
{
	struct repo r;
	int rc = -1;

	if (!j->mirror) {
		/* With --all: those that have one. */
		return w->args->all ? 0 : err_set(e, ERR_USAGE, "the job has no mirror");
	}
	if (repochange_lock(&r, j->repository, e) == 0)
		rc = mirror_update(&r, j, w->args->force, &w->ui.report, e);
	repo_close(&r);
	if (rc || !w->args->json)
		return rc;
	backup_each_json(w);
	return json_value(stdout, e, "{s:s,s:s}", "job", j->name, "mirror", j->mirror);
}

int backup_work_mirror(const struct backup_args *a, struct err *e)
{
	return backup_each(a, mirror_one, e);
}

/* unlock */

int backup_work_unlock(const struct backup_args *a, struct err *e)
{
	struct unlock_result u;
	struct backup_ui ui;
	int rc;

	backup_ui_begin(&ui, a, NULL);
	rc = unlock(backup_args_repository(a), &ui.report, &u, e);
	backup_ui_end(&ui);
	if (rc)
		return (int)e->kind;
	if (a->json)
		json_value(stdout, e, "{s:I,s:I}", "streams", (ull)u.found, "aside", (ull)u.aside);
	else
		printf("%zu stream%s in the chain again, %zu moved aside; erabackup verify reads them all", u.found,
		       u.found == 1 ? "" : "s", u.aside);
	putchar('\n');
	return json_end(stdout, "standard output", e) ? (int)e->kind : 0;
}
