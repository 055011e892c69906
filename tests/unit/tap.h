/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tap: a unit test's whole framework. Each ok() is one TAP line; a test program ends with
 * `return tap_done();`. Nothing here knows the modules under test.
 */
#ifndef ERA_TESTS_TAP_H
#define ERA_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_nr;
static int tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	tap_nr++;
	if (!good)
		tap_failed++;
	printf("%sok %d - ", good ? "" : "not ", tap_nr);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return good;
}

/* A test that cannot run here, and why. */
__attribute__((unused)) static void skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_nr, what, why);
	fflush(stdout);
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_nr);
	return tap_failed ? 1 : 0;
}

#endif
