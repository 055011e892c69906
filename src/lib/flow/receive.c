/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/receive.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/applyflow.h"
#include "flow/feed.h"
#include "pure/state.h"

#define INCOMING "stream.part"

/* What names of files and people can say: the year 9999. */
#define TIME_MAX_S 253402300799u

/* Is it what was asked for? A full always is. */
static int check_head(const struct token *from, const struct wire_head *h, struct err *e)
{
	const struct state s = {.at = *from};
	bool done;

	if (h->kind != WIRE_FULL && h->kind != WIRE_INCREMENTAL)
		return err_set(e, ERR_IDENTITY, "sent a stream that is neither a full nor an incremental");
	if (h->time > TIME_MAX_S)
		return err_set(e, ERR_CORRUPT, "sent a stream of a time that no calendar has: %llu",
			       (unsigned long long)h->time);
	if (h->kind == WIRE_INCREMENTAL && wire_id_is_zero(h->parent_id))
		return err_set(e, ERR_IDENTITY, "sent an incremental that does not name its parent");
	return state_accepts(&s, h, &done, e);
}

/* Has the far side stopped sending? Then what it says of itself is the reason for what is missing. */
static bool has_ended(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && !(p.revents & POLLIN);
}

/* Both have to be content; of two errors the one that came first in the order of cause. */
static int read_feed(struct feed *f, const struct token *from, const struct receive_opts *o,
		     struct applyflow_result *v, struct err *e)
{
	const struct applyflow_opts apply = {.threads = o->threads, .tick = o->tick};
	struct err ended = {0};
	struct err read = {0};
	bool gave_up = false;

	if (applyflow_run(feed_fd(f), o->job->source, &apply, v, &read) == 0 && check_head(from, &v->head, &read))
		err_prefix(&read, "%s", o->job->source);
	else if (read.kind != ERR_NONE)
		gave_up = !has_ended(feed_fd(f));
	if (feed_end(f, &ended) && !(gave_up && feed_status(f) <= 0)) {
		*e = ended;
		return -1;
	}
	if (read.kind == ERR_NONE)
		return 0;
	*e = read;
	return -1;
}

static void take_result(struct receive_result *got, const struct applyflow_result *v)
{
	unsigned long long used = 0;
	unsigned long long total = 0;

	catalog_describe(&v->head, &v->end, v->stream_bytes, &got->stream);
	got->still_us = v->end.still_us;
	if (sscanf(v->head.field[WIRE_METADATA], "%llu/%llu", &used, &total) == 2 && used <= total) {
		got->meta_used = used;
		got->meta_total = total;
	}
}

static int into_file(struct repo *r, int fd, const char *path, const struct token *from, const struct receive_opts *o,
		     struct receive_result *got, struct err *e)
{
	const struct feed_opts feed = {.job = o->job, .request = o->request, .file = fd, .file_name = path,
				       .line = o->line, .ctx = o->ctx};
	struct applyflow_result v;
	struct feed *f = NULL;
	int rc = -1;

	if (feed_open(&f, &feed, e) == 0 && read_feed(f, from, o, &v, e) == 0) {
		take_result(got, &v);
		rc = repo_add(r, fd, INCOMING, &got->stream, e);
	} else if (f) {
		got->refused = feed_status(f) == ERR_IDENTITY;
	}
	feed_close(f);
	return rc;
}

int receive(struct repo *r, const struct token *from, const struct receive_opts *o, struct receive_result *got,
	    struct err *e)
{
	char path[PATH_MAX];
	int rc;
	int fd;

	memset(got, 0, sizeof(*got));
	if (repo_incoming_path(r, INCOMING, path, e))
		return -1;
	fd = repo_incoming(r, INCOMING, e);
	if (fd < 0)
		return -1;
	rc = into_file(r, fd, path, from, o, got, e);
	close(fd);
	if (rc)
		unlink(path);
	return rc;
}
