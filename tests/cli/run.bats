#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/run itself: what counts as failed. Each test gives a copy of it one program to run.

bats_require_minimum_version 1.5.0

setup() {
	bats_load_library bats-support
	bats_load_library bats-assert
	unset CI ERA_TEST_TIMEOUT ERA_TEST_JOBS
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/build" "$tree/tests/vm"
	cp "$BATS_TEST_DIRNAME/../run" "$tree/tests/run"
}

# What the program prints and does comes from standard input.
producer() {
	{
		echo '#!/bin/bash'
		cat
	} >"$tree/tests/vm/t-${1:-x}.sh"
	chmod +x "$tree/tests/vm/t-${1:-x}.sh"
}

last_line() {
	assert_equal "${lines[-1]}" "$1"
}

@test "passes are counted over several programs" {
	producer one <<<'echo ok 1 - a; echo ok 2 - b; echo 1..2'
	producer two <<<'echo 1..1; echo ok 1 - c'
	run "$tree/tests/run" vm
	assert_success
	last_line "3 passed, 0 failed, 0 skipped"
	refute_output --partial "ok 1 - a"
}

@test "a failure is shown with its diagnostics, a pass is not" {
	producer <<<'echo 1..2; echo ok 1 - good; echo "# fine"; echo not ok 2 - bad; echo "# because"; exit 1'
	run -1 "$tree/tests/run" vm
	last_line "1 passed, 1 failed, 0 skipped"
	assert_output --partial "not ok 2 - bad"
	assert_output --partial "# because"
	refute_output --partial "# fine"
}

@test "planned tests that do not run have failed" {
	producer <<<'echo 1..5; echo ok 1 - a'
	run -1 "$tree/tests/run" vm
	last_line "1 passed, 4 failed, 0 skipped"
}

@test "more tests than planned is a failure" {
	producer <<<'echo 1..1; echo ok 1 - a; echo ok 2 - b'
	run -1 "$tree/tests/run" vm
	last_line "2 passed, 1 failed, 0 skipped"
}

@test "no plan is a failure" {
	producer <<<'echo ok 1 - a'
	run -1 "$tree/tests/run" vm
	last_line "1 passed, 1 failed, 0 skipped"
}

@test "a program that dies has failed, and its last words are shown" {
	producer <<<'echo 1..1; echo ok 1 - a; echo last words >&2; kill -SEGV $$'
	run -1 "$tree/tests/run" vm
	last_line "1 passed, 1 failed, 0 skipped"
	assert_output --partial "last words"
}

@test "a bad exit status is a failure though every test passed" {
	producer <<<'echo 1..1; echo ok 1 - a; exit 3'
	run -1 "$tree/tests/run" vm
	last_line "1 passed, 1 failed, 0 skipped"
	assert_output --partial "exit status 3"
}

@test "an empty program has failed" {
	producer <<<'exit 0'
	run -1 "$tree/tests/run" vm
	last_line "0 passed, 1 failed, 0 skipped"
}

@test "a program out of time has failed" {
	producer <<<'echo 1..1; sleep 600'
	ERA_TEST_TIMEOUT=1 run -1 "$tree/tests/run" vm
	last_line "0 passed, 1 failed, 0 skipped"
	assert_output --partial "out of time"
}

@test "bailing out is a failure" {
	producer <<<'echo 1..1; echo "Bail out! no disk"; echo ok 1 - a'
	run -1 "$tree/tests/run" vm
	assert_output --partial "no disk"
}

@test "skips are counted, one test or a whole program" {
	producer one <<<'echo "1..0 # skip no kernel"'
	producer two <<<'echo 1..2; echo ok 1 - a; echo "ok 2 - b # SKIP no disk"'
	run "$tree/tests/run" vm
	assert_success
	last_line "1 passed, 0 failed, 2 skipped"
	assert_output --partial "no kernel"
	assert_output --partial "no disk"
}

@test "with CI=true a skip is a failure" {
	producer <<<'echo 1..2; echo ok 1 - a; echo "ok 2 - b # skip no disk"'
	CI=true run -1 "$tree/tests/run" vm
	last_line "1 passed, 1 failed, 0 skipped"
}

