/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/udevdb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *line;
	enum udevdb_dm_flag flag;
} known[] = {
	{"E:DM_UDEV_DISABLE_DM_RULES_FLAG=1\n", UDEVDB_DM_RULES_OFF},
	{"E:DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG=1\n", UDEVDB_SUBSYSTEM_RULES_OFF},
	{"E:DM_UDEV_DISABLE_DISK_RULES_FLAG=1\n", UDEVDB_DISK_RULES_OFF},
	{"E:DM_UDEV_DISABLE_OTHER_RULES_FLAG=1\n", UDEVDB_OTHER_RULES_OFF},
	{"E:DM_UDEV_LOW_PRIORITY_FLAG=1\n", UDEVDB_LOW_PRIORITY},
};

uint16_t udevdb_dm_flags(uint32_t major, uint32_t minor)
{
	char path[64];
	char *line = NULL;
	size_t room = 0;
	uint16_t flags = 0;
	size_t i;
	FILE *f;

	snprintf(path, sizeof(path), "/run/udev/data/b%" PRIu32 ":%" PRIu32, major, minor);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (getline(&line, &room, f) >= 0)
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(line, known[i].line) == 0)
				flags |= (uint16_t)known[i].flag;
	free(line);
	fclose(f);
	return flags;
}
