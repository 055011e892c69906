/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_ui: what erabackup tells a person while it works: steps, notes, a source's words, one line of progress. */
#ifndef ERA_BACKUP_UI_H
#define ERA_BACKUP_UI_H

#include "backup_args.h"
#include "flow/report.h"

struct backup_ui {
	const struct backup_args *args;
	const char *job; /* before every line; NULL: none */
	bool going;
	struct progress progress;
	struct report report;
};

/* From here on ui->report is for the flows. */
void backup_ui_begin(struct backup_ui *ui, const struct backup_args *a, const struct job *j);
void backup_ui_end(struct backup_ui *ui);

#endif
