/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fdio: all of it or an error, through pipes that give and take a little at a time. */
#include "system/fdio.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "scratch.h"
#include "system/stop.h"
#include "tap.h"

#define LEN 300000u

static uint8_t sent[LEN];
static uint8_t got[LEN];

static void nap(long us)
{
	const struct timespec t = {0, us * 1000};

	nanosleep(&t, NULL);
}

/* A process that writes LEN bytes in odd pieces and signals its parent in between. */
static pid_t dribble(int fd, pid_t to)
{
	const pid_t pid = fork();
	size_t at = 0;
	size_t n;

	if (pid != 0)
		return pid;
	while (at < LEN) {
		n = at % 977 + 1 < LEN - at ? at % 977 + 1 : LEN - at;
		n = (size_t)write(fd, sent + at, n);
		at += n;
		if (at % 5 == 0)
			kill(to, STOP_WAKE);
	}
	_exit(0);
}

static void reads(void)
{
	struct err e = {0};
	size_t n = 0;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return;
	pid = dribble(fds[1], getpid());
	close(fds[1]);
	ok(fdio_read(fds[0], "pipe", got, LEN - 1, &n, &e) == 0 && n == LEN - 1 &&
		   memcmp(sent, got, LEN - 1) == 0, "all that was asked for, in spite of short reads and signals");
	ok(fdio_read(fds[0], "pipe", got, 10, &n, &e) == 0 && n == 1 && got[0] == sent[LEN - 1],
	   "less at the end of the file");
	ok(fdio_read(fds[0], "pipe", got, 10, &n, &e) == 0 && n == 0, "nothing behind it");
	ok(fdio_read_some(fds[0], "pipe", got, 10, &n, &e) == 0 && n == 0, "one read: nothing behind it");
	close(fds[0]);
	waitpid(pid, NULL, 0);
	if (pipe(fds))
		return;
	ok(write(fds[1], "abc", 3) == 3 && fdio_read_some(fds[0], "pipe", got, 10, &n, &e) == 0 && n == 3,
	   "one read: what is there");
	close(fds[0]);
	close(fds[1]);
	ok(fdio_read(999, "gone", got, 1, &n, &e) == -1 && e.kind == ERR_RUNTIME, "a bad descriptor: %s", e.text);
	err_clear(&e);
	ok(fdio_read(-1, "gone", got, 1, &n, &e) == -1 && e.kind == ERR_RUNTIME, "none at all: %s", e.text);
}

/* A process that reads slowly and says by its exit code whether all came. */
static pid_t sip(int fd, int other)
{
	const pid_t pid = fork();
	size_t at = 0;
	ssize_t n;

	if (pid != 0)
		return pid;
	close(other);
	while ((n = read(fd, got + at, at % 8191 + 1)) > 0)
		at += (size_t)n;
	_exit(at == LEN && memcmp(sent, got, LEN) == 0 ? 0 : 1);
}

static void writes(void)
{
	static const size_t cuts[] = {0, 1, 64, 4096, 65536, LEN - 1, LEN};
	struct err e = {0};
	bool good = true;
	int status;
	int fds[2];
	pid_t pid;
	size_t i;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		if (pipe(fds))
			return;
		pid = sip(fds[0], fds[1]);
		close(fds[0]);
		good &= fdio_write2(fds[1], "pipe", sent, cuts[i], sent + cuts[i], LEN - cuts[i], &e) == 0;
		close(fds[1]);
		waitpid(pid, &status, 0);
		good &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ok(good, "two areas as one, cut anywhere, into a slow pipe");
	ok(fdio_write2(999, "gone", NULL, 0, NULL, 0, &e) == 0, "nothing to write is done");
}

static void write_errors(void)
{
	struct err e = {0};
	int fds[2];
	int fd;

	if (pipe(fds))
		return;
	close(fds[0]);
	ok(fdio_write2(fds[1], "standard output", "x", 1, NULL, 0, &e) == -1 && e.kind == ERR_RUNTIME &&
		   strcmp(e.text, "standard output: the program that reads it has ended") == 0,
	   "a closed pipe: %s", e.text);
	close(fds[1]);
	err_clear(&e);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ok(fdio_write2(fd, "/dev/full", "x", 1, NULL, 0, &e) == -1 && strstr(e.text, "No space left") && e.hint[0],
	   "a full disk: %s", e.text);
	err_clear(&e);
	ok(fdio_pwrite(fd, "/dev/full", "x", 1, 7, &e) == -1 && strstr(e.text, "at offset 7: No space left") &&
		   e.hint[0], "a full disk, at an offset: %s", e.text);
	close(fd);
}

