/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report: how a flow of many steps tells its caller what it is doing. Everything may be NULL. */
#ifndef ERA_FLOW_REPORT_H
#define ERA_FLOW_REPORT_H

#include "flow/tick.h"

struct report {
	/* A step begins: "receiving", "verifying 20261120T...". Ticks behind it are its own. */
	void (*step)(void *ctx, const char *text);
	/* Something a person may want to know, and something he has to. */
	void (*note)(void *ctx, const char *text);
	void (*warn)(void *ctx, const char *text);
	/* A line of a source's standard error; in another thread. */
	void (*line)(void *ctx, const char *text);
	void *ctx;
	struct tick tick;
	unsigned int threads; /* to be used by the steps; at least 1 */
};

void report_step(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_note(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_warn(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
