/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kmsg: a line in the kernel's log, which is on the console and in the journal however early it is. */
#ifndef ERA_SYSTEM_KMSG_H
#define ERA_SYSTEM_KMSG_H

/* "PROGRAM: OBJECT: TEXT", as an error: shown on a quiet console too. Best effort. */
void kmsg_error(const char *program, const char *object, const char *text);

#endif
