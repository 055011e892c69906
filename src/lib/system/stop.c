/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/stop.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "system/clock.h"

#define CANCELLED (-1)

static atomic_int flag; /* 0, a signal's number, or CANCELLED */
static atomic_int_least64_t deadline; /* by clock_us; 0: none */
static unsigned int deadline_ms;

static bool is_over(void)
{
	const int64_t at = atomic_load(&deadline);

	return at != 0 && clock_us() >= at;
}

static void on_signal(int sig)
{
	int is = 0;

	/* The first signal is the one that is blamed, also where we had given up by ourselves. */
	if (!atomic_compare_exchange_strong(&flag, &is, sig) && is == CANCELLED)
		atomic_compare_exchange_strong(&flag, &is, sig);
}

static void on_wake(int sig)
{
	(void)sig;
}

/* Under nohup a log-out is to end nothing. */
static bool is_ignored(int sig)
{
	struct sigaction sa = {0};

	return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

void stop_init(void)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal};
	size_t i;

	/* No SA_RESTART: a blocked read or write returns and the loop sees the flag. */
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigs[i] != SIGHUP || !is_ignored(SIGHUP))
			sigaction(sigs[i], &sa, NULL);
	/* Ignored from the start, it would keep us from being told how our children ended. */
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	sa.sa_handler = on_wake;
	sigaction(STOP_WAKE, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

bool stop_requested(void)
{
	return atomic_load(&flag) != 0 || is_over();
}

void stop_deadline(unsigned int ms)
{
	deadline_ms = ms;
	atomic_store(&deadline, ms ? clock_us() + (int64_t)ms * 1000 : 0);
}

void stop_cancel(void)
{
	on_signal(CANCELLED);
}

void stop_uncancel(void)
{
	int is = CANCELLED;

	atomic_compare_exchange_strong(&flag, &is, 0);
}

int stop_check(struct err *e)
{
	const int sig = atomic_load(&flag);

	if (is_over())
		return err_set(e, ERR_RUNTIME, "given up: it was not done in the %u s allowed",
			       deadline_ms / 1000);
	if (sig == 0)
		return 0;
	if (sig == CANCELLED)
		return err_set(e, ERR_RUNTIME, "given up after another failure");
	return err_set(e, ERR_RUNTIME, "interrupted by SIG%s", sigabbrev_np(sig));
}

int stop_check_or(const atomic_bool *enough, struct err *e)
{
	if (stop_check(e))
		return -1;
	return enough && atomic_load(enough) ? err_set(e, ERR_RUNTIME, "given up") : 0;
}
