/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words/json.h"

#include <jansson.h>
#include <stdarg.h>

_Static_assert(sizeof(json_int_t) == sizeof(long long), "callers pass long long for I");

int json_value(FILE *f, struct err *e, const char *fmt, ...)
{
	json_error_t why;
	json_t *v;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	v = json_vpack_ex(&why, 0, fmt, ap);
	va_end(ap);
	if (!v)
		return err_set(e, ERR_RUNTIME, "cannot make JSON: %s", why.text);
	rc = json_dumpf(v, f, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	json_decref(v);
	return rc ? err_set(e, ERR_RUNTIME, "cannot write JSON") : 0;
}

long long json_count(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (long long)v;
}

void json_comma(FILE *f, bool *any)
{
	if (*any)
		fputc(',', f);
	*any = true;
}

const char *json_text(const char *s, char buf[JSON_TEXT_LEN])
{
	size_t i;

	for (i = 0; s[i] && i + 1 < JSON_TEXT_LEN; i++)
		buf[i] = s[i];
	buf[i] = '\0';
	for (i = 0; buf[i]; i++)
		if (buf[i] < 0x20 || buf[i] > 0x7e)
			buf[i] = '?';
	return buf;
}

int json_number(const char *text, const char *key, uint64_t *v)
{
	json_t *o = json_loads(text, 0, NULL);
	json_t *n = json_object_get(o, key);
	const bool good = json_is_integer(n) && json_integer_value(n) >= 0;

	if (good)
		*v = (uint64_t)json_integer_value(n);
	json_decref(o);
	return good ? 0 : -1;
}

int json_end(FILE *f, const char *name, struct err *e)
{
	if (fflush(f) || ferror(f))
		return err_sys(e, "%s: cannot write", name);
	return 0;
}
