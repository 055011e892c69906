/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/label.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pure/headroom.h"
#include "pure/kernelver.h"
#include "pure/metasize.h"
#include "pure/wire.h"
#include "words/hash.h"
#include "words/le.h"
#include "words/num.h"

#define MAJOR  1
#define MINOR  0
#define SUM_AT 4080 /* the checksum of all before it */
#define BLOCK  4096u
#define SECTOR 512u

static const uint8_t magic[16] = "erabackup label\n";

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

static bool printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* What is not named is zero */
static const struct {
	size_t at, len;
} reserved[] = {{124, 4}, {184, 8}, {320, 64}, {640, SUM_AT - 640}};

static void put_text(uint8_t *out, const char *text, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && text[i] != '\0'; i++)
		out[i] = (uint8_t)(printable(text[i]) ? text[i] : '?');
}

void label_put(uint8_t out[LABEL_LEN], const struct label *l)
{
	memset(out, 0, LABEL_LEN);
	memcpy(out, magic, sizeof(magic));
	le32_put(out + 16, MAJOR);
	le32_put(out + 20, MINOR);
	le64_put(out + 24, l->sequence);
	memcpy(out + 32, l->volume, LABEL_ID_LEN);
	memcpy(out + 48, l->generation, LABEL_ID_LEN);
	le64_put(out + 64, l->data_bytes);
	le64_put(out + 72, l->block_bytes);
	le64_put(out + 80, l->meta_offset);
	le64_put(out + 88, l->meta_bytes);
	le64_put(out + 96, l->cow_offset);
	le64_put(out + 104, l->cow_bytes);
	le32_put(out + 112, l->state);
	le32_put(out + 116, l->kernel);
	le32_put(out + 120, l->era);
	memcpy(out + 128, l->fingerprint, sizeof(l->fingerprint));
	le64_put(out + 144, l->time_formatted);
	le64_put(out + 152, l->time_state);
	le64_put(out + 160, l->time_generation);
	le64_put(out + 168, l->grown_from);
	le64_put(out + 176, l->grown_era);
	put_text(out + 192, l->partuuid, LABEL_WORD);
	put_text(out + 256, l->kernel_release, LABEL_WORD);
	put_text(out + 384, l->reason, LABEL_REASON);
	hash128(out, SUM_AT, out + SUM_AT);
}

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, "the label is damaged: %s", what);
}

static int get_text(const uint8_t *in, char *text, size_t size, const char *what, struct err *e)
{
	size_t n;

	memcpy(text, in, size);
	for (n = 0; n < size && text[n] != '\0'; n++)
		if (!printable(text[n]))
			return bad(e, what);
	return n < size && all_zero(in + n, size - n) ? 0 : bad(e, what);
}

/* Is the block a label, and whole? */
static int check_frame(const uint8_t in[LABEL_LEN], bool *blank, struct err *e)
{
	const uint32_t major = le32_get(in + 16);
	uint8_t sum[HASH128_LEN];
	bool whole;

	*blank = memcmp(in, magic, sizeof(magic)) != 0;
	if (*blank)
		return err_set(e, ERR_CORRUPT, "there is no label: the block %s",
			       all_zero(in, LABEL_LEN) ? "is empty" : "holds something else");
	hash128(in, SUM_AT, sum);
	whole = memcmp(sum, in + SUM_AT, sizeof(sum)) == 0;
	if (major != MAJOR) {
		err_set(e, ERR_CORRUPT, "the label has version %u%s; this program reads %u", major,
			whole ? "" : ", or is damaged", MAJOR);
		return err_hint(
			e,
			"use the release of erabackup that formatted the volume, or a later one");
	}
	return whole ? 0 : bad(e, "its checksum is wrong");
}

static int check_reserved(const uint8_t in[LABEL_LEN], struct err *e)
{
	size_t i;

	/* What a later minor version put there may be ignored. */
	if (le32_get(in + 20) > MINOR)
		return 0;
	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (!all_zero(in + reserved[i].at, reserved[i].len))
			return bad(e, "bytes that must be zero are not");
	return 0;
}

/* [offset, offset + len) is behind the copies of the label, aligned, and of a size that exists. */
static bool is_area(uint64_t offset, uint64_t len)
{
	return offset % BLOCK == 0 && len % BLOCK == 0 && offset <= WIRE_SIZE_MAX &&
	       len <= WIRE_SIZE_MAX && (len == 0 || offset >= LABEL_AREA);
}

