/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/repochange.h"
#include "flow/receive.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flow/applyflow.h"
#include "flow/feed.h"
#include "flow/streamverify.h"
#include "pure/state.h"
#include "words/num.h"

#define INCOMING "stream.part"

/* dm-era counts them in 32 bits; and whoever restores needs a bit for each. */
#define BLOCKS_MAX (UINT64_C(1) << 32)

/* More than that is no cut that took long, but a clock that is off. */
#define CLOCK_LIMIT_S 3600

/* Is it what was asked for? A full always is. */
static int check_head(const struct token *from, const struct wire_head *h, struct err *e)
{
	const struct state s = {.at = *from};
	bool done;

	if (h->kind != WIRE_FULL && h->kind != WIRE_INCREMENTAL)
		return err_set(e, ERR_IDENTITY, "sent a stream that is neither a full nor an incremental");
	if (h->flags & WIRE_HEAD_MERGED)
		return err_set(e, ERR_IDENTITY, "sent a merged stream, and only a repository makes these");
	if (h->size / h->granule >= BLOCKS_MAX)
		return err_set(e, ERR_CORRUPT, "sent a stream of a device of more era blocks than dm-era can have");
	if (h->kind == WIRE_INCREMENTAL && wire_id_is_zero(h->parent_id))
		return err_set(e, ERR_IDENTITY, "sent an incremental that does not name its parent");
	return state_accepts(&s, h, &done, e);
}

struct asked {
	const struct repo *r;
	const struct token *from;
};

/* Before terabytes of it were taken. */
static int on_head(void *ctx, const struct wire_head *h, struct err *e)
{
	const struct asked *a = ctx;

	return check_head(a->from, h, e) || streamverify_link(a->r, a->r->cat.nr - 1, h, e) ? -1 : 0;
}

/* All of the answer, and how the far side ended: of two errors the one that is the cause is told. */
static int read_feed(struct repo *r, struct feed *f, const struct token *from, const struct receive_opts *o,
		     struct applyflow_result *v, struct err *e)
{
	struct asked asked = {r, from};
	const struct applyflow_opts apply = {.threads = o->threads, .tick = o->tick, .look = on_head, .ctx = &asked};

	if (applyflow_run(feed_fd(f), o->job->source, &apply, v, e) == 0 && v->end.era_c > UINT32_MAX)
		err_set(e, ERR_CORRUPT, "%s: sent a stream of an era that dm-era does not have", o->job->source);
	return feed_end(f, e);
}

/* "USED/TOTAL"; nothing where it is not that. */
static void take_metadata(struct receive_result *got, const char *text)
{
	char used[32];
	const char *slash = strchr(text, '/');

	if (!slash || slash - text >= (int)sizeof(used))
		return;
	snprintf(used, sizeof(used), "%.*s", (int)(slash - text), text);
	if (num_parse(slash + 1, 1, INT32_MAX, &got->meta_total) || num_parse(used, 0, got->meta_total, &got->meta_used))
		got->meta_used = got->meta_total = 0;
}

/*
 * Points are found and kept by their times, and a source whose clock is off, by accident or not, must not make others look
 * older than all that is kept. Then the time is ours.
 */
static void check_clock(struct receive_result *got, int64_t begin)
{
	const int64_t now = (int64_t)time(NULL);
	const uint64_t said = got->stream.time;

	if (said <= INT64_MAX && (int64_t)said >= begin - CLOCK_LIMIT_S && (int64_t)said <= now + CLOCK_LIMIT_S)
		return;
	got->clock_off_s = said > INT64_MAX ? INT64_MAX : (int64_t)said - now;
	got->stream.time = (uint64_t)now;
	catalog_name(&got->stream);
}

static void take_result(struct receive_result *got, const struct applyflow_result *v, int64_t begin)
{
	catalog_describe(&v->head, &v->end, v->stream_bytes, &got->stream);
	check_clock(got, begin);
	got->still_us = num_min(v->end.still_us, INT64_MAX);
	take_metadata(got, v->head.field[WIRE_METADATA]);
}

static int into_file(struct repo *r, int fd, const char *path, const struct token *from, const struct receive_opts *o,
		     struct receive_result *got, struct err *e)
{
	const struct feed_opts feed = {.job = o->job, .request = o->request, .file = fd, .file_name = path,
				       .line = o->line, .ctx = o->ctx};
	const int64_t begin = (int64_t)time(NULL);
	struct applyflow_result v;
	struct feed *f = NULL;
	int rc = -1;

	if (feed_open(&f, &feed, e) == 0 && read_feed(r, f, from, o, &v, e) == 0) {
		take_result(got, &v, begin);
		rc = repochange_add(r, fd, INCOMING, &got->stream, e);
	} else if (f) {
		/* By the source, or by us: what it sends cannot stand behind the head. */
		got->refused = e->kind == ERR_IDENTITY;
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
	fd = repochange_incoming(r, INCOMING, e);
	if (fd < 0)
		return -1;
	rc = into_file(r, fd, path, from, o, got, e);
	close(fd);
	if (rc)
		unlink(path);
	return rc;
}
