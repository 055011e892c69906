/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/restorechain.h"

#include <string.h>

#include "pure/links.h"
#include "words/hash.h"
#include "world/streamfile.h"

/* Resumed, it is the same stream again, by an id made of what it gives. */
static void make_head(const struct streamfile *last, struct wire_head *h)
{
	static const char word[16] = "restore";
	uint8_t name[32];

	*h = last->head;
	memcpy(name, word, 16);
	memcpy(name + 16, h->state_id, WIRE_ID_LEN);
	hash128(name, sizeof(name), h->stream_id);
	memset(h->parent_id, 0, WIRE_ID_LEN);
	h->kind = WIRE_FULL;
	h->flags = WIRE_HEAD_MERGED;
	h->since = 0;
	h->parent_size = 0;
	h->era_c = last->end.era_c;
	h->consistency = last->end.consistency;
}

int restorechain(const char *const *paths, unsigned int nr, struct wire_head *last, struct wire_head *whole, struct err *e)
{
	struct streamfile s[2];
	unsigned int i;
	int rc = -1;

	s[0].fd = s[1].fd = -1;
	s[0].pieces = s[1].pieces = NULL;
	for (i = 0; i < nr; i++) {
		struct streamfile *now = &s[i % 2];
		const struct streamfile *before = &s[(i + 1) % 2];

		streamfile_close(now);
		if (streamfile_look(now, paths[i], e))
			goto out;
		if (i == 0 && now->head.kind != WIRE_FULL)
			err_set(e, ERR_IDENTITY, "a chain begins with a full stream");
		if (e->kind != ERR_NONE || (i > 0 && links_check(&before->head, before->end.era_c, &now->head, e))) {
			err_prefix(e, "%s", paths[i]);
			goto out;
		}
	}
	*last = s[(nr - 1) % 2].head;
	make_head(&s[(nr - 1) % 2], whole);
	rc = 0;
out:
	streamfile_close(&s[0]);
	streamfile_close(&s[1]);
	return rc;
}
