/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernelver: releases on both sides of every fix, and as distributions write them. */
#include "pure/kernelver.h"

#include <string.h>

#include "tap.h"

static const struct {
	const char *release, *version;
	enum kernelver want;
} rows[] = {
	/* Mainline: lost writes until 5.12, metadata corruption until 5.19. */
	{"5.19.0", "", KERNELVER_FINE},
	{"6.1.0-18-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", KERNELVER_FINE},
	{"6.12.41+deb13-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.41-1 (2025-08-12)", KERNELVER_FINE},
	{"7.0.0-rc1", "", KERNELVER_FINE},
	{"10.4.7", "", KERNELVER_FINE},
	{"6.18", "", KERNELVER_FINE},
	{"5.12.0", "", KERNELVER_WARN},
	{"5.13.19", "", KERNELVER_WARN},
	{"5.17.15", "", KERNELVER_WARN},
	{"5.9.16", "", KERNELVER_REFUSE},
	{"5.8.18", "", KERNELVER_REFUSE},
	{"4.20.17", "", KERNELVER_REFUSE},
	{"3.16.85", "", KERNELVER_REFUSE},
	{"2.6.32", "", KERNELVER_REFUSE},

	/* Stable series, one release before and at each fix. */
	{"5.18.7", "", KERNELVER_WARN},
	{"5.18.8", "", KERNELVER_FINE},
	{"5.15.50", "", KERNELVER_WARN},
	{"5.15.51", "", KERNELVER_FINE},
	{"5.11.2", "", KERNELVER_REFUSE},
	{"5.11.3", "", KERNELVER_WARN},
	{"5.10.19", "", KERNELVER_REFUSE},
	{"5.10.20", "", KERNELVER_WARN},
	{"5.10.126", "", KERNELVER_WARN},
	{"5.10.127", "", KERNELVER_FINE},
	{"5.4.101", "", KERNELVER_REFUSE},
	{"5.4.102", "", KERNELVER_WARN},
	{"5.4.201", "", KERNELVER_WARN},
	{"5.4.202", "", KERNELVER_FINE},
	{"4.19.177", "", KERNELVER_REFUSE},
	{"4.19.178", "", KERNELVER_WARN},
	{"4.19.249", "", KERNELVER_WARN},
	{"4.19.250", "", KERNELVER_FINE},
	{"4.14.222", "", KERNELVER_REFUSE},
	{"4.14.223", "", KERNELVER_WARN},
	{"4.14.336", "", KERNELVER_WARN},
	{"4.9.258", "", KERNELVER_REFUSE},
	{"4.9.259", "", KERNELVER_WARN},
	{"4.4.258", "", KERNELVER_REFUSE},
	{"4.4.259", "", KERNELVER_WARN},

	/* Debian keeps the release and names the stable version elsewhere. */
	{"5.10.0-30-amd64", "#1 SMP Debian 5.10.218-1 (2024-06-01)", KERNELVER_FINE},
	{"5.10.0-5-amd64", "#1 SMP Debian 5.10.26-1 (2021-03-27)", KERNELVER_WARN},
	{"5.10.0-3-amd64", "#1 SMP Debian 5.10.13-1 (2021-02-06)", KERNELVER_REFUSE},
	{"4.19.0-27-amd64", "#1 SMP Debian 4.19.316-1 (2024-06-25)", KERNELVER_FINE},
	{"4.19.0-14-amd64", "#1 SMP Debian 4.19.171-2 (2021-01-30)", KERNELVER_REFUSE},
	{"5.10.0-30-amd64", "#1 SMP", KERNELVER_REFUSE},
	{"5.10.0-30-amd64", "#1 SMP Debian 6.1.76-1", KERNELVER_REFUSE},
	{"5.10.0-30-amd64", "#1 SMP Debian unknown", KERNELVER_REFUSE},

	/* Not a release. */
	{"", "", KERNELVER_REFUSE},
	{"6", "", KERNELVER_REFUSE},
	{"x.y.z", "", KERNELVER_REFUSE},
	{"linux-6.1.0", "#1 SMP Debian 6.1.76-1", KERNELVER_REFUSE},
};

int main(void)
{
	static const char *const words[] = {"fine", "warn", "refuse"};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(kernelver_judge(rows[i].release, rows[i].version) == rows[i].want, "'%s' %s: %s",
		   rows[i].release, rows[i].version[0] == '#' ? rows[i].version + 1 : "", words[rows[i].want]);
	ok(kernelver_reason(KERNELVER_FINE)[0] == '\0' && kernelver_reason(KERNELVER_WARN)[0] &&
		   strstr(kernelver_reason(KERNELVER_REFUSE), "loses writes"), "reasons in words");
	return tap_done();
}
