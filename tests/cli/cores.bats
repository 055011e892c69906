#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How many threads there are where nobody says: counted in /proc while a program waits for the other end of its pipe.

load helpers

setup() {
	prepare
	cpu=$(taskset -cp $BASHPID | sed 's/.*: \([0-9]*\).*/\1/')
	group=
}

teardown() {
	end_pid
	[ -z "$group" ] || wait_for rmdir "$group"
	undo_all
}

# So many a thread that may compress (4) or only check (1) at a time; beside them are the one that began, and one that writes.
workers() {
	local tasks=(/proc/"$pid"/task/*)

	echo $(((${#tasks[@]} - 2) / each))
}

has_workers() { # N
	[ "$(workers)" = "$1" ]
}

# Both ends of the pipe are ours, so that it stays open and nobody waits for the other.
waiting_copy() { # PROGRAM ARG...: in front of era_copy, as taskset
	[ -e src.img ] || noise 1 24000000 >src.img
	mkfifo pipe
	exec 9<>pipe
	"$@" era_copy --full src.img >pipe 9>&- &
	pid=$!
	each=4
}

waiting_apply() { # PROGRAM ARG...
	[ -e full.era ] || { noise 1 24000000 >src.img && era_copy --full -o full.era src.img; }
	mkfifo pipe
	exec 9<>pipe
	"$@" era_apply --verify <pipe 9>&- &
	pid=$!
	each=1
	# More than a batch: threads are started for the first one.
	head -c 3000000 full.era >&9
}

done_waiting() {
	kill "$pid"
	wait "$pid" || true
	pid=
	exec 9<&- 9>&-
	rm pipe
}

# A control group of version 1 or 2 that has half the time of one processor.
put_group() {
	local top

	needs_root "a control group"
	top=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	if [ -n "$top" ] && grep -qw cpu "$top/cgroup.subtree_control"; then
		group=$top/era-test-$BASHPID
		mkdir "$group" || skip "no control group can be made"
		echo "50000 100000" >"$group/cpu.max"
		return
	fi
	top=$(awk '$0 ~ / - cgroup [^ ]+ ([^ ]*,)?cpu(,|$)/ { print $5; exit }' /proc/self/mountinfo)
	[ -n "$top" ] || skip "there are no control groups for processors"
	group=$top/era-test-$BASHPID
	mkdir "$group" || skip "no control group can be made"
	echo 50000 >"$group/cpu.cfs_quota_us"
}

# Not a function: the process is to be the program in the end.
# shellcheck disable=SC2016 # the inner shell's
in_group=(bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' in_group)

@test "the default is as many threads as processors, up to eight" {
	n=$(nproc)
	[ "$n" -le 8 ] || n=8
	waiting_copy env
	wait_for eval '[ "$(workers)" -ge 1 ]'
	# A quota that this machine has may leave less.
	[ "$(workers)" -le "$n" ]
}

@test "on one processor there is one thread" {
	waiting_copy taskset -c "$cpu"
	wait_for has_workers 1
	done_waiting
	waiting_apply taskset -c "$cpu"
	wait_for has_workers 1
}

@test "what is asked for holds, on one processor too" {
	noise 1 24000000 >src.img
	mkfifo pipe
	exec 9<>pipe
	taskset -c "$cpu" era_copy --full -T 2 src.img >pipe 9>&- &
	pid=$!
	each=4
	wait_for has_workers 2
}

@test "in a control group with half a processor there is one thread" {
	put_group
	waiting_copy "${in_group[@]}" "$group"
	wait_for has_workers 1
	done_waiting
	waiting_apply "${in_group[@]}" "$group"
	wait_for has_workers 1
}
