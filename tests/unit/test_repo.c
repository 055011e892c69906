/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repo: what becomes the state can be read again, and only in the directory that was locked.
 */
#include "flow/repo.h"

#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "tap.h"

static struct catalog_stream full(void)
{
	struct catalog_stream s = {.kind = WIRE_FULL, .cut = WIRE_CUT_SNAPSHOT, .consistency = WIRE_CRASH_CONSISTENT,
				   .passes = 1, .size = 4096, .length = 1000, .time = 1700000000};

	s.stream_id[0] = s.state_id[0] = s.generation[0] = 7;
	catalog_name(&s);
	return s;
}

static bool is_as(const char *path, const char *text)
{
	size_t len;
	char *now = (char *)scratch_get(path, &len);
	const bool same = now && strcmp(now, text) == 0;

	free(now);
	return same;
}

static void test_commit(void)
{
	static const struct {
		const char *name;
		size_t at; /* a number of 64 bits in a catalog's stream, or in the catalog */
		bool in_stream;
		uint64_t value;
		bool good;
	} cases[] = {
		{"the highest era", offsetof(struct catalog_stream, era_c), true, UINT32_MAX, true},
		{"an era behind it", offsetof(struct catalog_stream, era_c), true, UINT64_C(1) << 32, false},
		{"a size beyond all devices", offsetof(struct catalog_stream, size), true, UINT64_MAX, false},
		{"a time of no calendar", offsetof(struct catalog_stream, time), true, UINT64_MAX, false},
		{"a time that its name has no room for", offsetof(struct catalog_stream, time), true, 253402300800, false},
		{"standing still for ever", offsetof(struct catalog, run_still_us), false, UINT64_MAX, false},
		{"blocks of metadata without end", offsetof(struct catalog, meta_total), false, UINT64_MAX, false},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog_stream s = full();
		struct repo r;
		struct err e = {0};
		char dir[32];
		char path[64];
		size_t len;
		char *before;
		bool done;

		snprintf(dir, sizeof(dir), "%s/r%zu", ".", i);
		snprintf(path, sizeof(path), "%s/state", dir);
		if (repo_create(dir, &e) != 1 || repo_lock_only(&r, dir, &e) || repo_load(&r, &e))
			printf("# %s\n", e.text);
		before = (char *)scratch_get(path, &len);
		if (cases[i].in_stream)
			memcpy((char *)&s + cases[i].at, &cases[i].value, sizeof(cases[i].value));
		else
			memcpy((char *)&r.cat + cases[i].at, &cases[i].value, sizeof(cases[i].value));
		catalog_name(&s);
		catalog_append(&r.cat, &s, &e);
		done = repo_commit(&r, &e) == 0;
		ok(done == cases[i].good && is_as(path, before) != done, "%s: %s", cases[i].name, e.text);
		repo_close(&r);
		err_clear(&e);
		ok(repo_open(&r, dir, &e) == 0 && r.cat.nr == done, "and the repository can be read: %s", e.text);
		repo_close(&r);
		free(before);
	}
}

static void test_moved(void)
{
	struct repo r;
	struct err e = {0};
	size_t len;
	char *before;

	if (repo_create("./here", &e) != 1 || repo_create("./other", &e) != 1 || repo_lock_only(&r, "./here", &e) ||
	    repo_load(&r, &e))
		printf("# %s\n", e.text);
	ok(repo_commit(&r, &e) == 0, "what is locked is written: %s", e.text);
	before = (char *)scratch_get("other/state", &len);
	if (rename("here", "away") || rename("other", "here"))
		abort();
	ok(repo_commit(&r, &e) && e.kind == ERR_RUNTIME && is_as("here/state", before),
	   "another in its place is not: %s", e.text);
	err_clear(&e);
	if (rename("here", "other"))
		abort();
	ok(repo_commit(&r, &e) && e.kind == ERR_RUNTIME, "nor is nothing: %s", e.text);
	err_clear(&e);
	if (rename("away", "here"))
		abort();
	ok(repo_commit(&r, &e) == 0, "back in its place it is: %s", e.text);
	repo_close(&r);
	free(before);
}

int main(void)
{
	scratch_begin();
	test_commit();
	test_moved();
	return tap_done();
}
