/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/cores.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "system/fdio.h"
#include "words/cpuquota.h"
#include "words/num.h"

/* A kernel is built for 8192 processors at the most. */
#define CPUS_MAX 65536
#define GROUPS_LEN 16384
#define QUOTA_LEN 128

unsigned int cores_allowed(void)
{
	int n = 0;
	int cpus;

	/* The kernel refuses a set that is smaller than its own. */
	for (cpus = 1024; n == 0 && cpus <= CPUS_MAX; cpus *= 2) {
		const size_t len = CPU_ALLOC_SIZE(cpus);
		cpu_set_t *set = CPU_ALLOC(cpus);

		if (set && sched_getaffinity(0, len, set) == 0)
			n = CPU_COUNT_S(len, set);
		CPU_FREE(set);
	}
	return n > 0 ? (unsigned int)n : 1;
}

/* All of a small file as a string; -1 where it cannot be read or does not fit. */
static int read_text(const char *path, char *text, size_t cap)
{
	struct err ignored = {0};
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	int rc;

	if (fd < 0)
		return -1;
	rc = fdio_read(fd, path, text, cap, &len, &ignored);
	close(fd);
	if (rc || len == cap)
		return -1;
	text[len] = '\0';
	return 0;
}

static int read_in(const char *dir, const char *name, char text[QUOTA_LEN])
{
	char path[PATH_MAX];
	const int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n < 0 || (size_t)n >= sizeof(path) ? -1 : read_text(path, text, QUOTA_LEN);
}

static unsigned int quota_in(const struct cpuquota_place *p)
{
	char quota[QUOTA_LEN];
	char period[QUOTA_LEN];

	if (p->v2)
		return read_in(p->dir, "cpu.max", quota) ? 0 : cpuquota_max(quota);
	if (read_in(p->dir, "cpu.cfs_quota_us", quota) || read_in(p->dir, "cpu.cfs_period_us", period))
		return 0;
	return cpuquota_cfs(quota, period);
}

/* The smaller one, where 0 is none. */
static unsigned int stricter(unsigned int a, unsigned int b)
{
	return a == 0 || (b > 0 && b < a) ? b : a;
}

unsigned int cores_quota(const char *groups, const char *mounts)
{
	char own[GROUPS_LEN];
	struct cpuquota_place p;
	struct mount m;
	unsigned int least = 0;
	char *line = NULL;
	size_t room = 0;
	FILE *f;

	if (read_text(groups, own, sizeof(own)) || !(f = fopen(mounts, "re")))
		return 0;
	while (getline(&line, &room, f) >= 0) {
		if (!mountline_parse(line, &m) || !cpuquota_place(&m, own, &p))
			continue;
		do
			least = stricter(least, quota_in(&p));
		while (cpuquota_up(&p));
	}
	free(line);
	fclose(f);
	return least;
}

unsigned int cores_default(void)
{
	const unsigned int n = stricter(cores_allowed(), cores_quota("/proc/self/cgroup", "/proc/self/mountinfo"));

	return (unsigned int)num_min(n, CORES_DEFAULT_MAX);
}
