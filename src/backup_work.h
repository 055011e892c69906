/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_work: the commands of erabackup that change something. */
#ifndef ERA_BACKUP_WORK_H
#define ERA_BACKUP_WORK_H

#include "backup_args.h"

/* Each returns the exit code; an error of the command as a whole is in *e and not yet printed. */
int backup_work_init(const struct backup_args *a, struct err *e);
int backup_work_run(const struct backup_args *a, struct err *e);
int backup_work_prune(const struct backup_args *a, struct err *e);
int backup_work_mirror(const struct backup_args *a, struct err *e);
int backup_work_unlock(const struct backup_args *a, struct err *e);

#endif
