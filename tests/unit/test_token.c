/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token: one word a state, there and back, and nothing that merely resembles one. */
#include "pure/token.h"

#include <string.h>

#include "tap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define G "000102030405060708090a0b0c0d0e0f"
#define I "f0e1d2c3b4a5968778695a4b3c2d1e0f"
#define Z "00000000000000000000000000000000"

static const struct {
	const char *word;
	uint64_t era_c, size;
} good[] = {
	{"era1." G "." I ".7.1048576", 7, 1048576},
	{"era1." G "." I ".0.1", 0, 1},
	{"era1." Z "." I ".7.1", 7, 1},
	{"era1." G "." I ".18446744073709551615.72057594037927936", UINT64_MAX, WIRE_SIZE_MAX},
};

static const struct {
	const char *word, *why;
} bad[] = {
	{"", "empty"},
	{"Full", "another case"},
	{"full ", "a blank behind"},
	{"era1", "one part"},
	{"era1." G "." I ".7", "four parts"},
	{"era1." G "." I ".7.1.", "six parts"},
	{"era1." G "." I ".7.1.2", "six parts"},
	{"era2." G "." I ".7.1", "another version"},
	{"ERA1." G "." I ".7.1", "upper case"},
	{" era1." G "." I ".7.1", "a blank before"},
	{"era1." G "." I ".7.1\n", "a line end behind"},
	{"era1." G "." I ".7.1 ", "a blank behind"},
	{"era1.00." I ".7.1", "a short generation"},
	{"era1." G "0." I ".7.1", "a long generation"},
	{"era1.." I ".7.1", "no generation"},
	{"era1.000102030405060708090A0B0C0D0E0F." I ".7.1", "upper-case digits"},
	{"era1.g00102030405060708090a0b0c0d0e0f." I ".7.1", "no hexadecimal digit"},
	{"era1." G ".f0.7.1", "a short id"},
	{"era1." G "." Z ".7.1", "the zero id"},
	{"era1." G "." I "..1", "no era"},
	{"era1." G "." I ".-7.1", "a negative era"},
	{"era1." G "." I ".+7.1", "a sign"},
	{"era1." G "." I ".0x7.1", "a hexadecimal era"},
	{"era1." G "." I ".18446744073709551616.1", "an era of 2^64"},
	{"era1." G "." I ".7.", "no size"},
	{"era1." G "." I ".7.0", "a size of zero"},
	{"era1." G "." I ".7.1M", "a unit"},
	{"era1." G "." I ".7.72057594037927937", "a size over 2^56"},
	{"era1." G "." I ".0000000000000000000000000000000000000000000000000000000000000007.1", "longer than any"},
};

int main(void)
{
	char word[TOKEN_LEN];
	struct token t;
	struct err e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		err_clear(&e);
		ok(token_parse(good[i].word, &t, &e) == 0 && !t.full && t.era_c == good[i].era_c &&
			   t.size == good[i].size && t.id[0] == 0xf0 && t.id[15] == 0x0f,
		   "%s is read", good[i].word);
		ok(strcmp(token_print(&t, word), good[i].word) == 0, "and printed the same");
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		ok(token_parse(bad[i].word, &t, &e) == -1 && e.kind == ERR_USAGE && e.hint[0],
		   "refused: %s", bad[i].why);
	}
	memset(&t, 0xff, sizeof(t));
	err_clear(&e);
	ok(token_parse("full", &t, &e) == 0 && t.full && t.size == 0 && wire_id_is_zero(t.id),
	   "full is read, and holds nothing");
	ok(strcmp(token_print(&t, word), "full") == 0, "and printed the same");
	return tap_done();
}
