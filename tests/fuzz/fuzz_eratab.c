/* SPDX-License-Identifier: GPL-3.0-or-later */
/* eratab: a whole file. What its lines say can be written as lines that say the same. */
#include "fuzz.h"

#include "pure/eratab.h"

/* In quotes, but where there is one inside: such a value was written without, so it has no blank. */
static void put_device(FILE *f, const char *device)
{
	const char *value = strchr(device, '=');

	if (device[0] == '/' || !value || strchr(value, '"'))
		fputs(device, f);
	else
		fprintf(f, "%.*s=\"%s\"", (int)(value - device), device, value + 1);
}

static void put_entry(FILE *f, const struct eratab_entry *n)
{
	fprintf(f, "%s ", n->name);
	put_device(f, n->data);
	fputc(' ', f);
	put_device(f, n->meta);
	fprintf(f, " timeout=%u,discard=%s,fallback=%s%s%s\n", n->timeout, n->pass_discards ? "pass" : "off",
		n->no_fallback ? "fail" : "linear", n->noauto ? ",noauto" : "", n->initramfs ? ",initramfs" : "");
}

static void same_entry(const struct eratab_entry *a, const struct eratab_entry *b)
{
	must(strcmp(a->name, b->name) == 0 && strcmp(a->data, b->data) == 0 && strcmp(a->meta, b->meta) == 0);
	must(a->noauto == b->noauto && a->initramfs == b->initramfs && a->timeout == b->timeout);
	must(a->pass_discards == b->pass_discards && a->no_fallback == b->no_fallback);
}

static void write_again(const struct eratab *t)
{
	struct err e = {0};
	struct eratab again;
	char *text = NULL;
	size_t len;
	size_t i;
	FILE *f = open_memstream(&text, &len);

	must(f);
	for (i = 0; i < t->nr; i++)
		put_entry(f, &t->entry[i]);
	must(fclose(f) == 0);
	must(eratab_parse("again", text, &again, &e) == 0);
	must(again.nr == t->nr);
	for (i = 0; i < t->nr; i++) {
		same_entry(&t->entry[i], &again.entry[i]);
		must(eratab_find(t, t->entry[i].name) == &t->entry[i]);
		must(eratab_check_name(t->entry[i].name, &e) == 0);
	}
	eratab_free(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *bytes = (char *)fuzz_copy(data, len);
	struct err e = {0};
	struct eratab t;

	fuzz_told(eratab_parse_bytes("eratab", bytes, len, &t, &e), &e);
	must(t.nr <= ERATAB_MAX);
	/* A boot goes on with the good lines of a bad file. */
	write_again(&t);
	eratab_free(&t);
	free(bytes);
	return 0;
}
