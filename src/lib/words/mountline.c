/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/mountline.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "words/num.h"

void mountline_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* 36 35 98:0 /root /where opts optional... - type source super */
bool mountline_parse(char *line, struct mount *m)
{
	char *save = NULL;
	char *word = strtok_r(line, " \n", &save);
	unsigned int ma = 0;
	unsigned int mi = 0;
	int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; word && strcmp(word, "-") != 0; i++, word = strtok_r(NULL, " \n", &save)) {
		if ((i == 0 && num_parse(word, 0, UINT64_MAX, &m->id)) ||
		    (i == 2 && sscanf(word, "%u:%u", &ma, &mi) != 2))
			return false;
		if (i == 3)
			m->root = word;
		if (i == 4)
			m->where = word;
	}
	if (!word || !m->where)
		return false;
	m->type = strtok_r(NULL, " \n", &save);
	m->source = strtok_r(NULL, " \n", &save);
	m->super = strtok_r(NULL, " \n", &save);
	if (!m->type || !m->source || !m->super)
		return false;
	m->dev = makedev(ma, mi);
	mountline_unescape(m->root);
	mountline_unescape(m->where);
	mountline_unescape(m->source);
	return true;
}
