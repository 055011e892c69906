/* SPDX-License-Identifier: GPL-3.0-or-later */
/* err: the first error wins, the hint belongs to it, and long texts are cut, never overrun. */
#include "words/err.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

static void first_wins(void)
{
	struct err e = {0};

	ok(err_set(&e, ERR_CORRUPT, "frame %d", 7) == -1 && e.kind == ERR_CORRUPT &&
		   strcmp(e.text, "frame 7") == 0, "an error is set");
	ok(err_set(&e, ERR_BUSY, "later") == -1 && e.kind == ERR_CORRUPT &&
		   strcmp(e.text, "frame 7") == 0, "a second error does not hide it");
	errno = EIO;
	ok(err_sys(&e, "later") == -1 && strcmp(e.text, "frame 7") == 0, "nor does errno");
	ok(err_hint(&e, "do %s", "this") == -1 && strcmp(e.hint, "do this") == 0, "it gets a hint");
	err_hint(&e, "do that");
	ok(strcmp(e.hint, "do this") == 0, "the first hint stays");
	ok(err_prefix(&e, "%s: at %d", "x.era", 3) == -1 &&
		   strcmp(e.text, "x.era: at 3: frame 7") == 0 && strcmp(e.hint, "do this") == 0,
	   "a prefix says where");
	err_clear(&e);
	ok(e.kind == ERR_NONE && e.text[0] == '\0' && e.hint[0] == '\0', "cleared is nothing");
}

static void system_error(void)
{
	struct err e = {0};

	errno = ENOSPC;
	ok(err_sys(&e, "%s: cannot write", "m.img") == -1 && e.kind == ERR_RUNTIME &&
		   strcmp(e.text, "m.img: cannot write: No space left on device") == 0,
	   "errno in words");
}

static void no_error(void)
{
	struct err e = {0};

	err_hint(&e, "hint");
	err_prefix(&e, "prefix");
	ok(e.kind == ERR_NONE && e.text[0] == '\0' && e.hint[0] == '\0',
	   "where there is no error there is no hint and no prefix");
	strcpy(e.hint, "stale");
	err_set(&e, ERR_USAGE, "x");
	ok(e.hint[0] == '\0', "a new error has no old hint");
}

static void long_texts(void)
{
	char longest[2000];
	struct err e = {0};

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	err_set(&e, ERR_USAGE, "%s", longest);
	err_hint(&e, "%s", longest);
	ok(strlen(e.text) == sizeof(e.text) - 1 && strlen(e.hint) == sizeof(e.hint) - 1,
	   "a long text and hint are cut");
	err_prefix(&e, "here");
	ok(strlen(e.text) == sizeof(e.text) - 1 && strncmp(e.text, "here: xx", 8) == 0,
	   "a prefix before a long text");
	err_prefix(&e, "%s", longest);
	ok(strlen(e.text) == sizeof(e.text) - 1, "a long prefix");
	err_clear(&e);
	errno = EIO;
	err_sys(&e, "%s", longest);
	ok(strlen(e.text) == sizeof(e.text) - 1, "no room for errno");
}

int main(void)
{
	first_wins();
	system_error();
	no_error();
	long_texts();
	return tap_done();
}
