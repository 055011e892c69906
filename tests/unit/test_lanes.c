/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lanes: in order out whatever the threads do, the first error in order is the one reported, nothing
 * behind it is drained, and nobody waits for ever. A failure sets the process's stop flag, so each
 * case that provokes one has a process of its own.
 */
#include "system/lanes.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "system/fdio.h"
#include "system/stop.h"
#include "tap.h"

#define SLOTS_MAX 64
#define WORKERS_MAX 32

struct job {
	unsigned int nr;
	unsigned int squared;
};

struct ctx {
	unsigned int total;
	unsigned int filled;
	unsigned int drained;
	bool out_of_order;
	bool wait; /* random work times */
	int fill_fails, work_fails, work_fails_too, drain_fails; /* job number, or -1 */
	int pipe; /* fill waits for input that never comes; -1: does not */
	bool raise; /* a signal, when everything is full */
	unsigned int threads; /* when fill said that there is no more */
	atomic_uint at_work;
	atomic_uint most_at_work;
	atomic_uint bad_worker;
	unsigned int nr_workers;
};

static void nap(unsigned int us)
{
	const struct timespec t = {0, (long)us * 1000};

	nanosleep(&t, NULL);
}

/* Of this process. */
static unsigned int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned int n = 0;

	while (d && (entry = readdir(d)))
		n += entry->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static int fill(void *arg, void *slot, struct err *e)
{
	struct ctx *c = arg;
	struct job *j = slot;
	size_t got;
	char byte;

	if (c->filled == c->total && c->pipe >= 0)
		return fdio_read(c->pipe, "input", &byte, 1, &got, e);
	if (c->filled == c->total) {
		c->threads = threads();
		return 0;
	}
	if ((int)c->filled == c->fill_fails)
		return err_set(e, ERR_CORRUPT, "fill %u", c->filled);
	j->nr = c->filled++;
	j->squared = 0;
	return 1;
}

static int work(void *arg, void *slot, unsigned int worker, struct err *e)
{
	struct ctx *c = arg;
	struct job *j = slot;
	const unsigned int now = atomic_fetch_add(&c->at_work, 1) + 1;
	unsigned int most = atomic_load(&c->most_at_work);

	while (now > most && !atomic_compare_exchange_weak(&c->most_at_work, &most, now))
		;
	if (worker >= c->nr_workers)
		atomic_store(&c->bad_worker, 1);
	if (c->wait)
		nap((unsigned int)(j->nr * 7919 % 13) * 50);
	/* The later one fails first. */
	if ((int)j->nr == c->work_fails)
		nap(30000);
	j->squared = j->nr * j->nr;
	atomic_fetch_sub(&c->at_work, 1);
	if ((int)j->nr == c->work_fails || (int)j->nr == c->work_fails_too)
		return err_set(e, ERR_CORRUPT, "work %u", j->nr);
	return 0;
}

static int drain(void *arg, void *slot, struct err *e)
{
	struct ctx *c = arg;
	struct job *j = slot;

	if ((int)j->nr == c->drain_fails)
		return err_set(e, ERR_RUNTIME, "drain %u", j->nr);
	while (c->raise && !stop_requested())
		nap(1000);
	c->out_of_order |= j->nr != c->drained || j->squared != j->nr * j->nr;
	c->drained++;
	return 0;
}

static const struct ctx plain = {
	.total = 1000, .fill_fails = -1, .work_fails = -1, .work_fails_too = -1, .drain_fails = -1, .pipe = -1};

static int run(struct ctx *c, unsigned int nr_slots, unsigned int nr_workers, struct err *e)
{
	const struct lanes_ops ops = {.fill = fill, .stages = {{work, nr_workers}}, .drain = drain};
	static struct job jobs[SLOTS_MAX];
	void *slots[SLOTS_MAX];
	unsigned int i;

	for (i = 0; i < nr_slots; i++)
		slots[i] = &jobs[i];
	c->nr_workers = nr_workers;
	return lanes_run(&ops, c, slots, nr_slots, e);
}

