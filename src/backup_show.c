/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backup_show.h"

#include <stdio.h>
#include <time.h>

#include "backup_each.h"
#include "flow/jobexplain.h"
#include "flow/jobstatus.h"
#include "flow/repo.h"
#include "pure/point.h"
#include "words/json.h"
#include "words/num.h"
#include "words/when.h"

#define ull unsigned long long
#define STREAM_JSON "{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:b,s:b,s:b}"

static int stream_json(const struct catalog *c, size_t i, struct err *e)
{
	const struct catalog_stream *s = &c->streams[i];
	char when[WHEN_LEN];
	char id[2 * WIRE_ID_LEN + 1];

	num_hex(s->state_id, WIRE_ID_LEN, id);
	return json_value(stdout, e, STREAM_JSON, "id", id, "stream", s->name, "kind", wire_kind_name(s->kind), "time",
			  when_rfc3339((time_t)s->time, when), "consistency", wire_consistency_name(s->consistency), "cut",
			  wire_cut_name(s->cut), "size", (ull)s->size, "bytes", (ull)s->length, "changed",
			  (ull)s->changed, "damaged", s->damaged, "restorable", catalog_restorable(c, i), "merged",
			  s->merged);
}

static void stream_line(const struct catalog *c, size_t i)
{
	const struct catalog_stream *s = &c->streams[i];
	char id[POINT_ID_LEN];
	char when[WHEN_LEN];
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];

	printf("%s  %-24s %-12s %-8s %10s %10s%s\n", point_id(s, id), when_print((time_t)s->time, when),
	       wire_kind_name(s->kind), wire_cut_name(s->cut), num_size(s->changed, a, sizeof(a)),
	       num_size(s->length, b, sizeof(b)),
	       s->damaged		      ? "  damaged"
	       : !catalog_restorable(c, i)    ? "  lost: it builds on a damaged stream"
	       : !catalog_consistent(s)	      ? "  copied live"
					      : "");
}

static int end_json(struct err *e)
{
	printf("]\n");
	return json_end(stdout, "standard output", e);
}

int backup_show_list(const struct backup_args *a, struct err *e)
{
	struct repo r;
	bool any = false;
	size_t i;
	int rc = repo_open(&r, backup_args_repository(a), e);

	if (rc == 0 && a->json) {
		putchar('[');
		for (i = 0; rc == 0 && i < r.cat.nr; i++) {
			json_comma(stdout, &any);
			rc = stream_json(&r.cat, i, e);
		}
		rc = rc ? rc : end_json(e);
	} else if (rc == 0) {
		printf("%-8s  %-24s %-12s %-8s %10s %10s\n", "ID", "TIME", "KIND", "CUT", "CHANGED", "STORED");
		for (i = 0; i < r.cat.nr; i++)
			stream_line(&r.cat, i);
	}
	repo_close(&r);
	return rc ? (int)e->kind : 0;
}

/* info */

static void info_stream(const struct repo *r, size_t i)
{
	const struct catalog_stream *s = &r->cat.streams[i];
	char when[WHEN_LEN];
	char hex[4][2 * WIRE_ID_LEN + 1];
	char a[NUM_SIZE_LEN];
	char word[TOKEN_LEN];
	struct token t;

	num_hex(s->state_id, WIRE_ID_LEN, hex[0]);
	num_hex(s->parent_id, WIRE_ID_LEN, hex[1]);
	num_hex(s->generation, WIRE_ID_LEN, hex[2]);
	num_hex(s->digest, sizeof(s->digest), hex[3]);
	catalog_token(s, &t);
	printf("point        %s\ntime         %s\nfile         %s/streams/%s\n", hex[0],
	       when_print((time_t)s->time, when), r->dir, s->name);
	printf("kind         %s%s\nparent       %s\ngeneration   %s\n", wire_kind_name(s->kind),
	       s->merged ? ", merged" : "", s->kind == WIRE_FULL ? "-" : hex[1], hex[2]);
	printf("cut          %s, %s, %u pass%s\n", wire_cut_name(s->cut), wire_consistency_name(s->consistency), s->passes,
	       s->passes == 1 ? "" : "es");
	printf("device       %s\n", num_size(s->size, a, sizeof(a)));
	printf("changed      %s\n", num_size(s->changed, a, sizeof(a)));
	printf("stored       %s (%llu bytes)\ndigest       %s\n", num_size(s->length, a, sizeof(a)), (ull)s->length, hex[3]);
	printf("state        %s\ntoken        %s\n",
	       s->damaged ? "damaged" : catalog_restorable(&r->cat, i) ? "good" : "lost: it builds on a damaged stream",
	       token_print(&t, word));
}

static void moment(const char *what, uint64_t t)
{
	char when[WHEN_LEN];

	printf("%-12s %s\n", what, t ? when_print((time_t)t, when) : "never");
}

static void info_repo(const struct repo *r)
{
	const struct catalog *c = &r->cat;
	struct catalog_sum sum;
	char id[2 * WIRE_ID_LEN + 1];
	char a[NUM_SIZE_LEN];

	catalog_sum(c, &sum);
	num_hex(r->id, WIRE_ID_LEN, id);
	printf("repository   %s\nid           %s\n", r->dir, id);
	printf("streams      %zu in %zu chain%s, %s\n", c->nr, sum.chains,
	       sum.chains == 1 ? "" : "s", num_size(sum.bytes, a, sizeof(a)));
	printf("points       %zu that can be restored\n", sum.points);
	moment("last run", c->run_time);
	moment("verified", c->verified);
	moment("pruned", c->pruned);
	if (c->run_time)
		printf("stood still  %.0f ms\n", (double)c->run_still_us / 1e3);
	if (c->meta_total)
		printf("metadata     %llu of %llu blocks in use at the last cut\n", (ull)c->meta_used, (ull)c->meta_total);
}

