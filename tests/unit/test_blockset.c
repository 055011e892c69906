/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blockset against the simplest thing that can be right: an array of bool. */
#include "pure/blockset.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define N 300

static bool model[N];

static uint64_t model_runs(uint64_t n)
{
	uint64_t runs = 0;
	uint64_t i;

	for (i = 0; i < n; i++)
		runs += model[i] && (i == 0 || !model[i - 1]);
	return runs;
}

static bool same_agrees(const struct blockset *s, uint64_t from, uint64_t end)
{
	uint64_t at = from;
	bool in;

	while (at < end && model[at] == model[from])
		at++;
	return blockset_same(s, from, end, &in) == at && in == model[from];
}

/* Everything the set says about n blocks is what the model says. */
static bool agrees(const struct blockset *s, uint64_t n)
{
	bool seen[N] = {false};
	struct blockrun r;
	uint64_t count = 0;
	uint64_t runs = 0;
	uint64_t i;

	blockset_for_each_run(s, r) {
		runs++;
		if (r.begin >= r.end || r.end > n)
			return false;
		for (i = r.begin; i < r.end; i++)
			seen[i] = true;
	}
	for (i = 0; i < n; i++) {
		count += model[i];
		if (!same_agrees(s, i, i + 1 + (uint64_t)rand() % (n - i)))
			return false;
		if (model[i] != seen[i] || model[i] != blockset_has(s, i))
			return false;
	}
	return count == blockset_count(s) && runs == blockset_count_runs(s) &&
	       runs == model_runs(n);
}

static void random_adds(uint64_t n)
{
	struct blockset s;
	struct err e = {0};
	bool good = true;
	int i;

	memset(model, 0, sizeof(model));
	if (!ok(blockset_init(&s, n, &e) == 0, "a set of %d blocks", (int)n))
		return;
	for (i = 0; i < 40 && good; i++) {
		const uint64_t a = n ? (uint64_t)rand() % (n + 1) : 0;
		const uint64_t b = a + (n - a ? (uint64_t)rand() % (n - a + 1) % 70 : 0);

		blockset_add(&s, a, b);
		memset(model + a, 1, b - a);
		good = agrees(&s, n);
	}
	ok(good, "random ranges in %d blocks agree with the model", (int)n);
	blockset_fini(&s);
}

static void words(void)
{
	struct blockset s;
	struct err e = {0};

	memset(model, 0, sizeof(model));
	blockset_init(&s, 70, &e);
	blockset_or_word(&s, 1, ~UINT64_C(0));
	memset(model + 64, 1, 6);
	ok(agrees(&s, 70), "bits past the end of the last word are dropped");
	blockset_or_word(&s, 2, 1);
	ok(agrees(&s, 70), "a word past the end is ignored");
	blockset_or_word(&s, 0, UINT64_C(1) << 63);
	model[63] = true;
	ok(agrees(&s, 70), "a run crosses a word boundary");
	blockset_fini(&s);
}

int main(void)
{
	static const uint64_t sizes[] = {0, 1, 2, 63, 64, 65, 127, 128, 129, 200, N};
	size_t i;

	srand(1);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		random_adds(sizes[i]);
	words();
	return tap_done();
}
