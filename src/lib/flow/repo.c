/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/repo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pure/catalogtext.h"
#include "system/fdio.h"
#include "system/lock.h"
#include "system/statefile.h"
#include "words/num.h"

#define STATE_MAX (16u << 20)

#define ABOUT_LEN 64
static const char about_format[] = "era-repository 1\nid %s\n";

/* Paths */

static int join(const struct repo *r, const char *sub, const char *name, char path[PATH_MAX], struct err *e)
{
	/* Room for what statefile adds. */
	if (snprintf(path, PATH_MAX, "%s/%s%s", r->dir, sub, name) < PATH_MAX - 8)
		return 0;
	return err_set(e, ERR_USAGE, "%.200s: the path is too long", r->dir);
}

int repo_stream_path(const struct repo *r, const char *name, char path[PATH_MAX], struct err *e)
{
	return join(r, "streams/", name, path, e);
}

int repo_incoming_path(const struct repo *r, const char *name, char path[PATH_MAX], struct err *e)
{
	return join(r, "incoming/", name, path, e);
}

const char **repo_paths(const struct repo *r, size_t first, size_t last, struct err *e)
{
	const size_t n = last - first + 1;
	const size_t len = strlen(r->dir) + sizeof("/streams/") + CATALOG_NAME_LEN;
	const char **paths = malloc(n * (sizeof(char *) + len));
	char *text = (char *)(paths + n);
	size_t i;

	if (!paths) {
		err_set(e, ERR_RUNTIME, "no memory for the names of %zu streams", n);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		snprintf(text, len, "%s/streams/%s", r->dir, r->cat.streams[first + i].name);
		paths[i] = text;
		text += len;
	}
	return paths;
}

/* State */

int repo_commit(struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	size_t len;
	char *text;
	int rc;

	if (join(r, "state", "", path, e))
		return -1;
	text = catalogtext_print(&r->cat, &len);
	if (!text)
		return err_set(e, ERR_RUNTIME, "%s: no memory to write it", path);
	rc = statefile_replace(path, text, len, e);
	free(text);
	return rc;
}

/* The file that says that this is a repository, and which. */
static int load_about(struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	char text[ABOUT_LEN];
	char again[ABOUT_LEN];
	char id[2 * WIRE_ID_LEN + 1] = "";
	int there;

	if (join(r, "repository", "", path, e))
		return -1;
	there = statefile_read(path, text, sizeof(text), e);
	if (there < 0)
		return -1;
	if (there == 0) {
		err_set(e, ERR_RUNTIME, "%s: is not there, so this is no repository", path);
		return err_hint(e, "erabackup init makes one; or is a disk not mounted?");
	}
	if (sscanf(text, about_format, id) == 1)
		snprintf(again, sizeof(again), about_format, id);
	if (id[0] && strcmp(text, again) == 0 && num_unhex(id, r->id, WIRE_ID_LEN) == 0)
		return 0;
	err_set(e, ERR_CORRUPT, "%s: is not of a repository that this version knows", path);
	return err_hint(e, "a newer erabackup may know it");
}

static int load(struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	char *text;
	int rc;

	if (load_about(r, e) || join(r, "state", "", path, e))
		return -1;
	text = malloc(STATE_MAX);
	if (!text)
		return err_set(e, ERR_RUNTIME, "%s: no memory to read it", path);
	rc = statefile_read(path, text, STATE_MAX, e);
	if (rc == 0)
		rc = err_set(e, ERR_CORRUPT, "%s: is gone", path);
	else if (rc > 0)
		rc = catalogtext_parse(text, &r->cat, e) ? err_prefix(e, "%s", path) : 0;
	free(text);
	if (rc == 0 && memcmp(r->cat.id, r->id, WIRE_ID_LEN) != 0)
		rc = err_set(e, ERR_CORRUPT, "%s: is of another repository", path);
	return rc ? err_hint(e, "erabackup unlock makes it again from the streams that are there") : 0;
}

static void prepare(struct repo *r)
{
	memset(r, 0, sizeof(*r));
	catalog_init(&r->cat);
	r->lock = -1;
	r->readers = -1;
}

/* Without a slash at its end, which would be in every message. */
static int set_dir(struct repo *r, const char *dir, struct err *e)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (len >= sizeof(r->dir) - 128)
		return err_set(e, ERR_USAGE, "%.200s: the path is too long", dir);
	memcpy(r->dir, dir, len);
	r->dir[len] = '\0';
	return 0;
}

int repo_open(struct repo *r, const char *dir, struct err *e)
{
	prepare(r);
	return set_dir(r, dir, e) || load(r, e) ? -1 : 0;
}

void repo_close(struct repo *r)
{
	catalog_free(&r->cat);
	if (r->readers >= 0)
		close(r->readers);
	if (r->lock >= 0)
		close(r->lock);
	prepare(r);
}

/* Files */

static int make_dir(const char *path, struct err *e)
{
	if (mkdir(path, 0700) == 0)
		return fdio_sync_parent(path, e);
	return errno == EEXIST ? 0 : err_sys(e, "%s: cannot create", path);
}

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
	if (join(r, "readers", "", path, e))
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
	if (repo_incoming_path(r, "", path, e) || make_dir(path, e))
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

