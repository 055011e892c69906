/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/metawalk.h"

#include "world/metaread.h"

int metawalk_check(const char *path, uint64_t off_bytes, uint64_t len_bytes, struct err *e)
{
	struct blockset set = {0};
	struct metaread m = {0};
	int rc = -1;

	if (metaread_open_at(&m, path, off_bytes, len_bytes, ERAMETA_CURRENT, e) == 0 &&
	    blockset_init(&set, erameta_info(m.era)->nr_blocks, e) == 0)
		rc = metaread_changed(&m, 0, ERAMETA_NO_LIMIT, &set, e);
	blockset_fini(&set);
	metaread_close(&m);
	return rc;
}
