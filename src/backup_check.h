/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_check: is the backup good, and give it back: verify and restore. */
#ifndef ERA_BACKUP_CHECK_H
#define ERA_BACKUP_CHECK_H

#include "backup_args.h"

/* Each returns the exit code; an error of the command as a whole is in *e and not yet printed. */
int backup_check_verify(const struct backup_args *a, struct err *e);
int backup_check_restore(const struct backup_args *a, struct err *e);

#endif
