/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * label: what is written is read, at the offsets docs/volume.md gives; no damaged bit and no label that
 * says what cannot be is read; and the judgement on a history, a row for each rule.
 */
#include "pure/label.h"

#include <string.h>

#include "pure/kernelver.h"
#include "tap.h"
#include "words/hash.h"
#include "words/le.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static struct label sample(void)
{
	struct label l;

	memset(&l, 0, sizeof(l));
	l.sequence = 7;
	memset(l.volume, 0x11, LABEL_ID_LEN);
	memset(l.generation, 0x22, LABEL_ID_LEN);
	l.data_bytes = GIB;
	l.block_bytes = 64 * KIB;
	l.meta_offset = LABEL_AREA;
	l.meta_bytes = 4 * MIB;
	l.cow_offset = LABEL_AREA + 4 * MIB;
	l.cow_bytes = 8 * MIB;
	l.state = LABEL_CLEAN;
	l.kernel = KERNELVER_WARN;
	l.era = 9;
	memset(l.fingerprint, 0x33, sizeof(l.fingerprint));
	l.time_formatted = 1700000000;
	l.time_state = 1700000001;
	l.time_generation = 1700000002;
	l.grown_from = 512 * MIB;
	l.grown_era = 5;
	strcpy(l.partuuid, "0a1b2c3d-01");
	strcpy(l.kernel_release, "5.10.0-9-amd64");
	strcpy(l.reason, "formatted");
	return l;
}

static bool same(const struct label *a, const struct label *b)
{
	return a->sequence == b->sequence && memcmp(a->volume, b->volume, LABEL_ID_LEN) == 0 &&
	       memcmp(a->generation, b->generation, LABEL_ID_LEN) == 0 && a->data_bytes == b->data_bytes &&
	       a->block_bytes == b->block_bytes && a->meta_offset == b->meta_offset &&
	       a->meta_bytes == b->meta_bytes && a->cow_offset == b->cow_offset &&
	       a->cow_bytes == b->cow_bytes && a->state == b->state && a->kernel == b->kernel &&
	       a->era == b->era && memcmp(a->fingerprint, b->fingerprint, 16) == 0 &&
	       a->time_formatted == b->time_formatted && a->time_state == b->time_state &&
	       a->time_generation == b->time_generation && a->grown_from == b->grown_from &&
	       a->grown_era == b->grown_era && strcmp(a->partuuid, b->partuuid) == 0 &&
	       strcmp(a->kernel_release, b->kernel_release) == 0 && strcmp(a->reason, b->reason) == 0;
}

static void seal(uint8_t b[LABEL_LEN])
{
	struct hash *h = hash_new();

	hash_add(h, b, 4080);
	hash_get(h, b + 4080);
	hash_free(h);
}

static int get(const uint8_t b[LABEL_LEN], struct label *l, bool *blank, struct err *e)
{
	err_clear(e);
	*blank = true;
	return label_get(b, l, blank, e);
}

static void test_round_trip(void)
{
	struct label l = sample(), back;
	uint8_t b[LABEL_LEN], again[LABEL_LEN];
	struct err e;
	bool blank;

	memset(b, 0xff, sizeof(b));
	label_put(b, &l);
	ok(get(b, &back, &blank, &e) == 0 && !blank && same(&l, &back), "what was written is read");
	label_put(again, &back);
	ok(memcmp(b, again, LABEL_LEN) == 0, "and written the same");
	memcpy(again, b, LABEL_LEN);
	seal(again);
	ok(memcmp(b, again, LABEL_LEN) == 0, "the checksum is XXH3-128 of the first 4080 bytes");
	memset(l.partuuid, 'u', LABEL_WORD);
	memset(l.reason, 'r', LABEL_REASON);
	strcpy(l.kernel_release, "a\tb\x80\x1b[1m");
	label_put(b, &l);
	ok(get(b, &back, &blank, &e) == 0 && strlen(back.partuuid) == LABEL_WORD - 1 &&
		   strlen(back.reason) == LABEL_REASON - 1 &&
		   strcmp(back.kernel_release, "a?b??[1m") == 0,
	   "texts without an end or with control characters are made texts: '%s'", back.kernel_release);
	memset(l.partuuid, 0, LABEL_WORD);
	l.cow_bytes = 0;
	label_put(b, &l);
	ok(get(b, &back, &blank, &e) == 0 && back.partuuid[0] == '\0' && back.cow_bytes == 0,
	   "no PARTUUID and no room for snapshots");
}

