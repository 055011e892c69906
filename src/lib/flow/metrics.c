/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "system/statefile.h"

/* Names of jobs have no character that a label would have to quote. The label "job" is Prometheus' own. */
static void gauge(FILE *f, const char *job, const char *name, const char *help, double value)
{
	fprintf(f, "# HELP erabackup_%s %s\n# TYPE erabackup_%s gauge\nerabackup_%s{backup=\"%s\"} %.17g\n", name, help,
		name, name, job, value);
}

static void print(FILE *f, const char *job, const struct catalog *c)
{
	const size_t head = c->nr - 1;
	struct catalog_sum sum;

	catalog_sum(c, &sum);
	gauge(f, job, "last_success_timestamp_seconds", "When the last good run ended.", (double)c->run_time);
	gauge(f, job, "last_verified_timestamp_seconds", "When all streams were last found good; 0: never.",
	      (double)c->verified);
	gauge(f, job, "duration_seconds", "How long the transfer of the last good run took.", (double)c->run_seconds);
	gauge(f, job, "stream_bytes", "Size of the newest stream.", (double)c->streams[head].length);
	gauge(f, job, "changed_bytes", "Bytes of the device in the newest stream.", (double)c->streams[head].changed);
	gauge(f, job, "device_bytes", "Size of the device.", (double)c->streams[head].size);
	gauge(f, job, "still_seconds", "How long the source stood still for the cut.", (double)c->run_still_us / 1e6);
	gauge(f, job, "repository_bytes", "Size of all streams.", (double)sum.bytes);
	gauge(f, job, "restore_points", "Points that can be restored.", (double)sum.points);
	gauge(f, job, "chain_length", "Streams of the newest chain.", (double)(c->nr - catalog_chain(c, head)));
	if (c->meta_total == 0)
		return;
	gauge(f, job, "metadata_used_blocks", "Blocks of dm-era's metadata in use.", (double)c->meta_used);
	gauge(f, job, "metadata_total_blocks", "Blocks of dm-era's metadata.", (double)c->meta_total);
}

int metrics_write(const char *path, const char *job, const struct catalog *c, struct err *e)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (!f)
		return err_set(e, ERR_RUNTIME, "%s: no memory to write it", path);
	print(f, job, c);
	if (fclose(f))
		rc = err_set(e, ERR_RUNTIME, "%s: no memory to write it", path);
	else
		rc = statefile_publish(path, text, len, e);
	free(text);
	return rc;
}