static int check_geometry(const struct label *l, struct err *e)
{
	if (l->data_bytes == 0 || l->data_bytes % SECTOR != 0 || l->data_bytes > WIRE_SIZE_MAX)
		return bad(e, "no device has the size it gives for the data");
	if (l->block_bytes == 0 || l->block_bytes % BLOCK != 0 ||
	    l->block_bytes > METASIZE_MAX_BLOCK_BYTES ||
	    num_div_up(l->data_bytes, l->block_bytes) >= METASIZE_MAX_ERA_BLOCKS)
		return bad(e, "dm-era does not take the size it gives for an era block");
	if (l->meta_bytes == 0 || !is_area(l->meta_offset, l->meta_bytes))
		return bad(e, "the metadata cannot lie where it says");
	if (!is_area(l->cow_offset, l->cow_bytes))
		return bad(e, "the room for snapshots cannot lie where it says");
	if (l->cow_bytes != 0 && l->cow_offset < l->meta_offset + l->meta_bytes &&
	    l->meta_offset < l->cow_offset + l->cow_bytes)
		return bad(e, "the metadata and the room for snapshots overlap");
	if (l->grown_from > l->data_bytes || l->grown_era > UINT32_MAX)
		return bad(e, "it cannot have grown as it says");
	return 0;
}

static int check_values(const struct label *l, struct err *e)
{
	if (all_zero(l->volume, LABEL_ID_LEN) || all_zero(l->generation, LABEL_ID_LEN))
		return bad(e, "its volume id or generation is zero");
	if (l->state < LABEL_FRESH || l->state > LABEL_OPEN)
		return bad(e, "its state is none that exists");
	if (l->kernel > KERNELVER_REFUSE)
		return bad(e, "its verdict on the kernel is none that exists");
	return check_geometry(l, e);
}

static int get_texts(const uint8_t in[LABEL_LEN], struct label *l, struct err *e)
{
	if (get_text(in + 192, l->partuuid, LABEL_WORD, "the PARTUUID is no text", e) ||
	    get_text(in + 256, l->kernel_release, LABEL_WORD, "the kernel release is no text", e) ||
	    get_text(in + 384, l->reason, LABEL_REASON, "the reason is no text", e))
		return -1;
	return 0;
}

static void get_numbers(const uint8_t in[LABEL_LEN], struct label *l)
{
	l->sequence = le64_get(in + 24);
	memcpy(l->volume, in + 32, LABEL_ID_LEN);
	memcpy(l->generation, in + 48, LABEL_ID_LEN);
	l->data_bytes = le64_get(in + 64);
	l->block_bytes = le64_get(in + 72);
	l->meta_offset = le64_get(in + 80);
	l->meta_bytes = le64_get(in + 88);
	l->cow_offset = le64_get(in + 96);
	l->cow_bytes = le64_get(in + 104);
	l->state = le32_get(in + 112);
	l->kernel = le32_get(in + 116);
	l->era = le32_get(in + 120);
	memcpy(l->fingerprint, in + 128, sizeof(l->fingerprint));
	l->time_formatted = le64_get(in + 144);
	l->time_state = le64_get(in + 152);
	l->time_generation = le64_get(in + 160);
	l->grown_from = le64_get(in + 168);
	l->grown_era = le64_get(in + 176);
}

int label_get(const uint8_t in[LABEL_LEN], struct label *l, bool *blank, struct err *e)
{
	memset(l, 0, sizeof(*l));
	if (check_frame(in, blank, e))
		return -1;
	get_numbers(in, l);
	if (check_reserved(in, e) || get_texts(in, l, e) || check_values(l, e)) {
		memset(l, 0, sizeof(*l));
		return -1;
	}
	return 0;
}

int label_judge_data(const struct label *l, const struct label_facts *f, struct err *e)
{
	if (f->data_bytes < l->data_bytes) {
		err_set(e, ERR_IDENTITY,
			"the data device is too small: it has %llu bytes, the volume's label says "
			"%llu",
			(unsigned long long)f->data_bytes, (unsigned long long)l->data_bytes);
		return err_hint(
			e, "name the right device (lsblk -b shows sizes); if this one was shrunk, "
			   "era_setup format begins a new volume on it, its contents stay");
	}
	if (l->partuuid[0] != '\0' && f->partuuid[0] != '\0' &&
	    strcasecmp(l->partuuid, f->partuuid) != 0) {
		err_set(e, ERR_IDENTITY,
			"the data device is another partition: PARTUUID %s, the volume's label "
			"says %s",
			f->partuuid, l->partuuid);
		return err_hint(
			e,
			"name the right device (lsblk -o NAME,PARTUUID); if the data was moved to "
			"this one, era_setup format begins a new volume on it, its contents stay");
	}
	return 0;
}