/* Offset and length of each number, as docs/volume.md has them. */
static void test_layout(void)
{
	const struct label l = sample();
	uint8_t b[LABEL_LEN];

	label_put(b, &l);
	ok(memcmp(b, "erabackup label\n", 16) == 0 && le32_get(b + 16) == 1 && le32_get(b + 20) == 0,
	   "magic and version");
	ok(le64_get(b + 24) == l.sequence && b[32] == 0x11 && b[47] == 0x11 && b[48] == 0x22 && b[63] == 0x22,
	   "sequence, volume, generation");
	ok(le64_get(b + 64) == l.data_bytes && le64_get(b + 72) == l.block_bytes &&
		   le64_get(b + 80) == l.meta_offset && le64_get(b + 88) == l.meta_bytes &&
		   le64_get(b + 96) == l.cow_offset && le64_get(b + 104) == l.cow_bytes,
	   "geometry");
	ok(le32_get(b + 112) == 2 && le32_get(b + 116) == 1 && le32_get(b + 120) == 9 &&
		   le32_get(b + 124) == 0 && b[128] == 0x33 && b[143] == 0x33,
	   "state, kernel, era, fingerprint");
	ok(le64_get(b + 144) == 1700000000 && le64_get(b + 152) == 1700000001 &&
		   le64_get(b + 160) == 1700000002 && le64_get(b + 168) == l.grown_from &&
		   le64_get(b + 176) == 5,
	   "times and grown");
	ok(strcmp((char *)b + 192, l.partuuid) == 0 && strcmp((char *)b + 256, l.kernel_release) == 0 &&
		   strcmp((char *)b + 384, l.reason) == 0,
	   "texts");
	ok(LABEL_FRESH == 1 && LABEL_OPEN == 3 && KERNELVER_REFUSE == 2 && label_offset[1] == 524288,
	   "constants");
}

