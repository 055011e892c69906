/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/eraxml.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/num.h"

/* The 64-bit names that newer expat wants instead are not in Debian 12's; a list is no 2 GiB long. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* What expat may keep of a tag that has not ended; the longest honest one has 60 bytes. */
#define TAG_MAX 65536

/* Given to expat in pieces of this size, so that TAG_MAX is looked at often enough. */
#define PIECE 65536

struct eraxml {
	XML_Parser parser;
	struct blockset *set;
	struct err e;	    /* the first error, for every later call */
	unsigned int depth; /* elements that are open */
	uint64_t end;	    /* behind the last entry */
	uint64_t fed;	    /* bytes */
};

/* Note what is wrong in the line expat is at, and have it stop. */
__attribute__((format(printf, 2, 3))) static void bad(struct eraxml *x, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&x->e, ERR_CORRUPT, "block list, line %lu: %s",
		(unsigned long)XML_GetCurrentLineNumber(x->parser), text);
	XML_StopParser(x->parser, XML_FALSE);
}

/* The one attribute of that name into *v. expat itself refuses a name that occurs twice. */
static int number(struct eraxml *x, const char *element, const XML_Char **attr, const char *name,
		  uint64_t *v)
{
	for (; attr[0]; attr += 2) {
		if (strcmp(attr[0], name) != 0)
			continue;
		if (num_parse(attr[1], 0, UINT64_MAX, v) == 0)
			return 0;
		bad(x, "%s=\"%.40s\" is not a number", name, attr[1]);
		return -1;
	}
	bad(x, "<%s> has no %s", element, name);
	return -1;
}

static unsigned int count(const XML_Char **attr)
{
	unsigned int n = 0;

	while (attr[2 * n])
		n++;
	return n;
}

static void add(struct eraxml *x, uint64_t begin, uint64_t end)
{
	const unsigned long long b = begin;
	const unsigned long long n = end;

	if (begin >= end)
		bad(x, "the range from %llu to %llu is empty or backwards", b, n);
	else if (begin < x->end)
		bad(x, "the range from %llu to %llu begins before the end of the one before, %llu",
		    b, n, (unsigned long long)x->end);
	else if (end > x->set->nr_blocks) {
		bad(x, "the list does not fit the device: blocks %llu to %llu of a device of %llu",
		    b, n, (unsigned long long)x->set->nr_blocks);
		err_hint(&x->e, "it is of another device, or of era blocks of another size");
	} else {
		blockset_add(x->set, begin, end);
		x->end = end;
	}
}

static void entry(struct eraxml *x, const char *name, const XML_Char **attr)
{
	uint64_t begin, end;

	if (strcmp(name, "range") == 0 && count(attr) <= 2) {
		if (number(x, name, attr, "begin", &begin) == 0 &&
		    number(x, name, attr, "end", &end) == 0)
			add(x, begin, end);
	} else if (strcmp(name, "block") == 0 && count(attr) <= 1) {
		if (number(x, name, attr, "block", &begin))
			return;
		if (begin == UINT64_MAX)
			bad(x, "block=\"%s\" is not a block", attr[1]);
		else
			add(x, begin, begin + 1);
	} else if (strcmp(name, "range") == 0 || strcmp(name, "block") == 0) {
		bad(x, "<%s> has an attribute that is not known", name);
	} else {
		bad(x, "<%.40s> is not known in a list of blocks", name);
	}
}

/* Not called after XML_StopParser(); the end of a tag may be. */
static void start(void *ctx, const XML_Char *name, const XML_Char **attr)
{
	struct eraxml *x = ctx;

	if (x->depth == 0 && strcmp(name, "blocks") != 0)
		bad(x, "it begins with <%.40s> where <blocks> was expected", name);
	else if (x->depth == 0 && attr[0])
		bad(x, "<blocks> has an attribute");
	else if (x->depth == 1)
		entry(x, name, attr);
	else if (x->depth > 1)
		bad(x, "<%.40s> inside of another entry", name);
	x->depth++;
}

