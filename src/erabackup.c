/* SPDX-License-Identifier: GPL-3.0-or-later */
/* erabackup: nightly backups of block devices over ssh, in a chain that verifies, restores, prunes. See erabackup(1). */
#include <stdio.h>

#include "backup_args.h"
#include "backup_check.h"
#include "backup_show.h"
#include "backup_work.h"
#include "system/fdio.h"
#include "system/stop.h"
#include "words/msg.h"

static int check_config(const struct backup_args *a, struct err *e)
{
	(void)e;
	if (a->json)
		printf("{\"jobs\":%u}\n", a->conf.nr);
	else if (!a->quiet)
		printf("%u job%s, nothing wrong\n", a->conf.nr, a->conf.nr == 1 ? "" : "s");
	return 0;
}

int main(int argc, char **argv)
{
	static int (*const commands[NR_COMMANDS])(const struct backup_args *a, struct err *e) = {
		[CHECK_CONFIG] = check_config,
		[INIT] = backup_work_init,
		[RUN] = backup_work_run,
		[EXPLAIN] = backup_show_explain,
		[STATUS] = backup_show_status,
		[LIST] = backup_show_list,
		[INFO] = backup_show_info,
		[VERIFY] = backup_check_verify,
		[RESTORE] = backup_check_restore,
		[PRUNE] = backup_work_prune,
		[MIRROR] = backup_work_mirror,
		[UNLOCK] = backup_work_unlock,
	};
	static struct backup_args a;
	struct err e = {0};
	int code;

	msg_init("erabackup");
	stop_init();
	if (fdio_std())
		return ERR_RUNTIME;
	if (backup_args_parse(argc, argv, &a, &e))
		return msg_error(&e);
	code = commands[a.command](&a, &e);
	msg_error(&e);
	backup_args_free(&a);
	return code;
}
