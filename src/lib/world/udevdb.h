/* SPDX-License-Identifier: GPL-3.0-or-later */
/* udevdb: what udev knows of a block device, from its database in /run. Without udev it knows nothing. */
#ifndef ERA_WORLD_UDEVDB_H
#define ERA_WORLD_UDEVDB_H

#include <stdint.h>

/* What it was told to leave undone with a device-mapper device; the bits are libdevmapper's. */
enum udevdb_dm_flag {
	UDEVDB_DM_RULES_OFF = 1,
	UDEVDB_SUBSYSTEM_RULES_OFF = 2,
	UDEVDB_DISK_RULES_OFF = 4, /* no links of what is on it */
	UDEVDB_OTHER_RULES_OFF = 8,
	UDEVDB_LOW_PRIORITY = 16,
};

uint16_t udevdb_dm_flags(uint32_t major, uint32_t minor);

#endif
