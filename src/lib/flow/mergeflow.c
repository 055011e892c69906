/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every pass of every source is a layer of a sweep, the last pass of the last source on top. */
#include "flow/mergeflow.h"

#include <stdlib.h>
#include <string.h>

#include "flow/copyflow.h"
#include "flow/identity.h"
#include "flow/mergecopy.h"
#include "pure/blockset.h"
#include "pure/links.h"
#include "pure/sweep.h"
#include "system/stop.h"
#include "words/num.h"
#include "world/streamfile.h"
#include "world/streamout.h"

struct merge {
	const struct mergeflow_opts *opts;
	struct mergeflow_result *result;
	struct streamfile *files;
	unsigned int nr_layers;
	struct sweep_layer *layers;
	struct streamfile_walk *walks; /* one a layer */
	struct blockset set;
	struct streamout *out;
	uint64_t total;
};

/* The sources */

static int open_sources(struct merge *m, struct err *e)
{
	const struct mergeflow_opts *o = m->opts;
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		const struct streamfile *before = i > 0 ? &m->files[i - 1] : NULL;
		struct streamfile *now = &m->files[i];

		if (streamfile_open(now, o->paths[i], e))
			return -1;
		if (before ? links_check(&before->head, before->end.era_c, &now->head, e)
			   : now->head.kind == WIRE_REVERSE && err_set(e, ERR_IDENTITY, "a reverse stream is not merged"))
			return err_prefix(e, "%s", o->paths[i]);
		m->nr_layers += now->end.passes;
	}
	if (m->nr_layers > MERGEFLOW_LAYERS_MAX)
		return err_set(e, ERR_USAGE, "%u passes cannot be merged at once, at most %u", m->nr_layers,
			       MERGEFLOW_LAYERS_MAX);
	return 0;
}

/* What the result is. Sources that lead nowhere, as by eras that fall, make no HEAD. */
static int make_head(struct merge *m, struct err *e)
{
	const struct streamfile *first = &m->files[0];
	const struct streamfile *last = &m->files[m->opts->nr - 1];
	struct wire_head *h = &m->result->head;
	uint8_t raw[WIRE_HEAD_MAX];
	struct wire_head back;

	*h = last->head;
	identity_random(h->stream_id);
	memcpy(h->parent_id, first->head.parent_id, WIRE_ID_LEN);
	h->kind = first->head.kind;
	h->since = first->head.since;
	h->parent_size = first->head.parent_size;
	h->era_c = last->end.era_c;
	h->consistency = last->end.consistency;
	h->still_us = last->end.still_us;
	h->flags = WIRE_HEAD_MERGED;
	if (wire_get_head(raw, wire_put_head(raw, h), &back, e) == 0)
		return 0;
	e->kind = ERR_IDENTITY;
	return err_prefix(e, "%s and %s make no stream", first->name, last->name);
}

static int add_pass(struct merge *m, const struct streamfile *s, uint32_t pass, struct err *e)
{
	const uint64_t granule = m->result->head.granule;
	struct streamfile_walk w;
	struct wire_entry n;
	int rc = streamfile_walk_begin(&w, s, pass, e);

	while (rc == 0 && (rc = streamfile_walk_next(&w, &n, e)) > 0) {
		blockset_add(&m->set, n.offset / granule, num_div_up(n.offset + n.len, granule));
		rc = stop_check(e);
	}
	streamfile_walk_end(&w);
	return rc;
}

/* The MAP: all granules that some pass has. */
static int make_map(struct merge *m, struct err *e)
{
	const struct wire_head *h = &m->result->head;
	unsigned int i;
	uint32_t pass;

	if (blockset_init(&m->set, num_div_up(h->size, h->granule), e))
		return -1;
	if (h->kind == WIRE_FULL)
		blockset_add(&m->set, 0, m->set.nr_blocks);
	for (i = 0; h->kind != WIRE_FULL && i < m->opts->nr; i++)
		for (pass = 1; pass <= m->files[i].end.passes; pass++)
			if (add_pass(m, &m->files[i], pass, e))
				return -1;
	m->total = copyflow_bytes(&m->set, h->granule, h->size);
	return 0;
}