static void end(void *ctx, const XML_Char *name)
{
	struct eraxml *x = ctx;

	(void)name;
	x->depth--;
}

static void text(void *ctx, const XML_Char *s, int len)
{
	struct eraxml *x = ctx;
	int i;

	for (i = 0; i < len && x->e.kind == ERR_NONE; i++) {
		if (!strchr(" \t\r\n", s[i]) || s[i] == '\0')
			bad(x, "text between the entries");
	}
}

static void doctype(void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
		    int has_internal_subset)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)has_internal_subset;
	bad(ctx, "a document type declaration, which no list of blocks has");
}

static void comment(void *ctx, const XML_Char *data)
{
	(void)data;
	bad(ctx, "a comment, which no list of blocks has");
}

static void instruction(void *ctx, const XML_Char *target, const XML_Char *data)
{
	(void)target;
	(void)data;
	bad(ctx, "a processing instruction, which no list of blocks has");
}

struct eraxml *eraxml_new(struct blockset *set, struct err *e)
{
	struct eraxml *x = calloc(1, sizeof(*x));

	if (x)
		x->parser = XML_ParserCreate(NULL);
	if (!x || !x->parser) {
		free(x);
		err_set(e, ERR_RUNTIME, "no memory for an XML parser");
		return NULL;
	}
	x->set = set;
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, start, end);
	XML_SetCharacterDataHandler(x->parser, text);
	XML_SetStartDoctypeDeclHandler(x->parser, doctype);
	XML_SetCommentHandler(x->parser, comment);
	XML_SetProcessingInstructionHandler(x->parser, instruction);
	return x;
}

void eraxml_free(struct eraxml *x)
{
	if (!x)
		return;
	XML_ParserFree(x->parser);
	free(x);
}

static int parse(struct eraxml *x, const char *p, int len, int is_final)
{
	enum XML_Error why;

	if (x->e.kind != ERR_NONE)
		return -1;
	if (XML_Parse(x->parser, p, len, is_final) == XML_STATUS_OK)
		return x->e.kind == ERR_NONE ? 0 : -1;
	why = XML_GetErrorCode(x->parser);
	if (why == XML_ERROR_NO_MEMORY)
		return err_set(&x->e, ERR_RUNTIME, "no memory to parse a list of blocks");
	err_set(&x->e, ERR_CORRUPT, "block list, line %lu: %s",
		(unsigned long)XML_GetCurrentLineNumber(x->parser), XML_ErrorString(why));
	return err_hint(&x->e, "the list is damaged or not whole: look for what the program that "
			       "printed it said, and have it printed again");
}

static int feed_piece(struct eraxml *x, const char *p, size_t len)
{
	XML_Index at;

	if (parse(x, p, (int)len, XML_FALSE))
		return -1;
	x->fed += len;
	at = XML_GetCurrentByteIndex(x->parser);
	if (at >= 0 && x->fed - (uint64_t)at > TAG_MAX) {
		bad(x, "a tag of over %u bytes", TAG_MAX);
		return -1;
	}
	return 0;
}

int eraxml_feed(struct eraxml *x, const void *p, size_t len, struct err *e)
{
	const char *s = p;
	size_t n;

	for (; len > 0; s += n, len -= n) {
		n = (size_t)num_min(len, PIECE);
		if (feed_piece(x, s, n)) {
			*e = x->e;
			return -1;
		}
	}
	return 0;
}

int eraxml_finish(struct eraxml *x, struct err *e)
{
	if (x->fed == 0 && x->e.kind == ERR_NONE) {
		err_set(&x->e, ERR_CORRUPT, "block list, line 1: there is nothing at all");
		err_hint(&x->e, "the program that was to print the list failed, or was not run; a "
				"list without entries is <blocks></blocks>");
	}
	if (parse(x, NULL, 0, XML_TRUE)) {
		*e = x->e;
		return -1;
	}
	return 0;
}