static void without_work(void)
{
	const unsigned int before = threads();
	struct ctx c = plain;
	struct err e = {0};

	c.total = 0;
	run(&c, 4, 3, &e);
	ok(before > 0 && c.threads == before, "nothing to do: no threads (%u, were %u)", c.threads, before);
	c.total = 1;
	run(&c, 4, 3, &e);
	ok(c.drained == 1 && c.threads >= before + 4, "one thing to do: threads (%u)", c.threads);
}

static void orders(void)
{
	static const unsigned int sizes[][2] = {{1, 1}, {1, 8}, {2, 1}, {3, 32}, {8, 3}, {64, 32}};
	struct ctx c;
	struct err e = {0};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		c = plain;
		c.wait = true;
		c.total = 500;
		ok(run(&c, sizes[i][0], sizes[i][1], &e) == 0 && c.drained == 500 && !c.out_of_order &&
			   atomic_load(&c.bad_worker) == 0,
		   "%u slots, %u workers: all, in order", sizes[i][0], sizes[i][1]);
	}
	c = plain;
	c.wait = true;
	run(&c, 8, 4, &e);
	ok(atomic_load(&c.most_at_work) > 1 && atomic_load(&c.most_at_work) <= 4,
	   "several work at once, no more than there are");
	c = plain;
	c.total = 0;
	ok(run(&c, 4, 4, &e) == 0 && c.drained == 0 && !stop_requested(), "nothing to do");
	c = plain;
	c.total = 100000;
	ok(run(&c, 4, 4, &e) == 0 && c.drained == 100000 && !c.out_of_order && !stop_requested(),
	   "100000 small ones");
}

static int count_work(void *arg, void *slot, unsigned int worker, struct err *e)
{
	(void)slot;
	(void)worker;
	(void)e;
	atomic_fetch_add(&((struct ctx *)arg)->at_work, 1);
	return 0;
}

/* What must come out of a run that fails. */
struct failure {
	const char *name;
	struct ctx c;
	const char *text;
	unsigned int drained; /* exactly; -1u: any number */
};

/* Three stages, with a number of threads each; what is wrong is counted. */
#define STAGES 3u

struct relay {
	unsigned int filled;
	unsigned int drained;
	unsigned int fails_in; /* job 100 fails in this stage; STAGES: it does not */
	atomic_uint at_work[STAGES];
	atomic_uint most[STAGES];
	atomic_uint ran[STAGES];
	atomic_uint bad;
};

static int relay_fill(void *arg, void *slot, struct err *e)
{
	struct relay *r = arg;
	struct job *j = slot;

	(void)e;
	j->nr = r->filled++;
	j->squared = 0;
	return j->nr < 500;
}

static int relay_stage(struct relay *r, struct job *j, unsigned int stage, struct err *e)
{
	const unsigned int now = atomic_fetch_add(&r->at_work[stage], 1) + 1;

	if (now > atomic_load(&r->most[stage]))
		atomic_store(&r->most[stage], now);
	nap((unsigned int)((j->nr + stage) * 7919 % 13) * 20);
	/* Each stage finds what the one before it left. */
	if (j->squared++ != stage || (j->nr == 100 && stage > r->fails_in))
		atomic_fetch_add(&r->bad, 1);
	atomic_fetch_add(&r->ran[stage], 1);
	atomic_fetch_sub(&r->at_work[stage], 1);
	return j->nr == 100 && stage == r->fails_in ? err_set(e, ERR_CORRUPT, "stage %u", stage) : 0;
}

static int relay_0(void *arg, void *slot, unsigned int thread, struct err *e)
{
	(void)thread;
	return relay_stage(arg, slot, 0, e);
}

static int relay_1(void *arg, void *slot, unsigned int thread, struct err *e)
{
	struct relay *r = arg;

	atomic_fetch_add(&r->bad, thread != 0);
	return relay_stage(r, slot, 1, e);
}

static int relay_2(void *arg, void *slot, unsigned int thread, struct err *e)
{
	(void)thread;
	return relay_stage(arg, slot, 2, e);
}

static int relay_drain(void *arg, void *slot, struct err *e)
{
	struct relay *r = arg;
	struct job *j = slot;

	(void)e;
	if (j->nr != r->drained || j->squared != STAGES)
		atomic_fetch_add(&r->bad, 1);
	r->drained++;
	return 0;
}

