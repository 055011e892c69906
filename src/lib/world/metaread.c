/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/metaread.h"

#include <string.h>

#include "system/lanes.h"
#include "world/blkdev.h"
#include "world/metadev.h"

#define READERS 2
/* More parts than readers, so that one whose part is quickly done takes another. */
#define PARTS 8

struct job {
	const struct erameta *era;
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
	return erameta_changed_part(j->era, *part, PARTS, j->since, j->before, j->set, e);
}

int metaread_open(struct metaread *m, const char *path, enum erameta_view view, struct err *e)
{
	return metaread_open_at(m, path, 0, 0, view, e);
}

int metaread_open_at(struct metaread *m, const char *path, uint64_t off_bytes, uint64_t len_bytes,
		     enum erameta_view view, struct err *e)
{
	memset(m, 0, sizeof(*m));
	m->dev = metadev_open_at(path, off_bytes, len_bytes, e);
	if (!m->dev)
		return -1;
	m->era = erameta_open(metadev_io(m->dev), view, e);
	return m->era ? 0 : metadev_blame(m->dev, e);
}

int metaread_open_held(struct metaread *m, uint32_t major, uint32_t minor, struct err *e)
{
	char path[64];

	memset(m, 0, sizeof(*m));
	if (blkdev_path(major, minor, path, sizeof(path), e))
		return -1;
	return metaread_open(m, path, ERAMETA_HELD, e);
}

void metaread_close(struct metaread *m)
{
	erameta_close(m->era);
	metadev_close(m->dev);
	memset(m, 0, sizeof(*m));
}

int metaread_changed(struct metaread *m, uint64_t since, uint64_t before, struct blockset *set,
		     struct err *e)
{
	static const struct lanes_ops ops = {.fill = fill, .stages = {{work, READERS}}};
	struct job j = {.era = m->era, .since = since, .before = before, .set = set};
	struct err now = {0};
	unsigned int parts[READERS];
	void *slots[READERS];
	unsigned int i;
	int rc;

	for (i = 0; i < READERS; i++)
		slots[i] = &parts[i];
	rc = lanes_run(&ops, &j, slots, READERS, e);
	/* What changed under the readers looks damaged, and says so only here. */
	if (erameta_recheck(m->era, &now) && (rc == 0 || now.kind == ERR_BUSY)) {
		*e = now;
		rc = -1;
	}
	return rc ? metadev_blame(m->dev, e) : 0;
}
