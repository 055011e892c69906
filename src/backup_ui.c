/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backup_ui.h"

#include <string.h>
#include <unistd.h>

static void stop_progress(struct backup_ui *ui)
{
	if (ui->going)
		progress_end(&ui->progress);
	ui->going = false;
}

static bool is_told(const struct backup_ui *ui)
{
	return ui->args->verbose || (!ui->args->quiet && !ui->args->json && isatty(STDERR_FILENO));
}

static void say(struct backup_ui *ui, const char *text)
{
	if (ui->job)
		msg_note("%s: %s", ui->job, text);
	else
		msg_note("%s", text);
}

static void on_step(void *ctx, const char *text)
{
	struct backup_ui *ui = ctx;

	stop_progress(ui);
	if (ui->args->verbose)
		say(ui, text);
	progress_start(&ui->progress, ui->args->quiet ? PROGRESS_NEVER : ui->args->progress);
	ui->going = true;
}

static void on_note(void *ctx, const char *text)
{
	struct backup_ui *ui = ctx;

	stop_progress(ui);
	if (is_told(ui))
		say(ui, text);
}

static void on_warn(void *ctx, const char *text)
{
	struct backup_ui *ui = ctx;

	stop_progress(ui);
	if (ui->job)
		msg_warn("%s: %s", ui->job, text);
	else
		msg_warn("%s", text);
}

/* In another thread: nothing but one write. */
static void on_line(void *ctx, const char *text)
{
	const struct backup_ui *ui = ctx;

	if (!ui->args->quiet)
		msg_note("%s: source: %s", ui->job ? ui->job : "", text);
}

static void on_tick(void *ctx, uint64_t done, uint64_t total, uint64_t stream)
{
	struct backup_ui *ui = ctx;

	if (ui->going)
		progress_tick(&ui->progress, done, total, stream);
}

void backup_ui_begin(struct backup_ui *ui, const struct backup_args *a, const struct job *j)
{
	memset(ui, 0, sizeof(*ui));
	ui->args = a;
	ui->job = j ? j->name : NULL;
	ui->report = (struct report){
		.step = on_step,
		.note = on_note,
		.warn = on_warn,
		.line = on_line,
		.ctx = ui,
		.tick = {.fn = on_tick, .arg = ui},
		.threads = backup_args_threads(a, j),
	};
}

void backup_ui_end(struct backup_ui *ui)
{
	stop_progress(ui);
}
