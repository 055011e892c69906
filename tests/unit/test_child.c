/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child: what it says, how it ends, what it has of ours, and that nothing of it is left. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/child.h"
#include "system/clock.h"
#include "system/stop.h"
#include "tap.h"

struct said {
	char out[4096];
	char err[4096];
	struct child_end end;
};

/* Read to its end and wait for it. */
static int hear_out(struct child *c, struct said *s, struct err *e)
{
	size_t out_len = 0;
	size_t err_len = 0;
	enum child_what what;
	char buf[512];
	size_t got;

	memset(s, 0, sizeof(*s));
	do {
		if (child_read(c, buf, sizeof(buf), &got, &what, e))
			return -1;
		if (what == CHILD_OUT && out_len + got < sizeof(s->out)) {
			memcpy(s->out + out_len, buf, got);
			out_len += got;
		} else if (what == CHILD_ERR && err_len + got < sizeof(s->err)) {
			memcpy(s->err + err_len, buf, got);
			err_len += got;
		}
	} while (what != CHILD_OVER);
	return child_wait(c, &s->end, e);
}

static int run_shell(const char *command, struct said *s, struct err *e)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	const struct child_opts o = {.argv = argv, .io = -1, .err = -1};
	struct child *c = NULL;
	int rc = child_start(&c, &o, e);

	if (rc == 0)
		rc = hear_out(c, s, e);
	child_close(c);
	return rc;
}

static const struct {
	const char *command;
	const char *out;
	const char *err;
	int status;
	int sig;
} cases[] = {
	{"true", "", "", 0, 0},
	{"echo out; echo err >&2; exit 3", "out\n", "err\n", 3, 0},
	{"exit 255", "", "", 255, 0},
	{"kill -KILL $$", "", "", -1, SIGKILL},
	{"cat; echo end", "end\n", "", 0, 0},
	{"readlink /proc/self/fd/0", "/dev/null\n", "", 0, 0},
	/* Of ours it has the three, and the one that lists them. */
	{"ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 ", "", 0, 0},
	/* A group and a session of its own, without a terminal. */
	{"read -r p c s pp g x </proc/$$/stat; test $g = $$ && echo own", "own\n", "", 0, 0},
	{"(: </dev/tty) 2>/dev/null || echo none", "none\n", "", 0, 0},
	/* No signal is ignored or blocked. */
	{"grep -E '^Sig(Blk|Ign)' /proc/self/status", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", "", 0, 0},
	{"kill -PIPE $$", "", "", -1, SIGPIPE},
	/* One stream ends long before the other. */
	{"exec >&-; echo late >&2; exit 1", "", "late\n", 1, 0},
	{"exec 2>&-; echo late; exit 1", "late\n", "", 1, 0},
};

static void run_cases(void)
{
	struct said s;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = {0};
		const int rc = run_shell(cases[i].command, &s, &e);

		ok(rc == 0 && strcmp(s.out, cases[i].out) == 0 && strcmp(s.err, cases[i].err) == 0 &&
			   s.end.status == cases[i].status && s.end.sig == cases[i].sig,
		   "%s: %d, %d %s", cases[i].command, s.end.status, s.end.sig, e.text);
	}
}

static const struct {
	const char *program;
	const char *reason;
} unrunnable[] = {
	{"no-such-program-anywhere", "No such file"},
	{"/dev/null", "Permission denied"},
	{"/etc", "Permission denied"},
};

static void run_unrunnable(void)
{
	size_t i;

	for (i = 0; i < sizeof(unrunnable) / sizeof(unrunnable[0]); i++) {
		const char *argv[] = {unrunnable[i].program, NULL};
		const struct child_opts o = {.argv = argv, .io = -1, .err = -1};
		struct child *c = NULL;
		struct err e = {0};

		ok(child_start(&c, &o, &e) == -1 && e.kind == ERR_RUNTIME && strstr(e.text, unrunnable[i].program) &&
			   strstr(e.text, unrunnable[i].reason),
		   "cannot be run: %s", e.text);
		child_close(c);
	}
}

static void run_socket(void)
{
	const char *argv[] = {"sh", "-c", "read x; echo \"$x back\"; echo words >&2", NULL};
	struct child_opts o = {.argv = argv, .err = -1};
	struct child *c = NULL;
	struct err e = {0};
	struct said s;
	char buf[64] = "";
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		abort();
	o.io = pair[1];
	child_start(&c, &o, &e);
	close(pair[1]);
	ok(write(pair[0], "there\n", 6) == 6 && read(pair[0], buf, sizeof(buf)) == 11 && strcmp(buf, "there back\n") == 0,
	   "a socket for standard input and output");
	ok(hear_out(c, &s, &e) == 0 && strcmp(s.out, "") == 0 && strcmp(s.err, "words\n") == 0, "and a pipe for its words");
	close(pair[0]);
	child_close(c);
}

