/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/problem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "system/statefile.h"

static const char *path_of(const char *repository, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.*s/problem", PATH_MAX - 32, repository);
	return path;
}

void problem_note(const char *repository, const struct err *outcome)
{
	struct err ignored = {0};
	char path[PATH_MAX];
	char text[PROBLEM_LEN];
	int n;

	n = snprintf(text, sizeof(text), "%lld %s\n", (long long)time(NULL), outcome->text);
	if (n > 0 && n < (int)sizeof(text))
		statefile_replace(path_of(repository, path), text, (size_t)n, &ignored);
}

void problem_clear(const char *repository)
{
	struct err ignored = {0};
	char path[PATH_MAX];

	statefile_remove(path_of(repository, path), &ignored);
}

uint64_t problem_read(const char *repository, char text[PROBLEM_LEN])
{
	struct err ignored = {0};
	char path[PATH_MAX];
	char *end;
	uint64_t t;

	if (statefile_read(path_of(repository, path), text, PROBLEM_LEN, &ignored) <= 0)
		return 0;
	t = strtoull(text, &end, 10);
	if (*end == ' ')
		end++;
	memmove(text, end, strlen(end) + 1);
	text[strcspn(text, "\n")] = '\0';
	return t;
}
