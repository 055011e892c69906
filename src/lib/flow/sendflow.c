/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/sendflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/identity.h"
#include "flow/standstill.h"
#include "system/clock.h"
#include "system/priority.h"
#include "words/num.h"

/* A pass of less says nothing about the next one, if another did. */
#define RATE_BYTES (UINT64_C(4) << 20)

struct send {
	struct plan *p;
	const struct sendflow_opts *o;
	struct sendflow_result *r;
	struct streamout *out;
	struct copyflow_opts copy; /* of live passes */
	struct blockset next; /* what a pass behind the first has */
	/* Of the pass that runs, and how fast the last one was. */
	uint64_t done;
	uint64_t total;
	double bytes_a_second; /* 0: not known */
};

static void on_tick(void *arg, uint64_t done, uint64_t total, uint64_t stream)
{
	struct send *s = arg;

	s->done = done;
	s->total = total;
	tick(&s->o->copy.tick, done, total, stream);
}

/* One pass */

static int copy_pass(struct send *s, const struct wire_pass *pass, const struct blockset *set,
		     const struct copyflow_opts *copy, struct err *e)
{
	const uint64_t bytes = copyflow_bytes(set, s->out->granule, s->out->size);
	const int64_t begin_us = clock_us();
	double took;

	if (streamout_pass(s->out, pass, set, e) || copyflow_pass(&s->p->src, set, s->out, copy, e))
		return -1;
	took = (double)(clock_us() - begin_us) / 1e6;
	/* A small pass is all overhead. */
	if (took > 0 && (bytes >= RATE_BYTES || s->bytes_a_second <= 0))
		s->bytes_a_second = (double)bytes / took;
	s->r->copied += bytes;
	s->r->passes = pass->number;
	s->r->era_c = pass->era_c;
	return 0;
}

/* A pass while the device runs. That the priority can be as before was tried by sendflow_ready, where it matters. */
static int copy_live(struct send *s, const struct wire_pass *pass, const struct blockset *set, struct err *e)
{
	struct err ignored = {0};
	struct priority was;
	int rc = priority_lower(&s->o->prio, &was, e);

	if (rc == 0)
		rc = copy_pass(s, pass, set, &s->copy, e);
	priority_restore(&was, &ignored);
	return rc;
}

/* The reads of a snapshot that overflowed fail, or may have passed writes: the reason is told, not the symptom. */
static int first_pass(struct send *s, const struct wire_pass *pass, struct err *e)
{
	struct err why = {0};
	const int rc = copy_live(s, pass, &s->p->set, e);

	if (moment_whole(&s->p->moment, s->done, s->total, &why) == 0)
		return rc;
	*e = why;
	return -1;
}

/* Freeze: the passes behind the first */

static int empty_set(struct send *s, struct err *e)
{
	blockset_fini(&s->next);
	memset(&s->next, 0, sizeof(s->next));
	return blockset_init(&s->next, s->p->set.nr_blocks, e);
}

/*
 * What can be copied in so many seconds, by the pass before. A rate that was limited says nothing of that; of one that stood back
 * for others it is rather too little.
 */
static uint64_t bytes_in(const struct send *s, double seconds)
{
	return s->o->copy.limit_rate || s->bytes_a_second <= 0 ? UINT64_MAX
							       : (uint64_t)(s->bytes_a_second * seconds);
}

static uint64_t freeze_limit(const struct send *s)
{
	/* Never so much that it might not be done in the time allowed. */
	const uint64_t most = bytes_in(s, s->p->cut.limit_s / 2.0);

	if (s->o->freeze_s)
		return num_min((uint64_t)(s->bytes_a_second * s->o->freeze_s), most);
	return num_min(s->o->freeze_bytes, most);
}

static int too_much(const struct send *s, uint64_t left, struct err *e)
{
	char a[NUM_SIZE_LEN];
	char b[NUM_SIZE_LEN];

	err_set(e, ERR_RUNTIME, "%s: after %u passes %s are left, too much for the %u s that its filesystem may be frozen, at %s "
				"a second", s->p->cut.dev.name, s->r->passes, num_size(left, a, sizeof(a)),
		s->p->cut.limit_s, num_size((uint64_t)s->bytes_a_second, b, sizeof(b)));
	return err_hint(e, "nothing was frozen; more --max-passes or --freeze-timeout, or a faster way for the stream, or "
			   "--cut=fence");
}

