#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody else is at work on the device, or was: metadata snapshots of dead runs and of strangers, metadata without
# room, a suspended device, two runs at once; and targets that are in use.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

mirror=/tmp/m.img
meta=/dev/vdb
note=/var/lib/era/held-data

# Killed at its first look at the metadata: that is after the take and before the drop.
killed_while_holding() {
	local status=0

	scribble "$dev" $((RANDOM % 256 * 65536)) 64K
	strace -qq -o /tmp/trace -P $meta -e trace=pread64 -e inject=pread64:signal=KILL:when=1 \
		era_copy --from "$(token $mirror)" "$dev" >/tmp/killed.out || status=$?
	cat /tmp/trace
	[ "$status" != 0 ]
	test ! -s /tmp/killed.out
	held data
	active data
	test -s $note
}

next_run_cleans_up() {
	backup $mirror 2>/tmp/warning
	cat /tmp/warning
	grep -q 'warning: data: dropped the metadata snapshot that a killed run had left' /tmp/warning
	calm data
	test ! -e $note
	same $mirror
}

stale_snapshot() {
	check "killed while it holds the metadata snapshot" killed_while_holding
	check "the next run drops it with a warning, and succeeds" next_run_cleans_up
	check "killed again" killed_while_holding
	dmsetup remove data
	era_create data $meta /dev/vda 128
	check "the snapshot outlives the device" held data
	check "and so does the note: the next run drops it" next_run_cleans_up
	check "killed again" killed_while_holding
	check "a list drops it too" era_copy --list --from "$(token $mirror)" "$dev"
	check "nothing is held" calm data
}

# Refused, and left alone.
left_alone() { # COMMAND...
	local era

	era=$(era_now data)
	refuses 5 "somebody else holds a snapshot" "$@"
	grep -q 'dmsetup message data 0 drop_metadata_snap' /tmp/refused.err
	held data
	active data
	is "$(era_now data)" "$era"
}

others_snapshot() {
	rm -f $note
	dmsetup message data 0 take_metadata_snap
	check "somebody else's snapshot: refused and left alone" left_alone era_copy --from "$(token $mirror)" "$dev"
	check "also by a list" left_alone era_copy --list --since 1 "$dev"
	echo 1 >$note
	check "a note of another era does not make it ours" left_alone era_copy --from "$(token $mirror)" "$dev"
	echo nonsense >$note
	check "nor does a damaged one" left_alone era_copy --from "$(token $mirror)" "$dev"
	dmsetup message data 0 drop_metadata_snap
	check "given back: the next run succeeds" backup $mirror
	check "the mirror is the device" same $mirror
}

is_suspended() { # NAME
	! active "$1"
}

refused_suspended() {
	dmsetup suspend data
	refuses 5 "data: is suspended" era_copy --from "$(token $mirror)" "$dev"
	refuses 5 "data: is suspended" era_copy --full "$dev"
	refuses 5 "data: is suspended" era_copy --list --since 1 "$dev"
	refuses 5 "data: is suspended" era_copy --estimate --since 1 "$dev"
	is_suspended data
	dmsetup resume data
	calm data
	backup $mirror
}

output_begins() {
	[ -s /tmp/copy.out ]
}

two_at_once() {
	start copy era_copy --full --limit-rate 1M "$dev"
	wait_for 60 output_begins
	refuses 5 "data: is in use by another run, process $(cat /tmp/copy.pid)$" era_copy --from "$(token $mirror)" "$dev"
	running copy
	kill -TERM "$(cat /tmp/copy.pid)"
	ended copy 1
	backup $mirror
	same $mirror
}

nearly_full() {
	local era

	dmsetup create tiny --table "0 480 linear /dev/vdd 0"
	era_create small /dev/mapper/tiny /dev/vdc 128
	era=$(era_now small)
	refuses 1 "small: its metadata is nearly full" era_copy --full /dev/mapper/small
	refuses 1 "small: its metadata is nearly full" era_copy --since 1 /dev/mapper/small
	refuses 1 "small: its metadata is nearly full" era_copy --list --since 1 /dev/mapper/small
	is "$(wc -c </tmp/refused.out)" 0
	calm small
	is "$(era_now small)" "$era"
	dmsetup remove small
	dmsetup remove tiny
}

# The target is in use: nothing of it changes.
target_busy() { # TARGET
	local before

	before=$(contents "$1" | sha256sum)
	refuses 5 "is in use" era_apply -i /tmp/full.era "$1"
	refuses 5 "is in use" era_apply --force -i /tmp/full.era "$1"
	is "$(contents "$1" | sha256sum)" "$before"
	refuses 5 "is in use" era_apply --force -i /tmp/full.era "$1"
}

targets_in_use() {
	era_copy --full "$dev" >/tmp/full.era
	mkfs.ext4 -q /dev/vdc
	mkdir -p /tmp/mnt
	mount /dev/vdc /tmp/mnt
	check "a mounted target is refused" target_busy /dev/vdc
	umount /tmp/mnt
	mount -o ro /dev/vdc /tmp/mnt
	check "also where it is mounted read-only" target_busy /dev/vdc
	umount /tmp/mnt
	check "not mounted: a filesystem nobody vouched for is refused" refuses 4 "holds ext4" \
		era_apply -i /tmp/full.era /dev/vdc
	dmsetup create above --table "0 32768 linear /dev/vdc 0"
	check "a target under device-mapper is refused" target_busy /dev/vdc
	dmsetup remove above
	check "the disk under the era device itself is refused" target_busy /dev/vda
	check "and its metadata" target_busy $meta
	loop=$(losetup -f --show $mirror)
	check "an image under a loop device is refused" refuses 5 "is in use by $loop" era_apply -i /tmp/full.era $mirror
	losetup -d "$loop"
	check "free again and asked for: a full to the disk" era_apply --force -i /tmp/full.era /dev/vdc
	check "is right" same /dev/vdc
	check "the next one to the disk" backup /dev/vdc
	check "is right" same /dev/vdc
}

guest_busy() {
	era_create data $meta /dev/vda 128
	scribble "$dev" 0 4M
	check "a full" backup $mirror
	stale_snapshot
	others_snapshot
	check "a suspended device: refused at once, and left so" refused_suspended
	check "two runs: the second is refused and names the first" two_at_once
	check "metadata nearly full: refused before anything is touched" nearly_full
	targets_in_use
	dmsetup remove data
}

main() {
	make_disk "$work/data" 16M
	make_disk "$work/meta" 4M
	make_disk "$work/target" 16M
	make_disk "$work/tiny" 1M
	boot 0 "the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" --disk "$work/target" \
		--disk "$work/tiny" -- guest_busy
}

scenario "$@"
