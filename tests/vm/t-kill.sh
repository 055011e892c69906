#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# SIGKILL of era_copy: at random moments, and before each of its ioctls, so also between suspend and resume.
# The device is never left suspended, and the next run succeeds.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

device=/dev/mapper/data
mirror=/tmp/m.img

backup() {
	era_copy --from "$(era_apply --token "$mirror")" "$device" | era_apply "$mirror"
}

identical() {
	cmp "$mirror" <(dd if="$device" bs=1M iflag=direct status=none)
}

some_writes() {
	local i

	for i in 1 2 3 4 5; do
		dd if=/dev/urandom of="$device" bs=64k count=1 seek=$((RANDOM % 1000)) oflag=direct status=none
	done
}

active() {
	[ "$(dmsetup info -c --noheadings -o suspended data)" = Active ]
}

# Not only said to be resumed: a write goes through.
answers() {
	wait_for 30 active
	timeout 30 dd if=/dev/urandom of="$device" bs=4k count=1 seek=$((RANDOM % 1000)) oflag=direct status=none
}

no_guard_left() {
	! pgrep -x era_guard
}

# Start a backup and kill its era_copy after SECONDS; the rest of the pipe ends by itself.
killed_after() { # SECONDS
	local token pid

	token=$(era_apply --token "$mirror")
	era_copy --from "$token" "$device" >/tmp/stream &
	pid=$!
	sleep "$1"
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" || true
	# What it wrote is a truncated stream, or nothing, or by luck a whole one.
	era_apply -i /tmp/stream "$mirror" || [ $? = 3 ]
}

mended() {
	backup
	identical
}

random_moments() {
	local i

	for i in $(seq 20); do
		some_writes
		check "kill $i: at a random moment" killed_after "0.$((RANDOM % 6))$((RANDOM % 10))"
		check "kill $i: the device answers" answers
		check "kill $i: the next run succeeds, the mirror is the device" mended
	done
}

# The kernel delivers the SIGKILL when the program enters its Nth ioctl, which is then not carried out.
killed_at_ioctl() { # N
	strace -qq -o /tmp/trace -e trace=ioctl -e "inject=ioctl:signal=KILL:when=$1" \
		"$ERA_BUILD/era_copy" --from "$(era_apply --token "$mirror")" "$device" >/dev/null 2>&1
}

guest_kill() {
	local n status suspended=0

	PATH=$ERA_BUILD:$PATH
	era_create data /dev/vdb /dev/vda 128
	dd if=/dev/urandom of="$device" bs=1M count=48 oflag=direct status=none
	check "the full" backup
	random_moments
	for n in $(seq 60); do
		some_writes
		status=0
		killed_at_ioctl "$n" || status=$?
		[ "$status" != 0 ] || break
		! tail -n 2 /tmp/trace | grep -q DM_DEV_SUSPEND || suspended=$((suspended + 1))
		check "killed before ioctl $n: the device answers" answers
		check "killed before ioctl $n: the next run succeeds, the mirror is the device" mended
	done
	check "all ioctls were tried" test "$status" = 0
	# Suspend and resume are one ioctl number; the kill before the second came between the two.
	check "one kill came between suspend and resume" test "$suspended" -ge 2
	check "no guard is left" wait_for 30 no_guard_left
	dmsetup remove data
}

main() {
	make_disk "$work/data" 64M
	make_disk "$work/meta" 8M
	boot 0 "the guest ends well" --timeout 1500 --disk "$work/data" --disk "$work/meta" -- guest_kill
}

scenario "$@"
