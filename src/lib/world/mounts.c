/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/mounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "words/num.h"

#define MOUNTINFO "/proc/self/mountinfo"

void mounts_unescape(char *s)
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

bool mounts_is_node(const char *path, dev_t dev)
{
	struct stat st;

	return strncmp(path, "/dev/", 5) == 0 && stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == dev;
}

bool mounts_is_on(const struct mount *m, dev_t dev)
{
	return m->dev == dev || (major(m->dev) == 0 && mounts_is_node(m->source, dev));
}

/* 36 35 98:0 /root /where opts optional... - type source super */
static bool parse(char *line, struct mount *m)
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
	mounts_unescape(m->where);
	mounts_unescape(m->source);
	return true;
}

int mounts_each(int (*fn)(void *ctx, const struct mount *m), void *ctx, struct err *e)
{
	FILE *f = fopen(MOUNTINFO, "re");
	struct mount m;
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	if (!f)
		return err_sys(e, "%s", MOUNTINFO);
	while (rc == 0 && getline(&line, &room, f) >= 0)
		if (parse(line, &m))
			rc = fn(ctx, &m);
	if (ferror(f))
		rc = err_sys(e, "%s: cannot read", MOUNTINFO);
	free(line);
	fclose(f);
	return rc;
}
