/* SPDX-License-Identifier: GPL-3.0-or-later */
/* eratabfile: /etc/eratab from its file, or what a command line says in its place. */
#ifndef ERA_FLOW_ERATABFILE_H
#define ERA_FLOW_ERATABFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "pure/eratab.h"
#include "words/err.h"

/*
 * A file that is not there is an empty one. As eratab_parse_bytes: after an error *t has the lines that are
 * good. eratab_free also after a failure.
 */
int eratabfile_read(const char *path, struct eratab *t, struct err *e);

/* One line an entry, in the form it was read from, with every option; or those of the initramfs only. */
void eratabfile_print(FILE *f, const struct eratab *t, bool initramfs);

/* The line for this name. ERR_USAGE where there is none. */
int eratabfile_find(const char *path, const char *name, struct eratab_entry *v, struct err *e);

/* An entry of three words: the defaults, but no waiting and no fallback. */
int eratabfile_words(const char *name, const char *meta, const char *data, struct eratab_entry *v,
		     struct err *e);

#endif
