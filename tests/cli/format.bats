#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/format.md: its worked example is a stream.

bats_require_minimum_version 1.5.0

setup() {
	bats_load_library bats-support
	bats_load_library bats-assert
	top=$BATS_TEST_DIRNAME/../..
	"$top/tests/decoder/example" --read "$top/docs/format.md" >"$BATS_TEST_TMPDIR/s.era"
	{ printf 'era data' && head -c 1016 /dev/zero; } >"$BATS_TEST_TMPDIR/expected"
}

@test "the example is what the encoder makes of its description" {
	run -0 diff <("$top/tests/decoder/example" --make | grep -E '^[0-9a-f]{4}: ') \
		<(grep -E '^[0-9a-f]{4}: ' "$top/docs/format.md")
}

@test "era_apply makes the example's image" {
	run -0 "$ERA_BUILD/era_apply" -i "$BATS_TEST_TMPDIR/s.era" "$BATS_TEST_TMPDIR/m.img"
	run -0 cmp "$BATS_TEST_TMPDIR/m.img" "$BATS_TEST_TMPDIR/expected"
	run -0 "$ERA_BUILD/era_apply" --token "$BATS_TEST_TMPDIR/m.img"
	assert_output era1.202122232425262728292a2b2c2d2e2f.101112131415161718191a1b1c1d1e1f.7.1024
}

@test "the second decoder makes the example's image" {
	run -0 "$top/tests/decoder/eradecode.py" "$BATS_TEST_TMPDIR/s.era" --onto "$BATS_TEST_TMPDIR/p.img"
	run -0 cmp "$BATS_TEST_TMPDIR/p.img" "$BATS_TEST_TMPDIR/expected"
}
