/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cpuquota: what the kernel writes, what it does not write, and where the files are. */
#include "words/cpuquota.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SEED 20262
#define LONG_DIGITS "11111111111111111111111111111111111111111111111111111111111111111111111111111111"

static const struct {
	const char *text;
	unsigned int n;
} maxima[] = {
	{"max 100000\n", 0},
	{"max", 0},
	{"100000 100000\n", 1},
	{"100000 100000", 1},
	{"100001 100000\n", 2},
	{"99999 100000\n", 1},
	{"1000 1000000\n", 1},
	{"1 1\n", 1},
	{"150000 100000\n", 2},
	{"200000 100000\n", 2},
	{"6400000 100000\n", 64},
	{"18446744073709551615 1\n", UINT_MAX},
	{"18446744073709551615 18446744073709551615\n", 1},
	{"18446744073709551616 1\n", 0},
	{"", 0},
	{"\n", 0},
	{" ", 0},
	{"100000", 0},
	{"100000\n", 0},
	{"100000 \n", 0},
	{" 100000\n", 0},
	{"100000  100000\n", 0},
	{"100000\t100000\n", 0},
	{"100000 100000 \n", 0},
	{"100000 100000 1\n", 0},
	{"100000 100000\n\n", 0},
	{"100000 100000\n1 1\n", 0},
	{"100000\n100000\n", 0},
	{"0 100000\n", 0},
	{"100000 0\n", 0},
	{"-1 100000\n", 0},
	{"100000 -1\n", 0},
	{"+1 100000\n", 0},
	{"0x10 100000\n", 0},
	{"1e5 100000\n", 0},
	{"1.5 1\n", 0},
	{"MAX 100000\n", 0},
	{LONG_DIGITS " 1\n", 0},
	{"1 " LONG_DIGITS "\n", 0},
	{"\xff\xfe 1\n", 0},
};

static const struct {
	const char *quota, *period;
	unsigned int n;
} cfs[] = {
	{"-1\n", "100000\n", 0},
	{"50000\n", "100000\n", 1},
	{"250000\n", "100000\n", 3},
	{"250000", "100000", 3},
	{"0\n", "100000\n", 0},
	{"50000\n", "0\n", 0},
	{"50000\n", "", 0},
	{"", "100000\n", 0},
	{"50000 100000\n", "100000\n", 0},
	{"50000\n", "100000\n1\n", 0},
	{LONG_DIGITS "\n", "100000\n", 0},
	{"max\n", "100000\n", 0},
};

static void test_numbers(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(maxima); i++)
		ok(cpuquota_max(maxima[i].text) == maxima[i].n, "cpu.max %zu is %u, and is %u", i, maxima[i].n,
		   cpuquota_max(maxima[i].text));
	for (i = 0; i < ARRAY_SIZE(cfs); i++)
		ok(cpuquota_cfs(cfs[i].quota, cfs[i].period) == cfs[i].n, "cpu.cfs_quota_us %zu is %u, and is %u", i,
		   cfs[i].n, cpuquota_cfs(cfs[i].quota, cfs[i].period));
}

#define V2(root, where) "30 1 0:26 " root " " where " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1(root, where, super) "31 1 0:27 " root " " where " rw - cgroup cgroup rw," super "\n"

static const struct {
	const char *why, *mount, *groups, *ways; /* the directories, from the group to the mount; NULL: it is no place */
} places[] = {
	{"version 2", V2("/", "/c"), "0::/a.slice/b.service\n", "/c/a.slice/b.service /c/a.slice /c"},
	{"without an end of line", V2("/", "/c"), "0::/a", "/c/a /c"},
	{"the root itself", V2("/", "/c"), "0::/\n", "/c"},
	{"a mount that begins at the group", V2("/docker/1", "/c"), "0::/docker/1\n", "/c"},
	{"a mount that begins above it", V2("/docker", "/c"), "0::/docker/1\n", "/c/1 /c"},
	{"a mount of another group", V2("/docker/2", "/c"), "0::/docker/1\n", NULL},
	{"a mount of a name that begins like it", V2("/docker/1", "/c"), "0::/docker/12\n", NULL},
	{"a mount below it", V2("/docker/1/2", "/c"), "0::/docker/1\n", NULL},
	{"a mount from outside of the namespace", V2("/../..", "/c"), "0::/\n", NULL},
	{"a group outside of the namespace", V2("/", "/c"), "0::/../other\n", NULL},
	{"a group with .. at its end", V2("/", "/c"), "0::/a/..\n", NULL},
	{"names with dots", V2("/", "/c"), "0::/..a/b../...\n", "/c/..a/b../... /c/..a/b.. /c/..a /c"},
	{"escapes", V2("/a\\040b", "/c\\134d"), "0::/a b/e\n", "/c\\d/e /c\\d"},
	{"version 1", V1("/", "/c/cpu", "cpu"), "3:cpuset:/x\n1:cpu:/a\n0::/y\n", "/c/cpu/a /c/cpu"},
	{"version 1 with more in it", V1("/", "/c", "cpu,cpuacct"), "12:cpu,cpuacct:/a/b\n", "/c/a/b /c/a /c"},
	{"the last of more", V1("/", "/c", "cpuacct,cpu"), "2:cpuset:/x\n12:cpuacct,cpu:/a\n", "/c/a /c"},
	{"processors are not limited there", V1("/", "/c", "cpuset"), "3:cpuset:/x\n1:cpu:/a\n", NULL},
	{"names that begin like it", V1("/", "/c", "cpuacct"), "3:cpuacct:/x\n1:cpu:/a\n", NULL},
	{"a hierarchy by name", V1("/", "/c", "name=cpu"), "1:name=cpu:/a\n", NULL},
	{"no group of version 1", V1("/", "/c", "cpu"), "0::/a\n", NULL},
	{"no group of version 2", V2("/", "/c"), "1:cpu:/a\n", NULL},
	{"no groups at all", V2("/", "/c"), "", NULL},
	{"a line that is none", V2("/", "/c"), "cpu\n\n:\n::\n0:\n0::\n", NULL},
	{"a good line behind them", V2("/", "/c"), "cpu\n\n:\n::\n0:\n0::\n0::/a\n", "/c/a /c"},
	{"a colon in a name", V2("/", "/c"), "0::/a:b\n", "/c/a:b /c"},
	{"a relative path", V2("/", "/c"), "0::a\n", NULL},
	{"not the hierarchy 0", V2("/", "/c"), "10::/a\n1::/a\n", NULL},
	{"slashes at the end", V2("/", "/c"), "0::/a//\n", "/c/a /c"},
	{"another kind of filesystem", "30 1 0:26 / /c rw - tmpfs tmpfs rw,cpu\n", "0::/a\n1:cpu:/a\n", NULL},
};

