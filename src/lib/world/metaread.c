/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/metaread.h"

#include "system/lanes.h"

#define READERS 2
/* More parts than readers, so that one whose part is quickly done takes another. */
#define PARTS 8

struct job {
	struct erameta *m;
	uint64_t since;
	uint64_t before;
	struct blockset *set;
	unsigned int next;
};

static int fill(void *ctx, void *slot, struct err *e)
{
	struct job *j = ctx;
	unsigned int *part = slot;

	(void)e;
	if (j->next == PARTS)
		return 0;
	*part = j->next++;
	return 1;
}

static int work(void *ctx, void *slot, unsigned int worker, struct err *e)
{
	const struct job *j = ctx;
	const unsigned int *part = slot;

	(void)worker;
	return erameta_changed_part(j->m, *part, PARTS, j->since, j->before, j->set, e);
}

int metaread_changed(struct erameta *m, uint64_t since, uint64_t before, struct blockset *set,
		     struct err *e)
{
	static const struct lanes_ops ops = {.fill = fill, .work = work};
	struct job j = {.m = m, .since = since, .before = before, .set = set};
	struct err now = {0};
	unsigned int parts[READERS];
	void *slots[READERS];
	unsigned int i;
	int rc;

	for (i = 0; i < READERS; i++)
		slots[i] = &parts[i];
	rc = lanes_run(&ops, &j, slots, READERS, READERS, e);
	/* What changed under the readers looks damaged, and says so only here. */
	if (erameta_recheck(m, &now) && (rc == 0 || now.kind == ERR_BUSY)) {
		*e = now;
		rc = -1;
	}
	return rc;
}
