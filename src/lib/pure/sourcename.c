/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/sourcename.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "words/num.h"

#define SCHEME "ssh://"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static int explain(struct err *e)
{
	return err_hint(e, "a source is ssh://[USER@]HOST[:PORT]/PATH, or the absolute path of a device of this machine");
}

/* Is all of it of these characters, and does it not look like an option? */
static bool is_word(const char *s, const char *characters)
{
	return s[0] != '\0' && s[0] != '-' && s[strspn(s, characters)] == '\0';
}

/* Is the part of a path, up to its slash or end, one that leads further down? */
static bool is_part(const char *s, size_t len)
{
	return len > 0 && !(len == 1 && s[0] == '.') && !(len == 2 && s[0] == '.' && s[1] == '.');
}

int sourcename_check_path(const char *path, struct err *e)
{
	const char *p = path;
	size_t len;

	if (path[0] != '/')
		return err_set(e, ERR_USAGE, "'%.80s' is no absolute path", path);
	if (path[strspn(path, LETTERS DIGITS "/._+:@%=-")] != '\0')
		return err_set(e, ERR_USAGE, "'%.80s' has other characters than letters, digits and / . _ + : @ %% = -", path);
	if (strlen(path) >= SOURCENAME_LEN)
		return err_set(e, ERR_USAGE, "the path has more than %d characters", SOURCENAME_LEN - 1);
	while (*p == '/') {
		p++;
		len = strcspn(p, "/");
		if (!is_part(p, len))
			return err_set(e, ERR_USAGE, "'%.80s' has a part that is empty, . or ..", path);
		p += len;
	}
	return 0;
}

/* [begin, end) */
static int copy(char out[SOURCENAME_LEN], const char *begin, const char *end, struct err *e)
{
	const size_t len = (size_t)(end - begin);

	if (len >= SOURCENAME_LEN)
		return err_set(e, ERR_USAGE, "a part has more than %d characters", SOURCENAME_LEN - 1);
	memcpy(out, begin, len);
	out[len] = '\0';
	return 0;
}

static int parse_port(const char *text, unsigned int *port, struct err *e)
{
	uint64_t n;

	if (num_parse(text, 1, 65535, &n))
		return err_set(e, ERR_USAGE, "'%.40s' is no port", text);
	*port = (unsigned int)n;
	return 0;
}

static int check_name(const char *host, struct err *e)
{
	if (is_word(host, LETTERS DIGITS "._-"))
		return 0;
	err_set(e, ERR_USAGE, "'%.80s' is no name of a host", host);
	if (strchr(host, ':'))
		return err_hint(e, "an IPv6 address stands in brackets, as ssh://[2001:db8::1]:22/dev/...");
	return explain(e);
}

/* With or without "%eth0". */
static int check_ipv6(const char *host, struct err *e)
{
	const char *zone = strchr(host, '%');
	char address[SOURCENAME_LEN];
	struct in6_addr bytes;

	if (copy(address, host, zone ? zone : host + strlen(host), e))
		return -1;
	if (inet_pton(AF_INET6, address, &bytes) == 1 && (!zone || is_word(zone + 1, LETTERS DIGITS "._-")))
		return 0;
	return err_set(e, ERR_USAGE, "'%.80s' is no IPv6 address", host);
}

/* "HOST", "HOST:PORT", "[ADDRESS]", "[ADDRESS]:PORT" */
static int parse_host(const char *text, struct sourcename *s, struct err *e)
{
	const bool brackets = text[0] == '[';
	const char *host = text + brackets;
	/* Of several colons it is the last: those of an address without brackets stay in the name, and are named. */
	const char *end = brackets ? strchr(host, ']') : strrchr(host, ':');
	const char *port;

	if (brackets && !end)
		return err_set(e, ERR_USAGE, "the closing bracket is missing");
	if (!end)
		end = host + strlen(host);
	port = end + brackets;
	if (*port != '\0' && *port != ':')
		return err_set(e, ERR_USAGE, "something follows the closing bracket");
	if (copy(s->host, host, end, e) || (brackets ? check_ipv6(s->host, e) : check_name(s->host, e)))
		return -1;
	return *port == ':' ? parse_port(port + 1, &s->port, e) : 0;
}

static int parse_user(const char *text, struct sourcename *s, struct err *e)
{
	if (!is_word(text, LETTERS DIGITS "._+-"))
		return err_set(e, ERR_USAGE, "'%.80s' is no name of a user", text);
	return copy(s->user, text, text + strlen(text), e);
}

static int parse_url(const char *text, struct sourcename *s, struct err *e)
{
	const char *host = text + strlen(SCHEME);
	const char *path = strchr(host, '/');
	char authority[SOURCENAME_LEN];
	char *at;

	if (!path) {
		err_set(e, ERR_USAGE, "'%.80s' has no path", text);
		return explain(e);
	}
	if (copy(authority, host, path, e) || sourcename_check_path(path, e) ||
	    copy(s->path, path, path + strlen(path), e))
		return -1;
	at = strchr(authority, '@');
	if (!at)
		return parse_host(authority, s, e);
	*at = '\0';
	return parse_user(authority, s, e) ? -1 : parse_host(at + 1, s, e);
}

int sourcename_parse(const char *text, struct sourcename *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->ssh = strncmp(text, SCHEME, strlen(SCHEME)) == 0;
	if (s->ssh)
		return parse_url(text, s, e);
	if (text[0] != '/') {
		err_set(e, ERR_USAGE, "'%.80s' is no source", text);
		return explain(e);
	}
	return sourcename_check_path(text, e) ? -1 : copy(s->path, text, text + strlen(text), e);
}
