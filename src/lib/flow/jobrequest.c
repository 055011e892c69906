/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/jobrequest.h"

#include "words/err.h"

int jobrequest(const struct job *j, const struct token *from, bool estimate, char text[REQUEST_LEN], struct err *e)
{
	struct request r = {.command = j->command, .estimate = estimate, .token = *from, .device = j->path};

	/* Nothing is cut for an estimate. */
	if (!estimate) {
		r.cut = j->cut;
		r.cow = j->cow;
		r.freeze_limit = j->freeze_limit;
		r.max_passes = j->max_passes;
		r.freeze_timeout = j->freeze_timeout;
		r.level = j->level;
		r.plain = j->plain;
		r.threads = j->threads;
		r.limit_rate = j->limit_rate;
		r.prio = j->prio;
		r.pre_cut = j->pre_cut;
		r.post_cut = j->post_cut;
		r.hook_timeout = j->hook_timeout;
	}
	return request_print(&r, text, e) ? err_prefix(e, "%s", j->name) : 0;
}
