/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world/dm.h"
#include "world/fsfreeze.h"

/* Resumes made ready ahead. More are made on demand: by then something is badly wrong anyway. */
#define NR_READY 8

/* Seconds. */
#define TRIES 60

/* A guard that does not answer for so long was stopped, and is of no use. */
#define ANSWER_MS 20000

#define READY 'r'
#define DONE 'd'
#define TOLD 't'

/* Exit statuses. */
#define IDLE 0
#define FAILED 1
#define ACTED 3

/*
 * Not to be ended by a terminal's signals or a log-out; nor, where something stands still, by a lack of memory, which
 * its children would inherit.
 */
static void harden(bool still)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
	size_t i;
	int fd;

	setsid();
	prctl(PR_SET_NAME, "era_guard");
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], SIG_IGN);
	if (!still)
		return;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		/* Best effort: without it the guard is as likely a victim as anybody. */
		if (write(fd, "-1000", 5) < 0)
			errno = 0;
		close(fd);
	}
	mlockall(MCL_CURRENT | MCL_FUTURE);
}

struct watched {
	const struct guard_job *job;
	struct dm_fence *ready[NR_READY][GUARD_DEVS_MAX];
	int next;
	pid_t told;
};

static void make_ready(struct watched *w)
{
	struct err e = {0};
	size_t d;
	int i;

	for (i = 0; i < NR_READY; i++)
		for (d = 0; d < w->job->nr; d++)
			if (!(w->ready[i][d] = dm_fence_new(w->job->devs[d].major, w->job->devs[d].minor, &e)))
				_exit(FAILED);
}

/* Does all of it run? */
static bool run_again(struct watched *w)
{
	const struct guard_job *j = w->job;
	struct err ignored = {0};
	struct dm_fence *f;
	bool running = true;
	size_t d;

	for (d = 0; d < j->nr; d++) {
		f = w->next < NR_READY ? w->ready[w->next][d]
				       : dm_fence_new(j->devs[d].major, j->devs[d].minor, &ignored);
		/* A failure has nobody to be told to. */
		if (!f || dm_fence_resume(f, &ignored))
			running = false;
	}
	w->next++;
	if (j->thaw_fd >= 0)
		fsfreeze_thaw_fd(j->thaw_fd);
	return running;
}

/* The program is gone. What will not run again is tried for a while, and left noted. */
__attribute__((noreturn)) static void take_over(struct watched *w)
{
	const struct timespec pause = {1, 0};
	bool running = run_again(w);
	int tries;

	for (tries = 0; !running && tries < TRIES; tries++) {
		nanosleep(&pause, NULL);
		running = run_again(w);
	}
	if (running && w->job->note && unlink(w->job->note))
		errno = 0; /* it tells the next run to do again what is done */
	if (w->job->last)
		w->job->last(w->job->ctx, w->told);
	_exit(ACTED);
}

/* Until told that all is well, or the other end is gone. */
__attribute__((noreturn)) static void watch(int fd, const struct guard_job *job)
{
	const int limit = job->limit_ms ? (int)job->limit_ms : -1;
	struct watched w = {.job = job};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char word = READY;
	int status = IDLE;
	int n;

	make_ready(&w);
	harden(job->nr > 0 || job->thaw_fd >= 0);
	if (write(fd, &word, 1) != 1)
		_exit(FAILED);
	for (;;) {
		n = poll(&p, 1, limit);
		if (n == 0) {
			run_again(&w);
			status = ACTED;
		}
		if (n <= 0)
			continue;
		if (read(fd, &word, 1) != 1)
			take_over(&w);
		if (word == DONE)
			_exit(status);
		/* Sent in one, so what follows is there. */
		if (word != TOLD || read(fd, &w.told, sizeof(w.told)) != sizeof(w.told))
			take_over(&w);
	}
}

/* Is there something to read, or the end? Signals do not cut it short by much. */
static bool answers(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, ANSWER_MS);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

int guard_start(struct guard *g, const struct guard_job *job, struct err *e)
{
	int fds[2];
	char word = 0;

	assert(job->nr <= GUARD_DEVS_MAX);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return err_sys(e, "cannot make a pipe to the guard");
	g->pid = fork();
	if (g->pid == 0) {
		close(fds[0]);
		/* A guard that keeps the stream's pipe open would hide the end of the program. */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		watch(fds[1], job);
	}
	close(fds[1]);
	g->fd = fds[0];
	if (g->pid < 0) {
		g->pid = 0;
		close(g->fd);
		return err_sys(e, "cannot start the guard");
	}
	if (answers(g->fd) && read(g->fd, &word, 1) == 1 && word == READY)
		return 0;
	guard_done(g, true);
	return err_set(e, ERR_RUNTIME, "the guard of what is to stand still did not start");
}

void guard_tell(struct guard *g, pid_t group)
{
	char words[1 + sizeof(group)] = {TOLD};

	memcpy(words + 1, &group, sizeof(group));
	if (g->pid > 0 && send(g->fd, words, sizeof(words), MSG_NOSIGNAL) < 0)
		errno = 0; /* gone: nobody is there to end anything */
}

int guard_done(struct guard *g, bool running)
{
	const char word = DONE;
	int status = 0;
	pid_t pid;

	if (g->pid <= 0)
		return 0;
	/* Without the word the guard takes us for gone, and does what it is there for. */
	if (running && send(g->fd, &word, 1, MSG_NOSIGNAL) != 1)
		errno = 0; /* gone already: waitpid tells */
	shutdown(g->fd, SHUT_WR);
	/* Its end of the pipe closes with it. Where it has to make things run, that is for the kernel to take its time. */
	if (running && !answers(g->fd))
		kill(g->pid, SIGKILL);
	do
		pid = waitpid(g->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	close(g->fd);
	g->pid = 0;
	return pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != IDLE;
}
