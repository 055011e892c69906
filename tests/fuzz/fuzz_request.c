/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request: the command line that a restricted key accepts. What is accepted is what would have been sent, byte for byte. */
#include "fuzz.h"

#include "pure/request.h"

static const char plain[] = "/._+:@%=- ,";

static void check_words(char *const words[], unsigned int nr, const struct request *r)
{
	unsigned int i;

	must(nr >= 2 && nr <= REQUEST_WORDS_MAX && !words[nr]);
	must(strcmp(words[0], r->command) == 0 && strcmp(words[nr - 1], r->device) == 0);
	must(request_path_ok(r->device));
	for (i = 0; i < nr; i++)
		must(words[i] && words[i][0] != '\0' && !strchr(words[i], ' '));
	must(!r->pre_cut && !r->post_cut);
}

/* Nothing that a shell takes for something else, and no program but era_copy. */
static void check_text(const char *text, const struct request *r)
{
	const size_t len = strlen(r->command);
	const char *p;

	for (p = text; *p; p++)
		must((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr(plain, *p));
	must(strcmp(r->command, "era_copy") == 0 ||
	     (r->command[0] == '/' && len >= 9 && strcmp(r->command + len - 9, "/era_copy") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = fuzz_text(data, len);
	struct err e = {0};
	struct request r;
	char room[REQUEST_LEN];
	char again[REQUEST_LEN];
	char *words[REQUEST_WORDS_MAX + 1];
	unsigned int nr;

	if (fuzz_told(request_parse(text, room, words, &nr, &r, &e), &e) == 0) {
		check_words(words, nr, &r);
		check_text(text, &r);
		must(request_print(&r, again, &e) == 0);
		must(strcmp(text, again) == 0);
	}
	free(text);
	return 0;
}
