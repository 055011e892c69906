/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/report.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_LEN 1400 /* an error with its hint */

__attribute__((format(printf, 3, 0))) static void say(void (*to)(void *ctx, const char *text), void *ctx,
							 const char *fmt, va_list ap)
{
	char text[TEXT_LEN];

	if (!to)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	to(ctx, text);
}

void report_step(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r->step, r->ctx, fmt, ap);
	va_end(ap);
}

void report_note(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r->note, r->ctx, fmt, ap);
	va_end(ap);
}

void report_warn(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r->warn, r->ctx, fmt, ap);
	va_end(ap);
}
