/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * heldnote: how a metadata snapshot that a killed run left is told from somebody else's.
 *
 * dm-era holds one snapshot at a time and does not say whose it is; it survives a reboot. So before
 * taking one we note, durably, the era it will have. A held snapshot of exactly that era is ours; any
 * other is not, and is left alone.
 */
#ifndef ERA_FLOW_HELDNOTE_H
#define ERA_FLOW_HELDNOTE_H

#include <stdint.h>

#include "words/err.h"

/* Where the notes lie: not on a tmpfs, because the snapshot outlives a reboot too. */
#define HELDNOTE_DIR "/var/lib/era"

int heldnote_write(const char *dm_name, uint64_t era, struct err *e);

/* 1 with *era, or 0 where there is no note that can be read. */
int heldnote_read(const char *dm_name, uint64_t *era);

/* Seconds since the note was made, or -1. */
int64_t heldnote_age(const char *dm_name);

/* Best effort: a note left behind names an era that no later snapshot has. */
void heldnote_remove(const char *dm_name);

#endif
