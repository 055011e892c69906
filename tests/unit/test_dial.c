/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dial: several addresses, of which some are dead; the words of a ProxyCommand. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world/dial.h"
#include "tap.h"

/* The system's answer for every name: these addresses, in this order. */
static const char *addresses[4];
static struct sockaddr_in sockets[4];
static struct addrinfo infos[4];

int getaddrinfo(const char *host, const char *port, const struct addrinfo *want, struct addrinfo **list)
{
	struct addrinfo **next = list;
	size_t i;

	(void)host;
	*list = NULL;
	for (i = 0; i < 4 && addresses[i]; i++) {
		sockets[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
		inet_pton(AF_INET, addresses[i], &sockets[i].sin_addr);
		infos[i] = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = want->ai_socktype};
		infos[i].ai_addr = (struct sockaddr *)&sockets[i];
		infos[i].ai_addrlen = sizeof(sockets[i]);
		*next = &infos[i];
		next = &infos[i].ai_next;
	}
	return *list ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

static int listen_on(const char *address, unsigned int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &a.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static void run_addresses(void)
{
	static const struct {
		const char *what;
		const char *list[4];
		const char *error;
	} cases[] = {
		{"one that answers", {"127.0.0.1"}, NULL},
		{"the second answers", {"127.0.0.2", "127.0.0.1"}, NULL},
		{"the last answers", {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"}, NULL},
		{"none answers", {"127.0.0.2", "127.0.0.3"}, "Connection refused"},
		{"there is none", {NULL}, "address of far"},
	};
	struct dial_opts o = {.host = "far", .name = "far", .user = "me", .object = "ssh://far/x", .timeout_s = 20};
	const int listener = listen_on("127.0.0.1", &o.port);
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dial *d = NULL;
		struct err e = {0};
		int rc;
		int fd;

		memcpy(addresses, cases[i].list, sizeof(addresses));
		rc = dial_up(&d, &o, &e);
		fd = rc ? -1 : accept(listener, NULL, NULL);
		if (cases[i].error)
			ok(rc == -1 && e.kind == ERR_RUNTIME && strstr(e.text, cases[i].error) &&
				   strncmp(e.text, o.object, strlen(o.object)) == 0,
			   "%s: %s", cases[i].what, e.text);
		else
			ok(rc == 0 && fd >= 0, "%s: %s", cases[i].what, e.text);
		dial_hang_up(d);
		if (fd >= 0)
			close(fd);
	}
	close(listener);
}

static void run_commands(void)
{
	static const struct {
		const char *command;
		const char *host;
		const char *said;
		const char *error;
	} cases[] = {
		{"echo %h %n %p %r %%", "10.1.2.3", "10.1.2.3 far 2222 me %\n", NULL},
		{"exec echo \"one  two\"", "h", "one  two\n", NULL},
		{"echo %h", "fe80::1%eth0", "fe80::1%eth0\n", NULL},
		{"echo %k", "h", NULL, "%k"},
		{"echo %", "h", NULL, "%"},
		{"echo %h", "$(date)", NULL, "$(date)"},
		{"echo %h", "a b", NULL, "a b"},
		{"echo %h", "-oX", NULL, "-oX"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dial_opts o = {.host = cases[i].host, .name = "far", .user = "me", .object = "ssh://far/x"};
		struct dial *d = NULL;
		struct err e = {0};
		char buf[64] = "";
		int rc;

		o.port = 2222;
		o.timeout_s = 20;
		o.command = cases[i].command;
		rc = dial_up(&d, &o, &e);
		if (cases[i].error) {
			ok(rc == -1 && e.kind == ERR_USAGE && strstr(e.text, cases[i].error), "%s: %s", o.command, e.text);
		} else {
			const int fd = dial_take(d);

			ok(rc == 0 && read(fd, buf, sizeof(buf) - 1) > 0 && strcmp(buf, cases[i].said) == 0, "%s: %s", o.command,
			   e.text);
			close(fd);
		}
		dial_hang_up(d);
	}
}

static void run_complaint(void)
{
	struct dial_opts o = {.host = "h", .name = "far", .user = "me", .object = "ssh://far/x", .timeout_s = 20};
	struct dial *d = NULL;
	struct err e = {0};
	char buf[8];
	int fd;

	o.command = "head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; printf 'no \\033[2J way\\r\\n' >&2; echo";
	dial_up(&d, &o, &e);
	fd = dial_take(d);
	ok(read(fd, buf, sizeof(buf)) == 1, "much is said, and nobody kept waiting");
	ok(strcmp(dial_complaint(d), "no ?[2J way") == 0 && strcmp(dial_complaint(d), "no ?[2J way") == 0,
	   "the last of it: %s", dial_complaint(d));
	close(fd);
	dial_hang_up(d);
}

int main(void)
{
	run_addresses();
	run_commands();
	run_complaint();
	return tap_done();
}
