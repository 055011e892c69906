/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kernelver: is this kernel's dm-era fit to be relied on?
 *
 * Three bugs that lose writes were fixed in 5.12 and in the stable kernels of its week; a corruption of
 * metadata when tables are swapped was fixed in 5.19 and its stable kernels. Sources: the changelogs of
 * the stable releases in kernelver.c's table.
 */
#ifndef ERA_PURE_KERNELVER_H
#define ERA_PURE_KERNELVER_H

enum kernelver {
	KERNELVER_FINE,
	KERNELVER_WARN,   /* swapping tables can corrupt the metadata */
	KERNELVER_REFUSE, /* writes can be lost */
};

/*
 * `release` and `version` as uname gives them: distributions that keep the release at 5.10.0 name the
 * stable version in the other ("#1 SMP Debian 5.10.218-1 (2024-06-01)"). What cannot be parsed is
 * refused.
 */
enum kernelver kernelver_judge(const char *release, const char *version);

/* Why, in words; "" for fine. */
const char *kernelver_reason(enum kernelver v);

#endif
