/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"
#include "system/statefile.h"
#include "world/probe.h"

/* As systemd-escape does: '/' becomes '-', so that '-' must become something else. */
static int append_escaped(char path[PATH_MAX], const char *name)
{
	size_t n = strlen(path);

	for (; *name; name++) {
		/* Room for the suffix, and for statefile's. */
		if (n + 16 > PATH_MAX)
			return -1;
		if (*name == '-')
			n += (size_t)sprintf(path + n, "\\x2d");
		else
			path[n++] = *name == '/' ? '-' : *name;
		path[n] = '\0';
	}
	return 0;
}

/*
 * The directory is resolved, the last part is kept as it is said: names like those in /dev/disk/by-id
 * are symbolic links because what they lead to changes.
 */
static int device_state_path(const char *name, char path[PATH_MAX], struct err *e)
{
	char copy[PATH_MAX];
	char dir[PATH_MAX];
	const char *base = strrchr(name, '/');

	if (fdio_make_dir(TARGET_STATE_DIR, 0755, e))
		return -1;
	snprintf(copy, sizeof(copy), "%.*s", base ? (int)(base - name) + 1 : 1, base ? name : ".");
	if (!realpath(copy, dir))
		return err_sys(e, "%s: cannot find", copy);
	snprintf(path, PATH_MAX, "%s/", TARGET_STATE_DIR);
	if (append_escaped(path, dir + 1) || append_escaped(path, "/") ||
	    append_escaped(path, base ? base + 1 : name))
		return err_set(e, ERR_USAGE, "%s: the path is too long", name);
	strcat(path, ".era");
	return 0;
}

static int find_state_path(const char *name, const char *given, char path[PATH_MAX], struct err *e)
{
	struct stat st;

	if (!given && stat(name, &st) == 0 && S_ISBLK(st.st_mode))
		return device_state_path(name, path, e);
	/* Room for statefile's suffix too. */
	if (snprintf(path, PATH_MAX, "%s%s", given ? given : name, given ? "" : ".era") >=
	    PATH_MAX - 8)
		return err_set(e, ERR_USAGE, "%s: the path is too long", name);
	return 0;
}

static int load_state(struct target *t, struct err *e)
{
	char text[STATE_TEXT_MAX];
	int there = statefile_read(t->state_path, text, sizeof(text), e);

	memset(&t->state, 0, sizeof(t->state));
	t->state.at.full = true;
	t->has_state = there > 0;
	if (there <= 0)
		return there;
	if (state_parse(text, &t->state, e)) {
		err_prefix(e, "%s", t->state_path);
		return err_hint(e, "what the target holds is unknown; remove the file and apply a "
				   "full with --force to start again");
	}
	return 0;
}

static int save_state(struct target *t, struct err *e)
{
	char text[STATE_TEXT_MAX];
	const size_t len = state_print(&t->state, text);

	return statefile_replace(t->state_path, text, len, e);
}

int target_check_name(const char *name, struct err *e)
{
	return sink_check_name(name, e);
}

int target_open(struct target *t, const char *name, const char *state_path, struct err *e)
{
	memset(t, 0, sizeof(*t));
	t->sink.fd = -1;
	if (find_state_path(name, state_path, t->state_path, e) || sink_open(&t->sink, name, e))
		return -1;
	return load_state(t, e);
}

void target_close(struct target *t)
{
	sink_close(&t->sink);
}

/* Has the target, which has no state, something that is not ours? One that cannot be read has not. */
static bool holds_unknown(const char *name, const struct stat *st)
{
	struct probe p;
	int fd;

	if (S_ISREG(st->st_mode))
		return st->st_size > 0 && st->st_blocks > 0;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	probe_fd(fd, &p);
	close(fd);
	return p.type[0] != '\0';
}

int target_token(const char *name, const char *state_path, struct token *token, struct err *e)
{
	struct target t = {0};
	struct stat st;
	bool there = stat(name, &st) == 0;

	if (sink_check_name(name, e))
		return -1;
	/* An image without a byte holds as little as one that is not there. */
	if (there && S_ISREG(st.st_mode) && st.st_size == 0)
		there = false;
	if (find_state_path(name, state_path, t.state_path, e) || load_state(&t, e))
		return -1;
	*token = t.state.at;
	/* A state whose image was removed: whoever did that wants to start again. */
	if (!there)
		memset(token, 0, sizeof(*token));
	token->full |= !there;
	if (there && !t.has_state && holds_unknown(name, &st)) {
		err_set(e, ERR_IDENTITY, "%s: is there, but nothing is known of what it holds (no %s)",
			name, t.state_path);
		return err_hint(e, "if it may be overwritten: era_copy --full DEVICE | era_apply "
				   "--force %s", name);
	}
	return 0;
}

/* The caller knows the filesystem, and that it is to be overwritten. */
static bool is_known(const struct target *t, const struct probe *p)
{
	return t->known_uuid && t->known_uuid[0] && strcmp(t->known_uuid, p->uuid) == 0;
}

static bool holds_known(const struct target *t)
{
	struct probe p;

	probe_fd(t->sink.fd, &p);
	return is_known(t, &p);
}

/* A target without a state may be somebody's data. */
static int check_unknown(struct target *t, struct err *e)
{
	struct probe p;

	if (t->sink.fd < 0 || t->sink.blank)
		return 0;
	probe_fd(t->sink.fd, &p);
	if (t->sink.device && (!p.type[0] || is_known(t, &p)))
		return 0;
	err_set(e, ERR_IDENTITY, "%s: holds %s, and nothing says that it is a backup's target",
		t->sink.name, p.type[0] ? p.type : "something");
	return err_hint(e, "if it may be overwritten, use --force");
}