static int info_json(const struct repo *r, struct err *e)
{
	const struct catalog *c = &r->cat;
	char id[2 * WIRE_ID_LEN + 1];
	char text[JSON_TEXT_LEN];

	num_hex(r->id, WIRE_ID_LEN, id);
	return json_value(stdout, e, "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "repository", json_text(r->dir, text),
			  "id", id, "streams", (ull)c->nr, "last_run", (ull)c->run_time, "seconds", (ull)c->run_seconds,
			  "still_us", (ull)c->run_still_us, "metadata_used", (ull)c->meta_used, "metadata_total",
			  (ull)c->meta_total, "verified", (ull)c->verified, "pruned", (ull)c->pruned);
}

static int info(const struct backup_args *a, const struct repo *r, struct err *e)
{
	size_t i;

	if (a->id && point_find(&r->cat, a->id, time(NULL), &i, e))
		return -1;
	if (a->json) {
		if (a->id ? stream_json(&r->cat, i, e) : info_json(r, e))
			return -1;
		putchar('\n');
	} else if (a->id) {
		info_stream(r, i);
	} else {
		info_repo(r);
	}
	return json_end(stdout, "standard output", e);
}

int backup_show_info(const struct backup_args *a, struct err *e)
{
	struct repo r;
	const int rc = repo_open(&r, backup_args_repository(a), e) || info(a, &r, e) ? -1 : 0;

	repo_close(&r);
	return rc ? (int)e->kind : 0;
}

/* status */

static void status_lines(const struct job *j, const struct jobstatus *s, time_t now)
{
	char when[WHEN_LEN];
	char next[WHEN_LEN];
	char age[WHEN_LEN];
	char a[NUM_SIZE_LEN];
	unsigned int i;

	if (s->last_success)
		printf("%s: last good run %s, %s ago; %zu point%s, %s; next %s; %s\n", j->name,
		       when_print((time_t)s->last_success, when), when_age((int64_t)now - (int64_t)s->last_success, age),
		       s->points, s->points == 1 ? "" : "s", num_size(s->bytes, a, sizeof(a)),
		       s->next ? when_print((time_t)s->next, next) : "not expected", s->nr_problems ? "PROBLEMS" : "ok");
	else
		printf("%s: no good run yet; PROBLEMS\n", j->name);
	for (i = 0; i < s->nr_problems; i++)
		printf("  problem: %s\n", s->problems[i]);
}

/* A moment, or null. The text is in buf. */
static const char *moment_json(uint64_t t, char buf[WHEN_LEN])
{
	return t ? when_rfc3339((time_t)t, buf) : NULL;
}

static const char *problem_json(const struct jobstatus *s, unsigned int i, char buf[JSON_TEXT_LEN])
{
	return i < s->nr_problems ? json_text(s->problems[i], buf) : NULL;
}

static int status_json(const struct job *j, const struct jobstatus *s, time_t now, struct err *e)
{
	char when[3][WHEN_LEN];
	char text[JOBSTATUS_PROBLEMS_MAX][JSON_TEXT_LEN];

	return json_value(stdout, e, "{s:s,s:b,s:s?,s:I,s:I,s:I,s:I,s:I,s:s?,s:s?,s:[s*,s*,s*,s*]}", "job", j->name, "ok",
			  s->nr_problems == 0, "last_success", moment_json(s->last_success, when[0]), "age_s",
			  s->last_success ? (long long)now - (long long)s->last_success : -1ll, "points", (ull)s->points,
			  "streams", (ull)s->streams, "bytes", (ull)s->bytes, "size", (ull)s->size, "next",
			  moment_json(s->next, when[1]), "verified", moment_json(s->verified, when[2]), "problems",
			  problem_json(s, 0, text[0]), problem_json(s, 1, text[1]), problem_json(s, 2, text[2]),
			  problem_json(s, 3, text[3]));
}

int backup_show_status(const struct backup_args *a, struct err *e)
{
	const time_t now = time(NULL);
	struct jobstatus s;
	bool any = false;
	unsigned int i;
	int code = 0;

	if (a->json)
		putchar('[');
	for (i = 0; i < a->nr_jobs; i++) {
		jobstatus(a->jobs[i], now, &s);
		if (s.nr_problems)
			code = ERR_RUNTIME;
		if (!a->json) {
			status_lines(a->jobs[i], &s, now);
			continue;
		}
		json_comma(stdout, &any);
		if (status_json(a->jobs[i], &s, now, e))
			return (int)e->kind;
	}
	if (a->json ? end_json(e) : json_end(stdout, "standard output", e))
		return (int)e->kind;
	return code;
}

/* explain */

static void explain_line(const struct job *j, const struct jobexplain *x)
{
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];

	printf("%s: %s, about %s of %s%s%s\n", j->name, x->full ? "full" : "incremental",
	       num_size(x->bytes, a, sizeof(a)), num_size(x->size, b, sizeof(b)), x->full ? ", because " : "", x->reason);
}

static int explain_one(struct backup_each *w, const struct job *j, struct err *e)
{
	struct jobexplain x;
	char text[JSON_TEXT_LEN];

	if (jobexplain(j, &w->ui.report, &x, e))
		return -1;
	if (!w->args->json) {
		explain_line(j, &x);
		return 0;
	}
	backup_each_json(w);
	return json_value(stdout, e, "{s:s,s:s,s:s,s:I,s:I}", "job", j->name, "kind", x.full ? "full" : "incremental",
			  "reason", json_text(x.reason, text), "bytes", (ull)x.bytes, "size", (ull)x.size);
}

int backup_show_explain(const struct backup_args *a, struct err *e)
{
	return backup_each(a, explain_one, e);
}
