/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity: random ids, and the words about host, device and time that a HEAD carries. */
#ifndef ERA_FLOW_IDENTITY_H
#define ERA_FLOW_IDENTITY_H

#include <stdint.h>

#include "pure/label.h"
#include "pure/wire.h"

/* 16 random bytes, never all zero. */
void identity_random(uint8_t id[WIRE_ID_LEN]);

/* Fill time and fields: host, device as named, filesystem on fd, tool, kernel. */
void identity_describe(struct wire_head *h, const char *device, int fd);

/* PARTUUID of a partition, as a label has it; empty where it has none, or none that fits. */
void identity_partuuid(const char *path, char out[LABEL_WORD]);

/*
 * The generation of a device whose dm-era metadata has no label: made of the host, the dm name and
 * uuid, and the era block. It stays the same as long as these do, so it does NOT change when the
 * metadata is wiped and begun again; that shows only as an era below the token's.
 */
void identity_weak_generation(const char *dm_name, const char *dm_uuid, uint64_t block_bytes,
			      uint8_t generation[WIRE_ID_LEN]);

#endif
