/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/dumpflow.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pure/state.h"
#include "words/json.h"
#include "words/num.h"
#include "world/streamin.h"

struct dump {
	struct streamin in;
	FILE *out;
	bool json;
	bool first; /* no frame printed yet: no comma */
};

#define ull unsigned long long

static const char *hex(const uint8_t id[WIRE_ID_LEN], char buf[33])
{
	num_hex(id, WIRE_ID_LEN, buf);
	return buf;
}

static const char *when(uint64_t seconds, char buf[32])
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (t < 0 || !gmtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(buf, "?");
	return buf;
}

static void head_text(const struct dump *d, const struct wire_head *h)
{
	char a[JSON_TEXT_LEN];
	unsigned int tag;

	fprintf(d->out, "kind        %s%s\n", wire_kind_name(h->kind),
		h->flags & WIRE_HEAD_MERGED ? ", merged" : "");
	fprintf(d->out, "stream      %s\n", hex(h->stream_id, a));
	fprintf(d->out, "parent      %s\n", wire_id_is_zero(h->parent_id) ? "-" : hex(h->parent_id, a));
	fprintf(d->out, "gives       %s\n", wire_id_is_zero(h->state_id) ? "-" : hex(h->state_id, a));
	fprintf(d->out, "generation  %s\n", hex(h->generation, a));
	fprintf(d->out, "eras        from %llu, cut at %llu\n", (ull)h->since, (ull)h->era_c);
	fprintf(d->out, "size        %llu (parent %llu)\n", (ull)h->size, (ull)h->parent_size);
	fprintf(d->out, "era block   %llu\n", (ull)h->granule);
	fprintf(d->out, "sector      %u\n", h->sector);
	fprintf(d->out, "cut         %s, %s, stood still %.3f s\n", wire_cut_name(h->cut),
		wire_consistency_name(h->consistency), (double)h->still_us / 1e6);
	fprintf(d->out, "time        %s\n", when(h->time, a));
	for (tag = 1; tag < WIRE_FIELDS; tag++)
		if (h->field[tag][0])
			fprintf(d->out, "%-11s %s\n", wire_field_name(tag), json_text(h->field[tag], a));
}

static int head_json(const struct dump *d, const struct wire_head *h, struct err *e)
{
	char id[4][33];
	char t[32];
	char a[JSON_TEXT_LEN];
	unsigned int tag;

	fputs("{\"head\":", d->out);
	if (json_value(d->out, e,
		       "{s:s,s:b,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:i,s:s,s:s,s:I,s:s}", "kind",
		       wire_kind_name(h->kind), "merged", (int)(h->flags & WIRE_HEAD_MERGED), "stream", hex(h->stream_id, id[0]), "parent",
		       hex(h->parent_id, id[1]), "gives", hex(h->state_id, id[2]), "generation",
		       hex(h->generation, id[3]), "since", json_count(h->since), "era", json_count(h->era_c), "size",
		       (ull)h->size, "parent_size", (ull)h->parent_size, "era_block", (ull)h->granule,
		       "sector", (int)h->sector, "cut", wire_cut_name(h->cut), "consistency",
		       wire_consistency_name(h->consistency), "still_us", json_count(h->still_us), "time",
		       when(h->time, t)))
		return -1;
	fputs(",\"fields\":{", d->out);
	for (tag = 1; tag < WIRE_FIELDS; tag++) {
		fprintf(d->out, "%s\"%s\":", tag > 1 ? "," : "", wire_field_name(tag));
		if (json_value(d->out, e, "s", json_text(h->field[tag], a)))
			return -1;
	}
	fputs("},\"frames\":[", d->out);
	return 0;
}

