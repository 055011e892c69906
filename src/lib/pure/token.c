/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/token.h"

#include <stdio.h>
#include <string.h>

#include "words/num.h"

#define NR_PARTS 5

static int not_a_token(const char *word, struct err *e)
{
	err_set(e, ERR_USAGE, "'%.100s' is not a token", word);
	return err_hint(e, "a token is 'full' or what era_apply --token TARGET prints: "
			   "era1.GENERATION.ID.ERA.SIZE");
}

/* Cut copy at its dots. Returns the number of parts, NR_PARTS + 1 where there are more. */
static int cut_at_dots(char *copy, char *part[NR_PARTS])
{
	char *p = copy;
	int n = 0;

	while (p && n < NR_PARTS) {
		part[n++] = p;
		p = strchr(p, '.');
		if (p)
			*p++ = '\0';
	}
	return p ? NR_PARTS + 1 : n;
}

int token_parse(const char *word, struct token *t, struct err *e)
{
	char copy[TOKEN_LEN];
	char *part[NR_PARTS];

	memset(t, 0, sizeof(*t));
	if (strcmp(word, "full") == 0) {
		t->full = true;
		return 0;
	}
	if (strlen(word) >= sizeof(copy))
		return not_a_token(word, e);
	strcpy(copy, word);
	if (cut_at_dots(copy, part) != NR_PARTS || strcmp(part[0], "era1") != 0 ||
	    num_unhex(part[1], t->generation, WIRE_ID_LEN) || num_unhex(part[2], t->id, WIRE_ID_LEN) ||
	    num_parse(part[3], 0, UINT64_MAX, &t->era_c) ||
	    num_parse(part[4], 1, WIRE_SIZE_MAX, &t->size) || wire_id_is_zero(t->id))
		return not_a_token(word, e);
	return 0;
}

const char *token_print(const struct token *t, char buf[TOKEN_LEN])
{
	char generation[2 * WIRE_ID_LEN + 1];
	char id[2 * WIRE_ID_LEN + 1];

	if (t->full)
		return strcpy(buf, "full");
	num_hex(t->generation, WIRE_ID_LEN, generation);
	num_hex(t->id, WIRE_ID_LEN, id);
	snprintf(buf, TOKEN_LEN, "era1.%s.%s.%llu.%llu", generation, id,
		 (unsigned long long)t->era_c, (unsigned long long)t->size);
	return buf;
}
