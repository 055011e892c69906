/* SPDX-License-Identifier: GPL-3.0-or-later */
/* era_copy: cut a moment, read what changed, write one stream. See era_copy(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copyargs.h"
#include "flow/forced.h"
#include "flow/listflow.h"
#include "flow/outfile.h"
#include "flow/plan.h"
#include "flow/sendflow.h"
#include "pure/state.h"
#include "system/fdio.h"
#include "system/stop.h"
#include "words/msg.h"
#include "words/num.h"

static void summary(const struct plan *p, const struct sendflow_result *r, double seconds)
{
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];
	char c[NUM_SIZE_LEN];
	char passes[32] = "";
	char word[TOKEN_LEN];
	struct token t;

	state_after(&p->head, r->era_c, &t);
	if (r->passes > 1)
		snprintf(passes, sizeof(passes), " in %u passes", r->passes);
	msg_note("%s: %s of %s %s%s, sent %s in %.1f s; cut %s, stood still %.0f ms",
		 wire_kind_name(p->head.kind), num_size(r->copied, a, sizeof(a)),
		 num_size(p->head.size, b, sizeof(b)), p->full ? "copied" : "changed", passes,
		 num_size(r->stream, c, sizeof(c)), seconds, wire_cut_name(p->head.cut),
		 (double)r->still_us / 1e3);
	msg_note("token %s", token_print(&t, word));
}

static int write_stream(struct copyargs *a, struct plan *p, int fd, const char *name, struct err *e)
{
	struct sendflow_result r;
	struct progress progress;
	int rc;

	progress_start(&progress, a->quiet ? PROGRESS_NEVER : a->progress);
	a->send.copy.tick.fn = progress_tick;
	a->send.copy.tick.arg = &progress;
	rc = sendflow(p, &a->send, fd, name, &r, e);
	progress_end(&progress);
	if (rc == 0 && (a->verbose || (!a->quiet && isatty(STDERR_FILENO))))
		summary(p, &r, progress_seconds(&progress));
	return rc;
}

/* Once a chain, where it begins, and not every night. */
static void warn_label(const struct copyargs *a, const struct plan *p)
{
	if (p->is_era && !p->cut.labelled && p->full && !a->quiet)
		msg_warn("%s: its metadata has no label: if it is ever begun again, make a full; see CAVEATS "
			 "in era_copy(1)", a->plan.device);
}

static void warn_live(const struct copyargs *a, const struct plan *p)
{
	if (p->live && !a->quiet)
		msg_warn("%s: is mounted and no dm-era device: it is copied while it is in use, and what is copied may be "
			 "torn", a->plan.device);
}

static int make_and_write(struct copyargs *a, struct plan *p, int fd, const char *name, struct err *e)
{
	if (sendflow_ready(p, &a->send, e) || plan_make(p, &a->plan, fd, e))
		return -1;
	warn_label(a, p);
	warn_live(a, p);
	return write_stream(a, p, fd, name, e);
}

static int stream(struct copyargs *a, struct plan *p, struct err *e)
{
	struct outfile f;
	int rc = -1;

	if (!a->output)
		return make_and_write(a, p, STDOUT_FILENO, "standard output", e);
	if (outfile_open(&f, a->output, p->src.fd, e) == 0 && make_and_write(a, p, f.fd, a->output, e) == 0)
		rc = outfile_publish(&f, true, e);
	outfile_close(&f);
	return rc;
}

static int check_stdout(struct err *e)
{
	struct stat st;

	if (isatty(STDOUT_FILENO))
		err_set(e, ERR_USAGE, "a stream is not written to a terminal");
	else if (fstat(STDOUT_FILENO, &st) == 0 && S_ISBLK(st.st_mode))
		err_set(e, ERR_USAGE, "standard output: is a block device, and a stream is a file");
	else
		return 0;
	return err_hint(e, "pipe it into era_apply, or name a file with -o");
}

static int run_plan(struct copyargs *a, struct plan *p, struct err *e)
{
	if (plan_open(p, &a->plan, e))
		return -1;
	if (p->cut.warning[0] && !a->quiet)
		msg_warn("%s", p->cut.warning);
	if (!a->list && !a->estimate)
		return stream(a, p, e);
	if (plan_make(p, &a->plan, -1, e))
		return -1;
	return a->list ? listflow_plan(p, a->list, e) : listflow_estimate(p, a->json, e);
}

static int run(struct copyargs *a, struct err *e)
{
	static struct plan p;
	int rc;

	if (!a->list && !a->estimate && !a->output && check_stdout(e))
		return -1;
	if (copyargs_list_only(a) && !a->plan.device)
		return listflow_file(&a->plan, a->list, e);
	rc = run_plan(a, &p, e);
	if (plan_close(&p, e))
		rc = -1;
	if (p.moment.hooks.failed.kind == ERR_NONE)
		return rc;
	/* Whoever asked for the command has to know, whatever became of the stream. */
	if (rc) {
		msg_warn("%s", p.moment.hooks.failed.text);
		return rc;
	}
	*e = p.moment.hooks.failed;
	return err_hint(e, "the stream is whole; only the command failed");
}

/* In place of the options on the command line, those that the holder of the key asks for. */
static int take_request(struct copyargs *a, struct err *e)
{
	static struct forced_asked asked;

	return forced_enter(&a->forced, &asked, e) || copyargs_request(a, &asked, e) ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct copyargs a;
	struct err e = {0};

	msg_init("era_copy");
	stop_init();
	if (fdio_std())
		return ERR_RUNTIME;
	if (copyargs_parse(argc, argv, &a, &e) || (a.is_forced && take_request(&a, &e)) || run(&a, &e))
		return msg_error(&e);
	return 0;
}
