/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cuthooks: the user's commands around a cut: a database told to flush, or to be in backup mode.
 *
 *	cuthooks_before   --pre-cut; a failure means that nothing may be touched
 *	cuthooks_after    --post-cut; always, whatever happened since, also when --pre-cut failed
 *
 * A killed program's --post-cut is run by a process that waits for just that.
 */
#ifndef ERA_FLOW_CUTHOOKS_H
#define ERA_FLOW_CUTHOOKS_H

#include <stdbool.h>

#include "words/err.h"
#include "world/guard.h"

#define CUTHOOKS_LIMIT_S 60

struct cuthooks {
	const char *pre;  /* NULL: none */
	const char *post; /* NULL: none */
	unsigned int limit_s;
	char device[512]; /* ERA_DEVICE=..., set by before */
	char cut[64];	  /* ERA_CUT=... */
	bool owed;	  /* --post-cut is still to be run */
	struct guard keeper;
	struct err failed; /* what became of --post-cut; kind 0: nothing bad */
};

int cuthooks_before(struct cuthooks *h, const char *device, const char *cut, struct err *e);

/* Its failure is in h->failed: the cut is not worse for it. Fine where nothing is owed. */
void cuthooks_after(struct cuthooks *h);

#endif
