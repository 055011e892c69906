/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobhooks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/hook.h"

#define VARS_MAX 10
#define LIMIT_S 86400 /* a day: somebody may wake a machine, or copy all to a tape */

struct vars {
	char *var[VARS_MAX + 1];
	unsigned int nr;
	bool no_memory;
};

static void add(struct vars *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct vars *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (v->nr == VARS_MAX || vasprintf(&v->var[v->nr], fmt, ap) < 0)
		v->no_memory = true;
	else
		v->nr++;
	va_end(ap);
}

static int run(const struct job *j, const char *key, const char *command, bool whatever, struct vars *v,
	       struct err *e)
{
	char name[160];
	const struct hook h = {.option = name, .command = command, .limit_s = LIMIT_S, .whatever = whatever};
	int rc;

	snprintf(name, sizeof(name), "%.64s: %s", j->name, key);
	add(v, "ERA_JOB=%s", j->name);
	add(v, "ERA_SOURCE=%s", j->source);
	add(v, "ERA_REPOSITORY=%s", j->repository);
	v->var[v->nr] = NULL;
	rc = v->no_memory ? err_set(e, ERR_RUNTIME, "%s: no memory to run it", name)
			  : hook_run(&h, (const char *const *)v->var, e);
	while (v->nr > 0)
		free(v->var[--v->nr]);
	return rc;
}

int jobhooks_before(const struct job *j, struct err *e)
{
	struct vars v = {0};

	return j->before ? run(j, "before", j->before, false, &v, e) : 0;
}

int jobhooks_after(const struct job *j, const struct catalog_stream *s, const struct err *outcome, struct err *e)
{
	struct vars v = {0};

	if (!j->after)
		return 0;
	add(&v, "ERA_OUTCOME=%s", outcome->kind ? "failure" : "success");
	add(&v, "ERA_EXIT=%d", (int)outcome->kind);
	add(&v, "ERA_MESSAGE=%s", outcome->text);
	if (s) {
		add(&v, "ERA_KIND=%s", wire_kind_name(s->kind));
		add(&v, "ERA_STREAM=%s/streams/%s", j->repository, s->name);
		add(&v, "ERA_BYTES=%llu", (unsigned long long)s->length);
	}
	return run(j, "after", j->after, true, &v, e);
}
