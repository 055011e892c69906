/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_show: the commands of erabackup that only look: list, info, status, explain. */
#ifndef ERA_BACKUP_SHOW_H
#define ERA_BACKUP_SHOW_H

#include "backup_args.h"

/* Each returns the exit code; an error of the command as a whole is in *e and not yet printed. */
int backup_show_list(const struct backup_args *a, struct err *e);
int backup_show_info(const struct backup_args *a, struct err *e);
int backup_show_status(const struct backup_args *a, struct err *e);
int backup_show_explain(const struct backup_args *a, struct err *e);

#endif
