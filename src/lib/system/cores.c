/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/cores.h"

#include <sched.h>

unsigned int cores_default(void)
{
	cpu_set_t set;
	int n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	if (n < 1)
		return 1;
	return (unsigned int)n < CORES_DEFAULT_MAX ? (unsigned int)n : CORES_DEFAULT_MAX;
}