/* A stream whose file had its name already is one; else it is thrown away with what is in incoming. */
static int finish_adding(struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (!r->cat.has_adding)
		return 0;
	if (repo_stream_path(r, r->cat.adding.name, path, e))
		return -1;
	if (stat(path, &st) == 0 && (uint64_t)st.st_size == r->cat.adding.length) {
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

int repo_lock_only(struct repo *r, const char *dir, struct err *e)
{
	char path[PATH_MAX];

	prepare(r);
	if (set_dir(r, dir, e) || load_about(r, e) || join(r, "lock", "", path, e))
		return -1;
	r->lock = lock_take(path, r->dir, e);
	return r->lock < 0 ? -1 : 0;
}

int repo_lock(struct repo *r, const char *dir, struct err *e)
{
	if (repo_lock_only(r, dir, e) || load(r, e) || finish_adding(r, e) || discard_merging(r, e) ||
	    empty_incoming(r, e))
		return -1;
	return remove_old(r, e);
}

int repo_lock_to_verify(struct repo *r, const char *dir, struct err *e)
{
	/* A backup disk at a rescue is often mounted so, and then nobody else changes it either. */
	if (access(dir, W_OK) && errno == EROFS)
		return repo_read(r, dir, e);
	return repo_lock(r, dir, e);
}

int repo_read(struct repo *r, const char *dir, struct err *e)
{
	char path[PATH_MAX];

	prepare(r);
	if (set_dir(r, dir, e) || load_about(r, e) || join(r, "readers", "", path, e))
		return -1;
	r->readers = lock_share(path, e);
	if (r->readers < 0 && e->kind != ERR_NONE)
		return -1;
	return load(r, e);
}

/* Change */

int repo_incoming(const struct repo *r, const char *name, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	if (repo_incoming_path(r, name, path, e))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_sys(e, "%s: cannot create", path) : fd;
}

uint64_t repo_mtime_ns(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
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

int repo_add(struct repo *r, int fd, const char *incoming, struct catalog_stream *s, struct err *e)
{
	char path[PATH_MAX];

	if (catalog_follows(&r->cat, s, e) || repo_incoming_path(r, incoming, path, e) || settle(fd, path, s, e))
		return -1;
	r->cat.adding = *s;
	r->cat.has_adding = true;
	if (repo_commit(r, e) || place(r, path, s->name, e) || catalog_append(&r->cat, s, e))
		return -1;
	r->cat.has_adding = false;
	return repo_commit(r, e);
}

int repo_exchange(struct repo *r, int fd, const char *incoming, size_t first, size_t last, struct catalog_stream *s,
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

int repo_drop(struct repo *r, size_t first, size_t last, struct err *e)
{
	if (catalog_replace(&r->cat, first, last, NULL, e) || repo_commit(r, e))
		return -1;
	return remove_old(r, e);
}

int repo_untouched(const struct repo *r, size_t i, struct err *e)
{
	const struct catalog_stream *s = &r->cat.streams[i];
	char path[PATH_MAX];
	struct stat st;

	if (repo_stream_path(r, s->name, path, e))
		return -1;
	if (stat(path, &st))
		return errno == ENOENT ? 0 : err_sys(e, "%s: cannot look at", path);
	return S_ISREG(st.st_mode) && (uint64_t)st.st_size == s->length && repo_mtime_ns(&st) == s->mtime_ns;
}

/* A new one */

/* Nothing but what an interrupted init left. */
static int check_empty(const char *dir, struct err *e)
{
	static const char *const ours[] = {".", "..", "streams", "incoming", "state", "state.new", "repository.new",
					   "lost+found"};
	struct dirent *d;
	DIR *f = opendir(dir);
	size_t i;
	int rc = 0;

	if (!f)
		return err_sys(e, "%s: cannot read", dir);
	while (rc == 0 && (d = readdir(f))) {
		for (i = 0; i < sizeof(ours) / sizeof(ours[0]) && strcmp(d->d_name, ours[i]) != 0; i++)
			;
		if (i == sizeof(ours) / sizeof(ours[0]))
			rc = err_set(e, ERR_USAGE, "%s: is not empty, and no repository", dir);
	}
	closedir(f);
	return rc ? err_hint(e, "name a directory of its own") : 0;
}

static int write_about(const struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	char text[ABOUT_LEN];
	char id[2 * WIRE_ID_LEN + 1];

	num_hex(r->id, WIRE_ID_LEN, id);
	snprintf(text, sizeof(text), about_format, id);
	return join(r, "repository", "", path, e) ? -1 : statefile_replace(path, text, strlen(text), e);
}

int repo_create(const char *dir, struct err *e)
{
	struct repo r;
	char path[PATH_MAX];
	struct stat st;

	prepare(&r);
	if (set_dir(&r, dir, e) || join(&r, "repository", "", path, e))
		return -1;
	if (stat(path, &st) == 0)
		return load_about(&r, e);
	if (make_dir(dir, e) || check_empty(dir, e))
		return -1;
	if (repo_stream_path(&r, "", path, e) || make_dir(path, e) || repo_incoming_path(&r, "", path, e) ||
	    make_dir(path, e))
		return -1;
	if (getentropy(r.id, sizeof(r.id)))
		return err_sys(e, "%s: no random bytes", dir);
	memcpy(r.cat.id, r.id, WIRE_ID_LEN);
	/* What says that it is one comes last. */
	return repo_commit(&r, e) || write_about(&r, e) ? -1 : 1;
}
