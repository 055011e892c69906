/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire: every structure against bytes written by hand from docs/format.md, checksums by xxhsum -H3;
 * and for each thing a decoder refuses a row that differs from a good one in that thing alone.
 */
#include "pure/wire.h"

#include <string.h>

#include "bytes.h"
#include "tap.h"
#include "words/hash.h"
#include "words/le.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ID "a0a1a2a3a4a5a6a7 a8a9aaabacadaeaf"

static uint8_t id[WIRE_ID_LEN];
static uint8_t raw[WIRE_HEAD_MAX];

static bool says(const struct err *e, const char *what)
{
	return e->kind == ERR_CORRUPT && strstr(e->text, what) != NULL;
}

/* Section 3 */

static const char preamble_bytes[] =
	"8945 5241 0d0a 1a0a" /* 0 magic */
	"0100 0000"	      /* 8 major, 10 minor */
	"00000000"	      /* 12 critical features */
	ID		      /* 16 stream id */
	"cfd08aa674a8672d";   /* 32 XXH3-64 of bytes 0 to 31 */

static void preamble(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool seal;
		const char *want;
	} rows[] = {
		{0, 0x09, true, "text mode"},	     {4, '\n', true, "text mode"},
		{2, 'r', true, "not an era stream"}, {7, '\r', true, "text mode"},
		{8, 2, true, "version 2"},	     {9, 1, true, "version 257"},
		{8, 0, false, "version 0"},	     {10, 1, false, "checksum"},
		{16, 1, false, "checksum"},	     {39, 1, false, "checksum"},
		{12, 1, true, "features 0x1"},	     {15, 0x80, true, "features 0x80000000"},
	};
	uint8_t good[WIRE_PREAMBLE_LEN];
	uint8_t got[WIRE_ID_LEN];
	struct err e = {0};
	size_t i;

	ok(bytes(preamble_bytes, good) == WIRE_PREAMBLE_LEN, "a preamble has 40 bytes");
	wire_put_preamble(raw, id);
	ok(memcmp(raw, good, sizeof(good)) == 0, "preamble: written as by hand");
	ok(wire_get_preamble(good, got, &e) == 0 && memcmp(got, id, sizeof(id)) == 0, "preamble: read");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(raw, good, sizeof(good));
		raw[rows[i].at] = rows[i].value;
		if (rows[i].seal)
			le64_put(raw + 32, hash64(raw, 32));
		err_clear(&e);
		ok(wire_get_preamble(raw, got, &e) == -1 && says(&e, rows[i].want), "preamble: byte %zu: %s",
		   rows[i].at, e.text);
	}
	memcpy(raw, good, sizeof(good));
	memset(raw + 16, 0, WIRE_ID_LEN);
	le64_put(raw + 32, hash64(raw, 32));
	err_clear(&e);
	ok(wire_get_preamble(raw, got, &e) == -1 && says(&e, "id is zero"), "preamble: %s", e.text);
	memcpy(raw, good, sizeof(good));
	raw[10] = 7;
	le64_put(raw + 32, hash64(raw, 32));
	err_clear(&e);
	ok(wire_get_preamble(raw, got, &e) == 0, "preamble: another minor version is read");
}

/* Section 4 */

static const char data_bytes[] =
	"4552 4631"	   /* 0 magic */
	"03 01 0000"	   /* 4 type DATA, 5 codec zstd, 6 flags */
	"0807060504030201" /* 8 sequence number */
	"0000f0ff00000000" /* 16 device offset: 4 GiB less a MiB */
	"0000100000000000" /* 24 logical length: 1 MiB */
	"00040000"	   /* 32 stored length */
	"00000000"	   /* 36 zero */
	"1112131415161718" /* 40 XXH3-64 of the stored bytes */
	"2122232425262728" /* 48 XXH3-64 of the content */
	"db89845573cfe6fb"; /* 56 XXH3-64 of stream id and bytes 0 to 55 */

static const char zero_bytes[] =
	"4552 4631"
	"04 00 0000"
	"0a00000000000000"
	"0010000000000000" /* offset 4096 */
	"0000000000000001" /* 2^56 bytes */
	"00000000"
	"00000000"
	"c294d3380580062d" /* XXH3-64 of nothing */
	"c294d3380580062d"
	"584c5d109a598abb";

