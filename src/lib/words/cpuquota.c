/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/cpuquota.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "words/num.h"

/* Longer than two numbers of 64 bits. */
#define NUMBERS_LEN 64

/* The first line without its end; false where there is more. */
static bool one_line(const char *text, char line[NUMBERS_LEN])
{
	const size_t len = strcspn(text, "\n");

	if (len >= NUMBERS_LEN || (text[len] && text[len + 1]))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	return true;
}

static unsigned int processors(const char *quota, const char *period)
{
	uint64_t q;
	uint64_t p;

	if (num_parse(quota, 1, UINT64_MAX, &q) || num_parse(period, 1, UINT64_MAX, &p))
		return 0;
	return (unsigned int)num_min(num_div_up(q, p), UINT_MAX);
}

unsigned int cpuquota_max(const char *text)
{
	char line[NUMBERS_LEN];
	char *blank;

	if (!one_line(text, line) || !(blank = strchr(line, ' ')))
		return 0;
	*blank = '\0';
	return processors(line, blank + 1);
}

unsigned int cpuquota_cfs(const char *quota, const char *period)
{
	char q[NUMBERS_LEN];
	char p[NUMBERS_LEN];

	return one_line(quota, q) && one_line(period, p) ? processors(q, p) : 0;
}

/* Is the word one of the list's, which ends at its length? */
static bool in_list(const char *list, size_t len, const char *word)
{
	const size_t word_len = strlen(word);
	size_t n;

	while (len > 0) {
		for (n = 0; n < len && list[n] != ','; n++)
			;
		if (n == word_len && memcmp(list, word, n) == 0)
			return true;
		n += n < len;
		list += n;
		len -= n;
	}
	return false;
}

/* The path in "4:cpu,cpuacct:/path", or in "0::/path", and its length; NULL where the line is of something else. */
static const char *path_of(const char *line, bool v2, size_t *path_len)
{
	const size_t len = strcspn(line, "\n");
	const char *list = memchr(line, ':', len);
	const char *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
	size_t list_len;

	if (!path || path[1] != '/')
		return NULL;
	list_len = (size_t)(path - ++list);
	if (v2 ? list_len > 0 || list - line != 2 || line[0] != '0' : !in_list(list, list_len, "cpu"))
		return NULL;
	*path_len = len - (size_t)(++path - line);
	return path;
}

static const char *own_path(const char *groups, bool v2, size_t *len)
{
	const char *path = NULL;

	while (*groups && !(path = path_of(groups, v2, len))) {
		groups += strcspn(groups, "\n");
		groups += *groups == '\n';
	}
	return path;
}

/* A group outside of what a namespace shows has a path with ".." in it. */
static bool goes_up(const char *path, size_t len)
{
	size_t n;

	for (; len > 0; path += n, len -= n) {
		for (n = 1; n < len && path[n] != '/'; n++)
			;
		if (n == 3 && memcmp(path, "/..", 3) == 0)
			return true;
	}
	return false;
}

bool cpuquota_place(const struct mount *m, const char *groups, struct cpuquota_place *p)
{
	const bool v2 = strcmp(m->type, "cgroup2") == 0;
	const size_t root_len = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
	const char *path;
	size_t len = 0;
	int n;

	if (!v2 && (strcmp(m->type, "cgroup") != 0 || !in_list(m->super, strlen(m->super), "cpu")))
		return false;
	path = own_path(groups, v2, &len);
	/* The mount may begin at a group above ours. */
	if (!path || len < root_len || memcmp(path, m->root, root_len) != 0 ||
	    (len > root_len && path[root_len] != '/') || goes_up(path, len))
		return false;
	path += root_len;
	len -= root_len;
	while (len > 0 && path[len - 1] == '/')
		len--;
	n = snprintf(p->dir, sizeof(p->dir), "%s%.*s", m->where, (int)len, path);
	p->v2 = v2;
	p->mount_len = strlen(m->where);
	return n >= 0 && (size_t)n < sizeof(p->dir);
}

bool cpuquota_up(struct cpuquota_place *p)
{
	size_t len = strlen(p->dir);

	if (len <= p->mount_len)
		return false;
	while (len > p->mount_len && p->dir[--len] != '/')
		;
	p->dir[len] = '\0';
	return true;
}
