/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire: one structure of a stream; the first byte says which. Checksums are put right. What is accepted is written as the same
 * bytes, but for what a reader skips, and then read as the same.
 */
#include "fuzz.h"

#include "pure/wire.h"
#include "words/hash.h"
#include "words/le.h"

static const uint8_t id[WIRE_ID_LEN] = {1};

/* The beginning of the input, with zeros behind it where there is less. */
static void begin(uint8_t *out, size_t size, const uint8_t *data, size_t len)
{
	memset(out, 0, size);
	memcpy(out, data, len < size ? len : size);
}

static void preamble(const uint8_t *data, size_t len)
{
	uint8_t raw[WIRE_PREAMBLE_LEN];
	uint8_t again[WIRE_PREAMBLE_LEN];
	uint8_t got[WIRE_ID_LEN];
	struct err e = {0};

	begin(raw, sizeof(raw), data, len);
	le64_put(raw + 32, hash64(raw, 32));
	if (fuzz_told(wire_get_preamble(raw, got, &e), &e))
		return;
	wire_put_preamble(again, got);
	must(le16_get(raw + 10) != WIRE_MINOR || memcmp(raw, again, sizeof(raw)) == 0);
}

static void header(const uint8_t *data, size_t len)
{
	uint8_t raw[WIRE_HEADER_LEN];
	uint8_t again[WIRE_HEADER_LEN];
	struct wire_header h;
	struct err e = {0};

	begin(raw, sizeof(raw), data, len);
	le64_put(raw + 56, hash64_two(id, WIRE_ID_LEN, raw, 56));
	if (fuzz_told(wire_get_header(raw, &h, id, &e), &e))
		return;
	must(h.stored_len <= WIRE_CONTENT_MAX);
	must(h.type == WIRE_ZERO || h.logical_len <= WIRE_CONTENT_MAX);
	must(h.offset + h.logical_len >= h.offset);
	wire_put_header(again, &h, id);
	must(memcmp(raw, again, sizeof(raw)) == 0);
	must(wire_type_name(h.type) && strlen(wire_type_name(h.type)) > 0);
}

static void head(const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_copy(data, len);
	uint8_t again[WIRE_HEAD_MAX];
	struct wire_head h;
	struct wire_head twice;
	struct err e = {0};
	size_t n;

	if (fuzz_told(wire_get_head(copy, len, &h, &e), &e) == 0) {
		n = wire_put_head(again, &h);
		must(n <= sizeof(again) && n <= len && memcmp(copy, again, WIRE_HEAD_LEN) == 0);
		must(wire_get_head(again, n, &twice, &e) == 0);
		must(memcmp(&h, &twice, sizeof(h)) == 0);
	}
	free(copy);
}

static void pass(const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_copy(data, len);
	uint8_t again[WIRE_PASS_LEN];
	struct wire_pass p;
	struct err e = {0};

	if (fuzz_told(wire_get_pass(copy, len, &p, &e), &e) == 0) {
		wire_put_pass(again, &p);
		must(len == sizeof(again) && memcmp(copy, again, len) == 0);
	}
	free(copy);
}

static void end(const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_copy(data, len);
	uint8_t again[WIRE_END_LEN];
	struct wire_end d;
	struct err e = {0};

	if (fuzz_told(wire_get_end(copy, len, &d, &e), &e) == 0) {
		wire_put_end(again, &d);
		must(len == sizeof(again) && memcmp(copy, again, len) == 0);
	}
	free(copy);
}

static void index_piece(const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_copy(data, len);
	uint8_t again[WIRE_ENTRY_LEN];
	struct wire_entry n;
	struct wire_entry twice;
	struct err e = {0};
	uint64_t previous;
	uint32_t nr;
	uint32_t i;

	if (fuzz_told(wire_get_index(copy, len, &previous, &nr, &e), &e) == 0) {
		must(WIRE_INDEX_LEN + (uint64_t)nr * WIRE_ENTRY_LEN == len);
		for (i = 0; i < nr; i++) {
			wire_get_entry(copy + WIRE_INDEX_LEN + (size_t)i * WIRE_ENTRY_LEN, &n);
			wire_put_entry(again, &n);
			wire_get_entry(again, &twice);
			must(n.offset == twice.offset && n.len == twice.len && n.position == twice.position);
			must(n.stored_len == twice.stored_len && n.pass == twice.pass && n.type == twice.type);
		}
	}
	free(copy);
}

static void footer(const uint8_t *data, size_t len)
{
	uint8_t raw[WIRE_FOOTER_LEN];
	uint8_t again[WIRE_FOOTER_LEN];
	struct wire_footer f;
	struct err e = {0};

	begin(raw, sizeof(raw), data, len);
	le64_put(raw + 40, hash64_two(id, WIRE_ID_LEN, raw, 40));
	if (fuzz_told(wire_get_footer(raw, &f, id, &e), &e))
		return;
	wire_put_footer(again, &f, id);
	must(memcmp(raw, again, sizeof(raw)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const structure[])(const uint8_t *, size_t) = {preamble, header, head, pass, end, index_piece, footer};

	if (len > 0)
		structure[data[0] % (sizeof(structure) / sizeof(structure[0]))](data + 1, len - 1);
	return 0;
}
