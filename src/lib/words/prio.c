/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/prio.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "words/num.h"

#define BEST_EFFORT "best-effort"
#define LEVEL_DEFAULT 4u
#define LEVEL_MAX 7u

int prio_take_io(struct prio *p, const char *word)
{
	const size_t len = strlen(BEST_EFFORT);
	uint64_t level = LEVEL_DEFAULT;

	if (strcmp(word, "idle") == 0) {
		p->io = PRIO_IO_IDLE;
		p->level = 0;
		return 0;
	}
	if (strncmp(word, BEST_EFFORT, len) != 0)
		return -1;
	/* One digit: there is one text for each. */
	if (word[len] && (word[len] != ':' || strlen(word) != len + 2 || num_parse(word + len + 1, 0, LEVEL_MAX, &level)))
		return -1;
	p->io = PRIO_IO_BEST_EFFORT;
	p->level = (unsigned int)level;
	return 0;
}

int prio_option_io(struct prio *p, const char *value, struct err *e)
{
	if (prio_take_io(p, value) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--ionice is " PRIO_IO_WORDS ", not '%.40s'", value);
}

const char *prio_print_io(const struct prio *p, char buf[PRIO_IO_LEN])
{
	switch (p->io) {
	case PRIO_IO_IDLE: snprintf(buf, PRIO_IO_LEN, "idle"); break;
	case PRIO_IO_BEST_EFFORT: snprintf(buf, PRIO_IO_LEN, BEST_EFFORT ":%u", p->level % (LEVEL_MAX + 1)); break;
	case PRIO_IO_UNSAID:
	default: buf[0] = '\0'; break;
	}
	return buf;
}