/* 1: what is left is little enough to freeze for, or patience is at an end; 0: not yet. */
static int enough(struct send *s, unsigned int passes, uint64_t since, struct err *e)
{
	uint64_t left;

	if (empty_set(s, e) || moment_estimate(&s->p->moment, since, &s->next, e))
		return -1;
	left = copyflow_bytes(&s->next, s->out->granule, s->out->size);
	if (left <= freeze_limit(s))
		return 1;
	if (passes < s->o->max_passes)
		return 0;
	return left <= bytes_in(s, s->p->cut.limit_s) ? 1 : too_much(s, left, e);
}

static int live_pass(struct send *s, struct wire_pass *pass, struct err *e)
{
	if (empty_set(s, e) || moment_pass(&s->p->moment, pass->since, &s->next, e))
		return -1;
	pass->era_c = s->p->cut.era_c;
	return copy_live(s, pass, &s->next, e);
}

static int explain_frozen(struct err *e)
{
	return err_hint(e, "more --freeze-timeout, or less to do while it lasts: --freeze-limit; whoever reads the stream "
			   "must not write to the frozen filesystem");
}

/* Nothing is printed: standard error may lie on the frozen filesystem. */
static int frozen_pass(struct send *s, struct wire_pass *pass, struct err *e)
{
	struct copyflow_opts copy = s->o->copy;
	int rc;

	if (empty_set(s, e) || streamout_hurry(s->out, e))
		return -1;
	copy.tick.fn = NULL;
	/* Who is frozen is in a hurry. */
	copy.limit_rate = 0;
	rc = moment_freeze(&s->p->moment, pass->since, &s->next, e);
	pass->era_c = s->p->cut.era_c;
	if (rc == 0 && copy_pass(s, pass, &s->next, &copy, e))
		rc = explain_frozen(e);
	return moment_thaw(&s->p->moment, e) ? -1 : rc;
}

static int later_passes(struct send *s, struct wire_pass *pass, struct err *e)
{
	int last = 0;

	while (last == 0) {
		last = enough(s, pass->number, pass->era_c, e);
		if (last < 0)
			return -1;
		pass->number++;
		pass->since = pass->era_c;
		if (last ? frozen_pass(s, pass, e) : live_pass(s, pass, e))
			return -1;
	}
	return 0;
}

/* The stream */

static int all_passes(struct send *s, struct err *e)
{
	const struct wire_head *h = &s->p->head;
	struct wire_pass pass = {1, h->since, h->era_c};

	if (first_pass(s, &pass, e))
		return -1;
	return s->p->moment.kind == WIRE_CUT_FREEZE ? later_passes(s, &pass, e) : 0;
}

static int end(struct send *s, struct err *e)
{
	struct plan *p = s->p;
	const bool native = p->moment.cut != NULL;

	s->r->still_us = native ? p->cut.still_us : 0;
	if (streamout_end(s->out, native ? (uint8_t)moment_consistency(&p->moment) : p->head.consistency,
			  s->r->still_us, e))
		return -1;
	s->r->stream = s->out->position;
	return 0;
}

int sendflow_ready(const struct plan *p, const struct sendflow_opts *o, struct err *e)
{
	return p->is_era ? priority_try(&o->prio, e) : 0;
}

int sendflow(struct plan *p, const struct sendflow_opts *o, int fd, const char *name,
	     struct sendflow_result *r, struct err *e)
{
	struct send s = {.p = p, .o = o, .r = r, .copy = o->copy};
	int rc = -1;

	memset(r, 0, sizeof(*r));
	s.copy.tick.fn = on_tick;
	s.copy.tick.arg = &s;
	s.out = calloc(1, sizeof(*s.out));
	if (!s.out)
		return err_set(e, ERR_RUNTIME, "no memory to write a stream");
	identity_random(p->head.stream_id);
	memcpy(p->head.state_id, p->head.stream_id, WIRE_ID_LEN);
	if (streamout_open(s.out, fd, name, o->level, &p->head, e) == 0 && all_passes(&s, e) == 0)
		rc = end(&s, e);
	streamout_close(s.out);
	free(s.out);
	blockset_fini(&s.next);
	return rc;
}

int sendflow_take_limit(struct sendflow_opts *o, const char *value, struct err *e)
{
	const size_t len = strlen(value);
	char digits[16];
	uint64_t n;

	o->freeze_bytes = 0;
	if (len > 1 && len <= sizeof(digits) && value[len - 1] == 's') {
		snprintf(digits, sizeof(digits), "%.*s", (int)len - 1, value);
		if (num_parse(digits, 1, STANDSTILL_LIMIT_MAX_S, &n) == 0) {
			o->freeze_s = (unsigned int)n;
			return 0;
		}
	} else if (num_parse_size(value, 0, INT64_MAX, &o->freeze_bytes) == 0) {
		return 0;
	}
	return err_set(e, ERR_USAGE, "--freeze-limit is bytes, as 64M, or seconds, as 2s, not '%.40s'", value);
}
