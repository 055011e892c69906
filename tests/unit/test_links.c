/* SPDX-License-Identifier: GPL-3.0-or-later */
/* links: which stream may follow which, and that each single thing that does not fit is enough to refuse it. */
#include "pure/links.h"

#include <string.h>

#include "tap.h"

struct pair {
	struct wire_head a;
	uint64_t a_era_c;
	struct wire_head b;
};

static struct pair fitting(void)
{
	struct pair p = {.a = {.kind = WIRE_INCREMENTAL, .size = 8192, .granule = 4096}, .a_era_c = 7};

	memset(p.a.generation, 1, WIRE_ID_LEN);
	memset(p.a.state_id, 2, WIRE_ID_LEN);
	p.b = p.a;
	memset(p.b.state_id, 3, WIRE_ID_LEN);
	memset(p.b.parent_id, 2, WIRE_ID_LEN);
	p.b.parent_size = p.a.size;
	p.b.since = p.a_era_c;
	return p;
}

static void after_a_full(struct pair *p) { p->a.kind = WIRE_FULL; }
static void earlier(struct pair *p) { p->b.since--; }
static void grown(struct pair *p) { p->b.size++; }

static void is_full(struct pair *p) { p->b.kind = WIRE_FULL; }
static void is_reverse(struct pair *p) { p->b.kind = WIRE_REVERSE; }
static void after_a_reverse(struct pair *p) { p->a.kind = WIRE_REVERSE; }
static void generation(struct pair *p) { p->b.generation[15] ^= 1; }
static void parent(struct pair *p) { p->b.parent_id[15] ^= 1; }
static void no_parent(struct pair *p) { memset(p->b.parent_id, 0, WIRE_ID_LEN); }
static void parent_smaller(struct pair *p) { p->b.parent_size--; }
static void parent_larger(struct pair *p) { p->a.size--; }
static void shrunk(struct pair *p) { p->b.size--; }
static void later(struct pair *p) { p->b.since++; }
static void granule(struct pair *p) { p->b.granule = 8192; }

static const struct {
	const char *name;
	void (*change)(struct pair *p);
	bool fits;
} rows[] = {
	{"behind a full", after_a_full, true},
	{"it starts from an earlier era", earlier, true},
	{"the device grew", grown, true},
	{"a full", is_full, false},
	{"a reverse stream", is_reverse, false},
	{"behind a reverse stream", after_a_reverse, false},
	{"another generation", generation, false},
	{"another parent", parent, false},
	{"no parent", no_parent, false},
	{"a parent that was smaller", parent_smaller, false},
	{"a parent that was larger", parent_larger, false},
	{"the device shrank", shrunk, false},
	{"it starts from a later era", later, false},
	{"era blocks of another size", granule, false},
};

int main(void)
{
	struct pair p = fitting();
	struct err e = {0};
	size_t i;

	ok(links_check(&p.a, p.a_era_c, &p.b, &e) == 0, "an incremental behind its parent: %s", e.text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p = fitting();
		e = (struct err){0};
		rows[i].change(&p);
		if (rows[i].fits)
			ok(links_check(&p.a, p.a_era_c, &p.b, &e) == 0, "%s: follows %s", rows[i].name, e.text);
		else
			ok(links_check(&p.a, p.a_era_c, &p.b, &e) == -1 && e.kind == ERR_IDENTITY, "%s: refused: %s",
			   rows[i].name, e.text);
	}
	return tap_done();
}
