/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cores: processors allowed by the affinity, and quotas in a directory tree that looks like control groups. */
#include "system/cores.h"

#include <sched.h>

#include "scratch.h"
#include "tap.h"

#define GROUPS "0::/a/b/c\n1:cpu,cpuacct:/x/y\n"

/* The mounts' lines name the tree by its whole path. */
static void begin(void)
{
	FILE *f = fopen("mounts", "w");

	scratch_run("mkdir -p two/a/b/c one/x/y");
	fprintf(f, "20 1 8:1 / / rw - ext4 /dev/root rw\nno mount\n");
	fprintf(f, "30 1 0:26 / %s/two rw - cgroup2 cgroup2 rw\n", scratch_dir);
	fprintf(f, "31 1 0:27 / %s/one rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n", scratch_dir);
	fclose(f);
	f = fopen("groups", "w");
	fputs(GROUPS, f);
	fclose(f);
}

static void is(unsigned int n, const char *what)
{
	const unsigned int got = cores_quota("groups", "mounts");

	ok(got == n, "%s: %u, and is %u", what, n, got);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void test_tree(void)
{
	is(0, "no files");
	put("two/a/b/c/cpu.max", "max 100000\n");
	is(0, "no limit");
	put("two/a/b/c/cpu.max", "350000 100000\n");
	is(4, "one of the group");
	put("two/a/cpu.max", "250000 100000\n");
	is(3, "a smaller one above it");
	put("two/a/b/cpu.max", "9900000 100000\n");
	is(3, "a larger one between");
	put("two/cpu.max", "200000 100000\n");
	is(2, "the smallest where it is mounted");
	put("cpu.max", "100000 100000\n");
	is(2, "what lies above the mount is none");
	put("two/a/b/other.max", "100000 100000\n");
	scratch_run("mkdir -p two/a/z && cp cpu.max two/a/z");
	is(2, "nor are other groups");
	put("one/x/cpu.cfs_quota_us", "50000\n");
	is(2, "a quota without its period");
	put("one/x/cpu.cfs_period_us", "100000\n");
	is(1, "a smaller one of version 1");
	put("one/x/cpu.cfs_quota_us", "-1\n");
	is(2, "none of version 1");
	put("two/cpu.max", "nonsense");
	is(3, "what is nonsense is none");
	put("two/cpu.max", "");
	is(3, "and what is empty");
	scratch_run("head -c 1000000 /dev/zero | tr '\\0' 1 >two/cpu.max");
	is(3, "and what is too long");
	scratch_run("rm two/cpu.max && mkdir two/cpu.max");
	is(3, "and a directory");
	scratch_run("rmdir two/cpu.max && rm -r two/a/b/c");
	is(3, "a group that is gone");
}

static void test_odd(void)
{
	put("groups", "");
	is(0, "no groups");
	scratch_run("rm groups");
	is(0, "no file of groups");
	scratch_run("head -c 100000 /dev/zero >groups");
	is(0, "zeros for groups");
	put("groups", GROUPS);
	scratch_run("head -c 100000 /dev/urandom >mounts");
	is(0, "noise for mounts");
	scratch_run("rm mounts");
	is(0, "no file of mounts");
}

static void test_affinity(void)
{
	cpu_set_t all;
	cpu_set_t one;
	int first = 0;

	ok(sched_getaffinity(0, sizeof(all), &all) == 0 && cores_allowed() == (unsigned int)CPU_COUNT(&all),
	   "%u processors are allowed", cores_allowed());
	ok(cores_default() >= 1 && cores_default() <= CORES_DEFAULT_MAX && cores_default() <= cores_allowed(),
	   "%u threads are the default", cores_default());
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	ok(sched_setaffinity(0, sizeof(one), &one) == 0 && cores_allowed() == 1 && cores_default() == 1,
	   "one where only one is allowed");
}

int main(void)
{
	scratch_begin();
	begin();
	test_tree();
	test_odd();
	test_affinity();
	return tap_done();
}
