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

/* libblkid does not align its buffers: with O_DIRECT it would find nothing. -1: it cannot be helped. */
static int set_direct(int fd, bool on)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

static bool is_direct(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_DIRECT);
}

void probe_fd(int fd, struct probe *p)
{
	const bool direct = is_direct(fd);

	memset(p, 0, sizeof(*p));
	if (direct && set_direct(fd, false))
		return;
	probe_buffered(fd, p);
	if (direct)
		set_direct(fd, true);
}

static void partition_buffered(int fd, struct probe_part *p)
{
	blkid_probe pr = blkid_new_probe();

	if (!pr)
		return;
	if (blkid_probe_set_device(pr, fd, 0, 0))
		goto out;
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
	/* Its own table, were it to have one, is not asked for: what counts is the entry it is. */
	if (blkid_do_fullprobe(pr) < 0)
		goto out;
	value(pr, "PART_ENTRY_UUID", p->uuid);
	value(pr, "PART_ENTRY_NAME", p->name);
out:
	blkid_free_probe(pr);
}

void probe_partition(int fd, struct probe_part *p)
{
	const bool direct = is_direct(fd);

	memset(p, 0, sizeof(*p));
	if (direct && set_direct(fd, false))
		return;
	partition_buffered(fd, p);
	if (direct)
		set_direct(fd, true);
}
