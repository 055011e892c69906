/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/clock.h"
#include "system/stop.h"

#define LOOK_MS 200
#define CLOSE_MS 2000

struct child {
	char *name;
	const atomic_bool *cut;
	pid_t pid; /* 0: none, or reaped */
	int pidfd;
	int out;
	int err;
	int said; /* errno of a failed exec comes here */
	struct child_end end;
};

/* What the new process needs, made before it is there: between fork and exec only simple calls are safe. */
struct birth {
	const struct child_opts *o;
	pid_t parent;
	int null;
	int out;
	int err;
	int said;
};

static void reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* dup2 to itself would leave the descriptor one that is closed by exec. */
static int place(int fd, int at)
{
	return fd == at ? fcntl(fd, F_SETFD, 0) : dup2(fd, at) < 0 ? -1 : 0;
}

__attribute__((noreturn)) static void become(const struct birth *b)
{
	const char *const *argv = b->o->argv;
	int reason;

	setsid();
	reset_signals();
	if (b->o->leashed && (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != b->parent))
		_exit(127);
	if (place(b->o->io >= 0 ? b->o->io : b->null, STDIN_FILENO) == 0 &&
	    place(b->o->io >= 0 ? b->o->io : b->out, STDOUT_FILENO) == 0 && place(b->err, STDERR_FILENO) == 0) {
		/* Libraries open some that are not closed by exec. */
		close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
		execvp(argv[0], (char *const *)argv);
	}
	reason = errno;
	if (write(b->said, &reason, sizeof(reason)) < 0)
		_exit(126);
	_exit(127);
}

static int make_pipe(int *ours, int *theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	*ours = fds[0];
	*theirs = fds[1];
	return 0;
}

static int prepare(struct child *c, struct birth *b)
{
	b->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (b->null < 0 || make_pipe(&c->said, &b->said))
		return -1;
	if (b->o->io < 0 && make_pipe(&c->out, &b->out))
		return -1;
	if (b->o->err >= 0)
		b->err = fcntl(b->o->err, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return b->o->err < 0 ? make_pipe(&c->err, &b->err) : b->err < 0 ? -1 : 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The pipe closes when the program runs: nothing comes then. */
static int hear(struct child *c, struct err *e)
{
	int reason;
	ssize_t n;

	do
		n = read(c->said, &reason, sizeof(reason));
	while (n < 0 && errno == EINTR);
	shut(&c->said);
	if (n == 0)
		return 0;
	errno = n == sizeof(reason) ? reason : EIO;
	return err_sys(e, "%s: cannot run it", c->name);
}

static int launch(struct child *c, const struct birth *b, struct err *e)
{
	c->pid = fork();
	if (c->pid == 0)
		become(b);
	if (c->pid < 0) {
		c->pid = 0;
		return err_sys(e, "%s: cannot start a process", c->name);
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return c->pidfd < 0 ? err_sys(e, "%s: cannot watch it", c->name) : 0;
}

int child_start(struct child **c, const struct child_opts *o, struct err *e)
{
	struct birth b = {.o = o, .parent = getpid(), .null = -1, .out = -1, .err = -1, .said = -1};
	struct child *n = calloc(1, sizeof(*n));
	int rc;

	*c = n;
	if (!n)
		return err_sys(e, "%s: cannot start it", o->argv[0]);
	n->pidfd = n->out = n->err = n->said = -1;
	n->name = strdup(o->argv[0]);
	n->cut = o->cut;
	if (!n->name || prepare(n, &b))
		rc = err_sys(e, "%s: cannot start it", o->argv[0]);
	else
		rc = launch(n, &b, e);
	shut(&b.null);
	shut(&b.out);
	shut(&b.err);
	shut(&b.said);
	return rc ? -1 : hear(n, e);
}

/* Wait for one of the pipes, -1 for those that have ended: the one that is ready. */
static int wait_pipes(struct child *c, int **ready, struct err *e)
{
	struct pollfd p[2];
	int n;

	for (;;) {
		p[0] = (struct pollfd){.fd = c->err, .events = POLLIN};
		p[1] = (struct pollfd){.fd = c->out, .events = POLLIN};
		if (stop_check_or(c->cut, e))
			return -1;
		n = poll(p, 2, LOOK_MS);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "%s: cannot wait", c->name);
		if (n > 0) {
			*ready = p[0].revents ? &c->err : &c->out;
			return 0;
		}
	}
}

int child_read(struct child *c, void *buf, size_t len, size_t *got, enum child_what *what, struct err *e)
{
	int *fd = NULL;
	ssize_t n;

	*got = 0;
	*what = CHILD_OVER;
	while (c->out >= 0 || c->err >= 0) {
		if (wait_pipes(c, &fd, e))
			return -1;
		n = read(*fd, buf, len);
		if (n > 0) {
			*got = (size_t)n;
			*what = fd == &c->err ? CHILD_ERR : CHILD_OUT;
			return 0;
		}
		if (n == 0)
			shut(fd);
		else if (errno != EINTR)
			return err_sys(e, "%s: cannot read what it says", c->name);
	}
	return 0;
}

/* 1: it has ended; 0: not within `ms`, or a signal came. */
static int wait_end(const struct child *c, int64_t ms)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

	return poll(&p, 1, ms < 0 ? 0 : (int)ms) > 0;
}

static void reap(struct child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	c->pid = 0;
	c->end = (struct child_end){.status = -1};
	if (WIFEXITED(status))
		c->end.status = WEXITSTATUS(status);
	else
		c->end.sig = WTERMSIG(status);
}

int child_wait(struct child *c, struct child_end *end, struct err *e)
{
	while (c->pid && !wait_end(c, LOOK_MS))
		if (stop_check_or(c->cut, e))
			return -1;
	if (c->pid)
		reap(c);
	*end = c->end;
	return 0;
}

void child_end(struct child *c, unsigned int limit_ms)
{
	const int64_t until = clock_us() / 1000 + limit_ms;

	if (!c->pid)
		return;
	kill(-c->pid, SIGTERM);
	while (clock_us() / 1000 < until && !wait_end(c, until - clock_us() / 1000))
		;
	/* It may have gone before what it started. It is not reaped, so the group's number is still its own. */
	kill(-c->pid, SIGKILL);
	reap(c);
}

void child_close(struct child *c)
{
	if (!c)
		return;
	/* A program that writes learns from it that nobody reads. */
	shut(&c->out);
	shut(&c->err);
	shut(&c->said);
	child_end(c, CLOSE_MS);
	shut(&c->pidfd);
	free(c->name);
	free(c);
}
