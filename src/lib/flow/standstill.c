/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/standstill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/rundir.h"
#include "system/clock.h"
#include "system/fdio.h"
#include "system/pinned.h"
#include "system/statefile.h"

#define FROZEN "frozen\n"

static void note_path(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/still-%s", RUNDIR, name);
}

/* In memory, as /run is: it is not to outlive the boot, and not to wait for a disk. */
static int note(const char *name, bool frozen, struct err *e)
{
	const char *text = frozen ? FROZEN : "";
	char path[PATH_MAX];
	int fd;
	int rc;

	if (rundir_make(e))
		return -1;
	note_path(name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s: cannot create", path);
	rc = fdio_pwrite(fd, path, text, strlen(text), 0, e);
	close(fd);
	return rc;
}

bool standstill_noted(const char *name, bool *frozen)
{
	struct err ignored = {0};
	char path[PATH_MAX];
	char text[16];
	int rc;

	note_path(name, path);
	rc = statefile_read(path, text, sizeof(text), &ignored);
	*frozen = rc == 1 && strcmp(text, FROZEN) == 0;
	return rc != 0;
}

void standstill_forget(const char *name)
{
	char path[PATH_MAX];

	note_path(name, path);
	/* One that stays costs the next run a resume of what runs. */
	if (unlink(path))
		errno = 0;
}

int standstill_begin(struct standstill *s, struct err *e)
{
	note_path(s->name, s->note);
	s->job.note = s->note;
	if (note(s->name, s->job.thaw_fd >= 0, e))
		return -1;
	if (s->pinned && pinned_begin(e))
		goto out;
	if (guard_start(&s->guard, &s->job, e) == 0) {
		s->begin_us = clock_us();
		return 0;
	}
	if (s->pinned)
		pinned_end();
out:
	standstill_forget(s->name);
	return -1;
}

int standstill_end(struct standstill *s, bool running, struct err *e)
{
	int acted;

	if (s->still_us)
		*s->still_us += (uint64_t)(clock_us() - s->begin_us);
	acted = guard_done(&s->guard, running);
	if (s->pinned)
		pinned_end();
	/* What does not run is for the guard, and for the next run to find. */
	if (running)
		standstill_forget(s->name);
	if (!running || !acted)
		return running ? 0 : -1;
	err_set(e, ERR_RUNTIME, "%s: stood still for longer than %u s and was made to run again, or its guard was "
				"killed", s->name, s->job.limit_ms / 1000);
	return err_hint(e, "nothing is lost; try again, a slow machine with more --freeze-timeout");
}

int standstill_swap(struct standstill *s, struct dm_fence *const *fences, size_t nr, struct err *e)
{
	bool running = true;
	size_t i = 0;
	int rc = 0;

	if (standstill_begin(s, e))
		return -1;
	while (rc == 0 && i < nr)
		rc = dm_fence_suspend(fences[i++], e);
	while (i > 0)
		if (dm_fence_resume(fences[--i], e))
			running = false;
	return standstill_end(s, running, e) ? -1 : rc;
}
