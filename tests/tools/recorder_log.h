/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recorder_log: the log of tests/tools/recorder.c, and whether what a call reaches belongs into it.
 *
 * Only the system calls themselves are used for what recorder stands in place of, or it would record itself. The log is opened and
 * locked for each record: so it does not matter who forked whom, and no descriptor is there for a program to come upon.
 */
#ifndef ERA_TESTS_RECORDER_LOG_H
#define ERA_TESTS_RECORDER_LOG_H

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char top[PATH_MAX];
static char program[PATH_MAX];
static const char *log_path;
static long die_at;
static long renames;

__attribute__((constructor)) static void start(void)
{
	const char *dir = getenv("ERA_RECORD_DIR");
	const char *at = getenv("ERA_RECORD_DIE");
	void *frames[2];

	log_path = getenv("ERA_RECORD_LOG");
	if (!dir || !log_path || !realpath(dir, top))
		log_path = NULL;
	die_at = at ? atol(at) : 0;
	/* The loader may know it by the name that was typed. */
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		log_path = NULL;
	/* It loads a library the first time. */
	backtrace(frames, 2);
}

/* The log */

static void put(int log, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = syscall(SYS_write, log, p, len);
		if (n <= 0)
			abort();
	}
}

static int begin(void)
{
	const int log = (int)syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (log < 0 || flock(log, LOCK_EX))
		abort();
	return log;
}

static void record(int log, const char *op, const uint64_t v[4], const void *bytes, size_t len)
{
	char line[160];
	const int n = snprintf(line, sizeof(line), "%s %d %llu %llu %llu %llu %zu\n", op, (int)getpid(), (unsigned long long)v[0],
			       (unsigned long long)v[1], (unsigned long long)v[2], (unsigned long long)v[3], len);

	put(log, line, (size_t)n);
	put(log, bytes, len);
	put(log, "\n", 1);
	if ((strcmp(op, "RENAME") == 0 || strcmp(op, "LINK") == 0 || strcmp(op, "MKDIR") == 0) && ++renames == die_at)
		kill(getpid(), SIGKILL);
}

#define RECORD(log, op, bytes, len, ...) record(log, op, (const uint64_t[4]){__VA_ARGS__}, bytes, len)

static void end(int log)
{
	const int kept = errno;

	close(log);
	errno = kept;
}

/* Is it ours? */

static bool is_below(const char *path)
{
	const size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool fd_below(int fd)
{
	char link[40];
	char path[PATH_MAX];
	const int kept = errno;
	ssize_t n;

	if (!log_path)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	errno = kept;
	if (n < 0)
		return false;
	path[n] = '\0';
	return is_below(path);
}

/* Where a name lies. */
struct place {
	int fd; /* the directory, or -1: not ours */
	uint64_t dir;
	char name[NAME_MAX + 1];
	bool there;
	uint64_t inode;
	uint64_t size;
};

static void look(struct place *p, int at, const char *path)
{
	char dir[PATH_MAX];
	const int kept = errno;
	const char *slash;
	struct stat st;
	size_t len = path ? strlen(path) : 0;

	memset(p, 0, sizeof(*p));
	p->fd = -1;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!log_path || len == 0 || len >= sizeof(dir))
		return;
	slash = memrchr(path, '/', len);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	len -= slash ? (size_t)(slash + 1 - path) : 0;
	if (len > NAME_MAX)
		return;
	memcpy(p->name, slash ? slash + 1 : path, len);
	p->fd = (int)syscall(SYS_openat, at, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (p->fd >= 0 && !fd_below(p->fd)) {
		close(p->fd);
		p->fd = -1;
	}
	if (p->fd >= 0 && fstat(p->fd, &st) == 0)
		p->dir = st.st_ino;
	if (p->fd >= 0 && fstatat(p->fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		p->there = true;
		p->inode = st.st_ino;
		p->size = (uint64_t)st.st_size;
	}
	errno = kept;
}

static void look_again(struct place *p)
{
	struct stat st;

	if (fstatat(p->fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		p->inode = st.st_ino;
}

static void leave(struct place *p)
{
	const int kept = errno;

	if (p->fd >= 0)
		close(p->fd);
	errno = kept;
}

static uint64_t mtime(int fd, uint64_t *inode)
{
	struct stat st = {0};

	fstat(fd, &st);
	*inode = st.st_ino;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
}

#endif
