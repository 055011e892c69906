/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/cuthooks.h"

#include <stdio.h>

#include "system/hook.h"

static int run(const struct cuthooks *h, const char *option, const char *command, bool whatever, struct err *e)
{
	const char *const env[] = {h->device, h->cut, NULL};
	/* Should we be killed: what is still running keeps the keeper waiting, so that the second does not overtake the first. */
	const struct hook k = {
		.option = option,
		.command = command,
		.limit_s = h->limit_s,
		.whatever = whatever,
		.kept_fd = whatever ? 0 : h->keeper.fd,
	};

	return hook_run(&k, env, e);
}

/* In the keeper, when the program was killed: nobody is left to be told how it went. */
static void run_owed(void *ctx)
{
	struct err ignored = {0};
	const struct cuthooks *h = ctx;

	run(h, "--post-cut", h->post, true, &ignored);
}

int cuthooks_before(struct cuthooks *h, const char *device, const char *cut, struct err *e)
{
	const struct guard_job job = {.thaw_fd = -1, .last = run_owed, .ctx = h};

	snprintf(h->device, sizeof(h->device), "ERA_DEVICE=%s", device);
	snprintf(h->cut, sizeof(h->cut), "ERA_CUT=%s", cut);
	if (h->post && guard_start(&h->keeper, &job, e))
		return -1;
	h->owed = h->post != NULL;
	return h->pre ? run(h, "--pre-cut", h->pre, false, e) : 0;
}

void cuthooks_after(struct cuthooks *h)
{
	if (!h->owed)
		return;
	h->owed = false;
	run(h, "--post-cut", h->post, true, &h->failed);
	guard_done(&h->keeper, true);
}
