/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/unlock.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/repo.h"
#include "system/fdio.h"
#include "world/streamfile.h"

struct found {
	struct catalog_stream s;
	uint64_t written_ns; /* when its file was */
	bool used;
};

struct search {
	struct repo r;
	const struct report *report;
	struct unlock_result *u;
	struct found *all;
	size_t nr;
};

static int put_aside(struct search *x, const char *name, const char *why, struct err *e)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	snprintf(to, sizeof(to), "%.*s/aside", PATH_MAX - 128, x->r.dir);
	if (mkdir(to, 0700) && errno != EEXIST)
		return err_sys(e, "%s: cannot create", to);
	/* Durable before something is in it, whoever made it. */
	if (fdio_sync_parent(to, e))
		return -1;
	snprintf(to, sizeof(to), "%.*s/aside/%.255s", PATH_MAX - 300, x->r.dir, name);
	if (repo_stream_path(&x->r, name, from, e))
		return -1;
	if (rename(from, to))
		return err_sys(e, "%s: cannot move it to %s", from, to);
	x->u->aside++;
	report_warn(x->report, "%s; it is in %s now", why, to);
	/* There before it is gone here. */
	return fdio_sync_parent(to, e) || fdio_sync_parent(from, e) ? -1 : 0;
}

static int look(struct search *x, const char *name, struct err *e)
{
	struct streamfile f;
	struct found *more = reallocarray(x->all, x->nr + 1, sizeof(*more));
	struct err why = {0};
	char path[PATH_MAX];
	char text[sizeof(e->text)];
	struct catalog_stream named;
	struct stat st;

	if (!more)
		return err_set(e, ERR_RUNTIME, "%s: no memory for its streams", x->r.dir);
	x->all = more;
	if (repo_stream_path(&x->r, name, path, e))
		return -1;
	more += x->nr;
	memset(more, 0, sizeof(*more));
	if (streamfile_look(&f, path, &why) == 0)
		catalog_describe(&f.head, &f.end, f.length, &more->s);
	if (f.fd >= 0 && fstat(f.fd, &st) == 0)
		more->written_ns = repo_mtime_ns(&st);
	streamfile_close(&f);
	if (why.kind == ERR_RUNTIME && !repo_is_lost(why.sys)) {
		*e = why;
		return -1;
	}
	/* Its time is the name's: HEAD may have one of a clock that was off. */
	if (why.kind == ERR_NONE && catalog_parse_name(name, &named) == 0) {
		more->s.time = named.time;
		catalog_name(&more->s);
	}
	if (why.kind == ERR_NONE && strcmp(more->s.name, name) == 0) {
		x->nr++;
		return 0;
	}
	snprintf(text, sizeof(text), "%.600s: is the stream %.80s under another name", path, more->s.name);
	return put_aside(x, name, why.kind ? why.text : text, e);
}

