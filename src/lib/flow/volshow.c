/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/volshow.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "pure/kernelver.h"
#include "words/json.h"
#include "words/num.h"

#define ull unsigned long long
#define BLOCK UINT64_C(4096)

const char *volshow_time(uint64_t seconds, char buf[VOLSHOW_TIME])
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds == 0 || !localtime_r(&t, &tm) ||
	    strftime(buf, VOLSHOW_TIME, "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
		snprintf(buf, VOLSHOW_TIME, "-");
	return buf;
}

static void row(FILE *f, const char *name, const char *value)
{
	fprintf(f, "  %-16s %s\n", name, value);
}

__attribute__((format(printf, 3, 4))) static void rowf(FILE *f, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	row(f, name, text);
}

static void row_size(FILE *f, const char *name, uint64_t bytes, const char *why)
{
	char size[NUM_SIZE_LEN];

	rowf(f, name, "%-12s %s%s(%llu bytes)", num_size(bytes, size, sizeof(size)), why, why[0] ? " " : "",
	     (ull)bytes);
}

bool volshow_opened(const struct volume_opened *r, char text[VOLSHOW_OPENED])
{
	text[0] = '\0';
	if (r->how == VOLUME_PLAIN)
		snprintf(text, VOLSHOW_OPENED, "opened WITHOUT TRACKING, as a plain mapping: %s", r->reason);
	else if (r->how == VOLUME_WAS_PLAIN)
		snprintf(text, VOLSHOW_OPENED, "is open WITHOUT TRACKING since this boot: %s", r->reason);
	else if (r->new_generation)
		snprintf(text, VOLSHOW_OPENED, "its history begins again: %s: the next backup is a full",
			 r->reason);
	return text[0] != '\0';
}

/* Size */

int volshow_size(FILE *f, uint64_t data_bytes, uint64_t block_bytes, const struct metasize *m,
		 bool json, struct err *e)
{
	const uint64_t total = LABEL_AREA + m->bytes;
	char data[NUM_SIZE_LEN];
	char block[NUM_SIZE_LEN];

	if (json)
		return json_value(f, e, "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "data_bytes", (ull)data_bytes,
				  "block_bytes", (ull)block_bytes, "era_blocks", (ull)m->nr_era_blocks,
				  "idle_bytes", (ull)(m->idle * BLOCK), "bound_bytes", (ull)(m->bound * BLOCK),
				  "metadata_bytes", (ull)m->bytes, "label_bytes", (ull)LABEL_AREA,
				  "total_bytes", (ull)total);
	fprintf(f, "%s of data in %llu era blocks of %s:\n", num_size(data_bytes, data, sizeof(data)),
		(ull)m->nr_era_blocks, num_size(block_bytes, block, sizeof(block)));
	row_size(f, "idle", m->idle * BLOCK, "in use when all is digested");
	row_size(f, "bound", m->bound * BLOCK, "the most, digesting with a snapshot held");
	row_size(f, "metadata", m->bytes, "what format takes");
	row_size(f, "label", LABEL_AREA, "in front of it");
	row_size(f, "needed", total, "the metadata device; more is room for snapshots");
	return 0;
}

/* Label */

static int label_json(FILE *f, const struct label *l, const struct labelio_found *found,
		      struct err *e)
{
	char volume[2 * LABEL_ID_LEN + 1];
	char generation[2 * LABEL_ID_LEN + 1];
	char reason[JSON_TEXT_LEN];

	num_hex(l->volume, LABEL_ID_LEN, volume);
	num_hex(l->generation, LABEL_ID_LEN, generation);
	return json_value(f, e,
			  "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:[ss]}",
			  "volume", volume, "generation", generation, "state", label_state_name(l->state),
			  "sequence", (ull)l->sequence, "data_bytes", (ull)l->data_bytes, "block_bytes",
			  (ull)l->block_bytes, "metadata_offset", (ull)l->meta_offset, "metadata_bytes",
			  (ull)l->meta_bytes, "snapshot_offset", (ull)l->cow_offset, "snapshot_bytes",
			  (ull)l->cow_bytes, "era", (ull)l->era, "formatted", (ull)l->time_formatted, "since",
			  (ull)l->time_state, "generation_since", (ull)l->time_generation, "grown_from",
			  (ull)l->grown_from, "grown_era", (ull)l->grown_era, "partuuid", l->partuuid, "kernel",
			  l->kernel_release, "reason", json_text(l->reason, reason), "copies",
			  labelio_copy_name(found->copy[0]), labelio_copy_name(found->copy[1]));
}

