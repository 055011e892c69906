/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * prio: how far copying stands back for others, as people write it: nice(1)'s number, and ionice(1)'s class. Only ever
 * further back: there is no word for the other way.
 */
#ifndef ERA_WORDS_PRIO_H
#define ERA_WORDS_PRIO_H

#define PRIO_NICE_MAX 19u
#define PRIO_IO_LEN 16

#include "words/err.h"

enum prio_io { PRIO_IO_UNSAID, PRIO_IO_BEST_EFFORT, PRIO_IO_IDLE };

/* All zero: as it is. */
struct prio {
	unsigned int nice; /* up to PRIO_NICE_MAX; 0: not said */
	enum prio_io io;
	unsigned int level; /* of BEST_EFFORT: 0, served first, to 7 */
};

#define PRIO_IO_WORDS "idle, best-effort, or best-effort:0 to best-effort:7"

/* One of PRIO_IO_WORDS; best-effort is level 4, as without any word. -1 for anything else, and *p is as it was. */
int prio_take_io(struct prio *p, const char *word);

/* The same for the value of --ionice. ERR_USAGE. */
int prio_option_io(struct prio *p, const char *value, struct err *e);

/* The one word for it: with its level. Empty where it was not said. Returns buf. */
const char *prio_print_io(const struct prio *p, char buf[PRIO_IO_LEN]);

#endif
