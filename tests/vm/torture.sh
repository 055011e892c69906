#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Torture: a filesystem on an era device that is written in every way there is, backups of it meanwhile, and in each
# cycle one thing that goes wrong at a random moment. Behind each cycle the next backup has to succeed, by itself, and
# the mirror has to be the device, byte for byte. By hand; a cycle takes some seconds:
#
#   make torture CYCLES=100 SEED=1
#   CYCLES=100 SEED=1 tests/vm/torture.sh
#
#   SEED      cycle N draws what it does from SEED + N, so what failed can be done again: SEED=SEED+N CYCLES=1. Only the
#             moments differ, which are the machine's
#   EVENTS    only these, with blanks between: none kill data target cut
#
# What goes wrong: none; kill: SIGKILL of a program of the backup, or of its guard; data, target: the disk below the device, or
# below the mirror, gives errors for a while; cut: the machine has no power any more.
#
# Devices: /dev/vda is the data, /dev/vdb dm-era's metadata, /dev/vdc the mirror. What is on the root lives in memory
# here, so /var/lib/era, with the notes and the mirror's state, is on /share.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

: "${CYCLES:=20}" "${SEED:=1}" "${EVENTS:=none kill data target cut}"
# Guests are given what begins with ERA_.
export ERA_CYCLES=${ERA_CYCLES:-$CYCLES} ERA_SEED=${ERA_SEED:-$SEED} ERA_EVENTS=${ERA_EVENTS:-$EVENTS}
mirror=/dev/mapper/mirror
files=/tmp/mnt

# pick WORD...: one of them, into picked. Not in a subshell: RANDOM would not go on.
pick() {
	shift $((RANDOM % $#))
	picked=$1
}

# A moment of up to MS milliseconds.
moment() { # MS
	sleep "$(printf '0.%03d' $((RANDOM % $1)))"
}

# Disks that can be told to fail

# disk_is NAME DISK linear|error
disk_is() {
	local table

	table="0 $(blockdev --getsz "$2") linear $2 0"
	[ "$3" != error ] || table="0 $(blockdev --getsz "$2") error"
	if dmsetup info "$1" >/dev/null 2>&1; then
		dmsetup suspend --noflush --nolockfs "$1"
		dmsetup load "$1" --table "$table"
		dmsetup resume "$1"
	else
		dmsetup create "$1" --table "$table"
	fi
}

fails_for_a_moment() { # NAME DISK
	moment 900
	disk_is "$1" "$2" error
	moment 400
	disk_is "$1" "$2" linear
}

# Writing

write_something() {
	local f=$files/f.$((RANDOM % 12)) at=$((RANDOM % 2000))

	pick buffered direct sync append punch zero truncate remove copy
	case $picked in
	buffered) dd if=/dev/urandom of="$f" bs=4k count=$((RANDOM % 64 + 1)) seek="$at" conv=notrunc status=none ;;
	direct) dd if=/dev/urandom of="$f" bs=4k count=$((RANDOM % 16 + 1)) seek="$at" conv=notrunc oflag=direct status=none ;;
	sync) dd if=/dev/urandom of="$f" bs=4k count=4 seek="$at" conv=notrunc,fsync status=none ;;
	append) head -c $((RANDOM * 8)) /dev/urandom >>"$f" ;;
	punch) fallocate -p -o $((at * 4096)) -l $((RANDOM * 32 + 1)) "$f" ;;
	zero) fallocate -z -o $((at * 4096)) -l $((RANDOM * 32 + 1)) "$f" ;;
	truncate) truncate -s $((RANDOM * 200)) "$f" ;;
	remove) rm -f "$f" ;;
	copy) cp "$f" "$files/f.$((RANDOM % 12))" ;;
	esac
}

writer() {
	while [ -e /tmp/writing ]; do
		# What fails, fails: the disk may give errors, and the room may end.
		write_something 2>/dev/null || true
		[ $((RANDOM % 8)) != 0 ] || sync -f "$files" 2>/dev/null || true
	done
}

# Backups

next_backup() { # [OPTION...]
	era_copy "$@" --from "$(era_apply --token "$mirror")" "$dev" | era_apply "$mirror"
}