/* Has it the size that its state says, or while a stream is applied one of the two it may have? */
static bool size_fits(const struct target *t)
{
	const struct state *s = &t->state;
	const uint64_t size = t->sink.size;

	if (s->at.full)
		return true;
	if (t->sink.device)
		return size >= s->at.size;
	return size == s->at.size || (s->applying && size == s->next.size);
}

/* Is the target as its state says? A mount, a repair or another disk under the name shows here. */
static int check_content(struct target *t, struct err *e)
{
	const struct state *s = &t->state;
	uint8_t now[16];

	if (t->sink.fd < 0) {
		err_set(e, ERR_IDENTITY, "%s: is gone, and the stream is not a full", t->sink.name);
		return err_hint(e, "apply a full stream: era_copy --full DEVICE | era_apply %s",
				t->sink.name);
	}
	if (!size_fits(t)) {
		err_set(e, ERR_IDENTITY, "%s: has %llu bytes, its state says %llu", t->sink.name,
			(unsigned long long)t->sink.size,
			(unsigned long long)(s->applying ? s->next.size : s->at.size));
		return err_hint(e, "it was changed since the last stream; apply a full");
	}
	if (s->applying || s->at.full)
		return 0;
	if (sink_fingerprint(&t->sink, s->at.size, now, e))
		return -1;
	if (memcmp(now, s->fingerprint, sizeof(now)) == 0)
		return 0;
	err_set(e, ERR_IDENTITY, "%s: was changed since the last stream was applied (or is another "
				 "device under that name)", t->sink.name);
	return err_hint(e, "a mount, even read-only, replays the journal: mount a copy or a snapshot; "
			   "apply a full to start again");
}

/* What it is at, or on its way to. */
static const struct token *heading(const struct state *s)
{
	return s->applying ? &s->next : &s->at;
}

bool target_generation(const char *name, uint8_t generation[WIRE_ID_LEN])
{
	struct target t = {0};
	struct err ignored = {0};
	bool known;

	known = find_state_path(name, NULL, t.state_path, &ignored) == 0 && load_state(&t, &ignored) == 0 && t.has_state;
	memcpy(generation, heading(&t.state)->generation, WIRE_ID_LEN);
	return known && !heading(&t.state)->full;
}

/* Of another history, or of none that is known by now: whoever is careful asks. */
static int check_ours(const struct target *t, const struct wire_head *h, struct err *e)
{
	const struct token *of = heading(&t->state);

	if (!t->careful || t->known || holds_known(t) ||
	    (!of->full && wire_id_same(of->generation, h->generation)))
		return 0;
	err_set(e, ERR_IDENTITY, "%s: holds another backup, as its state says", t->sink.name);
	return err_hint(e, "if it may be overwritten, use --force");
}

/* Does it hold what its state says, and if not, may this stream go over it all the same? */
static int check_holds(struct target *t, const struct wire_head *h, bool force, bool *done,
		       struct err *e)
{
	if (h->kind != WIRE_FULL)
		return check_content(t, e);
	if (t->sink.fd < 0)
		return 0;
	if (!t->has_state)
		return force ? 0 : check_unknown(t, e);
	if (!force && !t->sink.blank && check_ours(t, h, e))
		return -1;
	if (check_content(t, e) == 0)
		return 0;
	if (e->kind != ERR_IDENTITY)
		return -1;
	/* A full mends a mirror that somebody touched. A device may be another one by now. */
	if ((t->sink.device || t->careful) && !force && !holds_known(t)) {
		e->hint[0] = '\0';
		return err_hint(e, "if it may be overwritten, use --force");
	}
	err_clear(e);
	*done = false;
	return 0;
}

int target_accepts(struct target *t, const struct wire_head *h, bool force, bool *done,
		   struct err *e)
{
	if (t->sink.fd < 0 || (!t->sink.device && t->sink.size == 0)) {
		/* A state without its image says nothing; a crash may have left one without a byte. */
		memset(&t->state, 0, sizeof(t->state));
		t->state.at.full = true;
	}
	if (state_accepts(&t->state, h, done, e))
		return err_prefix(e, "%s", t->sink.name);
	if (check_holds(t, h, force, done, e))
		return -1;
	return t->sink.device && !*done ? sink_resize(&t->sink, h->size, e) : 0;
}

int target_begin(struct target *t, const struct wire_head *h, struct err *e)
{
	state_begin(&t->state, h);
	/* Made, and so locked, first: the state is not to be written by whoever loses a race for the name. */
	if (t->sink.fd < 0 && sink_create(&t->sink, e))
		return -1;
	if (save_state(t, e)) {
		if (t->sink.created)
			unlink(t->sink.name);
		return -1;
	}
	return sink_resize(&t->sink, h->size, e);
}

int target_later_pass(struct target *t, uint64_t era_c, struct err *e)
{
	if (era_c <= t->state.next.era_c)
		return 0;
	state_later_pass(&t->state, era_c);
	return save_state(t, e);
}

int target_commit(struct target *t, const struct wire_head *h, uint64_t era_c, struct err *e)
{
	struct state *s = &t->state;

	if (sink_sync(&t->sink, e))
		return -1;
	state_finish(s, h, era_c);
	if (s->at.full)
		return statefile_remove(t->state_path, e);
	if (sink_fingerprint(&t->sink, s->at.size, s->fingerprint, e))
		return -1;
	return save_state(t, e);
}