static const struct wire_header data = {
	.type = WIRE_DATA,
	.codec = WIRE_CODEC_ZSTD,
	.seq = UINT64_C(0x0102030405060708),
	.offset = UINT64_C(0xfff00000),
	.logical_len = 1048576,
	.stored_len = 1024,
	.stored_sum = UINT64_C(0x1817161514131211),
	.content_sum = UINT64_C(0x2827262524232221),
};

static const struct wire_header zero = {
	.type = WIRE_ZERO,
	.seq = 10,
	.offset = 4096,
	.logical_len = UINT64_C(1) << 56,
	.stored_sum = UINT64_C(0x2d06800538d394c2),
	.content_sum = UINT64_C(0x2d06800538d394c2),
};

static const struct wire_header map = {
	.type = WIRE_MAP, .logical_len = 16, .stored_len = 16, .stored_sum = 5, .content_sum = 5};

static const struct wire_header optional = {
	.type = 200, .flags = WIRE_FLAG_OPTIONAL, .logical_len = 3, .stored_len = 3, .stored_sum = 5,
	.content_sum = 5};

/* Without padding, which may hold anything. */
static bool same_header(const struct wire_header *a, const struct wire_header *b)
{
	return a->type == b->type && a->codec == b->codec && a->flags == b->flags && a->seq == b->seq &&
	       a->offset == b->offset && a->logical_len == b->logical_len &&
	       a->stored_len == b->stored_len && a->stored_sum == b->stored_sum &&
	       a->content_sum == b->content_sum;
}

static void header(const char *name, const char *text, const struct wire_header *h)
{
	uint8_t good[WIRE_HEADER_LEN];
	struct wire_header got;
	struct err e = {0};

	ok(bytes(text, good) == WIRE_HEADER_LEN, "a header has 64 bytes");
	memset(raw, 0xff, WIRE_HEADER_LEN);
	wire_put_header(raw, h, id);
	ok(memcmp(raw, good, sizeof(good)) == 0, "header of %s: written as by hand", name);
	ok(wire_get_header(good, &got, id, &e) == 0 && same_header(&got, h), "header of %s: read", name);
}

/* One field of a good header changed: it is refused for that, or with `want` NULL still good. */
static const struct {
	const struct wire_header *of;
	size_t at, bytes;
	uint64_t value;
	const char *want;
} header_rows[] = {
	{&data, 0, 1, 'e', "no frame begins"},
	{&data, 3, 1, '2', "no frame begins"},
	{&data, 4, 1, 0, "type 0 is unknown"},
	{&map, 4, 1, 8, "type 8 is unknown"},
	{&map, 4, 1, 127, "type 127 is unknown"},
	{&map, 4, 1, 128, "optional flag do not fit"},
	{&optional, 4, 1, 128, NULL},
	{&optional, 4, 1, 255, NULL},
	{&optional, 4, 1, 127, "type 127 is unknown"},
	{&optional, 4, 1, WIRE_MAP, "optional flag do not fit"},
	{&optional, 6, 2, 0, "optional flag do not fit"},
	{&data, 6, 2, 1, "optional flag do not fit"},
	{&data, 6, 2, 2, "keeps free"},
	{&data, 6, 2, 0x8000, "keeps free"},
	{&optional, 6, 2, 3, "keeps free"},
	{&optional, 5, 1, 1, "optional frame is compressed"},
	{&optional, 16, 8, 1, "no extent has an offset"},
	{&data, 5, 1, 2, "codec 2 is unknown"},
	{&data, 5, 1, 255, "codec 255 is unknown"},
	{&data, 36, 4, 1, "keeps free"},
	{&data, 36, 4, 0x80000000, "keeps free"},
	{&data, 24, 8, 0, "no length"},
	{&zero, 24, 8, 0, "no length"},
	{&data, 24, 8, 1048577, "longer than 1 MiB"},
	{&data, 24, 8, 1025, NULL},
	{&data, 24, 8, 1024, "not shorter than its content"},
	{&data, 16, 8, UINT64_C(0xfff00001), "crosses a multiple of 1 MiB"},
	{&data, 16, 8, UINT64_C(0xffefffff), "crosses a multiple of 1 MiB"},
	{&data, 16, 8, UINT64_C(0xfffffffffff00000), "wraps around"},
	{&zero, 16, 8, UINT64_C(0xff00000000000000), "wraps around"},
	{&zero, 16, 8, 5, NULL},
	{&zero, 24, 8, 1, NULL},
	{&zero, 32, 4, 1, "has stored bytes"},
	{&zero, 5, 1, 1, "has stored bytes"},
	{&zero, 40, 8, 0, "checksums of something"},
	{&zero, 48, 8, 0, "checksums of something"},
	{&data, 32, 4, 1048577, "stores more than 1 MiB"},
	{&map, 32, 4, 0xffffffff, "stores more than 1 MiB"},
	{&map, 16, 8, 1, "no extent has an offset"},
	{&map, 24, 8, 17, "two lengths"},
	{&map, 32, 4, 15, "two lengths"},
	{&map, 48, 8, 6, "two checksums"},
	{&map, 40, 8, 6, "two checksums"},
	{&map, 5, 1, 1, "not shorter than its content"},
	{&map, 8, 8, UINT64_MAX, NULL},
};