static int relay_run(struct relay *r, unsigned int nr_slots, struct err *e)
{
	static const struct lanes_ops ops = {
		.fill = relay_fill, .stages = {{relay_0, 4}, {relay_1, 1}, {relay_2, 3}}, .drain = relay_drain};
	struct job jobs[SLOTS_MAX];
	void *slots[SLOTS_MAX];
	unsigned int i;

	for (i = 0; i < nr_slots; i++)
		slots[i] = &jobs[i];
	return lanes_run(&ops, r, slots, nr_slots, e);
}

static void stages(void)
{
	static const unsigned int sizes[] = {1, 2, 10};
	struct err e = {0};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct relay r = {.fails_in = STAGES};

		ok(relay_run(&r, sizes[i], &e) == 0 && r.drained == 500 && atomic_load(&r.bad) == 0,
		   "three stages, %u slots: each through all of them, in order", sizes[i]);
		ok(atomic_load(&r.most[0]) <= 4 && atomic_load(&r.most[1]) == 1 && atomic_load(&r.most[2]) <= 3,
		   "in no stage more than it has threads");
	}
}

static bool stage_fails(const struct failure *f)
{
	unsigned int i;

	(void)f;
	for (i = 0; i < STAGES; i++) {
		struct relay r = {.fails_in = i};
		struct err e = {0};
		char text[16];

		snprintf(text, sizeof(text), "stage %u", i);
		if (relay_run(&r, 10, &e) == 0 || strcmp(e.text, text) != 0 || r.drained != 100 || atomic_load(&r.bad) != 0)
			return false;
		/* Stopping is taken back at the end of each run. */
		if (stop_requested())
			return false;
	}
	return true;
}

/* Job 1 overtakes job 0, holds the second stage until 0, 2 and 3 wait for it, in whatever order they came, and lets go. */
struct overtaking {
	unsigned int filled;
	unsigned int nr_order;
	unsigned int order[8];
	atomic_uint entered; /* the first stage, all in all */
	atomic_uint phase; /* 1: job 1 is in the second stage; 2: and through */
};

static int overtaking_fill(void *arg, void *slot, struct err *e)
{
	struct overtaking *o = arg;
	struct job *j = slot;

	(void)e;
	j->nr = o->filled++;
	return j->nr < 8;
}

static int overtaking_first(void *arg, void *slot, unsigned int thread, struct err *e)
{
	struct overtaking *o = arg;
	const struct job *j = slot;

	(void)thread;
	(void)e;
	atomic_fetch_add(&o->entered, 1);
	while (j->nr != 1 && atomic_load(&o->phase) < (j->nr < 4 ? 1 : 2))
		nap(100);
	/* The first one last, as far as that can be had; what is asserted does not depend on it. */
	if (j->nr == 0)
		nap(20000);
	return 0;
}

static int overtaking_second(void *arg, void *slot, unsigned int thread, struct err *e)
{
	struct overtaking *o = arg;
	const struct job *j = slot;

	(void)thread;
	(void)e;
	o->order[o->nr_order++] = j->nr;
	if (j->nr != 1)
		return 0;
	atomic_store(&o->phase, 1);
	/* When the four threads of the first stage are in their second jobs, they have passed on the first ones. */
	while (atomic_load(&o->entered) < 8)
		nap(100);
	atomic_store(&o->phase, 2);
	return 0;
}

static void foremost(void)
{
	static const struct lanes_ops ops = {
		.fill = overtaking_fill, .stages = {{overtaking_first, 4}, {overtaking_second, 1}}};
	struct overtaking o = {0};
	struct job jobs[8];
	void *slots[8];
	struct err e = {0};
	unsigned int i;

	for (i = 0; i < 8; i++)
		slots[i] = &jobs[i];
	ok(lanes_run(&ops, &o, slots, 8, &e) == 0 && o.nr_order == 8, "what overtakes holds nobody up");
	ok(o.order[0] == 1 && o.order[1] == 0 && o.order[2] == 2 && o.order[3] == 3,
	   "of what waits for a stage the foremost comes first (%u %u %u %u)", o.order[0], o.order[1], o.order[2],
	   o.order[3]);
}