static int next_entry(void *ctx, struct wire_entry *n, struct err *e)
{
	return streamfile_walk_next(ctx, n, e);
}

/* The last pass of the last source first. */
static int make_layers(struct merge *m, struct err *e)
{
	unsigned int nr = 0;
	unsigned int i = m->opts->nr;
	uint32_t pass;

	m->layers = calloc(m->nr_layers, sizeof(*m->layers));
	m->walks = calloc(m->nr_layers, sizeof(*m->walks));
	if (!m->layers || !m->walks)
		return err_set(e, ERR_RUNTIME, "no memory to merge");
	while (i-- > 0) {
		for (pass = m->files[i].end.passes; pass > 0; pass--, nr++) {
			if (streamfile_walk_begin(&m->walks[nr], &m->files[i], pass, e))
				return -1;
			m->layers[nr].next = next_entry;
			m->layers[nr].ctx = &m->walks[nr];
		}
	}
	return 0;
}

/* Segments */

static int all_segments(struct merge *m, struct err *e)
{
	const struct mergecopy_opts o = {.walks = m->walks, .level = m->opts->level, .threads = m->opts->threads,
					 .tick = m->opts->tick, .total = m->total};
	struct mergecopy_result r = {0};
	struct sweep sweep;

	sweep_begin(&sweep, m->layers, m->nr_layers);
	if (mergecopy(&sweep, m->out, &o, &r, e))
		return -1;
	m->result->moved = r.moved;
	m->result->recoded = r.recoded;
	/* All segments lie in granules of the set, so their number tells whether they are all of it. */
	if (r.bytes == m->total)
		return 0;
	return err_set(e, ERR_CORRUPT, "%s to %s: their extents have %llu bytes, and should have %llu",
		       m->opts->paths[0], m->opts->paths[m->opts->nr - 1], (unsigned long long)r.bytes,
		       (unsigned long long)m->total);
}

/* All together */

static int write_stream(struct merge *m, int fd, const char *name, struct err *e)
{
	const struct wire_head *h = &m->result->head;
	const struct wire_pass pass = {1, h->since, h->era_c};

	if (streamout_open(m->out, fd, name, m->opts->level, h, e) || streamout_pass(m->out, &pass, &m->set, e) ||
	    all_segments(m, e) || streamout_end(m->out, h->consistency, h->still_us, e))
		return -1;
	m->result->end = m->out->counts;
	m->result->stream = m->out->position;
	return 0;
}

static int make_room(struct merge *m, struct err *e)
{
	unsigned int i;

	m->files = calloc(m->opts->nr, sizeof(*m->files));
	m->out = calloc(1, sizeof(*m->out));
	for (i = 0; m->files && i < m->opts->nr; i++)
		m->files[i].fd = -1;
	return m->files && m->out ? 0 : err_set(e, ERR_RUNTIME, "no memory to merge");
}

static void give_back(struct merge *m)
{
	unsigned int i;

	for (i = 0; m->walks && i < m->nr_layers; i++)
		streamfile_walk_end(&m->walks[i]);
	for (i = 0; m->files && i < m->opts->nr; i++)
		streamfile_close(&m->files[i]);
	if (m->out)
		streamout_close(m->out);
	blockset_fini(&m->set);
	free(m->files);
	free(m->walks);
	free(m->layers);
	free(m->out);
}

int mergeflow(const struct mergeflow_opts *o, int fd, const char *name, struct mergeflow_result *r, struct err *e)
{
	struct merge m = {.opts = o, .result = r};
	int rc = -1;

	memset(r, 0, sizeof(*r));
	if (o->nr < 2)
		return err_set(e, ERR_USAGE, "one stream alone is not merged");
	if (make_room(&m, e) == 0 && open_sources(&m, e) == 0 && make_head(&m, e) == 0 && make_map(&m, e) == 0 &&
	    make_layers(&m, e) == 0)
		rc = write_stream(&m, fd, name, e);
	give_back(&m);
	return rc;
}
