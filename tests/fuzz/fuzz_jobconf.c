/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobconf: a whole erabackup.conf. What is accepted is within its bounds, and its names are fit to be found again. */
#include "fuzz.h"

#include "pure/jobcheck.h"
#include "pure/jobconf.h"

static void check_job(const struct jobconf *c, const struct job *j)
{
	struct err e = {0};

	must(job_check_name(j->name, &e) == 0);
	must(jobconf_find(c, j->name) == j);
	must(j->line > 0 && j->source && j->path && j->repository);
	must(!j->ssh || (j->host && j->host[0] != '\0' && j->host[0] != '-'));
	must(!j->user || j->user[0] != '-');
	must(j->port <= 65535 && j->level >= 0 && j->level <= 19);
	must(jobcheck_same_path(j->repository, j->repository));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = (char *)fuzz_copy(data, len);
	struct err e = {0};
	struct jobconf c;
	unsigned int i;

	if (fuzz_told(jobconf_parse(text, len, "erabackup.conf", &c, &e), &e) == 0)
		for (i = 0; i < c.nr; i++)
			check_job(&c, &c.jobs[i]);
	jobconf_free(&c);
	free(text);
	return 0;
}
