/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * forced: what the holder of a restricted key may have of era_copy: what erabackup asks for, of the devices listed.
 *
 * sshd runs the command of the key's line and hands over what was asked for in SSH_ORIGINAL_COMMAND. That is taken
 * by pure/request, to the letter, or not at all. No shell ever sees it. What is refused is noted in the system's log;
 * who asked learns nothing but that.
 *
 * The environment may be the asker's too, as far as sshd accepts it. So nothing of it is left.
 */
#ifndef ERA_FLOW_FORCED_H
#define ERA_FLOW_FORCED_H

#include "pure/request.h"
#include "words/err.h"

#define FORCED_DEVICES_MAX 64
#define FORCED_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What the key's line says. */
struct forced {
	const char *devices[FORCED_DEVICES_MAX];
	unsigned int nr;
	const char *cow; /* the only device whose overwriting may be asked for; NULL: none */
};

/* One more device. ERR_USAGE where no request could name it, or there are too many. */
int forced_allow(struct forced *f, const char *device, struct err *e);

/* What was asked for: words as of request_parse, in `room`. */
struct forced_asked {
	struct request request;
	char room[REQUEST_LEN];
	char *words[REQUEST_WORDS_MAX + 1];
	unsigned int nr;
};

/* May that be had? text NULL: nothing was asked for. ERR_USAGE where not, in words for whoever asked. */
int forced_judge(const struct forced *f, const char *text, struct forced_asked *a, struct err *e);

/* The line for the log: who, by SSH_CONNECTION, and what. NULL where it is not known. Printable, and bounded. */
#define FORCED_TOLD_LEN 512
const char *forced_told(const char *text, const char *connection, char buf[FORCED_TOLD_LEN]);

/*
 * All of it: take the request from the environment, empty that but for PATH and the user's HOME, judge, and note a
 * refusal in the log (auth, warning). To be called before anything else is done.
 */
int forced_enter(const struct forced *f, struct forced_asked *a, struct err *e);

#endif