static void header_refusals(void)
{
	struct wire_header got;
	struct err e;
	size_t i;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(header_rows); i++) {
		wire_put_header(raw, header_rows[i].of, id);
		for (k = 0; k < header_rows[i].bytes; k++)
			raw[header_rows[i].at + k] = (uint8_t)(header_rows[i].value >> (8 * k));
		le64_put(raw + 56, hash64_two(id, WIRE_ID_LEN, raw, 56));
		err_clear(&e);
		if (header_rows[i].want)
			ok(wire_get_header(raw, &got, id, &e) == -1 && says(&e, header_rows[i].want),
			   "header: %zu: %s (%s)", header_rows[i].at, header_rows[i].want, e.text);
		else
			ok(wire_get_header(raw, &got, id, &e) == 0, "header: %zu: %llx is good %s",
			   header_rows[i].at, (unsigned long long)header_rows[i].value, e.text);
	}
}

static void long_content(void)
{
	struct wire_header h = map;
	struct wire_header got;
	struct err e = {0};

	h.codec = WIRE_CODEC_ZSTD;
	h.logical_len = 1048576;
	wire_put_header(raw, &h, id);
	ok(wire_get_header(raw, &got, id, &e) == 0, "header: a MAP of 1 MiB, compressed");
	h.logical_len++;
	wire_put_header(raw, &h, id);
	ok(wire_get_header(raw, &got, id, &e) == -1 && says(&e, "content is longer than 1 MiB"),
	   "header: a MAP of a byte more");
}

/* Each bit of the header, and the stream it is in. */
static void header_checksum(void)
{
	uint8_t other[WIRE_ID_LEN];
	struct wire_header got;
	unsigned int passed = 0;
	struct err e;
	size_t i;

	wire_put_header(raw, &data, id);
	for (i = 0; i < (size_t)WIRE_HEADER_LEN * 8; i++) {
		raw[i / 8] = (uint8_t)(raw[i / 8] ^ 1u << i % 8);
		err_clear(&e);
		passed += wire_get_header(raw, &got, id, &e) == 0;
		raw[i / 8] = (uint8_t)(raw[i / 8] ^ 1u << i % 8);
	}
	ok(passed == 0, "header: no bit may change");
	memcpy(other, id, sizeof(other));
	other[15] ^= 1;
	err_clear(&e);
	ok(wire_get_header(raw, &got, other, &e) == -1 && says(&e, "of another stream"),
	   "header: not in another stream");
}

/* Section 5.1 */

static const char head_bytes[] =
	ID				   /* 0 stream id */
	ID				   /* 16 state id */
	"b0b1b2b3b4b5b6b7 b8b9babbbcbdbebf" /* 32 parent id */
	"c0c1c2c3c4c5c6c7 c8c9cacbcccdcecf" /* 48 generation */
	"0700000000000000"		   /* 64 since */
	"0900000000000000"		   /* 72 C */
	"0000000000010000"		   /* 80 device size: 2^40 */
	"0002000000000000"		   /* 88 parent's size: 512 */
	"8070605040302010"		   /* 96 time */
	"0000080000000000"		   /* 104 granule: 512 KiB */
	"00100000"			   /* 112 sector: 4096 */
	"02"				   /* 116 kind: incremental */
	"04"				   /* 117 cut: snapshot */
	"03"				   /* 118 crash-consistent */
	"01"				   /* 119 passes may come */
	"1112131415161718"		   /* 120 stood still */
	"0100 0300 61ff62"		   /* host, three bytes, not UTF-8 */
	"0200 0100 2f"
	"0300 0400 65787434"
	"0400 0100 75"
	"0500 0100 6c"
	"0600 0100 31"
	"0700 0100 36"
	"0800 0300 312f32";

