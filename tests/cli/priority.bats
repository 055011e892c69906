#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# --nice and --ionice: of every thread while it copies, and of none that others wait for.

# shellcheck disable=SC2154 # capture sets stderr and status
load helpers

setup() {
	prepare
	noise 1 24000000 >src.img
	pid=
}

teardown() {
	end_pid
	undo_all
}

# A stream that nobody reads: all threads are there, and none gets on. Both ends are ours, so that nobody waits for the other.
waiting() { # COMMAND...
	mkfifo pipe
	exec 9<>pipe
	"$@" >pipe 9>&- &
	pid=$!
	wait_for are_there 12
}

are_there() { # N
	local tasks=(/proc/"$pid"/task/*)

	[ "${#tasks[@]}" = "$1" ]
}

# Of each thread, one line: nice and ionice.
priorities() {
	local task

	for task in /proc/"$pid"/task/*; do
		echo "$(sed 's/.*) //' "$task/stat" | cut -d' ' -f17) $(ionice -p "${task##*/}")"
	done | sort -u
}

@test "all threads of era_copy stand back while it copies" {
	waiting era_copy --full -T 2 --nice 7 --ionice best-effort:6 src.img
	assert_equal "$(priorities)" "7 best-effort: prio 6"
}

@test "ionice alone, and idle" {
	waiting era_copy --full -T 2 --ionice idle src.img
	assert_equal "$(priorities)" "$(nice) idle"
}

@test "whoever stands further back is not raised" {
	waiting nice -n 12 ionice -c 3 era_copy --full -T 2 --nice 7 --ionice best-effort:0 src.img
	assert_equal "$(priorities)" "12 idle"
}

@test "all threads of era_apply stand back" {
	era_copy --full -o full.era src.img
	mkfifo in
	exec 9<>in
	era_apply --verify -T 2 --nice 7 --ionice idle <in 9>&- &
	pid=$!
	# More than a batch: threads are started for the first one.
	head -c 3000000 full.era >&9
	wait_for are_there 4
	assert_equal "$(priorities)" "7 idle"
}

@test "before and behind a pass era_copy is as it was" {
	needs_root "raising a priority again"
	strace -o /dev/null true 2>/dev/null || skip "strace is not allowed here"
	strace -f -qq -o trace -e trace=setpriority,ioprio_set,clone3,clone \
		era_copy --full -T 2 --nice 7 --ionice idle -o s.era src.img
	# There, eleven threads (one that drains, eight that read, two that compress), and back, all by the first one.
	run -0 awk '{ sub(/\(.*/, "", $2); print ($1 == first || !first) " " $2; first = first ? first : $1 }' trace
	assert_output "$(printf '1 %s\n' ioprio_set setpriority clone3 clone3 clone3 clone3 clone3 clone3 clone3 clone3 \
		clone3 clone3 clone3 ioprio_set setpriority)"
	run -0 grep -c 'setpriority(PRIO_PROCESS, 0, 7)' trace
	run -0 grep -c "setpriority(PRIO_PROCESS, 0, $(nice))" trace
}

@test "what is not asked for is not touched" {
	strace -o /dev/null true 2>/dev/null || skip "strace is not allowed here"
	strace -f -qq -o trace -e trace=setpriority,getpriority,ioprio_set,ioprio_get era_copy --full -o s.era src.img
	assert [ ! -s trace ]
	strace -f -qq -o trace -e trace=setpriority,getpriority,ioprio_set,ioprio_get era_apply m.img <s.era
	assert [ ! -s trace ]
}

@test "a stream and an image are the same at any priority" {
	needs_root "raising a priority again"
	era_copy --full --nice 19 --ionice idle src.img >s.era
	era_apply --nice 19 --ionice best-effort m.img <s.era
	cmp src.img m.img
}

# Nothing stands still for an image, so there is nothing to be raised for.
@test "without privileges an image can be copied at a lower priority" {
	chmod 755 .
	as_nobody bash -c 'era_copy --full --nice 5 --ionice best-effort:7 src.img >/dev/null'
	assert_equal "$status: $stderr" "0: "
}