/* One that has begun, and says so. */
static struct child *begin(const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	const struct child_opts o = {.argv = argv, .io = -1, .err = -1};
	struct child *c = NULL;
	struct err e = {0};
	enum child_what what;
	char buf[16];
	size_t got;

	if (child_start(&c, &o, &e) || child_read(c, buf, sizeof(buf), &got, &what, &e) || got == 0)
		abort();
	return c;
}

/* Orphans come to us, so that we see whether there are any. */
static bool nobody_left(void)
{
	const int64_t until = clock_us() + 5000000;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && clock_us() < until)
		if (pid == 0)
			usleep(1000);
	return pid < 0 && errno == ECHILD;
}

static void run_ends(void)
{
	static const struct {
		const char *what;
		const char *command;
		int sig;
		int64_t least_ms;
		int64_t most_ms;
	} ends[] = {
		{"one that ends when it is asked to", "echo; exec sleep 100", SIGTERM, 0, 900},
		{"one that does not", "trap '' TERM; echo; while :; do sleep 0.1; done", SIGKILL, 1000, 4000},
		{"what it started", "sleep 100 & echo; wait", SIGTERM, 0, 900},
		{"what it started, and that does not listen", "(trap '' TERM; echo; exec sleep 100) & wait", SIGTERM, 0, 900},
	};
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct child *c = begin(ends[i].command);
		const int64_t begun = clock_us() / 1000;
		struct child_end end = {0};
		struct err e = {0};
		int64_t took;

		child_end(c, 1000);
		took = clock_us() / 1000 - begun;
		child_wait(c, &end, &e);
		ok(end.status == -1 && end.sig == ends[i].sig && took >= ends[i].least_ms && took < ends[i].most_ms,
		   "%s is ended: signal %d after %d ms", ends[i].what, end.sig, (int)took);
		child_close(c);
		ok(nobody_left(), "%s: nobody is left", ends[i].what);
	}
	child_close(begin("echo; exec sleep 100"));
	ok(nobody_left(), "closing ends it too");
}

/* The thread that started it is gone, and so is it. */
static void *starter(void *arg)
{
	const char *argv[] = {"sh", "-c", "trap 'exit 9' TERM; echo; while :; do sleep 0.05; done", NULL};
	const struct child_opts o = {.argv = argv, .io = -1, .err = -1, .leashed = true};
	struct err e = {0};
	enum child_what what;
	char buf[16];
	size_t got;

	if (child_start(arg, &o, &e) || child_read(*(struct child **)arg, buf, sizeof(buf), &got, &what, &e))
		abort();
	return NULL;
}

static void run_leash(void)
{
	struct child *c = NULL;
	struct err e = {0};
	struct said s;
	pthread_t t;

	if (pthread_create(&t, NULL, starter, &c))
		abort();
	pthread_join(t, NULL);
	ok(hear_out(c, &s, &e) == 0 && s.end.status == 9, "SIGTERM to it when its thread ends: %d", s.end.status);
	child_close(c);
}

/* The last, for the flag stays set. */
static void run_stop(void)
{
	struct child *c = begin("echo; exec sleep 100");
	struct child *d = begin("echo; exec sleep 100 >&- 2>&-");
	const int64_t begun = clock_us();
	struct err e = {0};
	struct err e2 = {0};
	struct said s;

	raise(SIGTERM);
	ok(hear_out(c, &s, &e) == -1 && strstr(e.text, "SIGTERM"), "a stop request ends a read: %s", e.text);
	ok(child_wait(d, &s.end, &e2) == -1 && strstr(e2.text, "SIGTERM"), "and a wait for the end: %s", e2.text);
	ok(clock_us() - begun < 2000000, "at once");
	child_close(c);
	child_close(d);
	ok(nobody_left(), "and nobody is left");
}

int main(void)
{
	sigset_t some;

	/* What the child must not have of us. */
	dup2(STDOUT_FILENO, 77);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	stop_init();
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	sigprocmask(SIG_BLOCK, &some, NULL);
	run_cases();
	run_unrunnable();
	run_socket();
	run_ends();
	run_leash();
	ok(nobody_left(), "nobody is left of all that");
	run_stop();
	return tap_done();
}
