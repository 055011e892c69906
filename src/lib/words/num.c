/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/num.h"

#include <stdio.h>
#include <string.h>

/* Digits at *s into *v; moves *s behind them. -1 where there is no digit or no room. */
static int digits(const char **s, uint64_t *v)
{
	const char *p = *s;

	*v = 0;
	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (num_mul(*v, 10, v) || num_add(*v, (uint64_t)(*p - '0'), v))
			return -1;
	}
	*s = p;
	return 0;
}

int num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	uint64_t n;

	if (digits(&s, &n) || *s != '\0' || n < min || n > max)
		return -1;
	*v = n;
	return 0;
}

int num_parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	static const char units[] = "KMGTP";
	const char *unit;
	uint64_t n;

	if (digits(&s, &n))
		return -1;
	if (*s != '\0') {
		unit = strchr(units, *s == 'k' ? 'K' : *s);
		if (!unit)
			return -1;
		s++;
		if (strcmp(s, "iB") == 0)
			s += 2;
		if (*s != '\0' || num_mul(n, UINT64_C(1) << (10 * (unit - units + 1)), &n))
			return -1;
	}
	if (n < min || n > max)
		return -1;
	*v = n;
	return 0;
}

const char *num_size(uint64_t bytes, char *buf, size_t len)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes / 1024;
	unsigned int u = 0;

	if (bytes < 1024) {
		snprintf(buf, len, "%u B", (unsigned int)bytes);
		return buf;
	}
	while (v >= 1024 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1024;
		u++;
	}
	snprintf(buf, len, "%.*f %s", v < 10 ? 2 : v < 100 ? 1 : 0, v, units[u]);
	return buf;
}

void num_hex(const uint8_t *p, size_t n, char *out)
{
	static const char d[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = d[p[i] >> 4];
		out[2 * i + 1] = d[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int num_unhex(const char *s, uint8_t *p, size_t n)
{
	size_t i;
	int hi, lo;

	if (strlen(s) != 2 * n)
		return -1;
	for (i = 0; i < n; i++) {
		hi = nibble(s[2 * i]);
		lo = nibble(s[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return -1;
		p[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}
