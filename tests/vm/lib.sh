# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lib: what the scenarios t-*.sh are made of. One file is both sides of a scenario: `scenario "$@"`, its last
# line, calls main on the host, and in the guest the function that boot named. Both sides speak of a test
# with check; what the guest says is counted with the rest. The plan comes last, so that a scenario that
# dies has none.
#
# On the host: $work, a directory that is removed at the end; $work/share, which is /share in every guest.

set -euo pipefail

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
test_nr=0
test_failed=0

say() {
	sed 's/^/# /'
}

# ok STATUS NAME: one TAP line; 0 is good. In the guest the host puts the number in.
ok() {
	local word=ok number=

	if [ "$1" != 0 ]; then
		word="not ok"
		test_failed=$((test_failed + 1))
	fi
	if [ -z "${in_guest:-}" ]; then
		test_nr=$((test_nr + 1))
		number=" $test_nr"
	fi
	echo "$word$number - $2"
}

# check NAME COMMAND...: the test NAME is that COMMAND, which may be a function under set -e, succeeds. What
# it prints is shown when it does not.
check() {
	local name=$1 output status
	shift

	# Not in a condition, and not in $(...) with ||: both would switch off set -e in the command.
	output=$(mktemp)
	set +e
	(
		set -e
		"$@"
	) </dev/null >"$output" 2>&1
	status=$?
	set -e
	ok "$status" "$name"
	if [ "$status" != 0 ]; then
		echo "# $* (status $status)"
		say <"$output"
	fi
	rm -f "$output"
}

# relay COMMAND...: what a guest prints gets its numbers; the rest becomes comments. The exit status is that of
# COMMAND. Its pid is $vm meanwhile.
relay() {
	local line status=0

	exec {guest}< <("$@" 2>&1)
	vm=$!
	while IFS= read -r line <&"$guest" || [ -n "$line" ]; do
		case $line in
		"ok - "*) ok 0 "${line#ok - }" ;;
		"not ok - "*) ok 1 "${line#not ok - }" ;;
		"# "*) printf '%s\n' "$line" ;;
		*) printf '# %s\n' "$line" ;;
		esac
	done
	exec {guest}<&-
	wait "$vm" || status=$?
	vm=
	return "$status"
}

# boot STATUS NAME [OPTION...] -- FUNCTION [ARG...]: run FUNCTION of this file in a VM, with options of
# tests/vm/run; then the test NAME, that the exit status is STATUS.
boot() {
	local expected=$1 name=$2 options=() status=0
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift

	echo "# boot: $*"
	: >"$work/share/console.log"
	relay "$vm_dir/run" --share "$work/share" "${options[@]}" "$(realpath "$0")" --in-guest "$@" || status=$?
	if [ "$status" = "$expected" ]; then
		ok 0 "$name"
	else
		ok 1 "$name"
		echo "# exit status $status instead of $expected; the end of the console log:"
		tail -n 30 "$work/share/console.log" | tr -d '\r' | say
	fi
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; fails when that takes longer.
wait_for() {
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# make_disk FILE SIZE: a sparse disk for --disk.
make_disk() {
	rm -f "$1"
	truncate -s "$2" "$1"
}

# era_create NAME META ORIGIN BLOCK_SECTORS: in the guest, a dm-era device on the whole of ORIGIN.
era_create() {
	dmsetup create "$1" --table "0 $(blockdev --getsz "$3") era $2 $3 $4"
}

# era_now NAME: the current era. It is a status, which commits metadata: not for tight loops.
era_now() {
	dmsetup status "$1" | awk '{ print $6 }'
}

# shellcheck disable=SC2317 # called by the trap
scenario_end() {
	# A second signal must not stop this halfway.
	trap '' HUP INT TERM
	if [ -n "$vm" ]; then
		kill -TERM "$vm" 2>/dev/null || true
		wait "$vm" 2>/dev/null || true
	fi
	rm -rf "$work"
}

scenario() {
	if [ "${1:-}" = --in-guest ]; then
		in_guest=1
		shift
		"$@"
		exit 0
	fi

	if [ -z "$(command -v qemu-system-x86_64 || true)" ]; then
		echo "1..0 # skip qemu is missing (hint: scripts/deps vm)"
		exit 0
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "1..0 # skip needs root, to show this machine's files to the guest"
		exit 0
	fi
	vm=
	work=$(mktemp -d "${TMPDIR:-/tmp}/erascenario.XXXXXX")
	mkdir "$work/share"
	trap scenario_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	main
	echo "1..$test_nr"
	[ "$test_failed" = 0 ]
}