static void make_head(struct wire_head *h)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	for (i = 0; i < WIRE_ID_LEN; i++) {
		h->stream_id[i] = h->state_id[i] = (uint8_t)(0xa0 + i);
		h->parent_id[i] = (uint8_t)(0xb0 + i);
		h->generation[i] = (uint8_t)(0xc0 + i);
	}
	h->since = 7;
	h->era_c = 9;
	h->size = UINT64_C(1) << 40;
	h->parent_size = 512;
	h->time = UINT64_C(0x1020304050607080);
	h->granule = 524288;
	h->sector = 4096;
	h->kind = WIRE_INCREMENTAL;
	h->cut = WIRE_CUT_SNAPSHOT;
	h->consistency = WIRE_CRASH_CONSISTENT;
	h->flags = WIRE_HEAD_PASSES;
	h->still_us = UINT64_C(0x1817161514131211);
	strcpy(h->field[WIRE_HOST], "a\xff" "b");
	strcpy(h->field[WIRE_DEVICE], "/");
	strcpy(h->field[WIRE_FSTYPE], "ext4");
	strcpy(h->field[WIRE_FSUUID], "u");
	strcpy(h->field[WIRE_FSLABEL], "l");
	strcpy(h->field[WIRE_TOOL], "1");
	strcpy(h->field[WIRE_KERNEL], "6");
	strcpy(h->field[WIRE_METADATA], "1/2");
}

static bool same_head(const struct wire_head *a, const struct wire_head *b)
{
	return memcmp(a->stream_id, b->stream_id, 4 * WIRE_ID_LEN) == 0 && a->since == b->since &&
	       a->era_c == b->era_c && a->size == b->size && a->parent_size == b->parent_size &&
	       a->time == b->time && a->granule == b->granule && a->sector == b->sector &&
	       a->kind == b->kind && a->cut == b->cut && a->consistency == b->consistency &&
	       a->flags == b->flags && a->still_us == b->still_us &&
	       memcmp(a->field, b->field, sizeof(a->field)) == 0;
}

static void head(void)
{
	uint8_t good[512];
	const size_t len = bytes(head_bytes, good);
	struct wire_head want;
	struct wire_head got;
	struct err e = {0};

	make_head(&want);
	ok(wire_put_head(raw, &want) == len && memcmp(raw, good, len) == 0, "HEAD: written as by hand");
	ok(wire_get_head(good, len, &got, &e) == 0 && same_head(&got, &want), "HEAD: read %s", e.text);
	memset(want.field, 0, sizeof(want.field));
	ok(wire_put_head(raw, &want) == WIRE_HEAD_LEN, "HEAD: 128 bytes where there are no fields");
	ok(wire_get_head(good, WIRE_HEAD_LEN, &got, &e) == 0 && same_head(&got, &want),
	   "HEAD: read without fields");
	ok(wire_get_head(good, WIRE_HEAD_LEN - 1, &got, &e) == -1 && says(&e, "too short"),
	   "HEAD: 127 bytes");
}

/* Up to two fields of the incremental above changed. */
struct change {
	size_t at, bytes;
	uint64_t value;
};

