/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One mutex, one condition for each kind of waiter. A slot holds about 1 MiB of work, so the lock is
 * taken some thousand times a second and never for long.
 */
#include "system/lanes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "system/stop.h"
#include "words/num.h"

/* How long fill may wait without a look at the stop flag. */
#define LOOK_NS 200000000L
#define IO_MORE 8u

struct slot {
	enum { EMPTY, WAITS, AT_WORK, DONE } state;
	unsigned int stage; /* that it waits for, or is in */
	void *user;
	struct err err;
};

struct lanes;

struct stage_thread {
	struct lanes *lanes;
	unsigned int stage;
	unsigned int number; /* in the stage */
};

struct lanes {
	const struct lanes_ops *ops;
	void *ctx;
	struct slot *slots;
	unsigned int nr_slots;
	unsigned int nr_stages;
	pthread_mutex_t lock;
	pthread_cond_t emptied; /* fill waits */
	pthread_cond_t ready[LANES_STAGES_MAX]; /* the stages' threads wait */
	pthread_cond_t done;    /* drain waits */
	unsigned long nr_filled; /* slots ever filled, taken or passed by in each stage, drained */
	unsigned long nr_taken[LANES_STAGES_MAX];
	unsigned long nr_drained;
	struct stage_thread *members;
	unsigned int nr_members;
	pthread_t *threads; /* drain and the members, as soon as there is something for them */
	unsigned int nr_started;
	bool ended;  /* fill makes no more */
	bool failed; /* a slot failed, in order: nothing more is done */
	struct err err;
};

static struct slot *slot_at(struct lanes *l, unsigned long nr)
{
	return &l->slots[nr % l->nr_slots];
}

/* With the lock held, as all up to stage_main: one slot more was taken, or will never come. */
static void count_taken(struct lanes *l, unsigned int stage)
{
	l->nr_taken[stage]++;
	if (l->ended && l->nr_taken[stage] == l->nr_filled)
		pthread_cond_broadcast(&l->ready[stage]);
}

/* The foremost slot that waits for the stage; NULL where there is none. */
static struct slot *find(struct lanes *l, unsigned int stage)
{
	unsigned long nr;
	struct slot *s;

	for (nr = l->nr_drained; nr < l->nr_filled && l->nr_taken[stage] < l->nr_filled; nr++) {
		s = slot_at(l, nr);
		if (s->state == WAITS && s->stage == stage)
			return s;
	}
	return NULL;
}

/* NULL: there is nothing more to do. */
static struct slot *take(struct lanes *l, unsigned int stage)
{
	struct slot *s;

	while (!l->failed) {
		s = find(l, stage);
		if (s) {
			s->state = AT_WORK;
			count_taken(l, stage);
			return s;
		}
		if (l->ended && l->nr_taken[stage] == l->nr_filled)
			break;
		pthread_cond_wait(&l->ready[stage], &l->lock);
	}
	return NULL;
}

/* To the next stage, or past all of them. Whom to signal, without the lock: who wakes up wants it. */
static pthread_cond_t *pass_on(struct lanes *l, struct slot *s)
{
	s->stage++;
	if (s->err.kind == ERR_NONE && s->stage < l->nr_stages) {
		s->state = WAITS;
		return &l->ready[s->stage];
	}
	for (; s->stage < l->nr_stages; s->stage++)
		count_taken(l, s->stage);
	s->state = DONE;
	return &l->done;
}

