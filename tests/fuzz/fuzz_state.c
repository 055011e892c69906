/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state: the text beside a target. The first bytes up to a NUL are the text, whose sum is put right; what follows is HEAD's
 * content, which is asked whether it fits. A state that is accepted has one text, also after the stream.
 */
#include "sealtext.h"

#include "pure/state.h"
#include "pure/wire.h"

static void same_again(const struct state *s)
{
	struct err e = {0};
	struct state again;
	char one[STATE_TEXT_MAX];
	char two[STATE_TEXT_MAX];

	must(state_print(s, one) == strlen(one));
	must(state_parse(one, &again, &e) == 0);
	must(state_print(&again, two) == strlen(two));
	must(strcmp(one, two) == 0);
}

static void meet(const struct state *s, const uint8_t *content, size_t len)
{
	struct err e = {0};
	struct wire_head h;
	struct state now = *s;
	bool done = false;

	if (wire_get_head(content, len, &h, &e) || fuzz_told(state_accepts(&now, &h, &done, &e), &e) || done)
		return;
	state_begin(&now, &h);
	same_again(&now);
	state_later_pass(&now, h.era_c);
	same_again(&now);
	state_finish(&now, &h, h.era_c);
	same_again(&now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const size_t used = strnlen((const char *)data, len);
	char *text = seal_text(data, used);
	struct err e = {0};
	struct state s;

	if (fuzz_told(state_parse(text, &s, &e), &e) == 0) {
		same_again(&s);
		if (used < len)
			meet(&s, data + used + 1, len - used - 1);
	}
	free(text);
	return 0;
}
