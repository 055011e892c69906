/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalog: what a repository holds and what is being done to it. pure/catalogtext has its text.
 *
 * A chain is a full and the incrementals behind it, each the parent of the next. Chains stand one behind the other; the
 * last stream of all is the head. It lists what should be there, so a file that was removed is missed.
 */
#ifndef ERA_PURE_CATALOG_H
#define ERA_PURE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pure/token.h"
#include "pure/wire.h"
#include "words/err.h"

#define CATALOG_NAME_LEN 80
#define CATALOG_STREAMS_MAX 16384u

struct catalog_stream {
	char name[CATALOG_NAME_LEN]; /* of the file: UTC time, kind, stream id */
	uint8_t stream_id[WIRE_ID_LEN];
	uint8_t state_id[WIRE_ID_LEN];
	uint8_t parent_id[WIRE_ID_LEN]; /* zero in a full */
	uint8_t generation[WIRE_ID_LEN];
	uint8_t digest[16]; /* END's */
	uint8_t kind;
	uint8_t cut;
	uint8_t consistency; /* END's */
	bool merged;
	bool damaged; /* verify said so */
	uint32_t passes;
	uint64_t era_c; /* END's: where the next begins */
	uint64_t time; /* of the cut; ours where the source's clock was off, so not always HEAD's */
	uint64_t size; /* of the device */
	uint64_t length; /* of the file */
	uint64_t changed; /* bytes of the device that are in it */
	uint64_t mtime_ns; /* of the file when it was last found good */
};

struct catalog {
	uint8_t id[WIRE_ID_LEN]; /* of the repository */
	uint64_t run_time; /* 0: never; so below */
	uint64_t run_seconds;
	uint64_t run_still_us;
	uint64_t meta_used;
	uint64_t meta_total;
	uint64_t verified; /* all streams were found good */
	uint64_t checked;  /* all were read, whatever was found */
	uint64_t pruned;
	struct catalog_stream *streams;
	size_t nr;
	bool has_adding;
	struct catalog_stream adding;
	char merging[CATALOG_NAME_LEN]; /* empty: none */
	char (*removing)[CATALOG_NAME_LEN];
	size_t nr_removing;
};

void catalog_init(struct catalog *c);
void catalog_free(struct catalog *c);

/* What a whole stream of `length` bytes is in a catalog; name included; mtime_ns is 0. */
void catalog_describe(const struct wire_head *h, const struct wire_end *d, uint64_t length, struct catalog_stream *s);

/* The name of a stream's file, from its time, kind and id; and these from the name: 0, or -1. */
void catalog_name(struct catalog_stream *s);
int catalog_parse_name(const char *name, struct catalog_stream *s);

/* Is there a place for it behind the last stream? ERR_IDENTITY where not, ERR_RUNTIME where there are too many already. */
int catalog_takes(const struct catalog *c, const struct catalog_stream *s, struct err *e);

/* Behind the last stream; the links are checked. */
int catalog_append(struct catalog *c, const struct catalog_stream *s, struct err *e);

/* Streams from first to last leave the chain, and their files are to go; `s`, where given, takes their place. */
int catalog_replace(struct catalog *c, size_t first, size_t last, const struct catalog_stream *s, struct err *e);

/* The state after a stream. */
void catalog_token(const struct catalog_stream *s, struct token *t);

/* The full that stream i builds on, and the first stream behind i that does not build on it. */
size_t catalog_chain(const struct catalog *c, size_t i);
size_t catalog_chain_end(const struct catalog *c, size_t i);

/* Is it a restore point: are stream i and all it builds on undamaged? */
bool catalog_restorable(const struct catalog *c, size_t i);

/* Was the cut consistent? */
bool catalog_consistent(const struct catalog_stream *s);

/* Both: it can be restored without a word. */
bool catalog_good(const struct catalog *c, size_t i);

struct catalog_sum {
	uint64_t bytes; /* of all files */
	size_t points;	/* that are good */
	size_t chains;
	size_t damaged;
};

void catalog_sum(const struct catalog *c, struct catalog_sum *sum);

/* Whose file has that name; c->nr: none. */
size_t catalog_by_name(const struct catalog *c, const char *name);

/* Whose state has that id. c->nr: none. */
size_t catalog_by_state(const struct catalog *c, const uint8_t id[WIRE_ID_LEN]);

#endif