/* Can dm-era go on with this metadata? */
static int judge_meta(const struct label *l, const struct label_facts *f, struct err *e)
{
	static const char reset[] =
		"`era_setup reset META` begins the metadata again; the next backup "
		"has to be a full";

	if (f->meta_block_bytes != l->block_bytes) {
		err_set(e, ERR_IDENTITY,
			"the metadata has the wrong block size: %llu bytes, the volume's label "
			"says %llu",
			(unsigned long long)f->meta_block_bytes,
			(unsigned long long)l->block_bytes);
		return err_hint(e, "%s", reset);
	}
	if (f->meta_total > l->meta_bytes / BLOCK) {
		err_set(e, ERR_IDENTITY,
			"the metadata is another volume's: it counts %llu blocks, there is room "
			"for %llu",
			(unsigned long long)f->meta_total,
			(unsigned long long)(l->meta_bytes / BLOCK));
		return err_hint(e, "%s", reset);
	}
	if (f->meta_used > f->meta_total) {
		err_set(e, ERR_CORRUPT,
			"the metadata is damaged: it says that %llu of %llu blocks are used",
			(unsigned long long)f->meta_used, (unsigned long long)f->meta_total);
		return err_hint(e, "%s", reset);
	}
	return 0;
}

static int judge_room(const struct label *l, const struct label_facts *f, struct err *e)
{
	const uint64_t room = f->meta_total - f->meta_used;
	const uint64_t need = headroom_needed(num_div_up(l->data_bytes, l->block_bytes), false);

	if (room >= need)
		return 0;
	err_set(e, ERR_RUNTIME,
		"the metadata is nearly full: %llu of %llu blocks are used, %llu are free, %llu "
		"have to be",
		(unsigned long long)f->meta_used, (unsigned long long)f->meta_total,
		(unsigned long long)room, (unsigned long long)need);
	return err_hint(
		e, "`era_setup reset META` empties it; if it fills up again, era_setup format with "
		   "a larger META or larger era blocks; after either the next backup has to be a "
		   "full");
}

/* A generation has to begin, for that reason. */
__attribute__((format(printf, 2, 3))) static int begin(char reason[LABEL_REASON], const char *fmt,
						       ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, LABEL_REASON, fmt, ap);
	va_end(ap);
	return 1;
}

/* Section 3: 1 with the reason where the history is broken. */
static int judge_history(const struct label *l, const struct label_facts *f,
			 char reason[LABEL_REASON])
{
	if (f->blank_meta && l->state != LABEL_FRESH)
		return begin(reason, "the metadata is blank, and the volume had been in use");
	if (!f->blank_meta && l->state == LABEL_FRESH)
		return begin(reason, "the metadata was used before the first open");
	if (!f->blank_meta && f->meta_era < l->era)
		return begin(reason,
			     "the metadata was begun again: it is at era %u, and had been at %u",
			     f->meta_era, l->era);
	if (l->state == LABEL_CLEAN && memcmp(f->fingerprint, l->fingerprint, HASH128_LEN) != 0)
		return begin(reason, "the data was written while the volume was closed");
	if (l->state == LABEL_OPEN && l->kernel == KERNELVER_REFUSE)
		return begin(
			reason,
			"the volume was not closed (power cut or crash), and its kernel%s%s loses "
			"writes then",
			l->kernel_release[0] ? " " : "", l->kernel_release);
	if (l->state == LABEL_OPEN && f->ext == EXTSTATE_SETTLED)
		return begin(reason,
			     "the volume was not closed (power cut or crash), and its file system was "
			     "repaired or mounted since, without tracking");
	return 0;
}

int label_judge(const struct label *l, const struct label_facts *f, char reason[LABEL_REASON],
		struct err *e)
{
	reason[0] = '\0';
	if (label_judge_data(l, f, e))
		return -1;
	if (!f->blank_meta && (judge_meta(l, f, e) || judge_room(l, f, e)))
		return -1;
	return judge_history(l, f, reason);
}

void label_grow_late(struct label *l, const struct label_facts *f)
{
	uint64_t known;

	if (f->blank_meta || f->meta_era_blocks >= num_div_up(l->data_bytes, l->block_bytes))
		return;
	known = f->meta_era_blocks * l->block_bytes;
	l->grown_from = l->grown_era ? num_min(l->grown_from, known) : known;
	l->grown_era = (uint64_t)f->meta_era + 1;
}

void label_renew(struct label *l, const uint8_t random[LABEL_ID_LEN], uint64_t now,
		 const char *reason)
{
	memcpy(l->generation, random, LABEL_ID_LEN);
	l->time_generation = now;
	l->grown_from = 0;
	l->grown_era = 0;
	snprintf(l->reason, LABEL_REASON, "%s", reason);
}

const char *label_state_name(enum label_state s)
{
	switch (s) {
	case LABEL_FRESH:
		return "fresh";
	case LABEL_CLEAN:
		return "clean";
	case LABEL_OPEN:
		return "open";
	}
	return "unknown";
}
