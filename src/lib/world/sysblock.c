/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/sysblock.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "words/num.h"

#define CLASS "/sys/class/block"

static bool join(char path[PATH_MAX], const char *name, const char *more)
{
	return snprintf(path, PATH_MAX, CLASS "/%s/%s", name, more) < PATH_MAX;
}

bool sysblock_attr(const char *name, const char *attr, char *out, size_t len)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	out[0] = '\0';
	if (!join(path, name, attr))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* sysfs gives an attribute in one read. */
	n = read(fd, out, len);
	close(fd);
	if (n < 0 || (size_t)n >= len) {
		out[0] = '\0';
		return false;
	}
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return true;
}

uint64_t sysblock_number(const char *name, const char *attr)
{
	char text[32];
	uint64_t v;

	if (!sysblock_attr(name, attr, text, sizeof(text)) || num_parse(text, 0, UINT64_MAX, &v))
		return 0;
	return v;
}

static bool last_part(const char *path, char name[SYSBLOCK_NAME])
{
	const char *slash = strrchr(path, '/');

	if (!slash || strlen(slash + 1) >= SYSBLOCK_NAME)
		return false;
	strcpy(name, slash + 1);
	return name[0] != '\0';
}

bool sysblock_name(dev_t dev, char name[SYSBLOCK_NAME])
{
	char path[64];
	char real[PATH_MAX];

	name[0] = '\0';
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	return realpath(path, real) && last_part(real, name);
}

bool sysblock_dev(const char *name, dev_t *dev)
{
	char text[32];
	unsigned int ma;
	unsigned int mi;

	if (!sysblock_attr(name, "dev", text, sizeof(text)) || sscanf(text, "%u:%u", &ma, &mi) != 2)
		return false;
	*dev = makedev(ma, mi);
	return true;
}

bool sysblock_disk(const char *name, char disk[SYSBLOCK_NAME])
{
	char path[PATH_MAX];
	char real[PATH_MAX];

	if (sysblock_number(name, "partition") == 0 || !join(path, name, ".."))
		return false;
	return realpath(path, real) && last_part(real, disk);
}

bool sysblock_is_era(const char *name)
{
	char uuid[192];
	const char *p = uuid;

	if (!sysblock_attr(name, "dm/uuid", uuid, sizeof(uuid)))
		return false;
	/* As kpartx names a partition: "part1-" before the UUID of the whole. */
	if (strncmp(p, "part", 4) == 0 && isdigit((unsigned char)p[4])) {
		p += 4 + strspn(p + 4, "0123456789");
		p += *p == '-';
	}
	return strncmp(p, "ERA-", 4) == 0;
}

static int is_entry(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int sysblock_each(const char *name, const char *sub, sysblock_call *call, void *ctx, struct err *e)
{
	char path[PATH_MAX];
	char disk[SYSBLOCK_NAME];
	struct dirent **list = NULL;
	int rc = 0;
	int n;
	int i;

	if (!sub)
		strcpy(path, CLASS);
	else if (!join(path, name, sub))
		return 0;
	n = scandir(path, &list, is_entry, alphasort);
	if (n < 0)
		return sub ? 0 : err_sys(e, "%s: cannot list the block devices", path);
	for (i = 0; i < n; i++) {
		/* Among a disk's attributes the partitions are those that say of which disk. */
		if (rc == 0 && (!sub || sub[0] ||
				(sysblock_disk(list[i]->d_name, disk) && strcmp(disk, name) == 0)))
			rc = call(ctx, list[i]->d_name, e);
		free(list[i]);
	}
	free(list);
	return rc;
}