static void test_bit_flips(void)
{
	const struct label l = sample();
	unsigned int i, taken = 0, blanks = 0;
	uint8_t b[LABEL_LEN];
	struct label back;
	struct err e;
	bool blank;

	label_put(b, &l);
	for (i = 0; i < 8 * LABEL_LEN; i++) {
		b[i / 8] ^= (uint8_t)(1 << i % 8);
		if (get(b, &back, &blank, &e) != -1 || e.kind != ERR_CORRUPT || back.data_bytes != 0)
			taken++;
		if (blank != (i < 8 * 16))
			blanks++;
		b[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ok(taken == 0, "a label with any bit of %u changed is refused (%u taken)", 8 * LABEL_LEN, taken);
	ok(blanks == 0, "one without its magic is none, all others are damaged (%u)", blanks);
}

/* A label that is sealed, and says at one place what it must not. */
static const struct {
	size_t at;
	unsigned int len;
	uint64_t value;
	const char *text;
} wrongs[] = {
	{16, 4, 2, "the label has version 2; this program reads 1"},
	{16, 4, 0, "the label has version 0; this program reads 1"},
	{64, 8, 0, "the label is damaged: no device has the size it gives for the data"},
	{64, 8, GIB + 256, "the label is damaged: no device has the size it gives for the data"},
	{64, 8, UINT64_MAX - 511, "the label is damaged: no device has the size it gives for the data"},
	{72, 8, 0, "the label is damaged: dm-era does not take the size it gives for an era block"},
	{72, 8, 6 * KIB, "the label is damaged: dm-era does not take the size it gives for an era block"},
	{72, 8, UINT64_C(1) << 41, "the label is damaged: dm-era does not take the size it gives for an era block"},
	{64, 8, UINT64_C(1) << 47, "the label is damaged: dm-era does not take the size it gives for an era block"},
	{80, 8, 0, "the label is damaged: the metadata cannot lie where it says"},
	{80, 8, LABEL_AREA - 4096, "the label is damaged: the metadata cannot lie where it says"},
	{80, 8, LABEL_AREA + 512, "the label is damaged: the metadata cannot lie where it says"},
	{80, 8, UINT64_MAX - 4095, "the label is damaged: the metadata cannot lie where it says"},
	{88, 8, 0, "the label is damaged: the metadata cannot lie where it says"},
	{88, 8, 4 * MIB - 512, "the label is damaged: the metadata cannot lie where it says"},
	{88, 8, UINT64_MAX - 4095, "the label is damaged: the metadata cannot lie where it says"},
	{96, 8, 0, "the label is damaged: the room for snapshots cannot lie where it says"},
	{96, 8, LABEL_AREA + 4 * MIB + 512, "the label is damaged: the room for snapshots cannot lie where it says"},
	{96, 8, UINT64_MAX - 4095, "the label is damaged: the room for snapshots cannot lie where it says"},
	{104, 8, 512, "the label is damaged: the room for snapshots cannot lie where it says"},
	{104, 8, UINT64_MAX - 4095, "the label is damaged: the room for snapshots cannot lie where it says"},
	{96, 8, LABEL_AREA + 4 * MIB - 4096, "the label is damaged: the metadata and the room for snapshots overlap"},
	{88, 8, 4 * MIB + 4096, "the label is damaged: the metadata and the room for snapshots overlap"},
	{112, 4, 0, "the label is damaged: its state is none that exists"},
	{112, 4, 4, "the label is damaged: its state is none that exists"},
	{116, 4, 3, "the label is damaged: its verdict on the kernel is none that exists"},
	{168, 8, GIB + 1, "the label is damaged: it cannot have grown as it says"},
	{176, 8, UINT64_C(1) << 32, "the label is damaged: it cannot have grown as it says"},
	{203, 1, '\n', "the label is damaged: the PARTUUID is no text"},
	{204, 1, 'x', "the label is damaged: the PARTUUID is no text"},
	{256, 1, 0x7f, "the label is damaged: the kernel release is no text"},
	{384, 1, 0xc3, "the label is damaged: the reason is no text"},
	{639, 1, 'x', "the label is damaged: the reason is no text"},
	{124, 4, 1, "the label is damaged: bytes that must be zero are not"},
	{320, 1, 1, "the label is damaged: bytes that must be zero are not"},
	{383, 1, 1, "the label is damaged: bytes that must be zero are not"},
	{640, 1, 1, "the label is damaged: bytes that must be zero are not"},
	{4079, 1, 1, "the label is damaged: bytes that must be zero are not"},
};

static void put_number(uint8_t *p, unsigned int len, uint64_t v)
{
	for (; len > 0; len--, v >>= 8)
		*p++ = (uint8_t)v;
}

static void test_wrong(void)
{
	const struct label l = sample();
	uint8_t b[LABEL_LEN];
	struct label back;
	struct err e;
	bool blank;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		label_put(b, &l);
		put_number(b + wrongs[i].at, wrongs[i].len, wrongs[i].value);
		seal(b);
		ok(get(b, &back, &blank, &e) == -1 && e.kind == ERR_CORRUPT && !blank &&
			   strcmp(e.text, wrongs[i].text) == 0,
		   "%llu at %zu: %s", (unsigned long long)wrongs[i].value, wrongs[i].at, e.text);
	}
	for (i = 0; i < 2; i++) {
		label_put(b, &l);
		memset(b + 32 + 16 * i, 0, 16);
		seal(b);
		ok(get(b, &back, &blank, &e) == -1 && strstr(e.text, "is zero"), "%s of zeros",
		   i ? "a generation" : "a volume id");
	}
	label_put(b, &l);
	memset(b + 256, 'k', LABEL_WORD);
	seal(b);
	ok(get(b, &back, &blank, &e) == -1 && strstr(e.text, "kernel release is no text"),
	   "a text without its NUL");
}

static void test_frame(void)
{
	const struct label l = sample();
	uint8_t b[LABEL_LEN] = {0};
	struct label back;
	struct err e;
	bool blank;

	ok(get(b, &back, &blank, &e) == -1 && blank &&
		   strcmp(e.text, "there is no label: the block is empty") == 0,
	   "zeros are no label");
	b[4095] = 1;
	ok(get(b, &back, &blank, &e) == -1 && blank &&
		   strcmp(e.text, "there is no label: the block holds something else") == 0,
	   "something else is no label");
	label_put(b, &l);
	b[16] = 3;
	ok(get(b, &back, &blank, &e) == -1 && !blank && e.hint[0] &&
		   strcmp(e.text, "the label has version 3, or is damaged; this program reads 1") == 0,
	   "a version that the checksum does not confirm");
	label_put(b, &l);
	b[20] = 1;
	memset(b + 320, 0xee, 64);
	memset(b + 640, 0xee, 4080 - 640);
	b[124] = 1;
	seal(b);
	ok(get(b, &back, &blank, &e) == 0 && same(&l, &back), "what a later minor version adds is ignored");
	b[112] = 9;
	seal(b);
	ok(get(b, &back, &blank, &e) == -1, "and what it has in common is checked");
}

#define MAP_BLOCKS 1024

/* The same numbers in each run: xorshift. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/*
 * Blocks of 4 KiB from the start of META on. Marks [from, from + n) and says whether all were free; the
 * oracle knows nothing of the decoder's arithmetic.
 */
static bool mark(bool map[MAP_BLOCKS], unsigned int from, unsigned int n)
{
	bool free_all = true;
	unsigned int i;

	for (i = from; i < from + n; i++) {
		free_all = free_all && !map[i];
		map[i] = true;
	}
	return free_all;
}

static void test_random_geometry(void)
{
	uint64_t seed = 42;
	unsigned int i, v[4], wrong = 0, fits = 0;
	bool map[MAP_BLOCKS], want, blank;
	uint8_t b[LABEL_LEN];
	struct label l, back;
	struct err e;

	for (i = 0; i < 20000; i++) {
		l = sample();
		v[0] = 236 + (unsigned int)(next_random(&seed) % 100);
		v[1] = (unsigned int)(next_random(&seed) % 100);
		v[2] = 236 + (unsigned int)(next_random(&seed) % 200);
		v[3] = (unsigned int)(next_random(&seed) % 100);
		l.meta_offset = UINT64_C(4096) * v[0];
		l.meta_bytes = UINT64_C(4096) * v[1];
		l.cow_offset = UINT64_C(4096) * v[2];
		l.cow_bytes = UINT64_C(4096) * v[3];
		memset(map, 0, sizeof(map));
		mark(map, 0, 256);
		want = v[1] > 0;
		want = mark(map, v[0], v[1]) && want;
		want = mark(map, v[2], v[3]) && want;
		label_put(b, &l);
		if ((get(b, &back, &blank, &e) == 0) != want)
			wrong++;
		fits += want;
	}
	ok(wrong == 0 && fits > 1000 && fits < 19000, "areas at random: %u fit, %u judged wrongly", fits, wrong);
	for (i = 0, wrong = 0; i < 20000; i++) {
		l = sample();
		l.meta_offset = next_random(&seed) & ~UINT64_C(4095);
		l.meta_bytes = -l.meta_offset + 4096 * (next_random(&seed) % 4096);
		l.cow_offset = i & 1 ? l.cow_offset : next_random(&seed) & ~UINT64_C(4095);
		label_put(b, &l);
		if (get(b, &back, &blank, &e) == 0)
			wrong++;
	}
	ok(wrong == 0, "areas that end beyond 2^64, and so before they begin (%u taken)", wrong);
}

/*
 * The judge. A row says in what it differs from a volume of 1 GiB in blocks of 64 KiB that is clean at
 * era 9, with metadata of 1024 blocks, 75 of them used; 66 have to be free.
 */
static const struct row {
	const char *name;
	enum label_state state; /* 0: clean */
	uint32_t kernel;
	const char *release;
	const char *label_part, *part;
	enum extstate ext;
	int64_t data_less;
	bool blank;
	uint32_t meta_era; /* 0: 9 */
	uint64_t block;	   /* 0: the same */
	uint64_t used, total;
	bool other_data;
	int want;
	enum err_kind kind;
	const char *text; /* the reason, or the error */
	const char *hint; /* a part of it */
} rows[] = {
	{.name = "clean, all as it was"},
	{.name = "fresh, blank", .state = LABEL_FRESH, .blank = true},
	{.name = "fresh: no fingerprint yet", .state = LABEL_FRESH, .blank = true, .other_data = true},
	{.name = "open, a kernel that loses nothing", .state = LABEL_OPEN},
	{.name = "open, one that swaps tables badly", .state = LABEL_OPEN, .kernel = KERNELVER_WARN},
	{.name = "open: the fingerprint is an older one", .state = LABEL_OPEN, .other_data = true},
	{.name = "open, a journal to be replayed", .state = LABEL_OPEN, .ext = EXTSTATE_RECOVERY},
	{.name = "open, a journal that was replayed", .state = LABEL_OPEN, .ext = EXTSTATE_SETTLED, .want = 1,
	 .text = "the volume was not closed (power cut or crash), and its file system was repaired or mounted "
	 "since, without tracking"},
	{.name = "clean, and so is its journal", .ext = EXTSTATE_SETTLED},
	{.name = "clean, a kernel that loses writes", .kernel = KERNELVER_REFUSE},
	{.name = "the era went on", .meta_era = 10},
	{.name = "larger data", .data_less = -512},
	{.name = "one PARTUUID is not known", .label_part = "a-1"},
	{.name = "the other is not known", .part = "a-1"},
	{.name = "the same PARTUUID in capitals", .label_part = "a-1", .part = "A-1"},
	{.name = "just enough room", .used = 1024 - 66},
	{.name = "metadata that does not fill its room", .total = 1023},
	{.name = "blank, was clean", .blank = true, .want = 1,
	 .text = "the metadata is blank, and the volume had been in use"},
	{.name = "blank, was open", .state = LABEL_OPEN, .blank = true, .want = 1,
	 .text = "the metadata is blank, and the volume had been in use"},
	{.name = "fresh, not blank", .state = LABEL_FRESH, .want = 1,
	 .text = "the metadata was used before the first open"},
	{.name = "era below", .meta_era = 8, .want = 1,
	 .text = "the metadata was begun again: it is at era 8, and had been at 9"},
	{.name = "era below, open", .state = LABEL_OPEN, .meta_era = 1, .want = 1,
	 .text = "the metadata was begun again: it is at era 1, and had been at 9"},
	{.name = "written behind our back", .other_data = true, .want = 1,
	 .text = "the data was written while the volume was closed"},
	{.name = "open, a kernel that loses writes", .state = LABEL_OPEN, .kernel = KERNELVER_REFUSE,
	 .release = "5.9.0", .want = 1,
	 .text = "the volume was not closed (power cut or crash), and its kernel 5.9.0 loses writes then"},
	{.name = "the same, its release not known", .state = LABEL_OPEN, .kernel = KERNELVER_REFUSE, .want = 1,
	 .text = "the volume was not closed (power cut or crash), and its kernel loses writes then"},
	{.name = "smaller data", .data_less = 512, .want = -1, .kind = ERR_IDENTITY,
	 .text = "the data device is too small: it has 1073741312 bytes, the volume's label says 1073741824",
	 .hint = "era_setup format"},
	{.name = "smaller data, fresh", .state = LABEL_FRESH, .blank = true, .data_less = 512, .want = -1,
	 .kind = ERR_IDENTITY, .text = "the data device is too small: it has 1073741312 bytes, the "
	 "volume's label says 1073741824", .hint = "right device"},
	{.name = "another partition", .label_part = "a-1", .part = "a-2", .want = -1, .kind = ERR_IDENTITY,
	 .text = "the data device is another partition: PARTUUID a-2, the volume's label says a-1",
	 .hint = "PARTUUID"},
	{.name = "wrong block size", .block = 128 * KIB, .want = -1, .kind = ERR_IDENTITY,
	 .text = "the metadata has the wrong block size: 131072 bytes, the volume's label says 65536",
	 .hint = "era_setup reset"},
	{.name = "wrong block size, fresh", .state = LABEL_FRESH, .block = 128 * KIB, .want = -1,
	 .kind = ERR_IDENTITY,
	 .text = "the metadata has the wrong block size: 131072 bytes, the volume's label says 65536",
	 .hint = "era_setup reset"},
	{.name = "larger than its room", .total = 1025, .want = -1, .kind = ERR_IDENTITY,
	 .text = "the metadata is another volume's: it counts 1025 blocks, there is room for 1024",
	 .hint = "era_setup reset"},
	{.name = "larger than any", .total = UINT64_C(1) << 52, .want = -1, .kind = ERR_IDENTITY,
	 .text = "the metadata is another volume's: it counts 4503599627370496 blocks, there is room "
	 "for 1024", .hint = "era_setup reset"},
	{.name = "more used than there is", .used = 1025, .want = -1, .kind = ERR_CORRUPT,
	 .text = "the metadata is damaged: it says that 1025 of 1024 blocks are used",
	 .hint = "era_setup reset"},
	{.name = "nearly full", .used = 1024 - 65, .want = -1, .kind = ERR_RUNTIME,
	 .text = "the metadata is nearly full: 959 of 1024 blocks are used, 65 are free, 66 have to be",
	 .hint = "era_setup reset"},
	{.name = "nearly full comes before a broken history", .used = 1024, .other_data = true, .want = -1,
	 .kind = ERR_RUNTIME,
	 .text = "the metadata is nearly full: 1024 of 1024 blocks are used, 0 are free, 66 have to be",
	 .hint = "larger"},
	{.name = "blank: what it would say does not count", .state = LABEL_FRESH, .blank = true, .meta_era = 1,
	 .block = 4096, .used = 9999, .total = 5},
};

static void test_judge(void)
{
	char reason[LABEL_REASON];
	struct label_facts f;
	struct label l;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		l = sample();
		l.state = r->state ? r->state : LABEL_CLEAN;
		l.kernel = r->kernel;
		strcpy(l.kernel_release, r->release ? r->release : "");
		strcpy(l.partuuid, r->label_part ? r->label_part : "");
		memset(&f, 0, sizeof(f));
		f.blank_meta = r->blank;
		f.meta_era = r->meta_era ? r->meta_era : 9;
		f.meta_block_bytes = r->block ? r->block : l.block_bytes;
		f.meta_used = r->used ? r->used : 75;
		f.meta_total = r->total ? r->total : 1024;
		f.data_bytes = l.data_bytes - (uint64_t)r->data_less;
		f.ext = r->ext;
		memset(f.fingerprint, r->other_data ? 0x44 : 0x33, sizeof(f.fingerprint));
		strcpy(f.partuuid, r->part ? r->part : "");
		err_clear(&e);
		memset(reason, 'x', sizeof(reason));
		rc = label_judge(&l, &f, reason, &e);
		ok(rc == r->want && e.kind == r->kind &&
			   strcmp(rc < 0 ? e.text : reason, r->text ? r->text : "") == 0 &&
			   (r->hint ? strstr(e.hint, r->hint) != NULL : e.hint[0] == '\0'),
		   "%s: %d %s", r->name, rc, rc < 0 ? e.text : reason);
	}
}