static const struct {
	struct change change[3];
	const char *want;
} head_rows[] = {
	{{{80, 8, 0}}, "size is out of range"},
	{{{80, 8, (UINT64_C(1) << 56) + 1}}, "size is out of range"},
	{{{80, 8, UINT64_C(1) << 56}}, NULL},
	{{{88, 8, (UINT64_C(1) << 56) + 1}}, "size is out of range"},
	{{{80, 8, 511}}, "parent's size does not fit"},
	{{{80, 8, 512}}, NULL},
	{{{88, 8, 0}}, "parent's size does not fit"},
	{{{104, 8, 0}}, "granule"},
	{{{104, 8, 511}}, "granule"},
	{{{104, 8, 1536}}, NULL},
	{{{104, 8, UINT64_C(1) << 40}}, NULL},
	{{{104, 8, (UINT64_C(1) << 40) + 512}}, "granule"},
	{{{112, 4, 0}}, "sector"},
	{{{112, 4, 256}}, "sector"},
	{{{112, 4, 512}}, NULL},
	{{{112, 4, 1536}}, "sector"},
	{{{112, 4, 65536}}, NULL},
	{{{112, 4, 131072}}, "sector"},
	{{{116, 1, 0}}, "kind 0"},
	{{{116, 1, 4}}, "kind 4"},
	{{{117, 1, 0}}, "cut, consistency or flag"},
	{{{117, 1, 5}}, "cut, consistency or flag"},
	{{{118, 1, 0}}, "cut, consistency or flag"},
	{{{118, 1, 5}}, "cut, consistency or flag"},
	{{{119, 1, 4}}, "cut, consistency or flag"},
	{{{119, 1, 0x80}}, "cut, consistency or flag"},
	{{{119, 1, 0}}, NULL},
	{{{16, 1, 0}}, "state id is not the stream's"},
	/* A merged stream, as it is, with another state id, and without one. */
	{{{119, 1, 2}}, NULL},
	{{{119, 1, 2}, {16, 1, 0}}, NULL},
	{{{119, 1, 2}, {16, 8, 0}, {24, 8, 0}}, "has no state id"},
	{{{119, 1, 3}, {16, 1, 0}}, "announces more than one pass"},
	{{{119, 1, 2}, {116, 1, 3}, {64, 8, 0}}, "says that it was merged"},
	{{{72, 8, 6}}, "era is below"},
	{{{72, 8, 7}}, NULL},
	{{{72, 8, 0}}, NULL}, /* unknown */
	/* An incremental whose parent is named by its since alone. */
	{{{32, 8, 0}, {40, 8, 0}}, NULL},
	/* A full */
	{{{116, 1, 1}}, "names a parent"},
	{{{116, 1, 1}, {64, 8, 0}, {88, 8, 0}}, "names a parent"},
	/* A reverse stream */
	{{{116, 1, 3}}, "parent is not named rightly"},
	{{{116, 1, 3}, {64, 8, 0}}, NULL},
	{{{116, 1, 3}, {64, 8, 0}, {16, 1, 0}}, NULL},
	{{{116, 1, 3}, {64, 8, 0}, {88, 8, 0}}, "parent is not named rightly"},
	{{{116, 1, 3}, {64, 8, 0}, {80, 8, 100}}, NULL}, /* back to what was smaller */
};

static void change(uint8_t *p, const struct change *c)
{
	size_t k;

	for (k = 0; k < c->bytes; k++)
		p[c->at + k] = (uint8_t)(c->value >> (8 * k));
}

static void get_head(const uint8_t *p, size_t len, const char *want, const char *name)
{
	struct wire_head got;
	struct err e = {0};

	if (want)
		ok(wire_get_head(p, len, &got, &e) == -1 && says(&e, want), "HEAD: %s: %s", name, e.text);
	else
		ok(wire_get_head(p, len, &got, &e) == 0, "HEAD: %s: good %s", name, e.text);
}

static void head_refusals(void)
{
	char name[64];
	size_t i;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(head_rows); i++) {
		bytes(head_bytes, raw);
		for (k = 0; k < 3; k++)
			change(raw, &head_rows[i].change[k]);
		snprintf(name, sizeof(name), "byte %zu is %llx", head_rows[i].change[0].at,
			 (unsigned long long)head_rows[i].change[0].value);
		get_head(raw, WIRE_HEAD_LEN, head_rows[i].want, name);
	}
}

/* A full, and a reverse stream without a parent. */
static void head_kinds(void)
{
	static const struct change full[] = {{116, 1, 1}, {64, 8, 0}, {88, 8, 0}, {32, 8, 0}, {40, 8, 0}};
	static const struct change since = {64, 8, 1};
	static const struct change size = {88, 8, 1};
	static const struct change reverse = {116, 1, 3};
	size_t i;

	bytes(head_bytes, raw);
	for (i = 0; i < ARRAY_SIZE(full); i++)
		change(raw, &full[i]);
	get_head(raw, WIRE_HEAD_LEN, NULL, "a full");
	change(raw, &since);
	get_head(raw, WIRE_HEAD_LEN, "names a parent", "a full with a since");
	change(raw, &full[1]);
	change(raw, &size);
	get_head(raw, WIRE_HEAD_LEN, "names a parent", "a full with a parent's size");
	change(raw, &reverse);
	get_head(raw, WIRE_HEAD_LEN, "parent is not named rightly", "a reverse without a parent");
}

