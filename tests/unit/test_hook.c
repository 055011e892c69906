/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hook: how commands end, what they get, and that nothing of them is left. stop: the deadline. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "system/hook.h"
#include "system/stop.h"
#include "tap.h"

static const char *const env[] = {"ERA_DEVICE=root", "ERA_CUT=snapshot", NULL};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct {
	const char *command;
	const char *error; /* "" for success */
} cases[] = {
	{"true", ""},
	{"exit 3", "ended with status 3"},
	{"kill -KILL $$", "was ended by SIGKILL"},
	{"no-such-program-anywhere 2>/dev/null", "ended with status 127"},
	{"test \"$ERA_DEVICE $ERA_CUT\" = 'root snapshot'", ""},
	{"test \"$(cat)\" = ''", ""},
	{"test \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$$/fd/2)\"", ""},
	/* Nobody here, and a signal that we ignore is not ignored there. */
	{"trap - PIPE; kill -PIPE $$", "was ended by SIGPIPE"},
};

static void run_cases(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct hook h = {.option = "--pre-cut", .command = cases[i].command, .limit_s = 60};
		struct err e = {0};
		const int rc = hook_run(&h, env, &e);

		if (cases[i].error[0])
			ok(rc == -1 && e.kind == ERR_RUNTIME && strstr(e.text, cases[i].error) &&
				   strncmp(e.text, "--pre-cut: '", 12) == 0,
			   "%s: %s", cases[i].command, e.text);
		else
			ok(rc == 0 && e.kind == ERR_NONE, "%s %s", cases[i].command, e.text);
	}
}

/* The shell, and what it left in the background, hold the pipe: its end says that both are gone. */
static void run_too_long(const char *command, const char *name)
{
	const struct hook h = {.option = "--post-cut", .command = command, .limit_s = 1, .whatever = true};
	struct err e = {0};
	double begin = now();
	char byte;
	int fds[2];
	int rc;

	/* Not CLOEXEC: the command is to have the end for writing. */
	if (pipe(fds))
		exit(99);
	rc = hook_run(&h, env, &e);
	close(fds[1]);
	ok(rc == -1 && strstr(e.text, "ran for more than 1 s and was ended"), "%s: %s", name, e.text);
	ok(read(fds[0], &byte, 1) == 0, "%s: nothing of it is left", name);
	ok(now() - begin < 30, "%s: in time", name);
	close(fds[0]);
}

static void run_stopped(void)
{
	struct hook h = {.option = "--pre-cut", .command = "sleep 1000", .limit_s = 900};
	struct err e = {0};
	double begin = now();

	stop_deadline(300);
	ok(hook_run(&h, env, &e) == -1 && strstr(e.text, "given up"), "a stop ends it: %s", e.text);
	ok(now() - begin < 60, "and at once");
	memset(&e, 0, sizeof(e));
	h.command = "sleep 0.1";
	h.whatever = true;
	ok(hook_run(&h, env, &e) == 0, "one that is owed runs all the same");
	stop_deadline(0);
}

static void run_deadline(void)
{
	struct err e = {0};

	ok(!stop_requested() && stop_check(&e) == 0, "no deadline: no stop");
	stop_deadline(3600000);
	ok(!stop_requested() && stop_check(&e) == 0, "one to come: no stop");
	stop_deadline(1);
	usleep(5000);
	ok(stop_requested() && stop_check(&e) == -1 && e.kind == ERR_RUNTIME, "one that is over: %s", e.text);
	stop_deadline(0);
	memset(&e, 0, sizeof(e));
	ok(!stop_requested() && stop_check(&e) == 0, "and taken back");
}

int main(void)
{
	stop_init();
	run_cases();
	run_too_long("sleep 1000", "a command that hangs");
	run_too_long("trap '' TERM; sleep 1000 & while :; do sleep 1000; done", "one that will not end");
	run_too_long("(trap '' TERM; sleep 1000) & wait", "one whose shell goes before what it started");
	run_stopped();
	run_deadline();
	return tap_done();
}
