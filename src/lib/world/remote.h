/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote: one command on another machine, over ssh, and what it says. The only module that includes libssh's headers.
 *
 * OpenSSH's files are read: ssh_config, known_hosts (also hashed), keys, the agent. Nobody is ever asked for anything.
 * A host is who known_hosts says, or it is nobody: StrictHostKeyChecking in ssh_config makes no difference.
 *
 * A far side that is silent is not dead: its sshd answers keepalives. One that has sent nothing at all for the
 * timeout, no answer to those either, is.
 *
 * Only one thread at a time may call; it may be another one than opened.
 */
#ifndef ERA_WORLD_REMOTE_H
#define ERA_WORLD_REMOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "words/err.h"

struct remote;

/* Strings are the caller's and must last. */
struct remote_opts {
	const char *object; /* for messages: "ssh://..." */
	const char *host;
	const char *user;	 /* NULL, 0, NULL ...: as ssh_config or the system have it */
	unsigned int port;
	const char *identity;	 /* the one key that is tried */
	const char *known_hosts; /* the one file that is read */
	const char *ssh_config;
	bool accept_new;	 /* an unknown host's key is added to known_hosts */
	unsigned int timeout_s;	 /* at least 1 */
	const char *command;
	const atomic_bool *cut; /* set by another thread: remote_read gives up; NULL: nobody sets it */
};

struct remote_end {
	int status;   /* -1: none */
	char sig[16]; /* "KILL"; "" where it was no signal */
};

enum remote_what { REMOTE_OVER, REMOTE_OUT, REMOTE_ERR };

/*
 * Connect, see who it is, log in, start the command. ERR_IDENTITY where the host's key is not the known one, with its
 * fingerprint and what to do. Ends with an error when stop_requested(). Close also after a failure; NULL is fine.
 */
int remote_open(struct remote **r, const struct remote_opts *o, struct err *e);

/*
 * Wait for something, and read it: *what says from where. REMOTE_OVER: both streams have ended, *got is 0, and *end
 * how the command did. REMOTE_READ_LEN is a good length: it is how much may be on its way.
 */
#define REMOTE_READ_LEN (4u << 20)
int remote_read(struct remote *r, void *buf, size_t len, size_t *got, enum remote_what *what, struct remote_end *end,
		struct err *e);

/* While something else is waited for: take what comes, answer what is asked. Nothing fails here that would not later. */
void remote_serve(struct remote *r);

/* Cuts off a command that still runs. */
void remote_close(struct remote *r);

#endif
