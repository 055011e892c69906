/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock: microseconds of the monotonic clock, for limits and for measuring. */
#ifndef ERA_SYSTEM_CLOCK_H
#define ERA_SYSTEM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

#endif
