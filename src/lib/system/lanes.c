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

/* How long fill may wait without a look at the stop flag. */
#define LOOK_NS 200000000L

enum slot_state { EMPTY, FILLED, DONE };

struct slot {
	enum slot_state state;
	void *user;
	struct err err;
};

struct lanes {
	const struct lanes_ops *ops;
	void *ctx;
	struct slot *slots;
	unsigned int nr_slots;
	pthread_mutex_t lock;
	pthread_cond_t emptied; /* fill waits */
	pthread_cond_t filled;  /* workers wait */
	pthread_cond_t done;    /* drain waits */
	unsigned long nr_filled; /* slots ever filled, claimed by a worker, drained */
	unsigned long nr_claimed;
	unsigned long nr_drained;
	unsigned int next_worker;
	pthread_t *threads; /* drain and the workers, as soon as there is something for them */
	unsigned int nr_workers;
	unsigned int nr_started;
	bool ended;  /* fill makes no more */
	bool failed; /* a slot failed, in order: nothing more is done */
	struct err err;
};

static struct slot *slot_at(struct lanes *l, unsigned long nr)
{
	return &l->slots[nr % l->nr_slots];
}

static void *worker_main(void *arg)
{
	struct lanes *l = arg;
	struct slot *s;
	unsigned int me;

	pthread_mutex_lock(&l->lock);
	me = l->next_worker++;
	for (;;) {
		while (l->nr_claimed == l->nr_filled && !l->ended && !l->failed)
			pthread_cond_wait(&l->filled, &l->lock);
		if (l->failed || l->nr_claimed == l->nr_filled)
			break;
		s = slot_at(l, l->nr_claimed++);
		pthread_mutex_unlock(&l->lock);
		l->ops->work(l->ctx, s->user, me, &s->err);
		pthread_mutex_lock(&l->lock);
		s->state = DONE;
		pthread_cond_signal(&l->done);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* With the lock held: remember the first error and make everybody end. */
static void fail(struct lanes *l, const struct err *e)
{
	l->failed = true;
	if (e != &l->err)
		l->err = *e;
	stop_cancel();
	pthread_cond_broadcast(&l->emptied);
	pthread_cond_broadcast(&l->filled);
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
		pthread_cond_signal(&l->emptied);
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
static int start(pthread_t *t, void *(*main)(void *), struct lanes *l, struct err *e)
{
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	sigdelset(&all, STOP_WAKE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(t, NULL, main, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		errno = rc;
		return err_sys(e, "cannot start a thread");
	}
	return 0;
}

static int start_all(struct lanes *l, struct err *e)
{
	for (; l->nr_started <= l->nr_workers; l->nr_started++)
		if (start(&l->threads[l->nr_started], l->nr_started == 0 ? drain_main : worker_main, l, e))
			return -1;
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
			s->state = FILLED;
			l->nr_filled++;
			pthread_cond_signal(&l->filled);
		}
		pthread_mutex_unlock(&l->lock);
	}
	pthread_mutex_lock(&l->lock);
	l->ended = true;
	pthread_cond_broadcast(&l->filled);
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

int lanes_run(const struct lanes_ops *ops, void *ctx, void *const *slots, unsigned int nr_slots,
	      unsigned int nr_workers, struct err *e)
{
	struct lanes l = {.ops = ops, .ctx = ctx, .nr_slots = nr_slots, .nr_workers = nr_workers};
	unsigned int i;
	int rc = -1;

	l.slots = calloc(nr_slots, sizeof(*l.slots));
	l.threads = calloc(nr_workers + 1, sizeof(*l.threads));
	if (!l.slots || !l.threads) {
		err_sys(e, "no memory for threads");
		goto out;
	}
	for (i = 0; i < nr_slots; i++)
		l.slots[i].user = slots[i];
	pthread_mutex_init(&l.lock, NULL);
	pthread_cond_init(&l.emptied, NULL);
	pthread_cond_init(&l.filled, NULL);
	pthread_cond_init(&l.done, NULL);
	rc = run(&l, e);
	pthread_cond_destroy(&l.done);
	pthread_cond_destroy(&l.filled);
	pthread_cond_destroy(&l.emptied);
	pthread_mutex_destroy(&l.lock);
out:
	free(l.threads);
	free(l.slots);
	return rc;
}
