/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * eratab: the lines of /etc/eratab, eratab(5).
 *
 *	NAME DATA-DEVICE META-DEVICE [OPTION,...]
 *
 * Blanks and tabs between fields; a # where a field could begin makes the rest of the line a
 * comment. A device is a path in /dev, or PARTUUID=, UUID=, LABEL= or PARTLABEL= and a value, which
 * may be in double quotes; they are not part of what the entry says. "none" and "-" stand for no
 * options.
 */
#ifndef ERA_PURE_ERATAB_H
#define ERA_PURE_ERATAB_H

#include <stdbool.h>
#include <stddef.h>

#include "words/err.h"

#define ERATAB_NAME_LEN 101 /* with the NUL: room for "-orig" in a device-mapper name */
#define ERATAB_DEVICE_LEN 256
#define ERATAB_TIMEOUT 30
#define ERATAB_MAX 256 /* entries */

struct eratab_entry {
	char name[ERATAB_NAME_LEN];
	char data[ERATAB_DEVICE_LEN];
	char meta[ERATAB_DEVICE_LEN];
	bool noauto;
	bool initramfs;	      /* the initramfs opens it */
	bool pass_discards;   /* discard=pass; default off */
	bool no_fallback;     /* fallback=fail; default linear */
	unsigned int timeout; /* seconds to wait for the devices; default ERATAB_TIMEOUT */
	unsigned int line;    /* where it stands */
};

struct eratab {
	struct eratab_entry *entry;
	size_t nr;
};

/*
 * The len bytes of a whole file, called `name` in messages. ERR_USAGE names file, line and field:
 * unknown and repeated options, a name used twice, a device used twice, missing and superfluous
 * fields, characters that no text has. ERR_RUNTIME: no memory. The error is the first there is; *t then has
 * the lines that are good, because a boot must go on with them. Free also after a failure.
 */
int eratab_parse_bytes(const char *name, const char *bytes, size_t len, struct eratab *t,
		       struct err *e);

/* The same for a text up to its NUL: it cannot see one that stands in the file. */
int eratab_parse(const char *name, const char *text, struct eratab *t, struct err *e);
void eratab_free(struct eratab *t);

/* NULL where there is none. */
const struct eratab_entry *eratab_find(const struct eratab *t, const char *name);

/*
 * Is it fit to name a volume? Letters, digits and # + - . : = @ _ as device-mapper takes them; not
 * "control", not starting with "-", "." or "#", not ending in -orig, -meta, -cow or -snap; shorter than
 * ERATAB_NAME_LEN. ERR_USAGE.
 */
int eratab_check_name(const char *name, struct err *e);

#endif
