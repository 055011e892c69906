/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "words/num.h"

#define TICK_SECONDS 0.25 /* between two lines */

static const char *name = "era";

void msg_init(const char *program)
{
	name = program;
}

int msg_error(const struct err *e)
{
	if (e->kind == ERR_NONE)
		return 0;
	fprintf(stderr, "%s: %s\n", name, e->text);
	if (e->hint[0])
		fprintf(stderr, "  hint: %s\n", e->hint);
	return (int)e->kind;
}

__attribute__((format(printf, 2, 0))) static void line(const char *prefix, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	/* One write a line: stderr of several programs often ends in one file. */
	fprintf(stderr, "%s: %s%s\n", name, prefix, text);
}

void msg_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("warning: ", fmt, ap);
	va_end(ap);
}

void msg_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}

int progress_parse(const char *word, enum progress_mode *mode, struct err *e)
{
	static const char *const words[] = {"auto", "always", "never", "json"};
	int i;

	for (i = 0; i < 4; i++) {
		if (strcmp(word, words[i]) == 0) {
			*mode = (enum progress_mode)i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "--progress is auto, always, never or json, not '%.40s'", word);
}

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

void progress_start(struct progress *p, enum progress_mode mode)
{
	memset(p, 0, sizeof(*p));
	p->mode = mode;
	if (mode == PROGRESS_AUTO)
		p->mode = isatty(STDERR_FILENO) ? PROGRESS_ALWAYS : PROGRESS_NEVER;
	clock_gettime(CLOCK_MONOTONIC, &p->start);
}

double progress_seconds(const struct progress *p)
{
	return since(&p->start);
}

/* In one write: standard error has no buffer, and the other end may be slow, or far away. */
static void show_line(uint64_t done, uint64_t total, uint64_t stream, double seconds)
{
	const double rate = seconds > 0 ? (double)done / seconds : 0;
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];
	char c[NUM_SIZE_LEN];
	char of[64] = "";
	char rest[64] = "";
	unsigned long long left;

	if (total > 0)
		snprintf(of, sizeof(of), " of %s (%u%%)", num_size(total, b, sizeof(b)),
			 (unsigned int)((double)done * 100 / (double)total));
	if (total > done && rate > 0) {
		left = (unsigned long long)((double)(total - done) / rate);
		snprintf(rest, sizeof(rest), ", %llu:%02llu:%02llu left", left / 3600, left / 60 % 60, left % 60);
	}
	fprintf(stderr, "\r\033[K%s: %s%s, %s/s, stream %s%s", name, num_size(done, a, sizeof(a)), of,
		num_size((uint64_t)rate, b, sizeof(b)), num_size(stream, c, sizeof(c)), rest);
	fflush(stderr);
}

static void show_json(const struct progress *p)
{
	fprintf(stderr, "{\"done\":%llu,\"total\":%llu,\"stream\":%llu,\"seconds\":%.3f}\n",
		(unsigned long long)p->done, (unsigned long long)p->total,
		(unsigned long long)p->stream, progress_seconds(p));
}

void progress_tick(void *progress, uint64_t done, uint64_t total, uint64_t stream)
{
	struct progress *p = progress;

	p->done = done;
	p->total = total;
	p->stream = stream;
	if (p->mode == PROGRESS_NEVER || (p->shown && since(&p->last) < TICK_SECONDS))
		return;
	clock_gettime(CLOCK_MONOTONIC, &p->last);
	p->shown = true;
	if (p->mode == PROGRESS_JSON)
		show_json(p);
	else
		show_line(done, total, stream, progress_seconds(p));
}

void progress_end(struct progress *p)
{
	if (p->mode == PROGRESS_ALWAYS && p->shown)
		fprintf(stderr, "\r\033[K");
	if (p->mode == PROGRESS_JSON && p->shown)
		show_json(p);
	p->shown = false;
}