static const struct {
	const char *fields;
	const char *want, *name;
} field_rows[] = {
	{"0100 0100 61", NULL, "a host"},
	{"0100 0000", "field 1 is malformed", "an empty host"},
	{"0700 0100 00", "field 7 is malformed", "NUL"},
	{"0700 0300 610062", "field 7 is malformed", "NUL inside"},
	{"0100 0100", "ends inside a field", "no bytes"},
	{"0100 0200 61", "ends inside a field", "a byte less"},
	{"0100 ffff 61", "ends inside a field", "65535 bytes"},
	{"01", "ends inside a field", "one byte"},
	{"010001", "ends inside a field", "three bytes"},
	{"0100 0100 61 0100 0100 61", "twice or out of order", "the same twice"},
	{"0200 0100 61 0100 0100 61", "twice or out of order", "out of order"},
	{"0900 0000", "field 9 is malformed", "the last known one, empty"},
	{"6200 0000", NULL, "unknown, empty"},
	{"6200 0300 610062", NULL, "unknown, any bytes"},
	{"ff7f 0100 61", NULL, "the last uncritical tag"},
	{"0080 0000", "critical field 32768", "the first critical tag"},
	{"ffff 0100 61", "critical field 65535", "the last critical tag"},
	{"6200 0000 0700 0100 61", "twice or out of order", "a known one behind an unknown"},
	{"0000 0100 61", NULL, "tag 0 is unknown too"},
};

static void head_fields(void)
{
	struct wire_head got;
	struct err e = {0};
	size_t len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(field_rows); i++) {
		bytes(head_bytes, raw);
		len = WIRE_HEAD_LEN + bytes(field_rows[i].fields, raw + WIRE_HEAD_LEN);
		get_head(raw, len, field_rows[i].want, field_rows[i].name);
	}
	bytes(head_bytes, raw);
	bytes("0100 ff00", raw + WIRE_HEAD_LEN);
	memset(raw + WIRE_HEAD_LEN + 4, 'x', 256);
	ok(wire_get_head(raw, WIRE_HEAD_LEN + 4 + 255, &got, &e) == 0 && strlen(got.field[1]) == 255,
	   "HEAD: a host of 255 bytes");
	bytes("0100 0001", raw + WIRE_HEAD_LEN);
	get_head(raw, WIRE_HEAD_LEN + 4 + 256, "field 1 is malformed", "a host of 256 bytes");
}

/* The longest HEAD has room. */
static void head_max(void)
{
	struct wire_head h;
	struct wire_head got;
	struct err e = {0};
	unsigned int tag;
	size_t len;

	make_head(&h);
	for (tag = 1; tag < WIRE_FIELDS; tag++)
		memset(h.field[tag], 'a' + (int)tag, WIRE_FIELD_MAX);
	len = wire_put_head(raw, &h);
	ok(len <= WIRE_HEAD_MAX && wire_get_head(raw, len, &got, &e) == 0 && same_head(&got, &h),
	   "HEAD: all fields of 255 bytes");
}

/* Sections 5.2 and 5.3 */

static void pass(void)
{
	static const char text[] = "03000000 00000000 0500000000000001 0700000000000002";
	const struct wire_pass want = {3, (UINT64_C(1) << 56) + 5, (UINT64_C(2) << 56) + 7};
	uint8_t good[WIRE_PASS_LEN + 1] = {0};
	struct wire_pass got;
	struct err e = {0};

	ok(bytes(text, good) == WIRE_PASS_LEN, "PASS has 24 bytes");
	wire_put_pass(raw, &want);
	ok(memcmp(raw, good, WIRE_PASS_LEN) == 0, "PASS: written as by hand");
	ok(wire_get_pass(good, WIRE_PASS_LEN, &got, &e) == 0 && got.number == want.number &&
		   got.since == want.since && got.era_c == want.era_c, "PASS: read");
	ok(wire_get_pass(good, WIRE_PASS_LEN - 1, &got, &e) == -1 && says(&e, "malformed"), "PASS: 23 bytes");
	err_clear(&e);
	ok(wire_get_pass(good, WIRE_PASS_LEN + 1, &got, &e) == -1 && says(&e, "malformed"), "PASS: 25 bytes");
	err_clear(&e);
	good[7] = 1;
	ok(wire_get_pass(good, WIRE_PASS_LEN, &got, &e) == -1 && says(&e, "malformed"),
	   "PASS: a zero that is not");
	good[7] = 0;
	good[0] = 64;
	err_clear(&e);
	ok(wire_get_pass(good, WIRE_PASS_LEN, &got, &e) == 0, "PASS: number 64");
	good[0] = 65;
	ok(wire_get_pass(good, WIRE_PASS_LEN, &got, &e) == -1 && says(&e, "out of range"), "PASS: number 65");
	good[0] = 0;
	err_clear(&e);
	ok(wire_get_pass(good, WIRE_PASS_LEN, &got, &e) == -1 && says(&e, "out of range"), "PASS: number 0");
}

