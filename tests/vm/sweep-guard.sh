#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_copy killed before each of its ioctls, one after the other, in a snapshot cut and in a freeze cut under writers; so
# also at every step between suspend and resume, and between freeze and thaw. The device answers, the next run succeeds
# and puts the stack back, the mirror is the device.
#
# Under emulation it takes half an hour, so no suite runs it: run it after a change of what it is about.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"
# shellcheck source=tests/vm/guards.sh
. "$(dirname "$0")/guards.sh"

trace=/tmp/trace

# The kernel delivers the SIGKILL when the program enters its Nth ioctl, which is then not carried out.
killed() { # KIND N
	local status=0

	copy_words "$1"
	strace -qq -o $trace -e trace=ioctl -e "inject=ioctl:signal=KILL:when=$2" \
		"$ERA_BUILD/era_copy" -q "${words[@]}" >/tmp/said 2>&1 || status=$?
	cat /tmp/said
	tail -n 2 $trace
	# Beyond the last of them it is not killed.
	if [ "$status" = 0 ]; then
		: >/tmp/through
	else
		is "$status" 137
		tail -n 2 $trace | grep -o 'ioctl([0-9]*, [A-Z_]*' | tail -n 1 >>"/tmp/steps.$1"
	fi
	answers $((limit + slack))
	whole_or_nothing
}

sweep() { # KIND
	local n

	rm -f /tmp/through
	for ((n = 1; n < 300; n++)); do
		check "$1: killed before ioctl $n: the device answers" killed "$1" "$n"
		[ ! -e /tmp/through ] || break
		check "$1: killed before ioctl $n: the next run succeeds, the stack is as before" next_run "$1"
		[ $((n % 10)) != 0 ] || check "$1: the mirror is the device" mirror_is_device
	done
	check "$1: all were tried" test -e /tmp/through
	say < <(sed 's/.*, //' "/tmp/steps.$1" | sort | uniq -c)
}

guest_sweep() {
	writers=(log)
	check "a volume with writers and a mirror" guard_volume /dev/vdb /dev/vda
	sweep snapshot
	check "snapshot: also between suspend and resume" test "$(grep -c DM_DEV_SUSPEND /tmp/steps.snapshot)" -ge 4
	sweep freeze
	check "freeze: also between freeze and thaw" grep FITHAW /tmp/steps.freeze
	check "no writer had an error" end_writers
	check "the last run makes the mirror the device" last_is_device
}

main() {
	make_disk "$work/data" 32M
	make_disk "$work/meta" 40M
	boot 0 "the guest ends well" --timeout 6000 --disk "$work/data" --disk "$work/meta" -- guest_sweep
}

scenario "$@"
