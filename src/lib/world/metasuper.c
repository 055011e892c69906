/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/metasuper.h"

#include <stdlib.h>
#include <string.h>

#include "pure/metablock.h"
#include "pure/metaspace.h"
#include "world/metadev.h"

static bool is_blank(const uint8_t *buf)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, ERAMETA_BLOCK_LEN - 1) == 0;
}

static int parse(const uint8_t *buf, struct metasuper *s, struct err *e)
{
	struct metablock_super sb;

	s->blank = is_blank(buf);
	if (s->blank)
		return 0;
	if (metablock_super(buf, 0, &sb, e) || metaspace_usage(buf, &s->used, &s->total, e))
		return -1;
	s->era = sb.era;
	s->nr_blocks = sb.nr_blocks;
	s->block_bytes = (uint64_t)sb.block_size * 512;
	s->held = sb.held;
	return 0;
}

int metasuper_read(const char *path, uint64_t off_bytes, uint64_t len_bytes, struct metasuper *s,
		   struct err *e)
{
	struct metadev *m = metadev_open_at(path, off_bytes, len_bytes, e);
	uint8_t *buf = aligned_alloc(ERAMETA_BLOCK_LEN, ERAMETA_BLOCK_LEN);
	const struct erameta_io *io;
	int rc = -1;

	memset(s, 0, sizeof(*s));
	if (!m)
		goto out;
	if (!buf) {
		err_sys(e, "%s: no memory", path);
		goto out;
	}
	io = metadev_io(m);
	if (io->read(io->ctx, 0, 1, buf, e))
		goto out;
	rc = parse(buf, s, e) ? metadev_blame(m, e) : 0;
out:
	free(buf);
	metadev_close(m);
	return rc;
}
