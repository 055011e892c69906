/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prio: the words for classes of I/O; and system/priority: what becomes of a thread and of those that it starts. */
#include "words/prio.h"

#include <linux/ioprio.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/priority.h"
#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *word;
	enum prio_io io;
	unsigned int level;
	const char *printed;
} good[] = {
	{"idle", PRIO_IO_IDLE, 0, "idle"},
	{"best-effort", PRIO_IO_BEST_EFFORT, 4, "best-effort:4"},
	{"best-effort:0", PRIO_IO_BEST_EFFORT, 0, "best-effort:0"},
	{"best-effort:4", PRIO_IO_BEST_EFFORT, 4, "best-effort:4"},
	{"best-effort:7", PRIO_IO_BEST_EFFORT, 7, "best-effort:7"},
};

static const char *const bad[] = {
	"", " ", "Idle", "idle ", " idle", "idle:0", "idle:7", "idles", "idl", "best-effort:", "best-effort:8",
	"best-effort:07", "best-effort:+1", "best-effort:-1", "best-effort: 1", "best-effort:1 ", "best-effort:1;id",
	"best-effort:1\n", "best-effort7", "best-effort 7", "best-effort:x", "best-effort:10", "best_effort", "besteffort",
	"BEST-EFFORT", "best", "realtime", "realtime:0", "real-time", "rt", "none", "0", "1", "2", "3", "-1", "7",
	"best-effort:\xd9\xa1",
};

static void test_words(void)
{
	struct prio p;
	char buf[PRIO_IO_LEN];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		p = (struct prio){.nice = 3};
		ok(prio_take_io(&p, good[i].word) == 0 && p.io == good[i].io && p.level == good[i].level && p.nice == 3 &&
			   strcmp(prio_print_io(&p, buf), good[i].printed) == 0,
		   "%s", good[i].word);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		p = (struct prio){.nice = 3};
		ok(prio_take_io(&p, bad[i]) == -1 && !p.io && !p.level && p.nice == 3, "not a class: %zu", i);
	}
	p = (struct prio){0};
	ok(prio_print_io(&p, buf)[0] == '\0', "what was not said is nothing");
}

static int io_now(void)
{
	return (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}

static bool is_at(int nice, int class, int level)
{
	const int io = io_now();

	return getpriority(PRIO_PROCESS, 0) == nice && (int)IOPRIO_PRIO_CLASS(io) == class &&
	       (class != IOPRIO_CLASS_BE || (int)IOPRIO_PRIO_DATA(io) == level);
}

static void *look(void *arg)
{
	*(bool *)arg = is_at(7, IOPRIO_CLASS_IDLE, 0);
	return NULL;
}

static bool inherited(void)
{
	bool is = false;
	pthread_t t;

	return pthread_create(&t, NULL, look, &is) == 0 && pthread_join(t, NULL) == 0 && is;
}

static void test_there_and_back(void)
{
	const struct prio both = {.nice = 7, .io = PRIO_IO_IDLE};
	const int nice = getpriority(PRIO_PROCESS, 0);
	const int io = io_now();
	struct priority was;
	struct err e = {0};

	ok(priority_lower(&both, &was, &e) == 0 && is_at(7, IOPRIO_CLASS_IDLE, 0), "lowered %s", e.text);
	ok(inherited(), "threads that are started inherit it");
	ok(priority_restore(&was, &e) == 0 && getpriority(PRIO_PROCESS, 0) == nice && io_now() == io, "as before %s", e.text);
	ok(priority_try(&both, &e) == 0 && getpriority(PRIO_PROCESS, 0) == nice && io_now() == io, "tried %s", e.text);
}

static bool stays(struct prio p, int nice, int class, int level)
{
	struct priority was;
	struct err e = {0};

	return priority_lower(&p, &was, &e) == 0 && is_at(nice, class, level) && priority_restore(&was, &e) == 0;
}

/* In a process of its own: there is no way back for everybody. */
static void test_never_raised(void)
{
	const struct prio none = {0};
	struct priority was = {.lowered = true};
	struct err e = {0};

	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 5));
	setpriority(PRIO_PROCESS, 0, 10);
	ok(stays((struct prio){.nice = 5}, 10, IOPRIO_CLASS_BE, 5), "nice 10 is not raised to 5");
	ok(stays((struct prio){.nice = 11}, 11, IOPRIO_CLASS_BE, 5), "but lowered to 11");
	ok(stays((struct prio){.io = PRIO_IO_BEST_EFFORT, .level = 0}, 10, IOPRIO_CLASS_BE, 5), "nor level 5 to level 0");
	ok(stays((struct prio){.io = PRIO_IO_BEST_EFFORT, .level = 6}, 10, IOPRIO_CLASS_BE, 6), "but lowered to 6");
	ok(stays((struct prio){.io = PRIO_IO_IDLE}, 10, IOPRIO_CLASS_IDLE, 0), "and to idle");
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
	ok(stays((struct prio){.io = PRIO_IO_BEST_EFFORT, .level = 7}, 10, IOPRIO_CLASS_IDLE, 0), "nor idle to anything");
	ok(priority_lower(&none, &was, &e) == 0 && !was.lowered && priority_restore(&was, &e) == 0 &&
		   is_at(10, IOPRIO_CLASS_IDLE, 0),
	   "nothing said, nothing done");
}

/* Who may not go back is told so, before anything depends on it. */
static bool told_in_child(void)
{
	const struct prio p = {.nice = 5};
	const struct rlimit none = {0, 0};
	struct err e = {0};
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		if (setrlimit(RLIMIT_NICE, &none) || (geteuid() == 0 && setreuid(65534, 65534)))
			_exit(2);
		_exit(priority_try(&p, &e) == -1 && e.kind == ERR_RUNTIME && e.hint[0] ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
	test_words();
	ok(told_in_child(), "without the privilege to go back, trying is an error with a hint");
	if (geteuid() != 0) {
		skip("there and back", "going back needs root");
		return tap_done();
	}
	test_there_and_back();
	test_never_raised();
	return tap_done();
}
