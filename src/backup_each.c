/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backup_each.h"

#include <stdio.h>

#include "system/stop.h"
#include "words/json.h"

void backup_each_json(struct backup_each *w)
{
	json_comma(stdout, &w->any);
}

/* The failure of one job, told. */
static int tell(const struct job *j, struct err *failed)
{
	if (j)
		err_prefix(failed, "%s", j->name);
	fflush(stdout);
	return msg_error(failed);
}

int backup_each(const struct backup_args *a, int (*one)(struct backup_each *w, const struct job *j, struct err *e),
		struct err *e)
{
	const unsigned int nr = a->repository ? 1 : a->nr_jobs;
	struct backup_each w = {.args = a};
	unsigned int i;
	int code = 0;

	if (a->json)
		putchar('[');
	for (i = 0; i < nr && !stop_requested(); i++) {
		const struct job *j = a->repository ? NULL : a->jobs[i];
		struct err failed = {0};

		backup_ui_begin(&w.ui, a, j);
		one(&w, j, &failed);
		backup_ui_end(&w.ui);
		if (failed.kind == ERR_NONE)
			continue;
		tell(j, &failed);
		code = code ? code : (int)failed.kind;
	}
	if (a->json)
		printf("]\n");
	if (json_end(stdout, "standard output", e))
		return (int)e->kind;
	return code ? code : stop_check(e) ? (int)e->kind : 0;
}