backups() {
	while [ -e /tmp/writing ]; do
		pick fence freeze auto
		next_backup "--cut=$picked" --freeze-timeout 20 2>>/tmp/words || true
	done
}

kill_something() {
	moment 900
	pick era_copy era_apply era_guard
	# The newest: of the loop above none, but of what it has just begun.
	pkill -KILL -n -x "$picked" || true
}

# A cycle

event() { # KIND
	case $1 in
	none) moment 900 ;;
	kill) kill_something ;;
	data) fails_for_a_moment below /dev/vda ;;
	target) fails_for_a_moment mirror /dev/vdc ;;
	cut)
		: >/share/ready
		sleep 60
		;;
	esac
}

settled() {
	wait_for 60 no_guard
	next_backup
	e2fsck -fn "$dev"
	cmp <(contents "$mirror") <(contents "$dev")
}

mend_filesystem() {
	umount "$files"
	e2fsck -fy "$dev" || [ $? -lt 4 ]
}

# In the background RANDOM begins anew, so each gets a seed of its own.
disturbed() { # N KIND
	local w b

	RANDOM=$((ERA_SEED + $1))
	mount "$dev" "$files"
	: >/tmp/writing
	: >/tmp/words
	(RANDOM=$((ERA_SEED + $1 + 10000)) && writer) &
	w=$!
	(RANDOM=$((ERA_SEED + $1 + 20000)) && backups) &
	b=$!
	event "$2"
	rm /tmp/writing
	wait "$w" "$b"
	mend_filesystem
}

cycle() { # N
	local kinds kind

	RANDOM=$((ERA_SEED + $1))
	read -ra kinds <<<"$ERA_EVENTS"
	pick "${kinds[@]}"
	kind=$picked
	echo "$1 $kind" >/share/cycle
	check "cycle $1, $kind: written, backed up, disturbed" disturbed "$1" "$kind"
	check "cycle $1, $kind: the next backup succeeds, and the mirror is the device" settled
}

devices() {
	mkdir -p "$files" /share/notes /var/lib/era
	mount --bind /share/notes /var/lib/era
	disk_is below /dev/vda linear
	disk_is mirror /dev/vdc linear
	era_create data /dev/vdb /dev/mapper/below 128
}

guest() { # FROM
	local n=$1

	devices
	if [ ! -e /share/cycle ]; then
		mkfs.ext4 -q "$dev"
		check "the full" sh -c "era_copy --full $dev | era_apply --force $mirror"
	else
		check "cycle $((n - 1)), behind the cut: the filesystem is one" mend_after_cut
		check "cycle $((n - 1)), behind the cut: the next backup succeeds, and the mirror is the device" settled
	fi
	while [ "$n" -le "$ERA_CYCLES" ]; do
		cycle "$n"
		n=$((n + 1))
	done
	: >/share/done
}

mend_after_cut() {
	e2fsck -fy "$dev" || [ $? -lt 4 ]
}

# A cut comes some moment behind `ready`. The one who waits for it ends with the machine.
cutter() {
	until [ -e "$work/share/ready" ]; do
		[ ! -e "$work/share/done" ] || return 0
		sleep 0.1
	done
	rm -f "$work/share/ready"
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"
	kill -9 "$(cat "$work/pid")"
}

main() {
	local next=1 cuts=0

	make_disk "$work/data" 96M
	make_disk "$work/meta" 8M
	make_disk "$work/mirror" 96M
	while [ "$next" -le $((ERA_CYCLES + 1)) ]; do
		cutter &
		relay "$vm_dir/run" --share "$work/share" --timeout 3600 --pidfile "$work/pid" --disk "$work/data" \
			--disk "$work/meta" --disk "$work/mirror" "$(realpath "$0")" --in-guest guest "$next" || true
		kill "$!" 2>/dev/null || true
		wait
		[ ! -e "$work/share/done" ] || break
		check "the machine went down by a cut" grep -q ' cut$' "$work/share/cycle"
		cuts=$((cuts + 1))
		next=$(($(cut -d' ' -f1 "$work/share/cycle") + 1))
	done
	check "all $ERA_CYCLES cycles" test -e "$work/share/done"
	echo "# cycles from seed $ERA_SEED: $ERA_CYCLES, of them $cuts power cuts; $test_failed checks failed"
}

scenario "$@"