static int frame_line(struct dump *d, uint8_t type, uint64_t offset, uint64_t len, uint64_t stored,
		      const char *codec, struct err *e)
{
	const uint64_t position = d->in.frame.position;

	if (!d->json) {
		fprintf(d->out, "%-5s %14llu %14llu %8llu %-4s at %llu\n", wire_type_name(type),
			(ull)offset, (ull)len, (ull)stored, codec, (ull)position);
		return 0;
	}
	if (!d->first)
		fputc(',', d->out);
	d->first = false;
	return json_value(d->out, e, "{s:s,s:I,s:I,s:I,s:s,s:I}", "type", wire_type_name(type),
			  "offset", (ull)offset, "length", (ull)len, "stored", (ull)stored, "codec",
			  codec, "position", (ull)position);
}

static int map_lines(struct dump *d, struct err *e)
{
	struct wire_extent x;
	uint32_t i;

	for (i = 0; i < d->in.nr_map; i++) {
		wire_get_extent(d->in.map + (size_t)i * WIRE_EXTENT_LEN, &x);
		if (frame_line(d, WIRE_MAP, x.offset, x.len, 0, "", e))
			return -1;
	}
	return 0;
}

static int end_lines(const struct dump *d, struct err *e)
{
	const struct wire_end *n = &d->in.check.end;
	char word[TOKEN_LEN];
	char digest[33];
	struct token t;

	state_after(&d->in.check.head, n->era_c, &t);
	token_print(&t, word);
	hex(n->digest, digest);
	if (!d->json) {
		fprintf(d->out, "data        %llu bytes in %llu frames, stored in %llu\n",
			(ull)n->data_bytes, (ull)n->data_frames, (ull)n->stored_bytes);
		fprintf(d->out, "zero        %llu bytes in %llu frames\n", (ull)n->zero_bytes,
			(ull)n->zero_frames);
		fprintf(d->out, "digest      %s\ntoken       %s\n", digest, word);
		return 0;
	}
	fputs("],\"end\":", d->out);
	if (json_value(d->out, e, "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:i,s:s,s:I,s:s,s:s}", "era",
		       json_count(n->era_c), "frames", (ull)n->frames, "data_frames", (ull)n->data_frames,
		       "zero_frames", (ull)n->zero_frames, "data_bytes", (ull)n->data_bytes,
		       "zero_bytes", (ull)n->zero_bytes, "stored_bytes", (ull)n->stored_bytes, "passes",
		       (int)n->passes, "consistency", wire_consistency_name(n->consistency), "still_us",
		       json_count(n->still_us), "digest", digest, "token", word))
		return -1;
	fputs("}\n", d->out);
	return 0;
}

static int extent_line(struct dump *d, struct err *e)
{
	const struct wire_header *h = &d->in.frame.header;

	if (h->type == WIRE_DATA && streamin_skip(&d->in, e))
		return -1;
	return frame_line(d, h->type, h->offset, h->logical_len, h->stored_len,
			  h->codec == WIRE_CODEC_ZSTD ? "zstd" : "-", e);
}

static int all(struct dump *d, int fd, const char *name, struct err *e)
{
	enum streamin_event event;
	int rc;

	if (streamin_open(&d->in, fd, name, e))
		return -1;
	if (!d->json)
		head_text(d, &d->in.check.head);
	else if (head_json(d, &d->in.check.head, e))
		return -1;
	for (;;) {
		if (streamin_next(&d->in, &event, e))
			return -1;
		if (event == STREAMIN_END)
			break;
		if (event == STREAMIN_PASS)
			rc = frame_line(d, WIRE_PASS, 0, 0, d->in.frame.header.stored_len, "", e);
		else
			rc = event == STREAMIN_MAP ? map_lines(d, e) : extent_line(d, e);
		if (rc)
			return -1;
	}
	return end_lines(d, e);
}

int dumpflow_run(int fd, const char *name, bool json, FILE *out, struct err *e)
{
	struct dump *d = calloc(1, sizeof(*d));
	int rc = -1;

	if (!d)
		return err_set(e, ERR_RUNTIME, "no memory to read a stream");
	d->out = out;
	d->json = json;
	d->first = true;
	rc = all(d, fd, name, e);
	if (json_end(out, "standard output", e))
		rc = -1;
	streamin_close(&d->in);
	free(d);
	return rc;
}
