#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The VM itself: what every other scenario relies on.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

is() { # GOT EXPECTED
	[ "$1" = "$2" ] || {
		echo "got '$1' instead of '$2'"
		return 1
	}
}

# The guest.

loop_device() {
	truncate -s 16M /tmp/loop
	loop=$(losetup -f --show --sector-size 4096 /tmp/loop)
	is "$(blockdev --getss "$loop")" 4096
	losetup -d "$loop"
}

file_systems() {
	local loop fs

	truncate -s 512M /tmp/fs
	loop=$(losetup -f --show /tmp/fs)
	mkdir -p /tmp/mnt
	for fs in ext4 xfs; do
		wipefs -qa "$loop"
		"mkfs.$fs" -q "$loop"
		mount -t "$fs" "$loop" /tmp/mnt
		touch /tmp/mnt/file
		umount /tmp/mnt
	done
	losetup -d "$loop"
}

fault_targets() {
	local target

	for target in delay flakey error; do
		dmsetup targets | grep "^$target "
	done
}

era_tracks() {
	is "$(era_now data)" 1
	dd if=/dev/urandom of=/dev/mapper/data bs=64k count=1 seek=5 oflag=direct status=none
	dmsetup message data 0 take_metadata_snap
	is "$(era_now data)" 2
	dmsetup message data 0 drop_metadata_snap
}

guest_first() {
	check "runs as root" is "$(id -u)" 0
	check "in the same directory, with the arguments" is "$PWD:$*" "$(cat /share/cwd):one two  three"
	check "the build directory is visible" test -d "$ERA_BUILD"
	check "the host's root can be changed here" touch /etc/erabackup-harness
	check "dmsetup speaks to the kernel" dmsetup version
	check "targets for faults are there" fault_targets
	check "loop devices of 4096-byte sectors" loop_device
	check "ext4 and XFS" file_systems
	check "disks come in order" is "$(blockdev --getsize64 /dev/vda /dev/vdb | xargs)" "67108864 8388608"
	check "a disk can have 4096-byte sectors" is "$(blockdev --getss /dev/vda /dev/vdb | xargs)" "512 4096"
	check "dm-era makes a device" era_create data /dev/vdb /dev/vda 128
	check "dm-era counts eras" era_tracks
	dmsetup remove data
	head -c 4096 /dev/urandom >/share/pattern
	dd if=/share/pattern of=/dev/vda bs=4096 seek=9 oflag=direct status=none
	exit 7
}

guest_second() {
	check "a disk keeps what was written" cmp /share/pattern <(dd if=/dev/vda bs=4096 skip=9 count=1 status=none)
	check "dm-era opens its metadata again" era_create data /dev/vdb /dev/vda 128
	check "it has moved on by one era" is "$(era_now data)" 3
	check "what the first guest changed on its root is gone" test ! -e /etc/erabackup-harness
	# Left in use on purpose: the power goes now.
	dd if=/share/pattern of=/dev/mapper/data bs=4096 seek=77 oflag=direct conv=fsync status=none
	touch /share/ready
	sleep 600
}

guest_third() {
	check "a flushed write survives the power cut" \
		cmp /share/pattern <(dd if=/dev/vda bs=4096 skip=77 count=1 status=none)
	check "dm-era survives it" era_create data /dev/vdb /dev/vda 128
	check "and has moved on by one era" is "$(era_now data)" 4
}

guest_panics() {
	echo c >/proc/sysrq-trigger
	sleep 600
}

guest_hangs() {
	touch "/share/$1"
	sleep 600
}

guest_fails_a_check() {
	check "this one fails" false
}

guest_meets() {
	touch "/share/$1"
	wait_for 60 test -e "/share/$2"
}

# cmp reads a binary megabyte: no byte may be lost or changed on the way.
guest_prints() {
	cat /share/megabyte
}

# The host.

cut_power() {
	wait_for 60 test -e "$work/share/ready"
	kill -KILL "$(cat "$work/pid")"
}

two_at_once() {
	local first

	"$vm_dir/run" --share "$work/share" --mem 512 --smp 1 "$0" --in-guest guest_meets a b &
	first=$!
	"$vm_dir/run" --share "$work/share" --mem 512 --smp 1 "$0" --in-guest guest_meets b a
	wait "$first"
}

prints_cleanly() {
	head -c 1048576 /dev/urandom >"$work/share/megabyte"
	"$vm_dir/run" --share "$work/share" "$0" --in-guest guest_prints >"$work/printed"
	cmp "$work/share/megabyte" "$work/printed"
}

interrupted() {
	local run status=0 pid

	"$vm_dir/run" --share "$work/share" --pidfile "$work/pid" "$0" --in-guest guest_hangs hanging &
	run=$!
	wait_for 60 test -e "$work/share/hanging"
	pid=$(cat "$work/pid")
	kill -TERM "$run"
	wait "$run" || status=$?
	is "$status" 143
	! kill -0 "$pid" 2>/dev/null
}

# In a subshell, so that the failure it is about is not counted here.
failure_counts() {
	boot 0 ends -- guest_fails_a_check >"$work/failing"
	cat "$work/failing"
	grep -q '^not ok [0-9]* - this one fails$' "$work/failing"
	grep -q '^ok [0-9]* - ends$' "$work/failing"
}

main() {
	local status cutter

	make_disk "$work/data" 64M
	make_disk "$work/meta" 8M
	echo "$PWD" >"$work/share/cwd"
	export ERA_BUILD=${ERA_BUILD:-$(realpath "$vm_dir/../../build")}

	disks=(--disk "$work/data" --disk "$work/meta,cache=none,sector=4096")
	boot 7 "an exit status is passed through" "${disks[@]}" -- guest_first one "two  three"
	check "and the host's root is untouched" test ! -e /etc/erabackup-harness

	cut_power &
	cutter=$!
	boot 125 "a power cut is no success" "${disks[@]}" --pidfile "$work/pid" -- guest_second
	status=0
	wait $cutter || status=$?
	ok $status "the power was cut by us"
	boot 0 "the disks live on" "${disks[@]}" -- guest_third

	boot 125 "a panic is no success" -- guest_panics
	boot 124 "time runs out" --timeout 5 -- guest_hangs late
	check "a run that is interrupted takes its VM along" interrupted
	check "two run at once" two_at_once
	check "output arrives byte for byte" prints_cleanly
	check "a failed check of the guest is a failed test" failure_counts
}

scenario "$@"
