#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Power cuts: of the machine with the device, in the middle of writes and of backups, again and again.
# After each, the tracking goes on where it was, the interrupted mirror is mended by the same line as
# always, and nothing that was written is missing from it. The last cut comes while a metadata snapshot is held.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

device=/dev/mapper/data
mirror=/share/m.img
rounds=6

backup() {
	era_copy --from "$(era_apply --token "$mirror")" "$device" | era_apply "$mirror"
}

identical() {
	cmp "$mirror" <(dd if="$device" bs=1M iflag=direct status=none)
}

# What is on the root lives in memory here. era_copy's notes are on disk, as on a machine.
notes_on_disk() {
	mkdir -p /share/notes /var/lib/era
	mount --bind /share/notes /var/lib/era
}

held() {
	[ "$(dmsetup status data | awk '{ print $7 }')" != - ]
}

writer() {
	local i=0

	while :; do
		i=$((i + 1))
		head -c $((RANDOM * 4)) /dev/urandom >"/tmp/mnt/new.$((i % 30))"
		dd if=/dev/urandom of=/tmp/mnt/base bs=4k count=2 seek=$((RANDOM % 1000)) conv=notrunc oflag=direct \
			status=none
		[ $((i % 3)) != 0 ] || sync -f /tmp/mnt
	done
}

# Until the power goes. The host waits for the file `ready`, and cuts some moment later.
guest_until_cut() {
	local n=0

	PATH=$ERA_BUILD:$PATH
	mount "$device" /tmp/mnt
	writer &
	while :; do
		# The pipe's halves race with the cut; what is left is the next boot's to mend.
		backup
		n=$((n + 1))
		[ "$n" != 2 ] || : >/share/ready
	done
}

# Killed before its Nth ioctl, then before the next, until it leaves a metadata snapshot; then the power goes.
guest_until_held() {
	local n=0

	PATH=$ERA_BUILD:$PATH
	while ! held && [ "$n" -lt 60 ]; do
		n=$((n + 1))
		strace -qq -o /tmp/trace -e trace=ioctl -e "inject=ioctl:signal=KILL:when=$n" \
			"$ERA_BUILD/era_copy" --from "$(era_apply --token "$mirror")" "$device" >/dev/null 2>&1 || true
	done
	# Not by touch: it sets the times of a file that the host may have removed by then.
	: >/share/ready
	sleep 60
}

guest_first() {
	PATH=$ERA_BUILD:$PATH
	mkdir -p /tmp/mnt
	notes_on_disk
	era_create data /dev/vdb /dev/vda 128
	mkfs.ext4 -q "$device"
	mount "$device" /tmp/mnt
	head -c 8M /dev/urandom >/tmp/mnt/base
	umount /tmp/mnt
	check "the full" backup
	guest_until_cut
}

# Is what the state says one of the two things it may say after a cut?
state_says_so() {
	grep -qE '^(at|applying) ' "$mirror.era"
	era_apply --token "$mirror"
}

guest_again() { # ROUND
	PATH=$ERA_BUILD:$PATH
	mkdir -p /tmp/mnt
	notes_on_disk
	era_create data /dev/vdb /dev/vda 128
	[ "$1" != "$rounds" ] || check "cut $1: a metadata snapshot is still held" held
	grep ^applying "$mirror.era" | cut -c1-60 | say || true
	check "cut $1: the state is one that the next line can use" state_says_so
	check "cut $1: the token is no full: the history goes on" sh -c "era_apply --token $mirror | grep -q ^era1"
	check "cut $1: the same line again" backup
	mount "$device" /tmp/mnt
	umount /tmp/mnt
	check "cut $1: the filesystem is whole" e2fsck -fn "$device"
	check "cut $1: and once more, all quiet" backup
	check "cut $1: nothing is missing from the mirror" identical
	case $1 in
	"$rounds") ;;
	$((rounds - 1))) guest_until_held ;;
	*) guest_until_cut ;;
	esac
	dmsetup remove data
}

cut_when_ready() {
	wait_for 600 test -e "$work/share/ready" || return
	rm -f "$work/share/ready"
	sleep "$((RANDOM % 4)).$((RANDOM % 10))"
	kill -9 "$(cat "$work/pid")"
}

main() {
	local round=0 first=guest_first

	make_disk "$work/data" 256M
	make_disk "$work/meta" 8M
	while [ "$round" -lt "$rounds" ]; do
		cut_when_ready &
		boot 125 "the power is cut" --timeout 900 --pidfile "$work/pid" --disk "$work/data" \
			--disk "$work/meta" -- $first "$round"
		wait
		first=guest_again
		round=$((round + 1))
	done
	boot 0 "the last boot ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_again "$round"
}

scenario "$@"
