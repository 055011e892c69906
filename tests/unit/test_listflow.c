/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listflow: what an estimate says for programs, with dm-era's metadata and without. */
#include "flow/listflow.h"

#include <string.h>

#include "scratch.h"
#include "tap.h"

/* What listflow_estimate prints; standard output is ours again behind it. */
static const char *estimate(const struct plan *p, bool json)
{
	static char text[512];
	struct err e = {0};
	const int saved = dup(STDOUT_FILENO);
	const int fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t len;
	int rc;

	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	rc = listflow_estimate(p, json, &e);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	len = pread(fd, text, sizeof(text) - 1, 0);
	text[rc || len < 0 ? 0 : len] = '\0';
	close(saved);
	close(fd);
	return text;
}

int main(void)
{
	static struct plan p;
	struct err e = {0};

	scratch_begin();
	p.head.kind = WIRE_INCREMENTAL;
	p.head.granule = 65536;
	p.head.size = 1048576;
	p.head.since = 4;
	p.head.era_c = 7;
	if (blockset_init(&p.set, 16, &e))
		return 1;
	blockset_add(&p.set, 2, 5);
	ok(strcmp(estimate(&p, true), "{\"kind\":\"incremental\",\"bytes\":196608,\"size\":1048576,\"since\":4,"
				      "\"era\":7}\n") == 0,
	   "an estimate of something that is not dm-era says nothing of metadata");
	p.cut.meta_used = 1202;
	p.cut.meta_total = 4096;
	ok(strcmp(estimate(&p, true), "{\"kind\":\"incremental\",\"bytes\":196608,\"size\":1048576,\"since\":4,\"era\":7,"
				      "\"metadata_used\":1202,\"metadata_total\":4096}\n") == 0,
	   "one of dm-era says how full its metadata is");
	ok(strcmp(estimate(&p, false), "incremental: 192 KiB of 1.00 MiB to copy\n") == 0, "for people it is one line");
	blockset_fini(&p.set);
	return tap_done();
}
