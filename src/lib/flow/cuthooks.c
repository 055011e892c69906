/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/cuthooks.h"

#include <stdio.h>

#include "system/hook.h"

/* Should we be killed, the keeper ends the first before it runs the second. */
static void tell_keeper(void *ctx, pid_t group)
{
	struct cuthooks *h = ctx;

	guard_tell(&h->keeper, group);
}

static int run(struct cuthooks *h, const char *option, const char *command, bool first, struct err *e)
{
	const char *const env[] = {h->device, h->cut, NULL};
	const struct hook k = {
		.option = option,
		.command = command,
		.limit_s = h->limit_s,
		.whatever = !first,
		.told = first ? tell_keeper : NULL,
		.ctx = h,
	};

	return hook_run(&k, env, e);
}

/* In the keeper, when the program was killed: nobody is left to be told how it went. */
static void run_owed(void *ctx, pid_t group)
{
	struct err ignored = {0};
	struct cuthooks *h = ctx;

	if (group)
		hook_end(group);
	run(h, "--post-cut", h->post, false, &ignored);
}

int cuthooks_before(struct cuthooks *h, const char *device, const char *cut, struct err *e)
{
	const struct guard_job job = {.thaw_fd = -1, .last = run_owed, .ctx = h};

	snprintf(h->device, sizeof(h->device), "ERA_DEVICE=%s", device);
	snprintf(h->cut, sizeof(h->cut), "ERA_CUT=%s", cut);
	if (h->post && guard_start(&h->keeper, &job, e))
		return -1;
	h->owed = h->post != NULL;
	return h->pre ? run(h, "--pre-cut", h->pre, true, e) : 0;
}

void cuthooks_after(struct cuthooks *h)
{
	if (!h->owed)
		return;
	h->owed = false;
	run(h, "--post-cut", h->post, false, &h->failed);
	guard_done(&h->keeper, true);
}