static void test_place(size_t i)
{
	struct cpuquota_place p;
	struct mount m;
	char line[256];
	char ways[PATH_MAX] = "";
	bool is;

	strcpy(line, places[i].mount);
	is = mountline_parse(line, &m) && cpuquota_place(&m, places[i].groups, &p);
	if (is) {
		do {
			strcat(ways, *ways ? " " : "");
			strcat(ways, p.dir);
		} while (cpuquota_up(&p));
	}
	ok(places[i].ways ? is && strcmp(ways, places[i].ways) == 0 : !is, "%s: %s", places[i].why, is ? ways : "none");
}

static const char *const no_mounts[] = {
	"", "\n", "-\n", "30\n", "30 1 0:26 / /c rw\n", "30 1 0:26 / /c rw -\n", "30 1 0:26 / /c rw - cgroup2\n",
	"30 1 0:26 / - cgroup2 cgroup2 rw\n", "x 1 0:26 / /c rw - cgroup2 cgroup2 rw\n",
	"30 1 0 / /c rw - cgroup2 cgroup2 rw\n",
};

/* A name longer than any path: no place, and nothing written past one. */
static void test_long(void)
{
	static char groups[3 * PATH_MAX];
	char line[] = V2("/", "/c");
	struct cpuquota_place p;
	struct mount m;

	strcpy(groups, "0::/");
	memset(groups + 4, 'a', sizeof(groups) - 5);
	ok(mountline_parse(line, &m) && !cpuquota_place(&m, groups, &p), "a group deeper than a path can be");
	/* "0::" goes, and "/c" comes. */
	groups[PATH_MAX + 1] = '\0';
	ok(cpuquota_place(&m, groups, &p) == false, "by one byte");
	groups[PATH_MAX] = '\0';
	ok(cpuquota_place(&m, groups, &p) && strlen(p.dir) == PATH_MAX - 1, "and one that just fits");
}

/* Whatever is there instead of a good text: a place lies in its mount, and the way up ends there. */
static void test_random(void)
{
	static const char bytes[] = "0:/.,\n acpu\\-1";
	char groups[48];
	char line[] = V2("/", "/c");
	struct cpuquota_place p;
	struct mount m;
	unsigned int good = 0;
	unsigned int wrong = 0;
	int n;
	size_t i;

	srandom(SEED);
	mountline_parse(line, &m);
	for (n = 0; n < 200000; n++) {
		strcpy(groups, random() % 2 ? "0::/" : "");
		for (i = strlen(groups); i < sizeof(groups) - 1; i++)
			groups[i] = bytes[(size_t)random() % (sizeof(bytes) - 1)];
		groups[i - (size_t)random() % 40] = '\0';
		if (!cpuquota_place(&m, groups, &p))
			continue;
		good++;
		do
			wrong += strncmp(p.dir, "/c", 2) != 0 || strstr(p.dir, "/../") != NULL;
		while (cpuquota_up(&p));
		wrong += strcmp(p.dir, "/c") != 0;
	}
	ok(good > 1000 && wrong == 0, "%u places of random groups lie in their mount (seed %d)", good, SEED);
}

int main(void)
{
	struct mount m;
	char line[128];
	size_t i;

	test_numbers();
	for (i = 0; i < ARRAY_SIZE(places); i++)
		test_place(i);
	for (i = 0; i < ARRAY_SIZE(no_mounts); i++) {
		strcpy(line, no_mounts[i]);
		ok(!mountline_parse(line, &m), "no mount: %zu", i);
	}
	test_long();
	test_random();
	return tap_done();
}
