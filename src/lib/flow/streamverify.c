/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/streamverify.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/applyflow.h"
#include "pure/links.h"
#include "world/streamfile.h"

static int compare(const struct catalog_stream *s, const char *path, const struct applyflow_result *v, struct err *e)
{
	struct catalog_stream now;

	catalog_describe(&v->head, &v->end, v->stream_bytes, &now);
	if (!wire_id_same(now.stream_id, s->stream_id) || !wire_id_same(now.state_id, s->state_id))
		return err_set(e, ERR_CORRUPT, "%s: is another stream: %s", path, now.name);
	if (memcmp(now.digest, s->digest, sizeof(now.digest)) != 0 || now.length != s->length ||
	    now.kind != s->kind || now.era_c != s->era_c || now.size != s->size ||
	    !wire_id_same(now.parent_id, s->parent_id) || !wire_id_same(now.generation, s->generation))
		return err_set(e, ERR_CORRUPT, "%s: is whole, and not what was stored", path);
	return 0;
}

int streamverify_link(const struct repo *r, size_t i, const struct wire_head *h, struct err *e)
{
	struct streamfile before;
	char path[PATH_MAX];
	int rc = -1;

	if (h->kind == WIRE_FULL)
		return 0;
	if (repo_stream_path(r, r->cat.streams[i].name, path, e))
		return -1;
	if (streamfile_look(&before, path, e) == 0)
		rc = links_check(&before.head, before.end.era_c, h, e);
	streamfile_close(&before);
	return rc;
}

/* The one before is verified by itself, and says so where it cannot be looked at. */
static int check_link(const struct repo *r, size_t i, const char *path, const struct wire_head *h, struct err *e)
{
	struct err why = {0};

	if (i == 0 || streamverify_link(r, i - 1, h, &why) == 0 || why.kind != ERR_IDENTITY)
		return 0;
	*e = why;
	e->kind = ERR_CORRUPT;
	return err_prefix(e, "%s", path);
}

static int read_all(const struct repo *r, size_t i, const char *path, int fd, const struct applyflow_opts *o,
		    uint64_t *mtime_ns, struct err *e)
{
	struct applyflow_result v;
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, "%s: cannot look at", path);
	*mtime_ns = repo_mtime_ns(&st);
	if (applyflow_run(fd, path, o, &v, e) || compare(&r->cat.streams[i], path, &v, e))
		return -1;
	return check_link(r, i, path, &v.head, e);
}

int streamverify(struct repo *r, size_t i, bool stored_only, unsigned int threads, const struct tick *t, struct err *e)
{
	struct catalog_stream *s = &r->cat.streams[i];
	/* A mark may be there for the content's sake. */
	const struct applyflow_opts o = {.stored_only = stored_only && !s->damaged, .threads = threads, .tick = *t};
	char path[PATH_MAX];
	uint64_t mtime_ns = 0;
	int rc;
	int fd;

	if (repo_stream_path(r, s->name, path, e))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? err_sys(e, "%s: cannot open", path) : read_all(r, i, path, fd, &o, &mtime_ns, e);
	/* What the disk does not give back is damaged, whatever it calls that. */
	if (rc && e->sys && repo_is_lost(e->sys))
		e->kind = ERR_CORRUPT;
	if (fd >= 0)
		close(fd);
	if (rc && e->kind != ERR_CORRUPT)
		return -1;
	s->damaged = rc != 0;
	if (rc == 0)
		s->mtime_ns = mtime_ns;
	return rc;
}

/* 1, 0, -1 as streamverify_chain, of one stream. */
static int check_one(struct repo *r, size_t i, unsigned int threads, bool *changed, struct err *e)
{
	const struct tick none = {0};
	const bool was_damaged = r->cat.streams[i].damaged;
	int same = repo_untouched(r, i, e);

	if (same < 0)
		return -1;
	if (same && !was_damaged)
		return 1;
	*changed = true;
	if (streamverify(r, i, false, threads, &none, e) == 0)
		return 1;
	return e->kind == ERR_CORRUPT ? 0 : -1;
}

int streamverify_chain(struct repo *r, unsigned int threads, bool *changed, struct err *e)
{
	size_t i;
	int rc = 1;

	*changed = false;
	for (i = r->cat.nr ? catalog_chain(&r->cat, r->cat.nr - 1) : 0; rc == 1 && i < r->cat.nr; i++)
		rc = check_one(r, i, threads, changed, e);
	return rc;
}
