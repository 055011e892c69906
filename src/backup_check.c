/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backup_check.h"

#include <stdio.h>
#include <time.h>

#include "backup_each.h"
#include "flow/mirror.h"
#include "flow/repochange.h"
#include "flow/restorepoint.h"
#include "flow/verifyrepo.h"
#include "pure/point.h"
#include "words/json.h"
#include "words/num.h"
#include "words/when.h"

#define ull unsigned long long

/* verify */

struct check {
	const struct backup_args *args;
	bool any; /* a stream is out already */
	struct err failed; /* of printing */
};

static void print_lost(const struct catalog *c, size_t i, size_t end)
{
	char id[POINT_ID_LEN];
	char when[WHEN_LEN];

	for (; i < end; i++)
		printf("  lost: %s of %s\n", point_id(&c->streams[i], id), when_print((time_t)c->streams[i].time, when));
}

static void lost_json(const struct catalog *c, size_t i, size_t end)
{
	char id[2 * WIRE_ID_LEN + 1];
	size_t k;

	for (k = i; k < end; k++) {
		num_hex(c->streams[k].state_id, WIRE_ID_LEN, id);
		printf("%s\"%s\"", k > i ? "," : "", id);
	}
}

static void on_stream(void *ctx, const struct catalog *c, size_t i, const char *name, const char *problem,
		      size_t lost_end)
{
	struct check *k = ctx;
	char text[2][JSON_TEXT_LEN];

	if (!k->args->json) {
		if (problem || !k->args->quiet)
			printf("%s: %s\n", name, problem ? problem : "ok");
		print_lost(c, i, lost_end);
		fflush(stdout);
		return;
	}
	json_comma(stdout, &k->any);
	printf("{\"stream\":");
	json_value(stdout, &k->failed, "s", json_text(name, text[0]));
	printf(",\"ok\":%s,\"problem\":", problem ? "false" : "true");
	json_value(stdout, &k->failed, "s?", problem ? json_text(problem, text[1]) : NULL);
	printf(",\"lost\":[");
	lost_json(c, i, lost_end);
	printf("]}");
}

/* The mirror, and where there is none all that a restore would do but the writing. */
static int deep(const struct backup_args *a, const struct job *j, const struct repo *r, const struct report *report,
		const char **mirror, struct err *e)
{
	const char *name = j && j->mirror ? j->mirror : NULL;

	*mirror = NULL;
	if (!a->deep || r->cat.nr == 0)
		return 0;
	report_step(report, name ? "comparing %s with the chain" : "replaying the chain%s", name ? name : "");
	*mirror = "differs";
	if (mirror_compare(r, name, report, e))
		return -1;
	*mirror = name ? "equal" : "none";
	if (!a->json && !a->quiet)
		printf("%s: %s\n", name ? name : r->dir, name ? "equals the chain" : "the chain restores; there is no mirror");
	return 0;
}

static int verify_repo(struct backup_each *w, const struct job *j, struct repo *r, struct err *e)
{
	struct check k = {.args = w->args};
	const struct verifyrepo_opts o = {.report = &w->ui.report, .stored_only = w->args->stored, .each = on_stream, .ctx = &k};
	const char *mirror = NULL;
	int rc;

	if (w->args->json) {
		backup_each_json(w);
		printf("{\"job\":\"%s\",\"streams\":[", j ? j->name : "");
	}
	rc = verifyrepo(r, &o, e);
	if (rc == 0)
		rc = deep(w->args, j, r, o.report, &mirror, e);
	if (w->args->json) {
		printf("],\"mirror\":");
		json_value(stdout, &k.failed, "s?", mirror);
		printf("}");
	}
	if (rc == 0 && k.failed.kind)
		*e = k.failed;
	return e->kind ? -1 : 0;
}

static int verify_one(struct backup_each *w, const struct job *j, struct err *e)
{
	struct repo r;
	int rc;

	rc = repochange_lock_to_verify(&r, j ? j->repository : w->args->repository, e);
	if (rc == 0)
		rc = verify_repo(w, j, &r, e);
	repo_close(&r);
	return rc;
}

int backup_check_verify(const struct backup_args *a, struct err *e)
{
	return backup_each(a, verify_one, e);
}

/* restore */

static int restore_point(const struct backup_args *a, const struct repo *r, size_t i, const struct report *report,
			 struct restoreflow_result *result, struct err *e)
{
	const struct restoreflow_opts o = {.target = a->to, .differences = a->differences, .force = a->force,
					   .threads = report->threads, .tick = report->tick};
	char id[POINT_ID_LEN];
	char when[WHEN_LEN];

	report_step(report, "restoring %s of %s to %s", point_id(&r->cat.streams[i], id),
		    when_print((time_t)r->cat.streams[i].time, when), a->to);
	return restorepoint(r, i, &o, result, e);
}

static int tell_restore(const struct backup_args *a, const struct catalog_stream *s,
			const struct restoreflow_result *result, const struct report *report, struct err *e)
{
	char id[2 * WIRE_ID_LEN + 1];
	char when[WHEN_LEN];
	char text[JSON_TEXT_LEN];
	char d[NUM_SIZE_LEN];
	char z[NUM_SIZE_LEN];

	num_hex(s->state_id, WIRE_ID_LEN, id);
	report_note(report, "%.8s of %s is in %s: %s of data, %s of zeros", id, when_print((time_t)s->time, when), a->to,
		    num_size(result->data_bytes, d, sizeof(d)), num_size(result->zero_bytes, z, sizeof(z)));
	if (!a->json)
		return 0;
	if (json_value(stdout, e, "{s:s,s:s,s:s,s:I,s:I,s:I}", "id", id, "time",
		       when_rfc3339((time_t)s->time, when), "target", json_text(a->to, text), "data_bytes",
		       (ull)result->data_bytes, "zero_bytes", (ull)result->zero_bytes, "written", (ull)result->written))
		return -1;
	putchar('\n');
	return json_end(stdout, "standard output", e);
}

static int restore(const struct backup_args *a, const struct repo *r, const struct report *report, struct err *e)
{
	struct restoreflow_result result;
	size_t i;

	if (point_find(&r->cat, a->at, time(NULL), &i, e) || point_check(&r->cat, i, a->allow_inconsistent, e))
		return err_prefix(e, "%s", r->dir);
	if (restore_point(a, r, i, report, &result, e))
		return -1;
	return tell_restore(a, &r->cat.streams[i], &result, report, e);
}

int backup_check_restore(const struct backup_args *a, struct err *e)
{
	const struct job *j = a->repository ? NULL : a->jobs[0];
	struct backup_ui ui;
	struct repo r;
	int rc;

	backup_ui_begin(&ui, a, j);
	rc = repo_read(&r, backup_args_repository(a), e);
	if (rc == 0)
		rc = restore(a, &r, &ui.report, e);
	repo_close(&r);
	backup_ui_end(&ui);
	return rc ? (int)e->kind : 0;
}