static void extent(void)
{
	const struct wire_extent want = {UINT64_C(0x0807060504030201), UINT64_C(0x1817161514131211)};
	uint8_t good[WIRE_EXTENT_LEN];
	struct wire_extent got;

	ok(bytes("0102030405060708 1112131415161718", good) == WIRE_EXTENT_LEN, "an extent has 16 bytes");
	wire_put_extent(raw, &want);
	ok(memcmp(raw, good, sizeof(good)) == 0, "extent: written as by hand");
	wire_get_extent(good, &got);
	ok(got.offset == want.offset && got.len == want.len, "extent: read");
}

/* Section 5.5 */

static const char end_bytes[] =
	"0100000000000010" /* 0 C */
	"0200000000000020" /* 8 frames */
	"0300000000000030" /* 16 DATA */
	"0400000000000040" /* 24 ZERO */
	"0500000000000050" /* 32 bytes of DATA */
	"0600000000000060" /* 40 bytes of ZERO */
	"0700000000000070" /* 48 stored bytes */
	"08000080"	   /* 56 passes */
	"04"		   /* 60 consistency */
	"000000"	   /* 61 zero */
	"0900000000000090" /* 64 stood still */
	"d0d1d2d3d4d5d6d7 d8d9dadbdcdddedf"; /* 72 digest */

static const struct wire_end end_want = {
	.era_c = (UINT64_C(0x10) << 56) + 1,
	.frames = (UINT64_C(0x20) << 56) + 2,
	.data_frames = (UINT64_C(0x30) << 56) + 3,
	.zero_frames = (UINT64_C(0x40) << 56) + 4,
	.data_bytes = (UINT64_C(0x50) << 56) + 5,
	.zero_bytes = (UINT64_C(0x60) << 56) + 6,
	.stored_bytes = (UINT64_C(0x70) << 56) + 7,
	.passes = 0x80000008,
	.consistency = 4,
	.still_us = (UINT64_C(0x90) << 56) + 9,
	.digest = {0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf},
};

static bool same_end(const struct wire_end *a, const struct wire_end *b)
{
	return a->era_c == b->era_c && a->frames == b->frames && a->data_frames == b->data_frames &&
	       a->zero_frames == b->zero_frames && a->data_bytes == b->data_bytes &&
	       a->zero_bytes == b->zero_bytes && a->stored_bytes == b->stored_bytes &&
	       a->passes == b->passes && a->consistency == b->consistency && a->still_us == b->still_us &&
	       memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static void end(void)
{
	static const struct {
		size_t len, at;
		uint8_t value;
		const char *want;
	} rows[] = {
		{87, 0, 1, "malformed"}, {89, 0, 1, "malformed"}, {88, 61, 1, "malformed"},
		{88, 63, 1, "malformed"}, {88, 60, 0, "consistency"}, {88, 60, 5, "consistency"},
	};
	uint8_t good[WIRE_END_LEN + 1] = {0};
	struct wire_end got;
	struct err e = {0};
	size_t i;

	ok(bytes(end_bytes, good) == WIRE_END_LEN, "END has 88 bytes");
	wire_put_end(raw, &end_want);
	ok(memcmp(raw, good, WIRE_END_LEN) == 0, "END: written as by hand");
	ok(wire_get_end(good, WIRE_END_LEN, &got, &e) == 0 && same_end(&got, &end_want), "END: read");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(raw, good, sizeof(good));
		raw[rows[i].at] = rows[i].value;
		err_clear(&e);
		ok(wire_get_end(raw, rows[i].len, &got, &e) == -1 && says(&e, rows[i].want),
		   "END: %zu bytes, byte %zu is %u: %s", rows[i].len, rows[i].at, rows[i].value, e.text);
	}
}

/* Section 5.6 */

static void index_piece(void)
{
	static const char text[] =
		"0102030405060708" /* 0 device offset */
		"1112131415161718" /* 8 logical length */
		"2122232425262728" /* 16 position */
		"31323334"	   /* 24 stored length */
		"41424344"	   /* 28 pass */
		"03"		   /* 32 type */
		"00000000000000";  /* 33 zero */
	const struct wire_entry entry = {
		.offset = UINT64_C(0x0807060504030201),
		.len = UINT64_C(0x1817161514131211),
		.position = UINT64_C(0x2827262524232221),
		.stored_len = 0x34333231,
		.pass = 0x44434241,
		.type = 3,
	};
	uint8_t good[WIRE_ENTRY_LEN];

	ok(bytes(text, good) == WIRE_ENTRY_LEN, "an INDEX entry has 40 bytes");
	memset(raw, 0xff, WIRE_ENTRY_LEN);
	wire_put_entry(raw, &entry);
	ok(memcmp(raw, good, WIRE_ENTRY_LEN) == 0, "INDEX entry: written as by hand");
	ok(bytes("0102030405060708 00100000 00000000", good) == WIRE_INDEX_LEN, "INDEX begins with 16 bytes");
	memset(raw, 0xff, WIRE_INDEX_LEN);
	wire_put_index(raw, UINT64_C(0x0807060504030201), 4096);
	ok(memcmp(raw, good, WIRE_INDEX_LEN) == 0, "INDEX: written as by hand");
}

