/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobstatus.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flow/problem.h"
#include "flow/repo.h"
#include "words/when.h"

static void add(struct jobstatus *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct jobstatus *s, const char *fmt, ...)
{
	va_list ap;

	if (s->nr_problems == JOBSTATUS_PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(s->problems[s->nr_problems++], JOBSTATUS_PROBLEM_LEN, fmt, ap);
	va_end(ap);
}

static void count(const struct catalog *c, struct jobstatus *s)
{
	struct catalog_sum sum;

	catalog_sum(c, &sum);
	s->streams = c->nr;
	s->bytes = sum.bytes;
	s->points = sum.points;
	if (c->nr)
		s->size = c->streams[c->nr - 1].size;
	if (c->nr > CATALOG_STREAMS_MAX / 10 * 9)
		add(s, "%zu streams, and a repository takes %u: prune it", c->nr, CATALOG_STREAMS_MAX);
	if (sum.damaged)
		add(s, "%zu stream%s damaged; erabackup verify names them", sum.damaged, sum.damaged == 1 ? " is" : "s are");
}

static void look(const struct job *j, const struct repo *r, time_t now, struct jobstatus *s)
{
	char age[WHEN_LEN];

	s->last_success = r->cat.run_time;
	s->verified = r->cat.verified;
	count(&r->cat, s);
	if (s->last_success == 0) {
		add(s, "there was no good run yet");
		return;
	}
	if (j->every == WHEN_NEVER)
		return;
	s->next = s->last_success + j->every;
	if ((uint64_t)now > s->next + j->every / 2)
		add(s, "late: the last good run is %s old", when_age((int64_t)now - (int64_t)s->last_success, age));
}

void jobstatus(const struct job *j, time_t now, struct jobstatus *s)
{
	struct repo r;
	struct err e = {0};
	char text[PROBLEM_LEN];
	char when[WHEN_LEN];
	uint64_t t;

	memset(s, 0, sizeof(*s));
	if (repo_open(&r, j->repository, &e) == 0) {
		t = problem_read(j->repository, text);
		if (t)
			add(s, "the run of %s failed: %s", when_print((time_t)t, when), text);
		look(j, &r, now, s);
	} else {
		add(s, "%s", e.text);
	}
	repo_close(&r);
}
