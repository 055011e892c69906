/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalog: the state of a repository. Its sum is put right. What is accepted is printed, and that text says the same; its
 * chains are chains.
 */
#include "sealtext.h"

#include "pure/catalog.h"
#include "pure/catalogtext.h"

static void check_chains(const struct catalog *c)
{
	struct catalog_sum sum;
	struct token t;
	char word[TOKEN_LEN];
	size_t fulls = 0;
	size_t i;

	for (i = 0; i < c->nr; i++) {
		fulls += c->streams[i].kind == WIRE_FULL;
		must(catalog_chain(c, i) <= i && c->streams[catalog_chain(c, i)].kind == WIRE_FULL);
		must(catalog_chain_end(c, i) > i && catalog_chain_end(c, i) <= c->nr);
		must(!catalog_good(c, i) || (catalog_restorable(c, i) && catalog_consistent(&c->streams[i])));
		must(catalog_by_name(c, c->streams[i].name) <= i);
		must(catalog_by_state(c, c->streams[i].state_id) <= i);
		catalog_token(&c->streams[i], &t);
		token_print(&t, word);
	}
	catalog_sum(c, &sum);
	must(sum.chains == fulls && sum.points <= c->nr && sum.damaged <= c->nr);
}

static void same_again(const struct catalog *c)
{
	struct err e = {0};
	struct catalog again;
	size_t one_len;
	size_t two_len;
	char *one = catalogtext_print(c, &one_len);
	char *two;

	must(one && catalogtext_parse(one, &again, &e) == 0);
	must(again.nr == c->nr && again.nr_removing == c->nr_removing && again.has_adding == c->has_adding);
	must(c->nr == 0 || memcmp(again.streams, c->streams, c->nr * sizeof(*c->streams)) == 0);
	two = catalogtext_print(&again, &two_len);
	must(two && one_len == two_len && memcmp(one, two, one_len) == 0);
	catalog_free(&again);
	free(one);
	free(two);
}

static void drop_first(struct catalog *c)
{
	struct err e = {0};

	if (c->nr == 0 || catalog_replace(c, 0, catalog_chain_end(c, 0) - 1, NULL, &e))
		return;
	must(c->nr_removing > 0);
	same_again(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = seal_text(data, len);
	struct err e = {0};
	struct catalog c;

	if (fuzz_told(catalogtext_parse(text, &c, &e), &e) == 0) {
		check_chains(&c);
		same_again(&c);
		drop_first(&c);
	}
	catalog_free(&c);
	free(text);
	return 0;
}
