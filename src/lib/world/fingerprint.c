/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/fingerprint.h"

#include <stdlib.h>

#include "words/hash.h"
#include "words/num.h"
#include "world/source.h"

#define MIB UINT64_C(1048576)

/* docs/volume.md section 2; all of it is on the disks of people. */
#define WHOLE_BYTES  (8 * MIB)
#define HEAD_BYTES   (4 * MIB)
#define TAIL_BYTES   MIB
#define SAMPLES	     64u
#define SAMPLE_BYTES 4096u
#define EXTRA_AT     (64 * MIB) /* the second superblock of btrfs */

struct finger {
	struct source src;
	struct hash *hash;
	uint8_t *buf;
};

static int add(struct finger *f, uint64_t off, uint64_t len, struct err *e)
{
	uint64_t n;

	for (; len > 0; off += n, len -= n) {
		n = num_min(len, MIB);
		if (source_read(&f->src, f->buf, off, n, e))
			return -1;
		hash_add(f->hash, f->buf, n);
	}
	return 0;
}

static int add_all(struct finger *f, uint64_t size, struct err *e)
{
	uint64_t step;
	unsigned int i;

	if (size <= WHOLE_BYTES)
		return add(f, 0, size, e);
	if (add(f, 0, HEAD_BYTES, e))
		return -1;
	step = (size - HEAD_BYTES - TAIL_BYTES) / SAMPLES / SAMPLE_BYTES * SAMPLE_BYTES;
	for (i = 0; i < SAMPLES; i++)
		if (add(f, HEAD_BYTES + i * step, SAMPLE_BYTES, e))
			return -1;
	if (size >= EXTRA_AT + SAMPLE_BYTES && add(f, EXTRA_AT, SAMPLE_BYTES, e))
		return -1;
	return add(f, size - TAIL_BYTES, TAIL_BYTES, e);
}

int fingerprint_device(const char *path, uint64_t len_bytes, uint8_t out[FINGERPRINT_LEN],
		       struct err *e)
{
	struct finger f = {.src = {.fd = -1}};
	int rc = -1;

	if (source_open(&f.src, path, e))
		goto out;
	if (len_bytes > f.src.size) {
		err_set(e, ERR_IDENTITY, "%s: has %llu bytes, and had %llu", path,
			(unsigned long long)f.src.size, (unsigned long long)len_bytes);
		goto out;
	}
	f.hash = hash_new();
	f.buf = aligned_alloc(SOURCE_ALIGN, MIB);
	if (!f.hash || !f.buf) {
		err_set(e, ERR_RUNTIME, "%s: no memory for a fingerprint", path);
		goto out;
	}
	if (add_all(&f, len_bytes, e))
		goto out;
	hash_get(f.hash, out);
	rc = 0;
out:
	free(f.buf);
	hash_free(f.hash);
	source_close(&f.src);
	return rc;
}