static int look_at_all(struct search *x, struct err *e)
{
	char path[PATH_MAX];
	struct dirent **names;
	int rc = 0;
	int n;
	int i;

	if (repo_stream_path(&x->r, "", path, e))
		return -1;
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		return err_sys(e, "%s: cannot read", path);
	for (i = 0; i < n; i++) {
		if (rc == 0 && names[i]->d_name[0] != '.')
			rc = look(x, names[i]->d_name, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* The stream that leads to this one's parent; one that was not merged, where there are two. */
static struct found *parent_of(struct search *x, const struct found *f)
{
	struct found *best = NULL;
	size_t i;

	for (i = 0; i < x->nr; i++) {
		struct found *p = &x->all[i];

		if (p != f && wire_id_same(p->s.state_id, f->s.parent_id) && wire_id_same(p->s.generation, f->s.generation) &&
		    (!best || best->s.merged))
			best = p;
	}
	return best;
}

/* The streams from a full to this one, newest first; 0: it does not reach a full. */
static size_t trace(struct search *x, struct found *f, struct found **path)
{
	size_t n = 0;

	while (f && n < x->nr) {
		path[n++] = f;
		if (f->s.kind == WIRE_FULL)
			return n;
		f = parent_of(x, f);
	}
	return 0;
}

/* The younger first. */
static int younger_first(const void *a, const void *b)
{
	const struct found *x = a;
	const struct found *y = b;

	if (x->s.time != y->s.time)
		return x->s.time < y->s.time ? 1 : -1;
	if (x->s.era_c != y->s.era_c)
		return x->s.era_c < y->s.era_c ? 1 : -1;
	return x->written_ns < y->written_ns ? 1 : x->written_ns > y->written_ns ? -1 : 0;
}

/* Does nothing start where it ends? */
static bool is_leaf(const struct search *x, const struct found *f)
{
	size_t i;

	for (i = 0; i < x->nr; i++)
		if (wire_id_same(x->all[i].s.parent_id, f->s.state_id) && wire_id_same(x->all[i].s.generation, f->s.generation))
			return false;
	return true;
}

/* Chains, from the last stream of each, whatever the clock said within it; later ones must not use what an earlier one has. */
static int chains(struct search *x, struct found **order, size_t *nr, struct err *e)
{
	struct found **path = calloc(x->nr + 1, sizeof(*path));
	size_t n;
	size_t i;
	size_t k;

	if (!path)
		return err_set(e, ERR_RUNTIME, "%s: no memory for its streams", x->r.dir);
	qsort(x->all, x->nr, sizeof(*x->all), younger_first);
	for (i = 0; i < x->nr; i++) {
		n = is_leaf(x, &x->all[i]) ? trace(x, &x->all[i], path) : 0;
		for (k = 0; k < n && !path[k]->used; k++)
			;
		if (n == 0 || k < n)
			continue;
		/* Newest first, the whole of it. */
		for (k = 0; k < n; k++) {
			path[k]->used = true;
			order[(*nr)++] = path[k];
		}
	}
	free(path);
	return 0;
}

static int rebuild(struct search *x, struct err *e)
{
	struct found **order = calloc(x->nr + 1, sizeof(*order));
	size_t nr = 0;
	char why[256];
	size_t i;
	int rc = -1;

	if (!order)
		return err_set(e, ERR_RUNTIME, "%s: no memory for its streams", x->r.dir);
	if (chains(x, order, &nr, e))
		goto out;
	for (i = nr; i > 0; i--)
		if (catalog_append(&x->r.cat, &order[i - 1]->s, e))
			goto out;
	for (i = 0; i < x->nr; i++) {
		snprintf(why, sizeof(why), "%s: is in no chain from a full to the newest", x->all[i].s.name);
		if (!x->all[i].used && put_aside(x, x->all[i].s.name, why, e))
			goto out;
	}
	x->u->found = nr;
	memcpy(x->r.cat.id, x->r.id, WIRE_ID_LEN);
	rc = repo_commit(&x->r, e);
out:
	free(order);
	return rc;
}

/* A directory without streams was never a repository, or its disk is not mounted. */
static bool is_wreck(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s/streams", PATH_MAX - 16, dir);
	return access(path, F_OK) == 0;
}

int unlock(const char *dir, const struct report *report, struct unlock_result *u, struct err *e)
{
	struct search x = {.report = report, .u = u};
	struct repo whole;
	struct err why = {0};
	int rc;

	memset(u, 0, sizeof(*u));
	rc = repo_open(&whole, dir, &why);
	repo_close(&whole);
	if (rc == 0)
		return err_set(e, ERR_USAGE, "%s: its state is well, there is nothing to unlock", dir);
	if (!is_wreck(dir)) {
		*e = why;
		return -1;
	}
	report_note(report, "%s", why.text);
	rc = repo_lock_wreck(&x.r, dir, e) || look_at_all(&x, e) || rebuild(&x, e) ? -1 : 0;
	free(x.all);
	repo_close(&x.r);
	return rc;
}
