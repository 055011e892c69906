/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe: what filesystem, or other known thing, lies on a device. The only module that includes
 * libblkid's header.
 */
#ifndef ERA_WORLD_PROBE_H
#define ERA_WORLD_PROBE_H

#define PROBE_WORD 256 /* a btrfs label has up to 255 bytes */

/* Empty strings where there is nothing known. */
struct probe {
	char type[PROBE_WORD]; /* "ext4", "crypto_LUKS", or a partition table's "gpt" */
	char uuid[PROBE_WORD];
	char label[PROBE_WORD];
};

/*
 * Look at what the descriptor reads. Never fails: what cannot be read or told apart is unknown. The
 * answer is for people and for caution; nothing relies on it.
 */
void probe_fd(int fd, struct probe *p);

/* What the partition table says of a partition. Empty strings: it says nothing, or it is no partition. */
struct probe_part {
	char uuid[PROBE_WORD]; /* PARTUUID, lower case */
	char name[PROBE_WORD]; /* PARTLABEL */
};

/* Reads the table on the disk that the partition is of, so it needs a descriptor of a device. */
void probe_partition(int fd, struct probe_part *p);

#endif
