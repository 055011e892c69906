/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cost: run a command and write down what it cost, for measurements of commands that take milliseconds.
 *
 *   cost FILE COMMAND [ARG]...
 *
 * Adds a line to FILE: microseconds elapsed, microseconds of processor, KiB of memory at the peak. The processor's
 * are those of the command and of all children it waited for, the memory that of the largest of them. GNU time says
 * the same in hundredths of a second. Ends as the command did; 125 where it could not be run or was killed.
 */
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t us_of(const struct timeval *t)
{
	return t->tv_sec * INT64_C(1000000) + t->tv_usec;
}

static int note(const char *path, int64_t elapsed_us, const struct rusage *u)
{
	FILE *f = fopen(path, "ae");

	if (!f) {
		perror(path);
		return -1;
	}
	fprintf(f, "%" PRId64 " %" PRId64 " %ld\n", elapsed_us, us_of(&u->ru_utime) + us_of(&u->ru_stime), u->ru_maxrss);
	if (fclose(f)) {
		perror(path);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct rusage u;
	int64_t begin_us;
	int status, rc;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: cost FILE COMMAND [ARG]...\n");
		return 125;
	}
	begin_us = now_us();
	rc = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
	if (rc) {
		fprintf(stderr, "cost: %s: %s\n", argv[2], strerror(rc));
		return 125;
	}
	while (wait4(pid, &status, 0, &u) < 0) {
		if (errno != EINTR) {
			perror("cost: wait4");
			return 125;
		}
	}
	if (note(argv[1], now_us() - begin_us, &u) || !WIFEXITED(status))
		return 125;
	return WEXITSTATUS(status);
}