@test "nothing to run is a failure" {
	run -1 "$tree/tests/run" vm
	last_line "0 passed, 0 failed, 0 skipped"
}

@test "a unit test that was not built has failed" {
	mkdir "$tree/tests/unit"
	touch "$tree/tests/unit/test_x.c"
	run -1 "$tree/tests/run" unit
	last_line "0 passed, 1 failed, 0 skipped"
	assert_output --partial "not built"
}

# Each of the two waits for the other.
two_that_meet() {
	local name other

	for name in a b; do
		other=$([ $name = a ] && echo b || echo a)
		producer $name <<-END
			echo 1..2
			touch $tree/$name
			for i in {1..100}; do
				[ ! -e $tree/$other ] || break
				sleep 0.02
			done
			echo ok 1 - here is $name
			[ -e $tree/$other ] && echo ok 2 - met $other
		END
	done
}

@test "scenarios run two at a time, and each is one block" {
	two_that_meet
	ERA_TEST_JOBS=2 run "$tree/tests/run" -v vm
	assert_success
	last_line "4 passed, 0 failed, 0 skipped"
	assert_output --partial "== vm/t-a"$'\n'"1..2"$'\n'"ok 1 - here is a"$'\n'"ok 2 - met b"$'\n'"vm/t-a "
	assert_output --partial "== vm/t-b"$'\n'"1..2"$'\n'"ok 1 - here is b"$'\n'"ok 2 - met a"$'\n'"vm/t-b "
}

@test "one at a time is asked for with ERA_TEST_JOBS=1" {
	two_that_meet
	ERA_TEST_JOBS=1 run -1 "$tree/tests/run" vm
	last_line "3 passed, 1 failed, 0 skipped"
}

@test "the last of three is counted, whoever ends first" {
	producer a <<<'sleep 0.5; echo 1..1; echo ok 1'
	producer b <<<'echo 1..1; echo not ok 1; exit 1'
	producer c <<<'echo 1..1; echo ok 1'
	ERA_TEST_JOBS=2 run -1 "$tree/tests/run" vm
	last_line "2 passed, 1 failed, 0 skipped"
}

@test "long scenarios begin first" {
	producer a <<<'echo 1..1; echo ok 1'
	producer root <<<'echo 1..1; echo ok 1'
	ERA_TEST_JOBS=1 run "$tree/tests/run" vm
	assert_success
	assert_equal "${lines[0]%% *} ${lines[1]%% *}" "vm/t-root vm/t-a"
}

@test "a number of jobs that is none is refused" {
	ERA_TEST_JOBS=many run -2 "$tree/tests/run" vm
}

# One that nobody waits for is dead for a moment before it is gone.
gone() { # PID
	local i

	for ((i = 0; i < 500; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.02
	done
	fail "process $1 runs still"
}

# shellcheck disable=SC2016 # for the program
@test "a signal ends all that were started" {
	local i pid status=0

	for i in a b; do
		producer $i <<<'sleep 600 & echo $! >"$0.sleep"; echo $$ >"$0.pid"; wait'
	done
	ERA_TEST_JOBS=2 "$tree/tests/run" vm 3>&- &
	pid=$!
	for ((i = 0; i < 500; i++)); do
		[ ! -s "$tree/tests/vm/t-a.sh.pid" ] || [ ! -s "$tree/tests/vm/t-b.sh.pid" ] || break
		sleep 0.02
	done
	kill -TERM $pid
	wait $pid || status=$?
	assert_equal $status 143
	for i in "$tree"/tests/vm/*.pid "$tree"/tests/vm/*.sleep; do
		gone "$(cat "$i")"
	done
}

@test "verbose shows everything" {
	producer <<<'echo 1..1; echo ok 1 - good'
	run "$tree/tests/run" -v vm
	assert_success
	assert_line "ok 1 - good"
	last_line "1 passed, 0 failed, 0 skipped"
}

# shellcheck disable=SC2016 # for the program
@test "programs get the absolute build directory" {
	producer <<<'echo 1..1; [ "$ERA_BUILD" = "$(pwd)/build" ] && echo ok 1'
	cd "$tree"
	run tests/run --build build vm
	assert_success
}

@test "an unknown suite is refused" {
	run -2 "$tree/tests/run" nonsense
}
