/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "system/clock.h"
#include "system/stop.h"

#define LOOK_MS 200
/* Between asking a command to end and ending it. */
#define GRACE_MS 2000

__attribute__((noreturn)) static void become(const struct hook *h, const char *const *env)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE, STOP_WAKE};
	const int null = open("/dev/null", O_RDONLY);
	sigset_t none;
	size_t i;

	setpgid(0, 0);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	if (null > STDERR_FILENO)
		close(null);
	for (; *env; env++)
		/* The child ends with it; nobody frees or changes it. */
		putenv((char *)*env);
	execl("/bin/sh", "sh", "-c", h->command, (char *)NULL);
	_exit(127);
}

static long now_ms(void)
{
	return (long)(clock_us() / 1000);
}

/* Until the child has ended: true; or the time has come, or a stop was asked for: false. */
static bool wait_end(int fd, long until, bool whatever)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	long left;

	while ((left = until - now_ms()) > 0) {
		if (!whatever && stop_requested())
			return false;
		if (poll(&p, 1, (int)(left < LOOK_MS ? left : LOOK_MS)) > 0)
			return true;
	}
	return false;
}

/* The shell and all it started. The group is the child's own before it runs anything. */
static void put_down(pid_t pid, int fd)
{
	kill(-pid, SIGTERM);
	wait_end(fd, now_ms() + GRACE_MS, true);
	/* The shell may have gone before what it started. It is not reaped, so the group's number is still its own. */
	kill(-pid, SIGKILL);
}

void hook_end(pid_t group)
{
	const struct timespec step = {0, 20000000L};
	const long until = now_ms() + GRACE_MS;

	kill(-group, SIGTERM);
	while (kill(-group, 0) == 0 && now_ms() < until)
		nanosleep(&step, NULL);
	kill(-group, SIGKILL);
}

static int judge(const struct hook *h, int status, struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return err_set(e, ERR_RUNTIME, "%s: '%.200s' ended with status %d", h->option, h->command,
			       WEXITSTATUS(status));
	return err_set(e, ERR_RUNTIME, "%s: '%.200s' was ended by SIG%s", h->option, h->command,
		       sigabbrev_np(WTERMSIG(status)));
}

static int watch(const struct hook *h, pid_t pid, int fd, struct err *e)
{
	int status = 0;

	if (!wait_end(fd, now_ms() + (long)h->limit_s * 1000, h->whatever)) {
		if (h->whatever || stop_check(e) == 0)
			err_set(e, ERR_RUNTIME, "%s: '%.200s' ran for more than %u s and was ended", h->option,
				h->command, h->limit_s);
		err_hint(e, "--hook-timeout gives it longer");
		put_down(pid, fd);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "%s: cannot wait for '%.200s'", h->option, h->command);
	return e->kind ? -1 : judge(h, status, e);
}

int hook_run(const struct hook *h, const char *const *env, struct err *e)
{
	const pid_t pid = fork();
	int fd;
	int rc;

	if (pid < 0)
		return err_sys(e, "%s: cannot start a process", h->option);
	if (pid == 0)
		become(h, env);
	setpgid(pid, pid);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		err_sys(e, "%s: cannot watch '%.200s'", h->option, h->command);
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	if (h->told)
		h->told(h->ctx, pid);
	rc = watch(h, pid, fd, e);
	if (h->told)
		h->told(h->ctx, 0);
	close(fd);
	return rc;
}
