/* SPDX-License-Identifier: GPL-3.0-or-later */
/* longwrite: what was put is what is in the file, in order, wherever it began, and behind it the descriptor stands. */
#include "system/longwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "tap.h"

#define LEN (9u << 20)

static uint8_t data[LEN];

/* Everything in pieces of random lengths, some longer than any buffer, half of them in two. */
static int put_all(struct longwrite *w, unsigned int seed, struct err *e)
{
	size_t at = 0;
	size_t n;
	size_t half;

	srandom(seed);
	while (at < LEN) {
		n = (size_t)random() % (random() % 8 ? 70000 : 3000000);
		n = n < LEN - at ? n : LEN - at;
		half = random() % 2 ? n / 3 : 0;
		if (longwrite_put(w, data + at, half, data + at + half, n - half, e))
			return -1;
		at += n;
	}
	return longwrite_end(w, e);
}

static bool holds(const char *path, size_t before)
{
	size_t len;
	uint8_t *p = scratch_get(path, &len);
	const bool same = p && len == before + LEN + 1 && memcmp(p + before, data, LEN) == 0 && p[len - 1] == '!';

	free(p);
	return same;
}

static void files(void)
{
	static const struct {
		const char *what;
		size_t before;
		int flags;
		bool direct;
	} rows[] = {
		{"a new file", 0, 0, true},
		{"behind a whole page", 4096, 0, true},
		{"behind a byte", 1, 0, false},
		{"appended", 8192, O_APPEND, false},
	};
	struct longwrite w;
	struct err e = {0};
	bool direct;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unlink("f");
		scratch_put("f", 0, rows[i].before, 9);
		fd = open("f", O_WRONLY | O_CREAT | O_CLOEXEC | rows[i].flags, 0600);
		lseek(fd, (off_t)rows[i].before, SEEK_SET);
		longwrite_open(&w, fd, "f");
		direct = w.direct >= 0;
		ok(put_all(&w, (unsigned int)i, &e) == 0, "%s: written %s", rows[i].what, e.text);
		longwrite_close(&w);
		ok(write(fd, "!", 1) == 1 && holds("f", rows[i].before), "%s: the bytes, and what comes next behind them",
		   rows[i].what);
		ok(rows[i].direct || !direct, "%s: %s the page cache", rows[i].what, direct ? "past" : "through");
		close(fd);
	}
	unlink("f");
}

/* As in `era_copy 1<file`: whoever may write to the file did not say so. */
static void wrong_way_round(void)
{
	struct longwrite w;
	struct err e = {0};
	int fd;

	scratch_put("f", 0, 5000, 9);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	longwrite_open(&w, fd, "f");
	ok(put_all(&w, 1, &e) == -1 && e.sys == EBADF, "open for reading: %s", e.text);
	longwrite_close(&w);
	ok(lseek(fd, 0, SEEK_END) == 5000, "open for reading: nothing was written");
	close(fd);
	unlink("f");
}

/* Through the page cache behind the end, and whole. */
static void goes_on(void)
{
	struct longwrite w;
	struct err e = {0};
	size_t len;
	uint8_t *p;
	const int fd = open("f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	longwrite_open(&w, fd, "f");
	ok(longwrite_put(&w, data, 1500000, NULL, 0, &e) == 0 && longwrite_end(&w, &e) == 0 && w.direct == -1 &&
		   longwrite_put(&w, data + 1500000, 700000, NULL, 0, &e) == 0 && longwrite_end(&w, &e) == 0,
	   "behind an end it goes on");
	longwrite_close(&w);
	p = scratch_get("f", &len);
	ok(p && len == 2200000 && memcmp(p, data, len) == 0, "behind an end: the bytes");
	free(p);
	close(fd);
	unlink("f");
}

static void pipes(void)
{
	struct longwrite w;
	struct err e = {0};
	uint8_t got[10] = {0};
	int fd[2];

	if (pipe(fd))
		abort();
	longwrite_open(&w, fd[1], "pipe");
	ok(longwrite_put(&w, "abc", 3, "defg", 4, &e) == 0 && read(fd[0], got, 10) == 7 && memcmp(got, "abcdefg", 7) == 0,
	   "pipe: what was put is there at once");
	ok(longwrite_end(&w, &e) == 0, "pipe: nothing is left");
	close(fd[0]);
	signal(SIGPIPE, SIG_IGN);
	ok(longwrite_put(&w, "abc", 3, NULL, 0, &e) == -1 && e.kind != ERR_NONE, "pipe: nobody reads: %s", e.text);
	longwrite_close(&w);
	close(fd[1]);
}

static void full(void)
{
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct longwrite w;
	struct err e = {0};

	longwrite_open(&w, fd, "full");
	ok(put_all(&w, 3, &e) == -1 && e.sys == ENOSPC, "full: %s", e.text);
	longwrite_close(&w);
	close(fd);
}

int main(void)
{
	scratch_begin();
	scratch_fill(data, LEN, 0, 5);
	files();
	wrong_way_round();
	goes_on();
	pipes();
	full();
	return tap_done();
}
