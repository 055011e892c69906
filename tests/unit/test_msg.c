/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msg: what stands on stderr, and that progress is quiet where it should be. */
#include "words/msg.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

static char said[4096];
static int old_stderr;

/* stderr into a file, and back with what it got. */
static void listen_to_stderr(FILE *f)
{
	fflush(stderr);
	old_stderr = dup(STDERR_FILENO);
	dup2(fileno(f), STDERR_FILENO);
}

static void stop_listening(FILE *f)
{
	size_t n;

	fflush(stderr);
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
}

static void errors(void)
{
	struct err e = {0};
	FILE *f = tmpfile();
	int codes[3];

	listen_to_stderr(f);
	codes[0] = msg_error(&e);
	err_set(&e, ERR_BUSY, "m.img: in use");
	codes[1] = msg_error(&e);
	err_hint(&e, "unmount it");
	codes[2] = msg_error(&e);
	stop_listening(f);
	ok(codes[0] == 0 && codes[1] == 5 && codes[2] == 5, "the kind is the exit code");
	ok(strcmp(said, "t: m.img: in use\nt: m.img: in use\n  hint: unmount it\n") == 0,
	   "the error once a call, the hint where there is one");
}

static void lines(void)
{
	FILE *f = tmpfile();

	listen_to_stderr(f);
	msg_warn("%d%%", 5);
	msg_note("all %s", "well");
	stop_listening(f);
	ok(strcmp(said, "t: warning: 5%\nt: all well\n") == 0, "warnings and notes have the name before them");
}

static void parse(void)
{
	static const char *const words[] = {"auto", "always", "never", "json"};
	static const char *const bad[] = {"", "Auto", "auto ", "js", "always1"};
	enum progress_mode mode;
	struct err e;
	size_t i;

	for (i = 0; i < 4; i++) {
		err_clear(&e);
		ok(progress_parse(words[i], &mode, &e) == 0 && mode == (enum progress_mode)i, "progress %s",
		   words[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		ok(progress_parse(bad[i], &mode, &e) == -1 && e.kind == ERR_USAGE, "progress '%s' is refused",
		   bad[i]);
	}
}

static const char *ticks(enum progress_mode mode, int n)
{
	FILE *f = tmpfile();
	struct progress p;
	int i;

	listen_to_stderr(f);
	progress_start(&p, mode);
	for (i = 0; i < n; i++)
		progress_tick(&p, 1048576, 4194304, 1024);
	progress_end(&p);
	stop_listening(f);
	return said;
}

static int count_of(const char *what)
{
	const char *p = said;
	int n = 0;

	while ((p = strstr(p, what)) != NULL) {
		n++;
		p++;
	}
	return n;
}

static void progress(void)
{
	ok(ticks(PROGRESS_NEVER, 3)[0] == '\0', "never says nothing");
	ok(ticks(PROGRESS_AUTO, 3)[0] == '\0', "auto says nothing to a file");
	ok(ticks(PROGRESS_ALWAYS, 0)[0] == '\0', "without a tick there is nothing to wipe");
	ticks(PROGRESS_JSON, 1000);
	ok(strncmp(said, "{\"done\":1048576,\"total\":4194304,\"stream\":1024,\"seconds\":0.", 58) == 0 &&
		   said[strlen(said) - 1] == '\n', "JSON is one object a line");
	ok(count_of("\n") >= 1 && count_of("\n") < 10, "and a few a second at the most");
	ticks(PROGRESS_ALWAYS, 1);
	ok(strstr(said, "t: 1.00 MiB of 4.00 MiB (25%), ") && strstr(said, "stream 1.00 KiB") &&
		   strstr(said, " left"), "a line says how far, how fast and how long");
	ok(strcmp(said + strlen(said) - 4, "\r\033[K") == 0, "and is wiped at the end");
}

/* Each write arrives as one message; as many ticks as a hundred gigabytes have, and how many of them are written. */
static void writes(enum progress_mode mode, const char *what)
{
	struct progress p;
	char text[512];
	unsigned int lines = 0, whole = 0;
	ssize_t n;
	int ends[2];
	int old = dup(STDERR_FILENO);
	int i;

	if (!ok(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "a pair of sockets"))
		return;
	fflush(stderr);
	dup2(ends[0], STDERR_FILENO);
	progress_start(&p, mode);
	for (i = 0; i < 100000; i++)
		progress_tick(&p, (uint64_t)i + 1, 4194304, 1024);
	dup2(old, STDERR_FILENO);
	while ((n = recv(ends[1], text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		text[n] = '\0';
		lines++;
		whole += strstr(text, what) != NULL && (mode == PROGRESS_JSON ? text[0] == '{' && text[n - 1] == '\n'
									     : text[0] == '\r');
	}
	ok(lines > 0 && lines <= 2 + (unsigned int)(progress_seconds(&p) * 10) && whole == lines,
	   "a hundred thousand ticks in %.1f s are %u writes, and %u of them all of a line", progress_seconds(&p), lines, whole);
	close(old);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	msg_init("t");
	errors();
	lines();
	parse();
	progress();
	writes(PROGRESS_ALWAYS, "stream 1.00 KiB");
	writes(PROGRESS_JSON, "\"stream\":1024,");
	return tap_done();
}
