/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "system/child.h"
#include "system/longwrite.h"
#include "system/stop.h"
#include "words/plain.h"
#include "world/remote.h"

#define LOOK_MS 200
#define PIPE_LEN (1 << 20)
#define CHILD_GRACE_MS 30000
#define LINE_LEN 1024
#define WORDS_MAX 64

/* What a source says ends in our log, and it may be anybody's by now. */
#define LINES_MAX 200u
#define WORDS_BYTES_MAX (4u << 20)

#define SPEAKER "era_copy: "
#define HINT "  hint: "

struct feed {
	struct feed_opts o;
	struct remote *remote; /* this, or the child */
	struct child *child;
	int pipe[2];
	uint8_t *buf;
	struct longwrite file; /* where o.file is not -1 */
	pthread_t thread;
	bool running; /* the thread is to be joined */
	atomic_uint_least64_t bytes;
	atomic_bool over; /* the thread has handed on everything it will */
	atomic_bool cut;  /* nobody wants more */
	struct err error; /* the thread's, until it is joined */
	bool gave_up;	  /* the error is that somebody here had enough, and nothing more */

	/* How the far side ended. */
	int status;
	char sig[16];
	char reason[400];
	char hint[400];
	char last[LINE_LEN]; /* the last line, whoever said it */

	unsigned int nr_told;
	uint64_t words; /* bytes of standard error */

	/* Not told yet: where the far side fails, the error says the same. */
	char held[2][LINE_LEN];
	unsigned int nr_held;

	char line[LINE_LEN];
	size_t line_len;
};

/* What the far side says */

static void tell_held(struct feed *f)
{
	unsigned int i;

	for (i = 0; f->o.line && i < f->nr_held && f->nr_told <= LINES_MAX; i++)
		f->o.line(f->o.ctx, f->nr_told++ < LINES_MAX ? f->held[i] : "more is not shown");
	f->nr_held = 0;
}

/* The last line, and the hint behind it if it is one. */
static void hold(struct feed *f)
{
	if (f->nr_held != 1 || strncmp(f->line, HINT, strlen(HINT)) != 0)
		tell_held(f);
	snprintf(f->held[f->nr_held++], LINE_LEN, "%s", f->line);
}

static void end_line(struct feed *f)
{
	f->line[f->line_len] = '\0';
	f->line_len = 0;
	plain_text(f->line);
	if (strncmp(f->line, SPEAKER, strlen(SPEAKER)) == 0) {
		snprintf(f->reason, sizeof(f->reason), "%.*s", (int)sizeof(f->reason) - 1, f->line + strlen(SPEAKER));
		f->hint[0] = '\0';
	} else if (strncmp(f->line, HINT, strlen(HINT)) == 0) {
		snprintf(f->hint, sizeof(f->hint), "%.*s", (int)sizeof(f->hint) - 1, f->line + strlen(HINT));
	}
	snprintf(f->last, sizeof(f->last), "%s", f->line);
	hold(f);
}

/* What is behind the bound of a line is dropped. */
static int take_words(struct feed *f, const uint8_t *p, size_t len, struct err *e)
{
	f->words += len;
	if (f->words > WORDS_BYTES_MAX)
		return err_set(e, ERR_RUNTIME, "%s: says more than %u MiB on standard error; cut off", f->o.job->source,
			       WORDS_BYTES_MAX >> 20);
	for (; len; p++, len--)
		if (*p == '\n')
			end_line(f);
		else if (f->line_len < LINE_LEN - 1)
			f->line[f->line_len++] = (char)*p;
	return 0;
}

/* Handing on */

static int give_up(const struct feed *f, struct err *e)
{
	if (stop_check(e))
		return -1;
	return err_set(e, ERR_RUNTIME, "%s: cut off: its answer was not read to the end", f->o.job->source);
}

/* Until the pipe takes more. The far side's sshd may want to hear from us meanwhile. */
static int wait_room(struct feed *f, struct err *e)
{
	struct pollfd p = {.fd = f->pipe[1], .events = POLLOUT};

	for (;;) {
		if (atomic_load(&f->cut) || stop_requested())
			return give_up(f, e);
		if (poll(&p, 1, LOOK_MS) > 0)
			return 0;
		if (f->remote)
			remote_serve(f->remote);
	}
}

