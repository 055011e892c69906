/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/labelled.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow/identity.h"
#include "flow/rundir.h"
#include "words/num.h"
#include "world/blkdev.h"
#include "world/labelio.h"

bool labelled_uuid(const char *dm_uuid)
{
	return strncmp(dm_uuid, STACK_PREFIX, strlen(STACK_PREFIX)) == 0 &&
	       strncmp(dm_uuid, STACK_PLAIN_PREFIX, strlen(STACK_PLAIN_PREFIX)) != 0;
}

int labelled_read(const struct stack *s, struct labelled *l, struct err *e)
{
	char volume[2 * LABEL_ID_LEN + 1];
	uint32_t major;
	uint32_t minor;

	memset(l, 0, sizeof(*l));
	if (s->kind != STACK_ERA)
		return err_set(e, ERR_IDENTITY, "%s: is not a volume that is open", s->name);
	if (dm_first_number(s->meta.params, &major, &minor) ||
	    blkdev_path(major, minor, l->meta_path, sizeof(l->meta_path), e))
		return err_set(e, ERR_RUNTIME, "%s: the device beneath is not known", s->meta.name);
	if (labelio_read(l->meta_path, &l->label, NULL, e))
		return -1;
	num_hex(l->label.volume, LABEL_ID_LEN, volume);
	if (strcmp(volume, s->volume) == 0)
		return 0;
	err_set(e, ERR_IDENTITY, "%s: has the label of volume %s, and %s is volume %s", l->meta_path, volume,
		s->name, s->volume);
	return err_hint(e, "the metadata device was formatted while the volume was open: close it");
}

int labelled_renew(const char *meta_path, struct label *l, const char *reason, struct err *e)
{
	uint8_t random[LABEL_ID_LEN];

	identity_random(random);
	label_renew(l, random, (uint64_t)time(NULL), reason);
	return labelio_write(meta_path, l, e);
}

void labelled_reason(const struct untracked *u, char reason[LABEL_REASON])
{
	snprintf(reason, LABEL_REASON, "was on a plain mapping: %.220s", u->reason);
}

int labelled_settle(const struct stack *s, struct labelled *l, struct err *e)
{
	char reason[LABEL_REASON];
	struct untracked u;

	if (!untracked_kept(s->name, &u))
		return 0;
	labelled_reason(&u, reason);
	/* The label first: a note told twice costs a full, one never told would lose writes. */
	if (labelled_renew(l->meta_path, &l->label, reason, e) || untracked_forget_kept(s->name, e))
		return -1;
	return 1;
}

int labelled_settle_alone(const struct stack *s, struct labelled *l, struct err *e)
{
	struct untracked u;
	int lock;
	int rc;

	if (!untracked_kept(s->name, &u))
		return labelled_read(s, l, e);
	lock = rundir_lock(s->name, e);
	if (lock < 0)
		return -1;
	/* Under the lock: what was read before may be old. */
	rc = labelled_read(s, l, e) ? -1 : labelled_settle(s, l, e);
	close(lock);
	return rc;
}
