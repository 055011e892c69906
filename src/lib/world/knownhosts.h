/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * knownhosts: what libssh does not do with known_hosts: revoked keys, a line that is added for certain, and words for a
 * person. Which key a host has is world/remote's to ask.
 */
#ifndef ERA_WORLD_KNOWNHOSTS_H
#define ERA_WORLD_KNOWNHOSTS_H

#include <stdbool.h>

#include "words/err.h"

/*
 * ERR_IDENTITY where a line of the file marks the key as @revoked, for whatever host; `object` is who has it. A file
 * that is not there says nothing; one that cannot be read is an error.
 */
int knownhosts_check(const char *file, const char *key_base64, const char *object, struct err *e);

/* Append a line, which ends with a newline, durably; with the directory, where that is not there. */
int knownhosts_add(const char *file, const char *line, struct err *e);

enum knownhosts_how { KNOWNHOSTS_UNKNOWN, KNOWNHOSTS_CHANGED, KNOWNHOSTS_OTHER_TYPE };

struct knownhosts_who {
	const char *object; /* for messages */
	const char *file;
	const char *name; /* as the host was asked for */
	const char *host; /* as it is called in the end */
	unsigned int port;
	const char *key_type; /* "ssh-ed25519" */
	const char *fingerprint;
	bool by_command; /* ssh-keyscan would not reach it */
};

/* ERR_IDENTITY: who it is not, and the commands by which a person makes the host known. Returns -1. */
int knownhosts_refuse(const struct knownhosts_who *w, enum knownhosts_how how, struct err *e);

#endif
