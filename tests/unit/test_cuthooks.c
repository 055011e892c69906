/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cuthooks: the second command is run once, behind the first, whoever fails or dies. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/cuthooks.h"
#include "system/stop.h"
#include "tap.h"

static char dir[] = "/tmp/test_cuthooks.XXXXXX";

/* What the commands have written, in order; both append to the file "log" in the working directory. */
static const char *logged(void)
{
	static char text[256];
	const int fd = open("log", O_RDONLY);
	const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	unlink("log");
	return text;
}

static struct cuthooks hooks(const char *pre, const char *post)
{
	return (struct cuthooks){.pre = pre, .post = post, .limit_s = 60};
}

static void test_good(void)
{
	struct cuthooks h = hooks("echo pre $ERA_DEVICE $ERA_CUT >>log", "echo post $ERA_DEVICE $ERA_CUT >>log");
	struct err e = {0};

	ok(cuthooks_before(&h, "root", "snapshot", &e) == 0, "the first succeeds %s", e.text);
	cuthooks_after(&h);
	cuthooks_after(&h);
	ok(strcmp(logged(), "pre root snapshot\npost root snapshot\n") == 0 && h.failed.kind == ERR_NONE,
	   "both, in order, once, and they know what of");
}

static void test_failing(void)
{
	struct cuthooks h = hooks("echo pre >>log; false", "echo post >>log; exit 7");
	struct err e = {0};

	ok(cuthooks_before(&h, "root", "fence", &e) == -1 && e.kind == ERR_RUNTIME, "the first fails: %s", e.text);
	cuthooks_after(&h);
	ok(strcmp(logged(), "pre\npost\n") == 0, "the second is run all the same");
	ok(h.failed.kind == ERR_RUNTIME && strstr(h.failed.text, "status 7"), "and how it went is told: %s",
	   h.failed.text);
}

static void test_none(void)
{
	struct cuthooks h = hooks(NULL, NULL);
	struct err e = {0};

	ok(cuthooks_before(&h, "root", "fence", &e) == 0, "none: nothing to do");
	cuthooks_after(&h);
	ok(h.failed.kind == ERR_NONE, "neither after it");
}

/* Killed with the first command running, or behind it. All that was started has the pipe's other end until it ends. */
static void test_killed(const char *name, const char *pre, const char *expected)
{
	struct cuthooks h = hooks(pre, "echo post >>log");
	struct err e = {0};
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds))
		exit(99);
	pid = fork();
	if (pid == 0) {
		cuthooks_before(&h, "root", "snapshot", &e);
		raise(SIGKILL);
	}
	close(fds[1]);
	while (access("begun", F_OK))
		usleep(10000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(read(fds[0], &byte, 1) == 0, "%s: all comes to an end", name);
	ok(strcmp(logged(), expected) == 0, "%s: the second is run, behind the first", name);
	close(fds[0]);
	unlink("begun");
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		return 99;
	stop_init();
	test_good();
	test_failing();
	test_none();
	test_killed("killed between the two", "echo pre >>log; touch begun", "pre\npost\n");
	/* Nothing of the first is there any more to overtake, though it takes its time to end. */
	test_killed("killed during the first", "trap 'sleep 1; echo end >>log; exit' TERM; touch begun; sleep 1000 & wait",
		    "end\npost\n");
	if (chdir("/") || rmdir(dir))
		return 99;
	return tap_done();
}
