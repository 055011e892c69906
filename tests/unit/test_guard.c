/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard: what it answers, whoever is killed, stopped or in the way. Without devices: those need a kernel that has them. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/stop.h"
#include "tap.h"
#include "world/guard.h"

static char directory[] = "/tmp/test_guard.XXXXXX";
static char note[64];
static char last[64];

static void make(const char *path)
{
	const int fd = open(path, O_CREAT | O_WRONLY, 0600);

	if (fd < 0)
		exit(99);
	close(fd);
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static pid_t expected;

static void on_last(void *ctx, pid_t told)
{
	if (told == expected)
		make(ctx);
}

static struct guard_job job_of(unsigned int limit_ms)
{
	return (struct guard_job){.thaw_fd = -1, .limit_ms = limit_ms, .note = note, .last = on_last, .ctx = last};
}

static void start(struct guard *g, unsigned int limit_ms)
{
	static struct guard_job job;
	struct err e = {0};

	unlink(last);
	make(note);
	job = job_of(limit_ms);
	if (guard_start(g, &job, &e)) {
		printf("# %s\n", e.text);
		exit(99);
	}
}

static void test_idle(void)
{
	struct guard none = {0};
	struct guard g;

	ok(guard_done(&none, true) == 0, "one that was not started has had nothing to do");
	start(&g, 60000);
	ok(guard_done(&g, true) == 0, "told in time: it has had nothing to do");
	ok(is_there(note) && !is_there(last), "and did nothing");
	start(&g, 0);
	usleep(50000);
	ok(guard_done(&g, true) == 0, "without a clock it waits");
}

static void test_late(void)
{
	struct guard g;

	start(&g, 20);
	usleep(300000);
	ok(guard_done(&g, true) == 1, "told too late: it had to act");
	ok(!is_there(last), "but the program lives, and does the rest itself");
	expected = 4711;
	start(&g, 60000);
	guard_tell(&g, 1);
	guard_tell(&g, expected);
	ok(guard_done(&g, false) == 1, "told that it does not run: it acts");
	expected = 0;
	ok(!is_there(note) && is_there(last), "as if the program were gone");
}

static void test_killed(void)
{
	struct guard g;

	start(&g, 60000);
	kill(g.pid, SIGKILL);
	ok(guard_done(&g, true) == 1, "killed: nobody can say");
}

/* Takes as long as a guard may take to answer. */
static void test_stopped(void)
{
	struct guard g;

	start(&g, 60000);
	kill(g.pid, SIGSTOP);
	ok(guard_done(&g, true) == 1, "stopped: it is not waited for for ever");
}

/* Whoever starts us may ignore the ends of children. */
static void test_ignored(void)
{
	struct guard g;

	signal(SIGCHLD, SIG_IGN);
	start(&g, 20);
	usleep(300000);
	ok(guard_done(&g, true) == 1, "an end that nobody is told of is not taken for a good one");
	stop_init();
	start(&g, 20);
	usleep(300000);
	ok(guard_done(&g, true) == 1, "and stop_init makes it known");
	start(&g, 60000);
	ok(guard_done(&g, true) == 0, "be it good");
}

/* The program dies: the guard does what it owed. */
static void test_orphan(void)
{
	struct guard g;
	pid_t pid;
	int fds[2];
	char byte;

	if (pipe(fds))
		exit(99);
	pid = fork();
	if (pid == 0) {
		start(&g, 60000);
		raise(SIGKILL);
	}
	close(fds[1]);
	waitpid(pid, NULL, 0);
	/* The guard has the other end too, until it ends. */
	ok(read(fds[0], &byte, 1) == 0, "the program is killed: its guard ends");
	ok(!is_there(note) && is_there(last), "having done what it owed, and forgotten the note");
	close(fds[0]);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 99;
	snprintf(note, sizeof(note), "%s/note", directory);
	snprintf(last, sizeof(last), "%s/last", directory);
	stop_init();
	test_idle();
	test_late();
	test_killed();
	test_orphan();
	test_ignored();
	test_stopped();
	unlink(note);
	unlink(last);
	rmdir(directory);
	return tap_done();
}
