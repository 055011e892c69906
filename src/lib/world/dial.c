/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/child.h"
#include "system/clock.h"
#include "system/stop.h"
#include "words/plain.h"

#define LOOK_MS 200
#define COMMAND_LEN 4096

struct dial {
	int fd;
	struct child *command;
	int said; /* the command's standard error: in memory, so that it is never kept waiting */
	char complaint[256];
};

/* Wait until the socket is connected. 0, or the error's number; -1: told to stop. */
static int wait_connected(int fd, int64_t until, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	while (poll(&p, 1, LOOK_MS) <= 0) {
		if (stop_check(e))
			return -1;
		if (clock_us() >= until)
			return ETIMEDOUT;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? errno : error;
}

/* 0, or the error's number; -1: told to stop. */
static int try_address(const struct addrinfo *a, const struct dial_opts *o, int *fd, struct err *e)
{
	const unsigned int limit_ms = o->timeout_s * 1000;
	const int on = 1;
	int rc = 0;

	*fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (*fd < 0)
		return errno;
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(*fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
	if (connect(*fd, a->ai_addr, a->ai_addrlen))
		rc = errno == EINPROGRESS || errno == EINTR ?
			     wait_connected(*fd, clock_us() + (int64_t)limit_ms * 1000, e) :
			     errno;
	if (rc)
		close(*fd);
	return rc;
}

static int connect_tcp(struct dial *d, const struct dial_opts *o, struct err *e)
{
	const struct addrinfo want = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	struct addrinfo *a;
	char port[16];
	int rc;

	snprintf(port, sizeof(port), "%u", o->port);
	rc = getaddrinfo(o->host, port, &want, &list);
	if (rc) {
		err_set(e, ERR_RUNTIME, "%s: cannot find the address of %s: %s", o->object, o->host,
			rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return err_hint(e, "host names are looked up here: getent hosts %s", o->host);
	}
	for (rc = EHOSTUNREACH, a = list; a && rc > 0; a = a->ai_next)
		rc = try_address(a, o, &d->fd, e);
	freeaddrinfo(list);
	if (rc == 0)
		return 0;
	d->fd = -1;
	errno = rc;
	if (rc > 0)
		err_sys(e, "%s: cannot connect to %s port %u", o->object, o->host, o->port);
	return -1;
}

/* It becomes part of a command line of the shell. */
static bool is_tame(const char *word)
{
	return *word != '-' && word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@%-")] == '\0';
}

/* ssh_config(5), TOKENS: those that say something before there is a connection. */
static int expand(const struct dial_opts *o, char text[COMMAND_LEN], struct err *e)
{
	size_t n = (size_t)snprintf(text, COMMAND_LEN, "exec ");
	const char *p = strncmp(o->command, "exec ", 5) == 0 ? o->command + 5 : o->command;
	const char *word;
	char port[16];

	snprintf(port, sizeof(port), "%u", o->port);
	for (; *p && n < COMMAND_LEN; p++) {
		if (*p != '%') {
			n += (size_t)snprintf(text + n, COMMAND_LEN - n, "%c", *p);
			continue;
		}
		p++;
		word = *p == 'h' ? o->host : *p == 'n' ? o->name : *p == 'p' ? port : *p == 'r' ? o->user :
			*p == '%' ? "%" : NULL;
		if (!word)
			return err_set(e, ERR_USAGE, "%s: ProxyCommand: %%%.1s is not supported", o->object, p);
		if (!is_tame(word))
			return err_set(e, ERR_USAGE, "%s: ProxyCommand: '%s' is no name to give to a shell", o->object, word);
		n += (size_t)snprintf(text + n, COMMAND_LEN - n, "%s", word);
	}
	if (n >= COMMAND_LEN)
		return err_set(e, ERR_USAGE, "%s: ProxyCommand is too long", o->object);
	return 0;
}

static int connect_command(struct dial *d, const struct dial_opts *o, struct err *e)
{
	const char *shell = getenv("SHELL");
	char text[COMMAND_LEN];
	const char *argv[] = {shell && *shell ? shell : "/bin/sh", "-c", text, NULL};
	struct child_opts co = {.argv = argv};
	int pair[2];
	int rc;

	if (expand(o, text, e))
		return -1;
	d->said = memfd_create("said", MFD_CLOEXEC);
	if (d->said < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return err_sys(e, "%s: cannot start ProxyCommand", o->object);
	d->fd = pair[0];
	co.io = pair[1];
	co.err = d->said;
	rc = child_start(&d->command, &co, e);
	close(pair[1]);
	return rc ? err_prefix(e, "%s: ProxyCommand", o->object) : 0;
}

int dial_up(struct dial **d, const struct dial_opts *o, struct err *e)
{
	struct dial *n = calloc(1, sizeof(*n));

	*d = n;
	if (!n)
		return err_sys(e, "%s: cannot connect", o->object);
	n->fd = n->said = -1;
	return o->command ? connect_command(n, o, e) : connect_tcp(n, o, e);
}

int dial_take(struct dial *d)
{
	const int fd = d->fd;

	d->fd = -1;
	return fd;
}

const char *dial_complaint(struct dial *d)
{
	const off_t end = d->said < 0 ? 0 : lseek(d->said, 0, SEEK_END);
	const off_t begin = end < (off_t)sizeof(d->complaint) ? 0 : end - (off_t)sizeof(d->complaint) + 1;
	const ssize_t n = end > 0 ? pread(d->said, d->complaint, sizeof(d->complaint) - 1, begin) : 0;
	char *line;

	d->complaint[n > 0 ? n : 0] = '\0';
	for (line = d->complaint + strlen(d->complaint); line > d->complaint && strchr("\r\n", line[-1]);)
		*--line = '\0';
	while (line > d->complaint && line[-1] != '\n')
		line--;
	return plain_text(line);
}

void dial_hang_up(struct dial *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	child_close(d->command);
	if (d->said >= 0)
		close(d->said);
	free(d);
}