static void test_renew(void)
{
	static const uint8_t random[LABEL_ID_LEN] = {1, 2, 3};
	const struct label before = sample();
	struct label l = sample(), want = sample();
	char longer[2 * LABEL_REASON];

	label_renew(&l, random, 1800000000, "it came up without tracking");
	memcpy(want.generation, random, LABEL_ID_LEN);
	want.time_generation = 1800000000;
	want.grown_from = want.grown_era = 0;
	strcpy(want.reason, "it came up without tracking");
	ok(same(&l, &want) && !same(&l, &before), "a new generation changes what is about history alone");
	memset(longer, 'y', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	label_renew(&l, random, 1, longer);
	ok(strlen(l.reason) == LABEL_REASON - 1, "a long reason is cut");
	ok(strcmp(label_state_name(LABEL_FRESH), "fresh") == 0 &&
		   strcmp(label_state_name(LABEL_CLEAN), "clean") == 0 &&
		   strcmp(label_state_name(LABEL_OPEN), "open") == 0,
	   "states have names");
}

/* 1 GiB in blocks of 64 KiB are 16384. */
static const struct {
	const char *name;
	uint32_t known;
	bool blank;
	uint64_t had_from, had_era;
	uint64_t from, era;
} late[] = {
	{"metadata of all blocks", 16384, false, 0, 0, 0, 0},
	{"of more", 16385, false, 7, 3, 7, 3},
	{"blank metadata", 0, true, 0, 0, 0, 0},
	{"of one block less", 16383, false, 0, 0, GIB - 64 * KIB, 10},
	{"grown before, from less", 16383, false, 4096, 3, 4096, 10},
	{"grown before, from more", 16, false, GIB, 3, MIB, 10},
};

static void test_grow_late(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(late); i++) {
		struct label_facts f = {.meta_era = 9, .meta_era_blocks = late[i].known};
		struct label l = sample();

		f.blank_meta = late[i].blank;
		l.grown_from = late[i].had_from;
		l.grown_era = late[i].had_era;
		label_grow_late(&l, &f);
		ok(l.grown_from == late[i].from && l.grown_era == late[i].era, "late: %s", late[i].name);
	}
}

int main(void)
{
	test_round_trip();
	test_layout();
	test_bit_flips();
	test_wrong();
	test_frame();
	test_random_geometry();
	test_judge();
	test_grow_late();
	test_renew();
	return tap_done();
}