static int hand_on(struct feed *f, const uint8_t *p, size_t len, struct err *e)
{
	ssize_t n;

	if (f->o.file >= 0 && longwrite_put(&f->file, p, len, NULL, 0, e))
		return -1;
	while (len) {
		n = write(f->pipe[1], p, len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(e, "%s: cannot hand on what it says", f->o.job->source);
		if (n < 0 && wait_room(f, e))
			return -1;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			atomic_fetch_add(&f->bytes, (uint64_t)n);
		}
	}
	return 0;
}

/* 1: some bytes, *words where they are standard error's; 0: it has ended, and how is known. */
static int take_some(struct feed *f, size_t *got, bool *words, struct err *e)
{
	struct remote_end far = {.status = -1};
	struct child_end near = {.status = -1};
	enum remote_what from;
	enum child_what what;

	if (f->remote) {
		if (remote_read(f->remote, f->buf, REMOTE_READ_LEN, got, &from, &far, e))
			return -1;
		*words = from == REMOTE_ERR;
		if (from != REMOTE_OVER)
			return 1;
		f->status = far.status;
		snprintf(f->sig, sizeof(f->sig), "%s", far.sig);
		return 0;
	}
	if (child_read(f->child, f->buf, REMOTE_READ_LEN, got, &what, e))
		return -1;
	*words = what == CHILD_ERR;
	if (what != CHILD_OVER)
		return 1;
	if (child_wait(f->child, &near, e))
		return -1;
	f->status = near.status;
	if (near.status < 0)
		snprintf(f->sig, sizeof(f->sig), "%s", sigabbrev_np(near.sig) ? sigabbrev_np(near.sig) : "?");
	return 0;
}

static int pump(struct feed *f, struct err *e)
{
	bool words;
	size_t got;
	int rc;

	while ((rc = take_some(f, &got, &words, e)) > 0) {
		if (atomic_load(&f->cut))
			return give_up(f, e);
		if (words ? take_words(f, f->buf, got, e) : hand_on(f, f->buf, got, e))
			return -1;
	}
	return rc < 0 || (f->o.file >= 0 && longwrite_end(&f->file, e)) ? -1 : 0;
}

static void *thread_main(void *arg)
{
	struct feed *f = arg;

	if (pump(f, &f->error))
		f->gave_up = atomic_load(&f->cut) || stop_requested();
	if (f->line_len)
		end_line(f);
	if (f->status == 0)
		tell_held(f);
	atomic_store(&f->over, true);
	close(f->pipe[1]);
	f->pipe[1] = -1;
	return NULL;
}

/* Beginning */

static int open_remote(struct feed *f, struct err *e)
{
	const struct job *j = f->o.job;
	const struct remote_opts o = {
		.object = j->source,
		.host = j->host,
		.user = j->user,
		.port = j->port,
		.identity = j->identity,
		.known_hosts = j->known_hosts,
		.ssh_config = j->ssh_config,
		.accept_new = j->accept_new,
		.timeout_s = j->timeout,
		.command = f->o.request,
		.cut = &f->cut,
	};

	return remote_open(&f->remote, &o, e);
}