static void *stage_main(void *arg)
{
	const struct stage_thread *me = arg;
	struct lanes *l = me->lanes;
	pthread_cond_t *next;
	struct slot *s;

	pthread_mutex_lock(&l->lock);
	while ((s = take(l, me->stage)) != NULL) {
		pthread_mutex_unlock(&l->lock);
		l->ops->stages[me->stage].run(l->ctx, s->user, me->number, &s->err);
		pthread_mutex_lock(&l->lock);
		next = pass_on(l, s);
		pthread_mutex_unlock(&l->lock);
		pthread_cond_signal(next);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void wake_stages(struct lanes *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_stages; i++)
		pthread_cond_broadcast(&l->ready[i]);
}

/* With the lock held: remember the first error and make everybody end. */
static void fail(struct lanes *l, const struct err *e)
{
	l->failed = true;
	if (e != &l->err)
		l->err = *e;
	stop_cancel();
	pthread_cond_broadcast(&l->emptied);
	wake_stages(l);
	pthread_cond_broadcast(&l->done);
}

/* The next slot in order, worked on; NULL at the end. With the lock held. */
static struct slot *wait_done(struct lanes *l)
{
	for (;;) {
		if (l->failed || (l->ended && l->nr_drained == l->nr_filled))
			return NULL;
		if (l->nr_drained < l->nr_filled && slot_at(l, l->nr_drained)->state == DONE)
			return slot_at(l, l->nr_drained);
		pthread_cond_wait(&l->done, &l->lock);
	}
}

static void *drain_main(void *arg)
{
	struct lanes *l = arg;
	struct slot *s;

	pthread_mutex_lock(&l->lock);
	while ((s = wait_done(l)) != NULL) {
		pthread_mutex_unlock(&l->lock);
		if (s->err.kind == ERR_NONE && l->ops->drain)
			l->ops->drain(l->ctx, s->user, &s->err);
		pthread_mutex_lock(&l->lock);
		if (s->err.kind != ERR_NONE) {
			fail(l, &s->err);
			break;
		}
		s->state = EMPTY;
		l->nr_drained++;
		pthread_mutex_unlock(&l->lock);
		pthread_cond_signal(&l->emptied);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void wait_a_moment(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(cond, lock, &until);
}

/* A slot to fill, or NULL after a failure or a stop. */
static struct slot *wait_empty(struct lanes *l)
{
	struct slot *s = slot_at(l, l->nr_filled);

	pthread_mutex_lock(&l->lock);
	/* A signal handler cannot signal a condition, hence the bounded wait. */
	while (s->state != EMPTY && !l->failed && !stop_requested())
		wait_a_moment(&l->emptied, &l->lock);
	if (s->state != EMPTY && !l->failed) {
		stop_check(&l->err);
		fail(l, &l->err);
	}
	if (l->failed)
		s = NULL;
	pthread_mutex_unlock(&l->lock);
	return s;
}

/* Threads of ours take no signals but the wake: the others are for the thread that called. */
static int start(pthread_t *t, void *(*main)(void *), void *arg, struct err *e)
{
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	sigdelset(&all, STOP_WAKE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(t, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		errno = rc;
		return err_sys(e, "cannot start a thread");
	}
	return 0;
}

static int start_all(struct lanes *l, struct err *e)
{
	for (; l->nr_started <= l->nr_members; l->nr_started++) {
		const unsigned int n = l->nr_started;

		if (n == 0 ? start(&l->threads[n], drain_main, l, e)
			   : start(&l->threads[n], stage_main, &l->members[n - 1], e))
			return -1;
	}
	return 0;
}

static void fill_all(struct lanes *l, struct err *fill_err)
{
	struct slot *s;
	bool more = true;

	while (more && (s = wait_empty(l)) != NULL) {
		more = l->ops->fill(l->ctx, s->user, fill_err) == 1 && start_all(l, fill_err) == 0;
		pthread_mutex_lock(&l->lock);
		if (more) {
			s->state = WAITS;
			s->stage = 0;
			l->nr_filled++;
		}
		pthread_mutex_unlock(&l->lock);
		pthread_cond_signal(&l->ready[0]);
	}
	pthread_mutex_lock(&l->lock);
	l->ended = true;
	wake_stages(l);
	pthread_cond_broadcast(&l->done);
	pthread_mutex_unlock(&l->lock);
}

/* Join, and get the thread out of a write to a stalled pipe once stopping. */
static void join(pthread_t t)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		if (pthread_timedjoin_np(t, NULL, &until) != ETIMEDOUT)
			return;
		if (stop_requested())
			pthread_kill(t, STOP_WAKE);
	}
}

static int run(struct lanes *l, struct err *e)
{
	struct err fill_err = {0};

	fill_all(l, &fill_err);
	while (l->nr_started > 0)
		join(l->threads[--l->nr_started]);
	/* fail() had it set for them. */
	stop_uncancel();
	/* What was drained came before what could not be filled, so its error is the first. */
	if (l->failed)
		*e = l->err;
	else if (fill_err.kind != ERR_NONE)
		*e = fill_err;
	return e->kind == ERR_NONE ? 0 : -1;
}

unsigned int lanes_io_threads(unsigned int threads, unsigned int factor)
{
	return (unsigned int)num_min((uint64_t)factor * threads, (uint64_t)threads + IO_MORE);
}

unsigned int lanes_slots(const struct lanes_ops *ops)
{
	unsigned int nr = 2;
	unsigned int i;

	for (i = 0; i < LANES_STAGES_MAX && ops->stages[i].run; i++)
		nr += ops->stages[i].nr_threads;
	return nr;
}

/* Who works in which stage. */
static int make_members(struct lanes *l, struct err *e)
{
	const struct lanes_stage *stages = l->ops->stages;
	unsigned int i;

	for (i = 0; i < LANES_STAGES_MAX && stages[i].run; i++)
		l->nr_members += stages[i].nr_threads;
	l->nr_stages = i;
	l->members = calloc(l->nr_members, sizeof(*l->members));
	l->threads = calloc(l->nr_members + 1, sizeof(*l->threads));
	if (!l->members || !l->threads)
		return err_sys(e, "no memory for threads");
	l->nr_members = 0;
	for (i = 0; i < l->nr_stages; i++) {
		unsigned int k;

		for (k = 0; k < stages[i].nr_threads; k++)
			l->members[l->nr_members++] = (struct stage_thread){l, i, k};
	}
	return 0;
}

static int make_slots(struct lanes *l, void *const *slots, struct err *e)
{
	unsigned int i;

	l->slots = calloc(l->nr_slots, sizeof(*l->slots));
	if (!l->slots)
		return err_sys(e, "no memory for threads");
	for (i = 0; i < l->nr_slots; i++)
		l->slots[i].user = slots[i];
	return 0;
}

int lanes_run(const struct lanes_ops *ops, void *ctx, void *const *slots, unsigned int nr_slots, struct err *e)
{
	struct lanes l = {.ops = ops, .ctx = ctx, .nr_slots = nr_slots};
	unsigned int i;
	int rc = -1;

	pthread_mutex_init(&l.lock, NULL);
	pthread_cond_init(&l.emptied, NULL);
	pthread_cond_init(&l.done, NULL);
	for (i = 0; i < LANES_STAGES_MAX; i++)
		pthread_cond_init(&l.ready[i], NULL);
	if (make_slots(&l, slots, e) == 0 && make_members(&l, e) == 0)
		rc = run(&l, e);
	for (i = 0; i < LANES_STAGES_MAX; i++)
		pthread_cond_destroy(&l.ready[i]);
	pthread_cond_destroy(&l.done);
	pthread_cond_destroy(&l.emptied);
	pthread_mutex_destroy(&l.lock);
	free(l.threads);
	free(l.members);
	free(l.slots);
	return rc;
}
