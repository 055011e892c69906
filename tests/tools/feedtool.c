/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * feedtool: one request to a source, without the program that asks it.
 *
 *   feedtool [OPTION...] SOURCE REQUEST
 *
 *   --identity FILE  --known-hosts FILE  --ssh-config FILE  --accept-new  --timeout SECONDS     as in erabackup.conf(5)
 *   --file FILE      what comes is written to FILE too
 *   --stop-after N   stop reading after N bytes
 *   --expect N       fewer than N bytes are an error of ours, of the kind 3
 *   --stall MS       wait so long after the first read
 *   --hooks          as a job with a pre-cut
 *
 * SOURCE is ssh://[USER@]HOST[:PORT]/ANYTHING or a path. The answer goes to standard output, what the far side says to
 * standard error with "far: " before it, and at the end "status N, reason REASON". The exit status is the kind of the
 * error; 70 where a thread, a child or a descriptor is left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/feed.h"
#include "system/fdio.h"
#include "system/stop.h"
#include "words/num.h"

static unsigned long long stop_after = ~0ull;
static unsigned long long expect;
static unsigned int stall_ms;

static void line(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "far: %s\n", text);
}

/* jobconf's work, for well-formed sources. */
static void split_source(struct job *j, char *source)
{
	static char whole[1024];
	char *p = source + strlen("ssh://");
	char *at;

	snprintf(whole, sizeof(whole), "%s", source);
	j->source = whole;
	j->ssh = strncmp(source, "ssh://", 6) == 0;
	if (!j->ssh)
		return;
	*strchr(p, '/') = '\0';
	at = strchr(p, '@');
	if (at) {
		*at = '\0';
		j->user = p;
		p = at + 1;
	}
	j->host = p;
	p = strrchr(p, ':');
	if (p) {
		*p = '\0';
		j->port = (unsigned int)atoi(p + 1);
	}
}

static int copy(const struct feed *f, struct err *e)
{
	static char buf[1 << 20];
	unsigned long long sum = 0;
	size_t got = 1;

	while (got && sum < stop_after) {
		if (fdio_read_some(feed_fd(f), "the feed", buf, num_min(sizeof(buf), stop_after - sum), &got, e) ||
		    fdio_write2(STDOUT_FILENO, "standard output", buf, got, NULL, 0, e))
			return -1;
		sum += got;
		if (stall_ms)
			usleep(stall_ms * 1000);
		stall_ms = 0;
	}
	if (sum < expect)
		return err_set(e, ERR_CORRUPT, "the answer is too short");
	return 0;
}

static int run(const struct feed_opts *o, struct err *e)
{
	struct feed *f = NULL;

	if (feed_open(&f, o, e) == 0) {
		copy(f, e);
		feed_end(f, e);
		fprintf(stderr, "bytes %llu, status %d, reason %s\n", (unsigned long long)feed_bytes(f), feed_status(f),
			feed_reason(f));
	}
	feed_close(f);
	return e->kind ? -1 : 0;
}

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool leaves_nothing(int threads, int fds)
{
	return count("/proc/self/task") == threads && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD &&
	       count("/proc/self/fd") == fds;
}

static const struct option options[] = {
	{"identity", 1, NULL, 'i'}, {"known-hosts", 1, NULL, 'k'}, {"ssh-config", 1, NULL, 'F'},
	{"accept-new", 0, NULL, 'a'}, {"timeout", 1, NULL, 't'}, {"file", 1, NULL, 'f'}, {"stop-after", 1, NULL, 's'},
	{"expect", 1, NULL, 'e'}, {"stall", 1, NULL, 'w'}, {"hooks", 0, NULL, 'h'}, {NULL, 0, NULL, 0},
};

static void take_option(int c, struct job *j, struct feed_opts *o)
{
	static char hook[] = "true";

	switch (c) {
	case 'i': j->identity = optarg; break;
	case 'k': j->known_hosts = optarg; break;
	case 'F': j->ssh_config = optarg; break;
	case 'a': j->accept_new = true; break;
	case 't': j->timeout = (unsigned int)atoi(optarg); break;
	case 's': stop_after = strtoull(optarg, NULL, 10); break;
	case 'e': expect = strtoull(optarg, NULL, 10); break;
	case 'w': stall_ms = (unsigned int)atoi(optarg); break;
	case 'h': j->pre_cut = hook; break;
	case 'f':
		o->file_name = optarg;
		o->file = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		break;
	default: exit(2);
	}
}

int main(int argc, char **argv)
{
	struct job job = {.timeout = 60};
	struct feed_opts o = {.job = &job, .file = -1, .line = line};
	struct err e = {0};
	int threads;
	int fds;
	int rc;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(c, &job, &o);
	if (argc - optind != 2) {
		fprintf(stderr, "feedtool: usage: see the source\n");
		return 2;
	}
	split_source(&job, argv[optind]);
	o.request = argv[optind + 1];
	stop_init();
	threads = count("/proc/self/task");
	fds = count("/proc/self/fd");
	rc = run(&o, &e);
	if (!leaves_nothing(threads, fds)) {
		fprintf(stderr, "feedtool: something is left\n");
		return 70;
	}
	if (rc == 0)
		return 0;
	fprintf(stderr, "feedtool: %s\n%s%s%s", e.text, e.hint[0] ? "  hint: " : "", e.hint, e.hint[0] ? "\n" : "");
	return (int)e.kind;
}
