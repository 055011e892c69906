/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/metawalk.h"

#include "world/metadev.h"

int metawalk_check(const char *path, uint64_t off_bytes, uint64_t len_bytes,
		   struct metacheck_report *report, struct err *e)
{
	struct metadev *m = metadev_open_at(path, off_bytes, len_bytes, e);
	int rc = -1;

	if (m)
		rc = metacheck_run(metadev_io(m), report, e) ? metadev_blame(m, e) : 0;
	metadev_close(m);
	return rc;
}
