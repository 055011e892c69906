/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/eratabfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/fdio.h"

/* Some 256 lines of the longest there can be; more is not one of ours. */
#define TEXT_MAX 262144

static int parse(int fd, const char *path, struct eratab *t, struct err *e)
{
	char *text = malloc(TEXT_MAX);
	size_t got;
	int rc = -1;

	if (!text)
		return err_set(e, ERR_RUNTIME, "%s: no memory", path);
	if (fdio_read(fd, path, text, TEXT_MAX, &got, e) == 0) {
		if (got == TEXT_MAX)
			err_set(e, ERR_USAGE, "%s: is larger than such a file can be", path);
		else
			rc = eratab_parse_bytes(path, text, got, t, e);
	}
	free(text);
	return rc;
}

int eratabfile_read(const char *path, struct eratab *t, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	memset(t, 0, sizeof(*t));
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s: cannot open", path);
	rc = parse(fd, path, t, e);
	close(fd);
	return rc;
}

static void print_device(FILE *f, const char *device)
{
	const char *value = strchr(device, '=');

	/* A path has neither quotes nor blanks; a label may have blanks. */
	if (device[0] != '/' && value)
		fprintf(f, " %.*s=\"%s\"", (int)(value - device), device, value + 1);
	else
		fprintf(f, " %s", device);
}

void eratabfile_print(FILE *f, const struct eratab *t, bool initramfs)
{
	const struct eratab_entry *n;

	for (n = t->entry; n < t->entry + t->nr; n++) {
		if (initramfs && !n->initramfs)
			continue;
		fputs(n->name, f);
		print_device(f, n->data);
		print_device(f, n->meta);
		fprintf(f, " %s%sdiscard=%s,fallback=%s,timeout=%u\n", n->noauto ? "noauto," : "",
			n->initramfs ? "initramfs," : "", n->pass_discards ? "pass" : "off",
			n->no_fallback ? "fail" : "linear", n->timeout);
	}
}

int eratabfile_find(const char *path, const char *name, struct eratab_entry *v, struct err *e)
{
	const struct eratab_entry *found;
	struct eratab t;
	int rc = -1;

	if (eratabfile_read(path, &t, e))
		goto out;
	found = eratab_find(&t, name);
	if (!found) {
		err_set(e, ERR_USAGE, "%s: has no line for %s", path, name);
		err_hint(e, "add one, or name the devices: era_setup open %s META DATA", name);
		goto out;
	}
	*v = *found;
	rc = 0;
out:
	eratab_free(&t);
	return rc;
}

int eratabfile_words(const char *name, const char *meta, const char *data, struct eratab_entry *v,
		     struct err *e)
{
	memset(v, 0, sizeof(*v));
	if (strlen(name) >= sizeof(v->name) || strlen(meta) >= sizeof(v->meta) ||
	    strlen(data) >= sizeof(v->data))
		return err_set(e, ERR_USAGE, "a name is too long");
	strcpy(v->name, name);
	strcpy(v->meta, meta);
	strcpy(v->data, data);
	v->no_fallback = true;
	return 0;
}
