/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * target: an image or device together with what it holds.
 *
 * The order that makes a crash harmless (docs/durability.md, "Applying"):
 *
 *	state "applying S over P", durable  ->  writes  ->  fsync of the target  ->  state "at S", durable
 *
 * The state lies in TARGET.era beside an image, in TARGET_STATE_DIR for a device (/dev forgets), or
 * where the caller says.
 */
#ifndef ERA_FLOW_TARGET_H
#define ERA_FLOW_TARGET_H

#include <limits.h>
#include <stdbool.h>

#include "pure/state.h"
#include "pure/wire.h"
#include "words/err.h"
#include "world/sink.h"

#define TARGET_STATE_DIR "/var/lib/era"

struct target {
	struct sink sink;
	struct state state;
	bool has_state; /* a state file was there */
	/* A device whose filesystem has this UUID holds nothing unknown. NULL or empty: there is no such. */
	const char *known_uuid;
	bool known; /* the caller knows whose backup it is */
	bool careful; /* not over an image that has been changed, or holds another backup, either: it may be in use as itself */
	char state_path[PATH_MAX];
};

/* Can the name be a target at all? Looks without opening: see sink_check_name. */
int target_check_name(const char *name, struct err *e);

/* `name` must stay valid; state_path may be NULL. Close also after a failure. */
int target_open(struct target *t, const char *name, const char *state_path, struct err *e);
void target_close(struct target *t);

/*
 * The token from which the next incremental for this target starts, without opening it for writing.
 * ERR_IDENTITY where a target is there and nothing is known of it.
 */
int target_token(const char *name, const char *state_path, struct token *token, struct err *e);

/* The generation of the backup that an image or device is a target of, as its state says; false: there is none. */
bool target_generation(const char *name, uint8_t generation[WIRE_ID_LEN]);

/*
 * May the stream be applied here? Nothing is written. *done: the target is there already. `force`
 * lets a full go over a target that holds something unknown.
 */
int target_accepts(struct target *t, const struct wire_head *h, bool force, bool *done,
		   struct err *e);

/* Make the target, say durably that the stream is being applied, then size the target. */
int target_begin(struct target *t, const struct wire_head *h, struct err *e);

/* A later pass has this C: a repair must be younger than that. */
int target_later_pass(struct target *t, uint64_t era_c, struct err *e);

/* Everything is written: make it durable, then say so. */
int target_commit(struct target *t, const struct wire_head *h, uint64_t era_c, struct err *e);

#endif
