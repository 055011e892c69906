/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/probe.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void value(blkid_probe pr, const char *name, char out[PROBE_WORD])
{
	const char *text = NULL;

	if (blkid_probe_lookup_value(pr, name, &text, NULL) == 0 && text)
		snprintf(out, PROBE_WORD, "%s", text);
}

static void probe_buffered(int fd, struct probe *p)
{
	blkid_probe pr = blkid_new_probe();

	if (!pr)
		return;
	if (blkid_probe_set_device(pr, fd, 0, 0))
		goto out;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
						      BLKID_SUBLKS_LABEL);
	blkid_probe_enable_partitions(pr, 1);
	/* -2 is "more than one thing": the first found is as good a name as any. */
	if (blkid_do_safeprobe(pr) == 1)
		goto out;
	value(pr, "TYPE", p->type);
	if (!p->type[0])
		value(pr, "PTTYPE", p->type);
	value(pr, "UUID", p->uuid);
	value(pr, "LABEL", p->label);
	if (!p->type[0] && blkid_do_safeprobe(pr) == -2)
		snprintf(p->type, PROBE_WORD, "more than one filesystem");
out:
	blkid_free_probe(pr);
}

void probe_fd(int fd, struct probe *p)
{
	const int flags = fcntl(fd, F_GETFL);
	const bool direct = flags >= 0 && (flags & O_DIRECT);

	memset(p, 0, sizeof(*p));
	/* libblkid does not align its buffers: with O_DIRECT it would find nothing. */
	if (direct && fcntl(fd, F_SETFL, flags & ~O_DIRECT))
		return;
	probe_buffered(fd, p);
	if (direct)
		fcntl(fd, F_SETFL, flags);
}
