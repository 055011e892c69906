/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial: a connected socket to a host's port: over TCP, or the one of a command (ssh_config's ProxyCommand) that talks
 * to it.
 *
 * All addresses of the host are tried, in the order in which the system has them: one that is dead does not hide one
 * that answers. A command has no terminal, and ends with the call.
 */
#ifndef ERA_WORLD_DIAL_H
#define ERA_WORLD_DIAL_H

#include "words/err.h"

struct dial;

struct dial_opts {
	const char *host;
	unsigned int port;
	const char *command; /* with "%h", "%n", "%p", "%r", "%%"; NULL: TCP */
	const char *name;    /* of the host as it was asked for: %n */
	const char *user;    /* %r */
	const char *object;  /* for messages */
	unsigned int timeout_s;
};

/*
 * Over TCP a peer that acknowledges nothing for timeout_s breaks the connection, now and later. Hang up also after a
 * failure; NULL is fine.
 */
int dial_up(struct dial **d, const struct dial_opts *o, struct err *e);

/* The socket. Gives it away: the caller closes it. */
int dial_take(struct dial *d);

/* What the command said last, or "". Stays the dial's, until the next call. */
const char *dial_complaint(struct dial *d);

void dial_hang_up(struct dial *d);

#endif
