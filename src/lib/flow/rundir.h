/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rundir: what lives as long as the machine runs. The initramfs hands /run on to the system, so what it
 * left there is found.
 */
#ifndef ERA_FLOW_RUNDIR_H
#define ERA_FLOW_RUNDIR_H

#include "words/err.h"

#define RUNDIR "/run/era"

/* Make the directory. */
int rundir_make(struct err *e);

/*
 * The volume, or the era device, of this dm name for us alone: era_copy's and era_setup's. Returns a
 * descriptor to close, or -1: ERR_BUSY names the holder.
 */
int rundir_lock(const char *dm_name, struct err *e);

#endif
