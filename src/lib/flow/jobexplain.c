/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobexplain.h"

#include <stdio.h>
#include <string.h>

#include "flow/feed.h"
#include "flow/jobrequest.h"
#include "flow/jobstart.h"
#include "flow/repo.h"
#include "system/fdio.h"
#include "words/json.h"

#define ANSWER_MAX 4096

static int read_answer(const struct job *j, const char *text, struct jobexplain *x, struct err *e)
{
	if (json_number(text, "bytes", &x->bytes) == 0 && json_number(text, "size", &x->size) == 0)
		return 0;
	return err_set(e, ERR_RUNTIME, "%s: gave no estimate that can be read", j->source);
}

/* *refused: the source says that no incremental is possible. */
static int estimate(const struct job *j, const struct token *from, const struct report *report, struct jobexplain *x,
		    bool *refused, struct err *e)
{
	char request[REQUEST_LEN];
	char answer[ANSWER_MAX];
	struct feed_opts o = {.job = j, .request = request, .file = -1, .line = report->line, .ctx = report->ctx};
	struct feed *f = NULL;
	size_t got = 0;
	int rc = -1;

	*refused = false;
	if (jobrequest(j, from, true, request, e))
		return -1;
	if (feed_open(&f, &o, e) == 0 && fdio_read(feed_fd(f), j->source, answer, sizeof(answer) - 1, &got, e) == 0) {
		answer[got] = '\0';
		rc = feed_end(f, e);
		*refused = rc && feed_status(f) == ERR_IDENTITY;
	}
	feed_close(f);
	return rc ? -1 : read_answer(j, answer, x, e);
}

int jobexplain(const struct job *j, const struct report *report, struct jobexplain *x, struct err *e)
{
	struct repo repo;
	struct err why = {0};
	struct token from;
	bool refused;
	bool damaged;
	int rc = -1;

	memset(x, 0, sizeof(*x));
	if (repo_open(&repo, j->repository, e) ||
	    jobstart(&repo, false, report->threads, &from, &damaged, x->reason, sizeof(x->reason), e))
		goto out;
	x->full = from.full;
	rc = estimate(j, &from, report, x, &refused, &why);
	if (rc && refused && !from.full) {
		snprintf(x->reason, sizeof(x->reason), "%s", why.text);
		from = (struct token){.full = true};
		x->full = true;
		rc = estimate(j, &from, report, x, &refused, e);
	} else if (rc) {
		*e = why;
	}
out:
	repo_close(&repo);
	return rc;
}
