/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/knownhosts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"

#define REVOKED "@revoked"

static bool revokes(const char *line, const char *key)
{
	line += strspn(line, " \t");
	return strncmp(line, REVOKED, strlen(REVOKED)) == 0 && strstr(line, key);
}

int knownhosts_check(const char *file, const char *key_base64, const char *object, struct err *e)
{
	FILE *f = fopen(file, "re");
	bool revoked = false;
	char *line = NULL;
	size_t len = 0;
	int rc = 0;

	if (!f && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	while (f && !revoked && getline(&line, &len, f) >= 0)
		revoked = revokes(line, key_base64);
	if (!f || (!revoked && !feof(f)))
		rc = err_sys(e, "%s: cannot read", file);
	else if (revoked)
		rc = err_set(e, ERR_IDENTITY, "%s: the host's key is marked as revoked in %s", object, file);
	free(line);
	if (f)
		fclose(f);
	return rc;
}

static void make_parent(const char *file)
{
	char dir[PATH_MAX];
	char *slash;

	if (snprintf(dir, sizeof(dir), "%s", file) >= (int)sizeof(dir))
		return;
	slash = strrchr(dir, '/');
	if (slash && slash > dir) {
		*slash = '\0';
		mkdir(dir, 0700);
	}
}

/* 1: the last line has no end; 0; -1: error. */
static int lacks_end(int fd, const char *file, struct err *e)
{
	const off_t end = lseek(fd, 0, SEEK_END);
	char last = '\n';
	size_t got = 0;

	if (end < 0)
		return err_sys(e, "%s: cannot read", file);
	if (end > 0 && fdio_pread(fd, file, &last, 1, (uint64_t)end - 1, &got, e))
		return -1;
	return last != '\n';
}

int knownhosts_add(const char *file, const char *line, struct err *e)
{
	int rc = -1;
	int lacks;
	int fd;

	make_parent(file);
	/* Appended in one piece, so that two at a time do no harm. */
	fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s: cannot open", file);
	lacks = lacks_end(fd, file, e);
	if (lacks >= 0 && fdio_write2(fd, file, "\n", (size_t)lacks, line, strlen(line), e) == 0)
		rc = fdio_sync(fd, file, e);
	close(fd);
	return rc;
}

/* "host", or "[host]:port": as known_hosts has it. */
#define PLACE_LEN 280
static void place_of(const struct knownhosts_who *w, char text[PLACE_LEN])
{
	if (w->port == 22)
		snprintf(text, PLACE_LEN, "%.255s", w->host);
	else
		snprintf(text, PLACE_LEN, "[%.255s]:%u", w->host, w->port);
}

int knownhosts_refuse(const struct knownhosts_who *w, enum knownhosts_how how, struct err *e)
{
	static const char *const words[] = {
		[KNOWNHOSTS_UNKNOWN] = "is not known",
		[KNOWNHOSTS_CHANGED] = "is not the one in known_hosts: it has changed",
		[KNOWNHOSTS_OTHER_TYPE] = "is of another type than the one in known_hosts",
	};
	static const char compare[] = "compare the fingerprint with what the host itself says; where it is right:";
	const char *scanned = strncmp(w->key_type, "ssh-", 4) == 0   ? w->key_type + 4 :
			      strncmp(w->key_type, "ecdsa-", 6) == 0 ? "ecdsa" :
								       w->key_type;
	char forget[sizeof(e->hint)] = "";
	char place[PLACE_LEN];

	place_of(w, place);
	err_set(e, ERR_IDENTITY, "%s: the host key of %s %s: %s %s", w->object, place, words[how], w->key_type,
		w->fingerprint);
	if (how == KNOWNHOSTS_CHANGED)
		snprintf(forget, sizeof(forget), "ssh-keygen -f %s -R '%s'; ", w->file, place);
	if (w->by_command)
		return err_hint(e, "%s %sssh %s", compare, forget, w->name);
	return err_hint(e, "%s %sssh-keyscan -t %s -p %u %s >>%s", compare, forget, scanned, w->port, w->host, w->file);
}
