/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/priority.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library has no functions for them. 0 is the calling thread. */
static int get_io(void)
{
	return (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}

static int set_io(int io, struct err *e)
{
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, io) ? err_sys(e, "cannot set the I/O priority") : 0;
}

static int set_nice(int nice, struct err *e)
{
	return setpriority(PRIO_PROCESS, 0, nice) ? err_sys(e, "cannot set the priority (nice %d)", nice) : 0;
}

/* Further back is more: real time, best effort by its levels, idle. Where nothing was ever said, whatever is asked for is. */
static int rank(int io)
{
	switch (IOPRIO_PRIO_CLASS(io)) {
	case IOPRIO_CLASS_IDLE: return 8;
	case IOPRIO_CLASS_BE: return (int)(IOPRIO_PRIO_DATA(io) & 7);
	default: return -1;
	}
}

static int wanted_io(const struct prio *p, int is)
{
	int io = is;

	if (p->io == PRIO_IO_IDLE)
		io = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
	else if (p->io == PRIO_IO_BEST_EFFORT)
		io = (int)IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, p->level);
	return rank(io) > rank(is) ? io : is;
}

static int get(struct priority *is, struct err *e)
{
	errno = 0;
	is->nice = getpriority(PRIO_PROCESS, 0);
	if (errno)
		return err_sys(e, "cannot get the priority");
	is->io = get_io();
	return is->io < 0 ? err_sys(e, "cannot get the I/O priority") : 0;
}

int priority_lower(const struct prio *p, struct priority *was, struct err *e)
{
	int io;

	*was = (struct priority){0};
	if (p->nice == 0 && p->io == PRIO_IO_UNSAID)
		return 0;
	if (get(was, e))
		return -1;
	was->lowered = true;
	io = wanted_io(p, was->io);
	if (io != was->io && set_io(io, e))
		return -1;
	return (int)p->nice > was->nice ? set_nice((int)p->nice, e) : 0;
}

int priority_restore(const struct priority *was, struct err *e)
{
	struct priority is;

	if (!was->lowered)
		return 0;
	if (get(&is, e))
		return -1;
	/* Of no class at all, the kernel takes no level, though it may give one. */
	if (is.io != was->io &&
	    set_io(IOPRIO_PRIO_CLASS(was->io) == IOPRIO_CLASS_NONE ? 0 : was->io, e))
		return -1;
	return is.nice != was->nice ? set_nice(was->nice, e) : 0;
}

int priority_try(const struct prio *p, struct err *e)
{
	struct priority was;

	if (priority_lower(p, &was, e))
		return -1;
	if (priority_restore(&was, e) == 0)
		return 0;
	return err_hint(e, "a priority that was lowered is only raised again with CAP_SYS_NICE");
}