/* A request has no quotes, but where there are commands for the cut in it. */
static int open_child(struct feed *f, struct err *e)
{
	const char *argv[WORDS_MAX + 1] = {"/bin/sh", "-c", f->o.request, NULL};
	const struct child_opts o = {.argv = argv, .io = -1, .err = -1, .cut = &f->cut, .leashed = true};
	const bool quoted = f->o.job->pre_cut || f->o.job->post_cut;
	char *words = strdup(f->o.request);
	char *rest = NULL;
	char *word = words && !quoted ? strtok_r(words, " ", &rest) : NULL;
	size_t nr;
	int rc = -1;

	for (nr = 0; word && nr < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
		argv[nr++] = word;
	if (nr)
		argv[nr] = NULL;
	if (!words)
		err_sys(e, "%s: cannot start the request", f->o.job->source);
	else if (word || (nr == 0 && !quoted))
		err_set(e, ERR_USAGE, "%s: no request, or one of too many words", f->o.job->source);
	else if ((rc = child_start(&f->child, &o, e)))
		err_prefix(e, "%s", f->o.job->source);
	free(words);
	return rc;
}

static int make_pipe(struct feed *f, struct err *e)
{
	if (pipe2(f->pipe, O_CLOEXEC) || fcntl(f->pipe[1], F_SETFL, O_NONBLOCK))
		return err_sys(e, "%s: cannot make a pipe", f->o.job->source);
	/* As large as we may: it works with less. */
	for (int len = PIPE_LEN; len > 65536 && fcntl(f->pipe[1], F_SETPIPE_SZ, len) < 0; len /= 2)
		;
	return 0;
}

int feed_open(struct feed **f, const struct feed_opts *o, struct err *e)
{
	struct feed *n = calloc(1, sizeof(*n));
	int rc;

	*f = n;
	if (!n)
		return err_sys(e, "%s: cannot begin", o->job->source);
	n->o = *o;
	n->status = -1;
	n->pipe[0] = n->pipe[1] = -1;
	n->buf = malloc(REMOTE_READ_LEN);
	if (!n->buf)
		return err_sys(e, "%s: cannot begin", o->job->source);
	if (o->file >= 0)
		longwrite_open(&n->file, o->file, o->file_name);
	if (make_pipe(n, e) || (o->job->ssh ? open_remote(n, e) : open_child(n, e)))
		return -1;
	rc = pthread_create(&n->thread, NULL, thread_main, n);
	if (rc) {
		errno = rc;
		return err_sys(e, "%s: cannot start a thread", o->job->source);
	}
	n->running = true;
	return 0;
}

int feed_fd(const struct feed *f)
{
	return f->pipe[0];
}

uint64_t feed_bytes(const struct feed *f)
{
	return atomic_load(&f->bytes);
}

int feed_status(const struct feed *f)
{
	return f->status;
}

const char *feed_reason(const struct feed *f)
{
	return f->reason;
}

/* The end */

static void join(struct feed *f)
{
	if (f->running)
		pthread_join(f->thread, NULL);
	f->running = false;
}

static int judge_status(const struct feed *f, struct err *e)
{
	const char *source = f->o.job->source;
	const bool ours = f->status >= ERR_RUNTIME && f->status <= ERR_BUSY;

	if (ours && f->reason[0]) {
		err_set(e, (enum err_kind)f->status, "%s", f->reason);
		/* Of a source on this machine it begins with its path already. */
		if (strncmp(f->reason, source, strlen(source)) != 0)
			err_prefix(e, "%s", source);
		return f->hint[0] ? err_hint(e, "the source says: %s", f->hint) : -1;
	}
	if (f->sig[0])
		return err_set(e, ERR_RUNTIME, "%s: the command was ended by SIG%s%s%.300s", source, f->sig,
			       f->last[0] ? "; it said: " : "", f->last);
	if (f->status < 0)
		return err_set(e, ERR_RUNTIME, "%s: the command ended without an exit status", source);
	err_set(e, ours ? (enum err_kind)f->status : ERR_RUNTIME, "%s: the command ended with status %d%s%.300s", source,
		f->status, f->last[0] ? ": " : "", f->last);
	if (f->status == 126 || f->status == 127)
		err_hint(e, "is era_copy installed there? Where it is not in the PATH of ssh, the job's \"command\" has its path");
	return -1;
}

/* What the thread could not do. */
static int judge_error(const struct feed *f, struct err *e)
{
	if (f->gave_up)
		return give_up(f, e);
	*e = f->error;
	return -1;
}

int feed_end(struct feed *f, struct err *e)
{
	int left = 0;

	if (!atomic_load(&f->over))
		atomic_store(&f->cut, true);
	join(f);
	if (f->error.kind)
		return judge_error(f, e);
	if (f->status != 0) {
		err_clear(e);
		return judge_status(f, e);
	}
	/* All is well there, but here somebody stopped reading. */
	if (ioctl(f->pipe[0], FIONREAD, &left) || left > 0)
		return give_up(f, e);
	return e->kind ? -1 : 0;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	atomic_store(&f->cut, true);
	join(f);
	remote_close(f->remote);
	/* It may have something to put back first. */
	if (f->child)
		child_end(f->child, CHILD_GRACE_MS);
	child_close(f->child);
	if (f->pipe[0] >= 0)
		close(f->pipe[0]);
	if (f->pipe[1] >= 0)
		close(f->pipe[1]);
	if (f->o.file >= 0)
		longwrite_close(&f->file);
	free(f->buf);
	free(f);
}
