/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plain: text from elsewhere, made harmless to show.
 *
 * What another machine says may end on a terminal, in a log or in a mail, where an escape sequence could move the
 * cursor, set a title, or make one line look like another.
 */
#ifndef ERA_WORDS_PLAIN_H
#define ERA_WORDS_PLAIN_H

/*
 * In place: control characters, C1 ones and those that change the direction of text included, and bytes that are no
 * UTF-8 become '?', a tab becomes a blank. Returns text.
 */
char *plain_text(char *text);

#endif
