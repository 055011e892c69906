/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/repochange.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "system/lock.h"
#include "world/streamfile.h"

/* What was left */

static int unlink_there(const char *path, struct err *e)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, "%s: cannot remove", path);
}

/* Nobody who reads may lose a stream under his eyes: then they stay for another time. */
static int remove_old(struct repo *r, struct err *e)
{
	struct err busy = {0};
	char path[PATH_MAX];
	size_t i;
	int fd;
	int rc = -1;

	if (r->cat.nr_removing == 0)
		return 0;
	if (repo_path(r, "readers", path, e))
		return -1;
	fd = lock_take(path, r->dir, &busy);
	if (fd < 0 && busy.kind == ERR_BUSY)
		return 0;
	if (fd < 0) {
		*e = busy;
		return -1;
	}
	for (i = 0; i < r->cat.nr_removing; i++)
		if (repo_stream_path(r, r->cat.removing[i], path, e) || unlink_there(path, e))
			goto out;
	if (fdio_sync_parent(path, e))
		goto out;
	r->cat.nr_removing = 0;
	rc = repo_commit(r, e);
out:
	close(fd);
	return rc;
}

static int empty_incoming(const struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int rc = 0;

	/* Some ways to copy a repository leave out what is empty. */
	if (repo_incoming_path(r, "", path, e) || fdio_make_dir(path, REPO_DIR_MODE, e))
		return -1;
	dir = opendir(path);
	if (!dir)
		return err_sys(e, "%s: cannot read", path);
	while (rc == 0 && (d = readdir(dir)))
		if (d->d_name[0] != '.' && repo_incoming_path(r, d->d_name, path, e) == 0)
			rc = unlink_there(path, e);
	closedir(dir);
	return rc;
}

/* Is the file the stream that was announced? */
static bool is_announced(const struct catalog_stream *s, const char *path)
{
	struct streamfile f;
	struct err ignored = {0};
	const bool same = streamfile_look(&f, path, &ignored) == 0 && f.length == s->length &&
			  wire_id_same(f.head.stream_id, s->stream_id) &&
			  memcmp(f.end.digest, s->digest, sizeof(s->digest)) == 0;

	streamfile_close(&f);
	return same;
}

/* A stream whose file had its name already is one; else it is thrown away with what is in incoming. */
static int finish_adding(struct repo *r, struct err *e)
{
	char path[PATH_MAX];

	if (!r->cat.has_adding)
		return 0;
	if (repo_stream_path(r, r->cat.adding.name, path, e))
		return -1;
	if (is_announced(&r->cat.adding, path)) {
		if (fdio_sync_parent(path, e) || catalog_append(&r->cat, &r->cat.adding, e))
			return -1;
	} else if (unlink_there(path, e)) {
		return -1;
	}
	r->cat.has_adding = false;
	return repo_commit(r, e);
}

static int discard_merging(struct repo *r, struct err *e)
{
	char path[PATH_MAX];

	if (!r->cat.merging[0])
		return 0;
	if (repo_stream_path(r, r->cat.merging, path, e) || unlink_there(path, e))
		return -1;
	r->cat.merging[0] = '\0';
	return repo_commit(r, e);
}

int repochange_lock(struct repo *r, const char *dir, struct err *e)
{
	if (repo_lock_only(r, dir, e) || repo_load(r, e) || finish_adding(r, e) || discard_merging(r, e) ||
	    empty_incoming(r, e))
		return -1;
	return remove_old(r, e);
}

int repochange_lock_to_verify(struct repo *r, const char *dir, struct err *e)
{
	/* A backup disk at a rescue is often mounted so, and then nobody else changes it either. */
	if (access(dir, W_OK) && errno == EROFS)
		return repo_read(r, dir, e);
	return repochange_lock(r, dir, e);
}

/* Change */

int repochange_incoming(const struct repo *r, const char *name, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	if (repo_incoming_path(r, name, path, e))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_sys(e, "%s: cannot create", path) : fd;
}

static int settle(int fd, const char *path, struct catalog_stream *s, struct err *e)
{
	struct stat st;

	if (fdio_sync(fd, path, e))
		return -1;
	if (fstat(fd, &st))
		return err_sys(e, "%s: cannot look at", path);
	if ((uint64_t)st.st_size != s->length)
		return err_set(e, ERR_RUNTIME, "%s: has %lld bytes, and %llu were written", path, (long long)st.st_size,
			       (unsigned long long)s->length);
	s->mtime_ns = repo_mtime_ns(&st);
	return 0;
}

static int place(const struct repo *r, const char *from, const char *name, struct err *e)
{
	char path[PATH_MAX];

	if (repo_stream_path(r, name, path, e))
		return -1;
	if (renameat2(AT_FDCWD, from, AT_FDCWD, path, RENAME_NOREPLACE) && (errno != EINVAL || rename(from, path)))
		return err_sys(e, "%s: cannot give the new stream its name", path);
	return fdio_sync_parent(path, e);
}

int repochange_add(struct repo *r, int fd, const char *incoming, struct catalog_stream *s, struct err *e)
{
	struct err ignored = {0};
	char path[PATH_MAX];
	int rc;

	if (catalog_takes(&r->cat, s, e) || repo_incoming_path(r, incoming, path, e) || settle(fd, path, s, e))
		return -1;
	r->cat.adding = *s;
	r->cat.has_adding = true;
	rc = repo_commit(r, e) || place(r, path, s->name, e) || catalog_append(&r->cat, s, e) ? -1 : 0;
	/* It has its name, and only that was not made durable: the next run finishes. */
	if (rc && repo_stream_path(r, s->name, path, &ignored) == 0 && is_announced(s, path))
		return -1;
	r->cat.has_adding = false;
	/* Where it failed too, so that the next run does not look for it. */
	return repo_commit(r, rc ? &ignored : e) || rc ? -1 : 0;
}

int repochange_exchange(struct repo *r, int fd, const char *incoming, size_t first, size_t last, struct catalog_stream *s,
		  struct err *e)
{
	char path[PATH_MAX];

	if (repo_incoming_path(r, incoming, path, e) || settle(fd, path, s, e))
		return -1;
	memcpy(r->cat.merging, s->name, sizeof(r->cat.merging));
	if (repo_commit(r, e) || place(r, path, s->name, e))
		return -1;
	r->cat.merging[0] = '\0';
	if (catalog_replace(&r->cat, first, last, s, e) || repo_commit(r, e))
		return -1;
	return remove_old(r, e);
}

int repochange_drop(struct repo *r, size_t first, size_t last, struct err *e)
{
	if (catalog_replace(&r->cat, first, last, NULL, e) || repo_commit(r, e))
		return -1;
	return remove_old(r, e);
}

