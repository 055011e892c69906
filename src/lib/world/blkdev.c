/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/blkdev.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/statefile.h"

int blkdev_path(uint32_t major, uint32_t minor, char *path, size_t len, struct err *e)
{
	char sysfs[64];
	char text[4097];
	const char *name;

	snprintf(sysfs, sizeof(sysfs), "/sys/dev/block/%" PRIu32 ":%" PRIu32 "/uevent", major, minor);
	if (statefile_read(sysfs, text, sizeof(text), e) < 0)
		return -1;
	name = strstr(text, "DEVNAME=");
	if (e->kind != ERR_NONE || !name)
		return err_set(e, ERR_RUNTIME, "no device node for device %" PRIu32 ":%" PRIu32, major,
			       minor);
	name += 8;
	snprintf(path, len, "/dev/%.*s", (int)strcspn(name, "\n"), name);
	return 0;
}

bool blkdev_in_dev(const char *name)
{
	char dir[PATH_MAX];
	char real[PATH_MAX];
	const char *slash = strrchr(name, '/');

	if (slash && (size_t)(slash - name) >= sizeof(dir))
		return false;
	strcpy(dir, slash ? "/" : ".");
	if (slash && slash > name) {
		memcpy(dir, name, (size_t)(slash - name));
		dir[slash - name] = '\0';
	}
	if (!realpath(dir, real))
		return false;
	/* /dev/shm is a place for files. */
	if (strcmp(real, "/dev/shm") == 0 || strncmp(real, "/dev/shm/", 9) == 0)
		return false;
	return strcmp(real, "/dev") == 0 || strncmp(real, "/dev/", 5) == 0;
}