static void at_offsets(void)
{
	const int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct err e = {0};
	size_t n = 0;

	ok(fdio_pwrite(fd, "f", sent, LEN, 12345, &e) == 0 &&
		   fdio_pread(fd, "f", got, LEN, 12345, &n, &e) == 0 && n == LEN && memcmp(sent, got, LEN) == 0,
	   "written and read at an offset");
	ok(fdio_pread(fd, "f", got, 100, 12345 + LEN - 10, &n, &e) == 0 && n == 10 &&
		   memcmp(sent + LEN - 10, got, 10) == 0, "less at the end of the file");
	ok(fdio_pread(fd, "f", got, 100, 1 << 30, &n, &e) == 0 && n == 0, "nothing behind it");
	fdio_ahead(fd, 12345, LEN);
	memset(got, 0, LEN);
	ok(!fdio_pread_cached(fd, got, 100, 12345 + LEN - 10, &n) ||
		   (n == 10 && memcmp(sent + LEN - 10, got, 10) == 0), "what is in memory, where it is");
	ok(!fdio_pread_cached(fd, got, 100, 1 << 30, &n) && n == 0, "not what is not there");
	ok(fdio_sync(fd, "f", &e) == 0, "synced");
	close(fd);
	ok(!fdio_pread_cached(fd, got, 1, 5, &n) && n == 0, "nor of a bad descriptor");
	ok(fdio_pread(fd, "f", got, 1, 5, &n, &e) == -1 && strstr(e.text, "f: cannot read at offset 5"),
	   "a bad descriptor: %s", e.text);
	err_clear(&e);
	ok(fdio_sync(fd, "f", &e) == -1, "sync says so too: %s", e.text);
}

/* At the end of a file that is no multiple of the alignment. */
static void direct(void)
{
	uint8_t *buf = aligned_alloc(4096, 16384);
	struct err e = {0};
	size_t n = 0;
	int fd;

	scratch_put("direct", 0, 9000, 3);
	fd = open("direct", O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		skip("O_DIRECT", "this file system has none");
	else
		ok(fdio_pread(fd, "direct", buf, 16384, 0, &n, &e) == 0 && n == 9000,
		   "O_DIRECT over the end of a file of odd size: %zu %s", n, e.text);
	close(fd);
	free(buf);
}

/* Two areas as one, of a file that has all, some, or nothing of them. */
static void reads_two(void)
{
	uint8_t *buf = aligned_alloc(4096, 16384);
	uint8_t head[64];
	struct err e = {0};
	size_t n = 0;
	int fd;

	scratch_put("two", 0, 1000, 4);
	scratch_fill(buf, 1000, 0, 4);
	memcpy(sent, buf, 1000);
	fd = open("two", O_RDONLY | O_CLOEXEC);
	ok(fdio_pread2(fd, "two", head, 64, buf, 500, 100, &n, &e) == 0 && n == 564 && memcmp(head, sent + 100, 64) == 0 &&
		   memcmp(buf, sent + 164, 500) == 0, "two areas, one behind the other");
	ok(fdio_pread2(fd, "two", head, 64, buf, 0, 100, &n, &e) == 0 && n == 64, "the second is empty");
	ok(fdio_pread2(fd, "two", head, 64, buf, 500, 900, &n, &e) == 0 && n == 100 && memcmp(buf, sent + 964, 36) == 0,
	   "the file ends in the second");
	ok(fdio_pread2(fd, "two", head, 64, buf, 500, 960, &n, &e) == 0 && n == 40 && memcmp(head, sent + 960, 40) == 0,
	   "the file ends in the first");
	ok(fdio_pread2(fd, "two", head, 64, buf, 500, 5000, &n, &e) == 0 && n == 0, "nothing behind it");
	close(fd);
	ok(fdio_pread2(fd, "two", head, 64, buf, 500, 7, &n, &e) == -1 && strstr(e.text, "two: cannot read at offset 7"),
	   "an error: %s", e.text);
	free(buf);
}

static void parents(void)
{
	struct err e = {0};

	ok(fdio_sync_parent("f", &e) == 0 && fdio_sync_parent("./f", &e) == 0 && fdio_sync_parent("/f", &e) == 0 &&
		   fdio_sync_parent("/tmp/f", &e) == 0, "the directory of a path, %s", e.text);
	ok(fdio_sync_parent("no/f", &e) == -1 && strstr(e.text, "no: cannot open the directory"), "no directory: %s",
	   e.text);
}

/* A stop ends a wait in either direction. In a process of its own: the flag stays. */
static void stops(void)
{
	struct err e = {0};
	pid_t me;
	int fds[2];
	size_t n;

	if (pipe(fds))
		exit(1);
	me = getpid();
	if (fork() == 0) {
		nap(100000);
		kill(me, SIGHUP);
		_exit(0);
	}
	alarm(10);
	if (fdio_read(fds[0], "pipe", got, 1, &n, &e) != -1 || !strstr(e.text, "interrupted by SIGHUP"))
		exit(1);
	err_clear(&e);
	exit(fdio_write2(fds[1], "pipe", sent, 10, NULL, 0, &e) == -1 && strstr(e.text, "SIGHUP") ? 0 : 1);
}

int main(void)
{
	int status = 1;
	pid_t pid;

	scratch_begin();
	stop_init();
	scratch_fill(sent, LEN, 0, 1);
	reads();
	writes();
	write_errors();
	at_offsets();
	direct();
	reads_two();
	parents();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		stops();
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a signal ends a wait");
	return tap_done();
}