/* Section 6 */

static const char footer_bytes[] =
	"4552 4146 4f4f 540a" /* 0 magic */
	"0102030405060708"    /* 8 position of END */
	"1112131415161718"    /* 16 position of the last INDEX */
	"2122232425262728"    /* 24 length of the stream */
	"0000000000000000"    /* 32 zero */
	"48f9de1d20323f3f";   /* 40 XXH3-64 of stream id and bytes 0 to 39 */

static void footer(void)
{
	static const struct {
		size_t at;
		bool seal;
		const char *want;
	} rows[] = {
		{0, true, "footer is missing"}, {7, true, "footer is missing"}, {8, false, "checksum"},
		{31, false, "checksum"},	{32, true, "keeps free"},	{39, true, "keeps free"},
		{40, false, "checksum"},
	};
	const struct wire_footer want = {UINT64_C(0x0807060504030201), UINT64_C(0x1817161514131211),
					 UINT64_C(0x2827262524232221)};
	uint8_t good[WIRE_FOOTER_LEN];
	struct wire_footer got;
	struct err e = {0};
	size_t i;

	ok(bytes(footer_bytes, good) == WIRE_FOOTER_LEN, "the footer has 48 bytes");
	wire_put_footer(raw, &want, id);
	ok(memcmp(raw, good, sizeof(good)) == 0, "footer: written as by hand");
	ok(wire_get_footer(good, &got, id, &e) == 0 && got.end_position == want.end_position &&
		   got.index_position == want.index_position && got.length == want.length, "footer: read");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(raw, good, sizeof(good));
		raw[rows[i].at] ^= 1;
		if (rows[i].seal)
			le64_put(raw + 40, hash64_two(id, WIRE_ID_LEN, raw, 40));
		err_clear(&e);
		ok(wire_get_footer(raw, &got, id, &e) == -1 && says(&e, rows[i].want), "footer: byte %zu: %s",
		   rows[i].at, e.text);
	}
	id[0] ^= 1;
	err_clear(&e);
	ok(wire_get_footer(good, &got, id, &e) == -1 && says(&e, "of another stream"),
	   "footer: not in another stream");
	id[0] ^= 1;
}

static void words(void)
{
	ok(strcmp(wire_kind_name(WIRE_REVERSE), "reverse") == 0 && strcmp(wire_kind_name(0), "?") == 0 &&
		   strcmp(wire_kind_name(4), "?") == 0, "kinds have names");
	ok(strcmp(wire_type_name(WIRE_INDEX), "INDEX") == 0 && strcmp(wire_type_name(8), "?") == 0,
	   "types have names");
	ok(strcmp(wire_cut_name(WIRE_CUT_SNAPSHOT), "snapshot") == 0 && strcmp(wire_cut_name(255), "?") == 0,
	   "cuts have names");
	ok(strcmp(wire_consistency_name(WIRE_FS_CONSISTENT), "filesystem-consistent") == 0 &&
		   strcmp(wire_consistency_name(5), "?") == 0, "consistencies have names");
	ok(strcmp(wire_field_name(WIRE_KERNEL), "kernel") == 0 &&
		   strcmp(wire_field_name(WIRE_UNDOES), "undoes") == 0 && strcmp(wire_field_name(WIRE_FIELDS), "?") == 0 &&
		   strcmp(wire_field_name(0), "?") == 0, "fields have names");
}

int main(void)
{
	bytes(ID, id);
	preamble();
	header("DATA", data_bytes, &data);
	header("ZERO", zero_bytes, &zero);
	header_refusals();
	long_content();
	header_checksum();
	head();
	head_refusals();
	head_kinds();
	head_fields();
	head_max();
	pass();
	extent();
	end();
	index_piece();
	footer();
	words();
	return tap_done();
}
