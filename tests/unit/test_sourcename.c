/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sourcename: what names a source, to its parts, and what does not. */
#include "pure/sourcename.h"

#include <stddef.h>
#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *source;
	const char *user, *host;
	unsigned int port;
	const char *path; /* NULL: refused */
} sources[] = {
	{"/dev/mapper/data", NULL, NULL, 0, "/dev/mapper/data"},
	{"/images/a.img", NULL, NULL, 0, "/images/a.img"},
	{"/dev/disk/by-id/wwn-0x5@1:2=%3+4,", NULL, NULL, 0, NULL},
	{"/dev/disk/by-id/wwn-0x5@1:2=%3+4_.", NULL, NULL, 0, "/dev/disk/by-id/wwn-0x5@1:2=%3+4_."},
	{"ssh://web1/dev/sda", NULL, "web1", 0, "/dev/sda"},
	{"ssh://root@web1.example.org/dev/mapper/srv", "root", "web1.example.org", 0, "/dev/mapper/srv"},
	{"ssh://backup@db1:2222/dev/mapper/data", "backup", "db1", 2222, "/dev/mapper/data"},
	{"ssh://db_1-a.b:65535/d", NULL, "db_1-a.b", 65535, "/d"},
	{"ssh://[2001:db8::1]/dev/sda", NULL, "2001:db8::1", 0, "/dev/sda"},
	{"ssh://a.b_c+d-e@[fe80::1%eth0]:22/dev/sda", "a.b_c+d-e", "fe80::1%eth0", 22, "/dev/sda"},
	{"ssh://[::ffff:1.2.3.4]:1/d", NULL, "::ffff:1.2.3.4", 1, "/d"},
	{"ssh://a/d@b:c", NULL, "a", 0, "/d@b:c"},
	{"dev/sda", NULL, NULL, 0, NULL},
	{"web1:/dev/sda", NULL, NULL, 0, NULL},
	{"root@web1:/dev/sda", NULL, NULL, 0, NULL},
	{"SSH://web1/dev/sda", NULL, NULL, 0, NULL},
	{"sftp://web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh:/web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://", NULL, NULL, 0, NULL},
	{"ssh://web1", NULL, NULL, 0, NULL},
	{"ssh:///dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1/", NULL, NULL, 0, NULL},
	{"ssh://web1//dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/../sda", NULL, NULL, 0, NULL},
	{"ssh://web1/./sda", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/sda/", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/s da", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/$(x)", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/a;b", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/a'b", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/a,b", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/\xc3\xbc", NULL, NULL, 0, NULL},
	{"ssh://web1/dev/~", NULL, NULL, 0, NULL},
	{"ssh://@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://-l@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://a b@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://a:b@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://a@b@web1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://root@/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://-oProxyCommand=x/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web 1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:0/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:65536/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://web1:ssh/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://:22/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://2001:db8::1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[2001:db8::1/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[2001:db8::1]22/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[2001:db8::1]:/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[web1]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[::1%]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[::1%-x]/dev/sda", NULL, NULL, 0, NULL},
	{"ssh://[1:2:3]/dev/sda", NULL, NULL, 0, NULL},
};

static bool is_source(const struct sourcename *s, size_t i)
{
	return strcmp(s->user, sources[i].user ? sources[i].user : "") == 0 &&
	       strcmp(s->host, sources[i].host ? sources[i].host : "") == 0 && s->port == sources[i].port &&
	       strcmp(s->path, sources[i].path) == 0 && s->ssh == (sources[i].host != NULL);
}

static void test_sources(void)
{
	struct sourcename s;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		err_clear(&e);
		rc = sourcename_parse(sources[i].source, &s, &e);
		if (sources[i].path)
			ok(rc == 0 && e.kind == ERR_NONE && is_source(&s, i), "%s %s", sources[i].source, e.text);
		else
			ok(rc == -1 && e.kind == ERR_USAGE && e.text[0], "%s; %s", e.text, e.hint);
	}
}

/* Each part as long as it may be, and longer. */
static void test_long(void)
{
	struct sourcename s;
	char text[1024], x[600];
	struct err e = {0};
	size_t len;
	int wrong = 0;

	for (len = 1; len < 500; len++) {
		memset(x, 'x', len);
		x[len] = '\0';
		snprintf(text, sizeof(text), "/%s", x);
		wrong += (sourcename_parse(text, &s, &e) == 0 && strcmp(s.path, text) == 0) != (len + 1 < SOURCENAME_LEN);
		snprintf(text, sizeof(text), "ssh://%s/d", x);
		wrong += (sourcename_parse(text, &s, &e) == 0 && strcmp(s.host, x) == 0) != (len < SOURCENAME_LEN);
		snprintf(text, sizeof(text), "ssh://%s@h/d", x);
		wrong += (sourcename_parse(text, &s, &e) == 0 && strcmp(s.user, x) == 0) != (len + 2 < SOURCENAME_LEN);
	}
	ok(wrong == 0, "parts of all lengths: %s", e.text);
}

int main(void)
{
	test_sources();
	test_long();
	return tap_done();
}
