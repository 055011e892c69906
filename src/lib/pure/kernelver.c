/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/kernelver.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct triple {
	unsigned int major;
	unsigned int minor;
	unsigned int patch;
};

/* Stable series: the first release that loses no writes, and the first that is fine; 0: none is. */
static const struct {
	unsigned int major;
	unsigned int minor;
	unsigned int safe;
	unsigned int fine;
} series[] = {
	{4, 4, 259, 0},   {4, 9, 259, 0},   {4, 14, 223, 0},   {4, 19, 178, 250},
	{5, 4, 102, 202}, {5, 10, 20, 127}, {5, 11, 3, 0},     {5, 15, 0, 51},
	{5, 18, 0, 8},
};

static bool parse(const char *s, struct triple *t)
{
	t->patch = 0;
	return sscanf(s, "%u.%u.%u", &t->major, &t->minor, &t->patch) >= 2;
}

static bool at_least(const struct triple *t, unsigned int major, unsigned int minor)
{
	return t->major > major || (t->major == major && t->minor >= minor);
}

/* "Debian 5.10.218-1" in the version says more than "5.10.0-30-amd64" in the release. */
static void use_debian(const char *version, struct triple *t)
{
	const char *p = strstr(version, "Debian ");
	struct triple d;

	if (p && parse(p + 7, &d) && d.major == t->major && d.minor == t->minor)
		*t = d;
}

enum kernelver kernelver_judge(const char *release, const char *version)
{
	struct triple t;
	size_t i;

	if (!parse(release, &t))
		return KERNELVER_REFUSE;
	use_debian(version, &t);
	if (at_least(&t, 5, 19))
		return KERNELVER_FINE;
	for (i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		if (series[i].major != t.major || series[i].minor != t.minor)
			continue;
		if (t.patch < series[i].safe)
			return KERNELVER_REFUSE;
		return series[i].fine && t.patch >= series[i].fine ? KERNELVER_FINE : KERNELVER_WARN;
	}
	return at_least(&t, 5, 12) ? KERNELVER_WARN : KERNELVER_REFUSE;
}

const char *kernelver_reason(enum kernelver v)
{
	switch (v) {
	case KERNELVER_FINE:
		return "";
	case KERNELVER_WARN:
		return "its dm-era can corrupt its metadata when a table is swapped (fixed in 5.19)";
	case KERNELVER_REFUSE:
	default:
		return "its dm-era loses writes: blocks written are not reported (fixed in 5.12 and "
		       "stable kernels since March 2021)";
	}
}
