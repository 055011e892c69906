/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/blkdev.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/statefile.h"
#include "words/num.h"

int blkdev_path(uint32_t major, uint32_t minor, char *path, size_t len, struct err *e)
{
	char sysfs[64];
	char text[4097];
	const char *name;
	int got;

	snprintf(sysfs, sizeof(sysfs), "/sys/dev/block/%" PRIu32 ":%" PRIu32 "/uevent", major, minor);
	got = statefile_read(sysfs, text, sizeof(text), e);
	if (got < 0)
		return -1;
	name = got == 1 ? strstr(text, "DEVNAME=") : NULL;
	if (!name)
		return err_set(e, ERR_RUNTIME, "no device node for device %" PRIu32 ":%" PRIu32, major,
			       minor);
	name += 8;
	snprintf(path, len, "/dev/%.*s", (int)strcspn(name, "\n"), name);
	return 0;
}

int blkdev_number(const char *path, uint32_t *major, uint32_t *minor, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_sys(e, "%s", path);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: is not a block device", path);
	*major = major(st.st_rdev);
	*minor = minor(st.st_rdev);
	return 0;
}

int blkdev_size(const char *path, uint64_t *bytes, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = -1;

	if (fd < 0)
		return err_sys(e, "%s", path);
	if (ioctl(fd, BLKGETSIZE64, bytes))
		err_sys(e, "%s: finding its size", path);
	else
		rc = 0;
	close(fd);
	return rc;
}

int blkdev_sector(const char *path, uint32_t *bytes, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int sector = 0;
	int rc = 0;

	if (fd < 0)
		return err_sys(e, "%s", path);
	if (ioctl(fd, BLKSSZGET, &sector))
		rc = err_sys(e, "%s: finding the size of its sectors", path);
	close(fd);
	*bytes = (uint32_t)sector;
	return rc;
}

static void discard_path(uint32_t major, uint32_t minor, char path[64])
{
	snprintf(path, 64, "/sys/dev/block/%" PRIu32 ":%" PRIu32 "/queue/discard_max_bytes", major, minor);
}

int blkdev_discard_max(uint32_t major, uint32_t minor, uint64_t *bytes, struct err *e)
{
	char path[64];
	char text[32];

	discard_path(major, minor, path);
	switch (statefile_read(path, text, sizeof(text), e)) {
	case 1:
		text[strcspn(text, "\n")] = '\0';
		if (num_parse(text, 0, UINT64_MAX, bytes) == 0)
			return 0;
		return err_set(e, ERR_RUNTIME, "%s: says '%s', which is no number", path, text);
	case 0:
		return err_set(e, ERR_RUNTIME, "%s: is not there", path);
	default:
		return -1;
	}
}

int blkdev_discards_off(uint32_t major, uint32_t minor, const char *name, struct err *e)
{
	uint64_t bytes = 0;
	char path[64];
	bool done;
	int fd;

	if (blkdev_discard_max(major, minor, &bytes, e))
		return -1;
	if (bytes == 0)
		return 0;
	discard_path(major, minor, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, "0", 1) == 1;
	if (!done)
		err_sys(e, "%s: cannot turn discards off", name);
	if (fd >= 0)
		close(fd);
	if (!done || blkdev_discard_max(major, minor, &bytes, e))
		return -1;
	if (bytes == 0)
		return 0;
	return err_set(e, ERR_RUNTIME, "%s: still takes discards of %" PRIu64 " bytes", name, bytes);
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
	/* A directory that is not there is still in /dev. */
	if (!realpath(dir, real))
		return strncmp(name, "/dev/", 5) == 0 && strncmp(name, "/dev/shm/", 9) != 0;
	/* /dev/shm is a place for files. */
	if (strcmp(real, "/dev/shm") == 0 || strncmp(real, "/dev/shm/", 9) == 0)
		return false;
	return strcmp(real, "/dev") == 0 || strncmp(real, "/dev/", 5) == 0;
}
