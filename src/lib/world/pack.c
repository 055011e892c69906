/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/pack.h"

#include "words/hash.h"

int pack(struct wire_header *h, struct zst *zst, int level, const void *content, size_t len, void *room, size_t cap,
	 const void **stored, struct err *e)
{
	size_t packed = 0;

	*stored = content;
	h->codec = WIRE_CODEC_NONE;
	h->logical_len = len;
	h->stored_len = (uint32_t)len;
	h->content_sum = hash64(content, len);
	h->stored_sum = h->content_sum;
	if (level > 0 && len > 0 && zst_compress(zst, level, content, len, room, cap, &packed, e))
		return -1;
	if (packed == 0)
		return 0;
	*stored = room;
	h->codec = WIRE_CODEC_ZSTD;
	h->stored_len = (uint32_t)packed;
	h->stored_sum = hash64(room, packed);
	return 0;
}
