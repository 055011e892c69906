/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/links.h"

#include <string.h>

static int not_next(struct err *e, const char *why)
{
	return err_set(e, ERR_IDENTITY, "%s", why);
}

int links_check(const struct wire_head *a, uint64_t a_era_c, const struct wire_head *b, struct err *e)
{
	if (a->kind == WIRE_REVERSE || b->kind != WIRE_INCREMENTAL)
		return not_next(e, "only an incremental leads on in a chain");
	if (!wire_id_same(a->generation, b->generation))
		return not_next(e, "the stream is of another generation than the one before it");
	if (!wire_id_same(a->state_id, b->parent_id))
		return not_next(e, "the stream does not start from the one before it");
	if (b->parent_size != a->size || b->size < a->size)
		return err_set(e, ERR_IDENTITY, "the stream's parent had %llu bytes, the one before it gives %llu",
			       (unsigned long long)b->parent_size, (unsigned long long)a->size);
	if (b->since > a_era_c)
		return err_set(e, ERR_IDENTITY, "the stream starts at era %llu, the one before it ends at %llu",
			       (unsigned long long)b->since, (unsigned long long)a_era_c);
	if (b->granule != a->granule)
		return err_set(e, ERR_IDENTITY, "the stream's era blocks have %llu bytes, those before it %llu",
			       (unsigned long long)b->granule, (unsigned long long)a->granule);
	return 0;
}