/* As people are used to from filesystems: 8-4-4-4-12. */
static void put_uuid(const uint8_t id[LABEL_ID_LEN], char out[37])
{
	char hex[2 * LABEL_ID_LEN + 1];

	num_hex(id, LABEL_ID_LEN, hex);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void label_text(FILE *f, const struct label *l)
{
	char generation[2 * LABEL_ID_LEN + 1];
	char time[VOLSHOW_TIME];
	char uuid[37];

	put_uuid(l->volume, uuid);
	num_hex(l->generation, LABEL_ID_LEN, generation);
	row(f, "volume", uuid);
	rowf(f, "generation", "%s, since %s", generation, volshow_time(l->time_generation, time));
	row(f, "", l->reason);
	rowf(f, "label says", "%s, since %s", label_state_name(l->state), volshow_time(l->time_state, time));
	row_size(f, "data", l->data_bytes, l->partuuid);
	row_size(f, "era block", l->block_bytes, "");
	row_size(f, "metadata", l->meta_bytes, "");
	row_size(f, "snapshots", l->cow_bytes, l->cow_bytes ? "room for them" : "no room");
	if (l->kernel_release[0])
		row(f, "opened by", l->kernel_release);
	if (l->grown_era)
		rowf(f, "grown", "from %llu bytes, in era %llu", (ull)l->grown_from, (ull)l->grown_era);
}

int volshow_label(FILE *f, const char *meta, const struct label *l, const struct labelio_found *found,
		  bool json, struct err *e)
{
	if (json)
		return label_json(f, l, found, e);
	fprintf(f, "%s: label of an era volume\n", meta);
	label_text(f, l);
	rowf(f, "era", "%u or later", l->era);
	rowf(f, "copies", "%s, %s; sequence %llu", labelio_copy_name(found->copy[0]),
	     labelio_copy_name(found->copy[1]), (ull)l->sequence);
	return 0;
}

/* Status */

static const char *verdict_name(enum kernelver v)
{
	return v == KERNELVER_FINE ? "fine" : v == KERNELVER_WARN ? "warning" : "unsafe";
}

static const char *mode(const struct volstatus *v)
{
	if (v->stack->kind == STACK_PLAIN)
		return "plain";
	return v->stack->top.suspended ? "suspended" : "tracking";
}

static const char *held_by(const struct volstatus *v)
{
	return !v->era.held ? "none" : v->held_ours ? "era_copy" : "other";
}

static const char *trouble(const struct volstatus *v)
{
	if (v->stack->kind == STACK_PLAIN)
		return v->plain.reason[0] ? v->plain.reason : "not known";
	return v->label_err.kind ? v->label_err.text : v->era_err.kind ? v->era_err.text : "";
}

/* era_copy is at work on it, or one that was killed left it. */
static bool has_cut(const struct stack *s)
{
	return s->snap.name[0] || s->cow.name[0];
}

static int status_json(FILE *f, const struct volstatus *v, struct err *e)
{
	const struct label *l = &v->l.label;
	char volume[2 * LABEL_ID_LEN + 1];
	char generation[2 * LABEL_ID_LEN + 1];
	char reason[JSON_TEXT_LEN];
	char why[JSON_TEXT_LEN];

	num_hex(l->volume, LABEL_ID_LEN, volume);
	num_hex(l->generation, LABEL_ID_LEN, generation);
	return json_value(
		f, e, "{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:I,s:s,s:s,s:I,s:s,s:s,s:s,s:b}",
		"name", v->stack->name, "mode", mode(v), "trouble", json_text(trouble(v), why), "data",
		v->stack->data_path, "meta", v->l.meta_path, "size_bytes", (ull)v->stack->top.len_sectors * 512,
		"block_bytes", (ull)l->block_bytes, "era", (ull)v->era.era, "metadata_used",
		(ull)(v->era.used_blocks * BLOCK), "metadata_total", (ull)(v->era.total_blocks * BLOCK),
		"headroom_needed", (ull)(v->headroom * BLOCK), "held", held_by(v), "held_era", (ull)v->held_era,
		"held_seconds", (long long)v->held_seconds, "volume", volume, "generation", generation,
		"generation_since", (ull)l->time_generation, "reason", json_text(l->reason, reason), "discard",
		v->discard_max ? "pass" : "off", "kernel", verdict_name(v->kernel.verdict),
		"cut_snapshot", has_cut(v->stack));
}

static void held_text(FILE *f, const struct volstatus *v)
{
	char age[64] = "";

	if (!v->era.held)
		return;
	if (v->held_seconds >= 0)
		snprintf(age, sizeof(age), ", for %lld s", (long long)v->held_seconds);
	rowf(f, "held snapshot", "of era %llu, %s%s", (ull)v->held_era,
	     v->held_ours ? "era_copy's" : "somebody else's", age);
}

static void era_text(FILE *f, const struct volstatus *v)
{
	const struct dm_era_status *s = &v->era;
	const uint64_t room = s->total_blocks - num_min(s->used_blocks, s->total_blocks);
	char used[NUM_SIZE_LEN];
	char total[NUM_SIZE_LEN];
	char needed[NUM_SIZE_LEN];

	if (s->total_blocks == 0)
		return;
	rowf(f, "era", "%llu", (ull)s->era);
	rowf(f, "in use", "%s of %s; a cut may need %s%s", num_size(s->used_blocks * BLOCK, used, sizeof(used)),
	     num_size(s->total_blocks * BLOCK, total, sizeof(total)),
	     num_size(v->headroom * BLOCK, needed, sizeof(needed)),
	     room < v->headroom ? ": NEARLY FULL" : "");
	held_text(f, v);
}

static void status_text(FILE *f, const struct volstatus *v)
{
	char size[NUM_SIZE_LEN];

	fprintf(f, "%s: %s, %s on %s\n", v->stack->name,
		v->stack->kind == STACK_PLAIN ? "NOT TRACKED, a plain mapping" : mode(v),
		num_size(v->stack->top.len_sectors * 512, size, sizeof(size)), v->stack->data_path);
	if (trouble(v)[0])
		row(f, v->stack->kind == STACK_PLAIN ? "because" : "trouble", trouble(v));
	if (v->stack->kind == STACK_PLAIN)
		return;
	era_text(f, v);
	if (!v->label_err.kind)
		label_text(f, &v->l.label);
	if (has_cut(v->stack))
		row(f, "cut", "its snapshot is there: era_copy is at work, or was killed and the next one takes it away");
	row(f, "discards", v->discard_max ? "pass, and are not tracked well" : "off");
	rowf(f, "kernel", "%s%s%s", verdict_name(v->kernel.verdict), v->kernel.warning[0] ? ": " : "",
	     v->kernel.warning);
}

struct showing {
	FILE *f;
	bool json;
	unsigned int nr;
	struct err *e;
};

static int show(void *ctx, const struct stack *s)
{
	struct showing *w = ctx;
	struct volstatus v;

	if (volstatus(s, &v, w->e))
		return -1;
	if (w->nr++ > 0)
		fputs(w->json ? ",\n" : "\n", w->f);
	if (w->json)
		return status_json(w->f, &v, w->e);
	status_text(w->f, &v);
	return 0;
}

static int show_one(struct showing *w, const char *name)
{
	struct stack s;

	if (stack_find(name, &s, w->e))
		return -1;
	if (s.kind != STACK_ERA && s.kind != STACK_PLAIN)
		return err_set(w->e, ERR_RUNTIME, "%s: is not open", name);
	return show(w, &s);
}

int volshow_volumes(FILE *f, const char *name, bool json, unsigned int *nr, struct err *e)
{
	struct showing w = {.f = f, .json = json, .e = e};
	int rc;

	if (json && !name)
		fputc('[', f);
	rc = name ? show_one(&w, name) : stack_each(show, &w, e);
	if (json && rc == 0)
		fputs(name ? "\n" : "]\n", f);
	*nr = w.nr;
	return rc ? -1 : 0;
}
