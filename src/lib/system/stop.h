/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stop: one flag that says "end in good order".
 *
 * SIGINT, SIGTERM and SIGHUP set it, the last unless it was ignored from the start (nohup); so does a
 * thread that has failed and wants the others to notice. Loops that wait for the outside look at it;
 * nobody is interrupted in the middle of a step that must be undone. SIGPIPE is ignored: a closed pipe
 * is an error of write().
 */
#ifndef ERA_SYSTEM_STOP_H
#define ERA_SYSTEM_STOP_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "words/err.h"

/* Sent to a thread, it ends a blocked system call and does nothing else. */
#define STOP_WAKE SIGUSR2

/* Install the handlers. Once, at the start of a program. */
void stop_init(void);

bool stop_requested(void);

/* Set the flag from inside: waits end, but no signal is blamed. Safe in any thread. */
void stop_cancel(void);

/* Those who were to end have ended: the flag is as if there had been no stop_cancel. A signal is not forgotten. */
void stop_uncancel(void);

/*
 * From `ms` milliseconds from now on the flag counts as set, until stop_deadline(0): for work that must not go
 * on while something stands still. One at a time, from the main thread.
 */
void stop_deadline(unsigned int ms);

/* ERR_RUNTIME "interrupted by SIGTERM" where the flag is set; else 0. */
int stop_check(struct err *e);

/* As stop_check, and ERR_RUNTIME "given up" where *enough, which another thread may set. NULL: as stop_check. */
int stop_check_or(const atomic_bool *enough, struct err *e);

#endif
