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

int repo_path(const struct repo *r, const char *name, char path[PATH_MAX], struct err *e)
{
	return join(r, "", name, path, e);
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

/* Never a state that nobody can read. */
static int check_text(const char *text, const char *path, struct err *e)
{
	struct catalog again;
	const int rc = catalogtext_parse(text, &again, e);

	catalog_free(&again);
	return rc ? err_prefix(e, "%s: would not be readable, and stays as it is", path) : 0;
}

/* Is the directory the one that was locked? A disk may have been mounted over it, or is gone. */
static int check_lock(const struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	struct stat a;
	struct stat b;

	if (r->lock < 0)
		return 0; /* nobody knows of it yet */
	if (repo_path(r, "lock", path, e))
		return -1;
	if (fstat(r->lock, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
		return 0;
	return err_set(e, ERR_RUNTIME, "%s: is not the repository any more that it was; was something mounted or unmounted?",
		       r->dir);
}

int repo_commit(struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	size_t len;
	char *text;
	int rc;

	if (check_lock(r, e) || repo_path(r, "state", path, e))
		return -1;
	text = catalogtext_print(&r->cat, &len);
	if (!text)
		return err_set(e, ERR_RUNTIME, "%s: no memory to write it", path);
	rc = check_text(text, path, e) || statefile_replace(path, text, len, e) ? -1 : 0;
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

	if (repo_path(r, "repository", path, e))
		return -1;
	there = statefile_read(path, text, sizeof(text), e);
	if (there < 0)
		return -1;
	if (there == 0) {
		err_set(e, ERR_RUNTIME, "%s: is not there, so this is no repository", path);
		if (repo_stream_path(r, "", path, e) == 0 && access(path, F_OK) == 0)
			return err_hint(e, "it was one: erabackup unlock makes what is missing");
		return err_hint(e, "erabackup init makes one; or is a disk not mounted?");
	}
	if (sscanf(text, about_format, id) == 1)
		snprintf(again, sizeof(again), about_format, id);
	if (id[0] && strcmp(text, again) == 0 && num_unhex(id, r->id, WIRE_ID_LEN) == 0)
		return 0;
	err_set(e, ERR_CORRUPT, "%s: is not of a repository that this version knows", path);
	return err_hint(e, "a newer erabackup may know it; if it is damaged, erabackup unlock makes it again");
}

int repo_load(struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	char *text;
	int rc;

	if (repo_path(r, "state", path, e))
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
	if (rc == 0 && !wire_id_same(r->cat.id, r->id))
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
	return set_dir(r, dir, e) || load_about(r, e) || repo_load(r, e) ? -1 : 0;
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

static int write_about(const struct repo *r, struct err *e)
{
	char path[PATH_MAX];
	char text[ABOUT_LEN];
	char id[2 * WIRE_ID_LEN + 1];

	num_hex(r->id, WIRE_ID_LEN, id);
	snprintf(text, sizeof(text), about_format, id);
	return repo_path(r, "repository", path, e) ? -1 : statefile_replace(path, text, strlen(text), e);
}

static int take_lock(struct repo *r, struct err *e)
{
	char path[PATH_MAX];

	if (repo_path(r, "lock", path, e))
		return -1;
	r->lock = lock_take(path, r->dir, e);
	return r->lock < 0 ? -1 : 0;
}

int repo_lock_only(struct repo *r, const char *dir, struct err *e)
{
	prepare(r);
	return set_dir(r, dir, e) || load_about(r, e) || take_lock(r, e) ? -1 : 0;
}

int repo_lock_wreck(struct repo *r, const char *dir, struct err *e)
{
	struct err why = {0};

	prepare(r);
	if (set_dir(r, dir, e) || take_lock(r, e))
		return -1;
	if (load_about(r, &why) == 0)
		return 0;
	if (getentropy(r->id, sizeof(r->id)))
		return err_sys(e, "%s: no random bytes", r->dir);
	return write_about(r, e);
}

int repo_read(struct repo *r, const char *dir, struct err *e)
{
	char path[PATH_MAX];

	prepare(r);
	if (set_dir(r, dir, e) || load_about(r, e) || repo_path(r, "readers", path, e))
		return -1;
	r->readers = lock_share(path, e);
	if (r->readers < 0 && e->kind != ERR_NONE)
		return -1;
	return repo_load(r, e);
}

uint64_t repo_mtime_ns(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
}

bool repo_is_lost(int error)
{
	switch (error) {
	case ENOENT:
	case EIO:
	case EUCLEAN: /* a filesystem's own: its structures, or a checksum, are wrong */
	case EBADMSG:
	case ELOOP:
	case EISDIR: return true;
	default: return false;
	}
}

int repo_untouched(const struct repo *r, size_t i, struct err *e)
{
	const struct catalog_stream *s = &r->cat.streams[i];
	char path[PATH_MAX];
	struct stat st;

	if (repo_stream_path(r, s->name, path, e))
		return -1;
	if (stat(path, &st))
		return repo_is_lost(errno) ? 0 : err_sys(e, "%s: cannot look at", path);
	return S_ISREG(st.st_mode) && (uint64_t)st.st_size == s->length && repo_mtime_ns(&st) == s->mtime_ns;
}

/* A new one */

/* Nothing but what an interrupted init left. */
static int check_empty(const char *dir, struct err *e)
{
	static const char *const ours[] = {".", "..", "readers", "streams", "incoming", "state", "state.new", "repository.new",
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

int repo_create(const char *dir, struct err *e)
{
	struct err ignored = {0};
	struct repo r;
	char path[PATH_MAX];
	struct stat st;

	prepare(&r);
	if (set_dir(&r, dir, e) || repo_path(&r, "repository", path, e))
		return -1;
	if (stat(path, &st) == 0)
		return load_about(&r, e);
	if (fdio_make_dir(r.dir, REPO_DIR_MODE, e) || check_empty(dir, e))
		return -1;
	/* Whoever made it may have died, or not cared. Where that cannot be read, it is somebody else's directory. */
	fdio_sync_parent(r.dir, &ignored);
	if (repo_stream_path(&r, "", path, e) || fdio_make_dir(path, REPO_DIR_MODE, e) || repo_incoming_path(&r, "", path, e) ||
	    fdio_make_dir(path, REPO_DIR_MODE, e))
		return -1;
	if (repo_path(&r, "readers", path, e))
		return -1;
	r.readers = lock_share(path, e);
	if (r.readers >= 0)
		close(r.readers);
	if (e->kind)
		return -1;
	if (getentropy(r.id, sizeof(r.id)))
		return err_sys(e, "%s: no random bytes", dir);
	memcpy(r.cat.id, r.id, WIRE_ID_LEN);
	/* What says that it is one comes last. */
	return repo_commit(&r, e) || write_about(&r, e) ? -1 : 1;
}
