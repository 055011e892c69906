/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mendstream: the streams that the fuzzers make of their inputs, as files, so that another decoder can read them.
 *
 *	mendstream DIRECTORY FILE...
 *
 * Of the Nth file, from 0 on: DIRECTORY/N-sealed, with the checksums put right, and DIRECTORY/N-mended (sealstream.h).
 */
#include "../fuzz/sealstream.h"

#define LEN_MAX 131072

static void put(const char *directory, int nr, const char *kind, const uint8_t *p, size_t len)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%d-%s", directory, nr, kind);
	f = fopen(path, "wb");
	must(f && fwrite(p, 1, len, f) == len && fclose(f) == 0);
}

int main(int argc, char **argv)
{
	uint8_t *in = malloc(LEN_MAX);
	uint8_t *out = malloc(LEN_MAX + MEND_MORE);
	size_t len;
	FILE *f;
	int i;

	must(in && out && argc > 2);
	for (i = 2; i < argc; i++) {
		f = fopen(argv[i], "rb");
		must(f);
		len = fread(in, 1, LEN_MAX, f);
		fclose(f);
		memcpy(out, in, len);
		seal_stream(out, len);
		put(argv[1], i - 2, "sealed", out, len);
		put(argv[1], i - 2, "mended", out, mend_stream(in, len, out));
	}
	free(in);
	free(out);
	return 0;
}