static void no_drain(void)
{
	static const struct lanes_ops ops = {.fill = fill, .stages = {{count_work, 3}}};
	struct job jobs[2];
	void *slots[2] = {&jobs[0], &jobs[1]};
	struct ctx c = plain;
	struct err e = {0};

	ok(lanes_run(&ops, &c, slots, 2, &e) == 0 && atomic_load(&c.at_work) == 1000,
	   "without a drain everything is worked on");
}

static bool fails_as(const struct failure *f)
{
	struct ctx c = f->c;
	struct err e = {0};
	int fds[2] = {-1, -1};
	int i;

	if (c.pipe >= 0) {
		if (pipe(fds))
			return false;
		c.pipe = fds[0];
	}
	i = run(&c, 8, 8, &e);
	if (i == -1 && strcmp(e.text, f->text) == 0 && !c.out_of_order &&
	    (f->drained == -1u || c.drained == f->drained) && atomic_load(&c.at_work) == 0)
		return true;
	printf("# %d, %s, %u drained\n", i, e.text, c.drained);
	return false;
}

#define WITH(...) {.total = 1000, .fill_fails = -1, .work_fails = -1, .work_fails_too = -1, \
		   .drain_fails = -1, .pipe = -1, __VA_ARGS__}
#pragma GCC diagnostic ignored "-Woverride-init"

static const struct failure failures[] = {
	{"work 7 fails first, work 3 before it in order", WITH(.work_fails = 3, .work_fails_too = 7), "work 3", 3},
	{"the first of all", WITH(.work_fails = 0), "work 0", 0},
	{"the last of all", WITH(.work_fails = 999), "work 999", 999},
	{"fill fails: what was filled is drained", WITH(.fill_fails = 500), "fill 500", 500},
	{"fill fails at once", WITH(.fill_fails = 0), "fill 0", 0},
	{"fill fails, and work before it", WITH(.fill_fails = 6, .work_fails = 4), "work 4", 4},
	{"drain fails", WITH(.drain_fails = 10), "drain 10", 10},
	{"drain fails before the work that does", WITH(.drain_fails = 10, .work_fails = 11), "drain 10", 10},
	{"work fails while fill waits for input", WITH(.total = 3, .work_fails = 1, .pipe = 0), "work 1", 1},
	{"drain fails while fill waits for input", WITH(.total = 3, .drain_fails = 2, .pipe = 0), "drain 2", 2},
};

/* In a process of its own, which ends by itself. */
static bool in_child(bool (*fn)(const struct failure *), const struct failure *f)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		stop_init();
		exit(fn(f) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("# signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool by_signal_full(const struct failure *f)
{
	struct ctx c = plain;
	struct err e = {0};
	pid_t me = getpid();
	pid_t pid;

	(void)f;
	c.raise = true; /* drain holds everything up until the signal */
	pid = fork();
	if (pid == 0) {
		nap(100000);
		kill(me, SIGTERM);
		_exit(0);
	}
	return run(&c, 4, 2, &e) == -1 && e.kind == ERR_RUNTIME && strstr(e.text, "interrupted by SIGTERM");
}

static bool by_signal_reading(const struct failure *f)
{
	struct ctx c = plain;
	struct err e = {0};
	pid_t me = getpid();
	int fds[2];

	(void)f;
	if (pipe(fds))
		return false;
	c.total = 3;
	c.pipe = fds[0];
	if (fork() == 0) {
		nap(100000);
		kill(me, SIGINT);
		_exit(0);
	}
	return run(&c, 4, 2, &e) == -1 && strstr(e.text, "interrupted by SIGINT") && c.drained == 3;
}

int main(void)
{
	size_t i;

	without_work();
	orders();
	stages();
	foremost();
	no_drain();
	ok(in_child(stage_fails, NULL), "what fails in a stage goes to none behind it, and is the error");
	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		ok(in_child(fails_as, &failures[i]), "%s", failures[i].name);
	ok(in_child(by_signal_full, NULL), "a signal while all slots are full");
	ok(in_child(by_signal_reading, NULL), "a signal while fill waits for input");
	return tap_done();
}
