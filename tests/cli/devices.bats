#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Devices on real loop devices: found by what is on them, refused when in use, and whether a fingerprint
# shows that somebody was there. The library's answers, by tests/tools/devices.

# Helpers and run set loop, stderr and others.
# shellcheck disable=SC2154
load helpers

PATH=$ERA_BUILD/tools:$PATH

new_uuid() {
	cat /proc/sys/kernel/random/uuid
}

setup() {
	prepare
	needs_root "loop devices"
	volume=$(new_uuid | tr -d -)
	fsid=$(new_uuid)
}

teardown() {
	local x

	[ -z "$holder" ] || kill "$holder" || true
	for x in "${swaps[@]}"; do
		swapoff "$x"
	done
	cd /
	for x in "${mounts[@]}"; do
		umount "$x"
	done
	mounts=()
	for x in "${disks[@]}"; do
		partx -d "$x" || true
	done
	undo_all
}

disks=()
swaps=()
holder=

# attach_disk FILE: as attach, with nodes for its partitions. The kernel may know no partition tables, and
# there may be no udev.
attach_disk() {
	attach "$1" --partscan
	disks+=("$loop")
	[ -e "${loop}p1" ] || partx -a "$loop"
	wait_for test -b "${loop}p1"
}

# A disk of two partitions, one a 16 MiB, two b 16 MiB.
make_disk() { # FILE
	truncate -s 64M "$1"
	part1=$(new_uuid)
	part2=$(new_uuid)
	label=era-$RANDOM-$RANDOM
	sfdisk -q "$1" <<-END
		label: gpt
		size=16M, uuid=$part1, name="$label one"
		size=16M, uuid=$part2, name="$label"
	END
}

mounted() { # DEVICE [OPTION...]: on ./mnt
	mkdir -p mnt
	mount "${@:2}" "$1" mnt
	mounts+=("$PWD/mnt")
}

unmounted() {
	umount mnt
	unset 'mounts[-1]'
}

resolves() { # ROLE SPEC PATH
	capture devices resolve "$1" "$2"
	assert_equal "$status: $output$stderr" "0: $3"
}

print_of() { # DEVICE
	devices fingerprint "$1" "$(blockdev --getsize64 "$1")"
}

@test "a partition is found by what its table says, without udev's links" {
	make_disk d.img
	attach_disk d.img
	resolves data "PARTUUID=$part1" "${loop}p1"
	resolves meta "PARTUUID=${part2^^}" "${loop}p2"
	resolves data "PARTUUID=\"$part2\"" "${loop}p2"
	resolves data "/dev/disk/by-partuuid/$part1" "${loop}p1"
	resolves data "PARTLABEL=$label" "${loop}p2"
	resolves meta "PARTLABEL=\"$label one\"" "${loop}p1"
	resolves data "/dev/disk/by-partlabel/$label\\x20one" "${loop}p1"
	resolves data "PARTLABEL=${label^^}" "not there"
	resolves data "PARTUUID=$(new_uuid)" "not there"
	resolves data "${loop}p1" "${loop}p1"
	resolves data "${loop}p7" "not there"
	run -0 devices spec "${loop}p2"
	assert_output "PARTUUID=$part2"
	# Where two have it, it is no name for either.
	cp d.img copy.img
	attach_disk copy.img
	run -0 devices spec "${loop}p2"
	assert_output "${loop}p2"
	fails 4 devices resolve data "PARTUUID=$part2"
	says "${disks[0]}p2" "${disks[1]}p2"
	hints
}

@test "a file system is found by its UUID and label, a copy of it makes that ambiguous" {
	label="of $RANDOM"
	truncate -s 32M fs.img
	mkfs.ext4 -q -U "$fsid" -L "$label" fs.img
	cp fs.img copy.img
	resolves data "UUID=$fsid" "not there"
	attach fs.img
	resolves data "UUID=$fsid" "$loop"
	resolves data "UUID=\"${fsid^^}\"" "$loop"
	resolves data "/dev/disk/by-uuid/$fsid" "$loop"
	resolves data "LABEL=\"$label\"" "$loop"
	resolves data "LABEL=${label^}" "not there"
	resolves meta "UUID=$fsid" "not there"
	run -0 devices spec "$loop"
	assert_output "$loop"
	first=$loop
	attach copy.img
	fails 4 devices resolve data "UUID=$fsid"
	says "UUID=$fsid" "$first" "$loop"
	hints PARTUUID=
	fails 4 devices resolve data "LABEL=$label"
	detach
	resolves data "UUID=$fsid" "$first"
}

@test "a metadata device is found by the volume id of its label" {
	truncate -s 4M m.img
	attach m.img
	resolves meta "UUID=$volume" "not there"
	silent devices label "$loop" "$volume"
	resolves meta "UUID=$volume" "$loop"
	resolves meta "UUID=\"${volume^^}\"" "$loop"
	resolves meta "UUID=${volume:0:8}-${volume:8:4}-${volume:12:4}-${volume:16:4}-${volume:20}" "$loop"
	resolves data "UUID=$volume" "not there"
	# One copy is as good as two.
	put "$loop" 0 <<<"something else"
	resolves meta "UUID=$volume" "$loop"
	put "$loop" 524388 <<<"damage"
	resolves meta "UUID=$volume" "not there"
	silent devices label "$loop" "$volume"
	first=$loop
	cp m.img copy.img
	attach copy.img
	fails 4 devices resolve meta "UUID=$volume"
	says "$first" "$loop"
}

@test "what is no name of a device" {
	truncate -s 1M file
	for spec in UUID= 'UUID="x' 'LABEL=""' ID=3 "" "PARTUUID=$(printf '%0300d' 0)"; do
		fails 2 devices resolve data "$spec"
	done
	for spec in UUID=123 "UUID=${volume}0" "UUID=${volume:0:31}g" "UUID=${volume:0:9}-${volume:9:23}---" LABEL=x; do
		fails 2 devices resolve meta "$spec"
		hints
	done
	fails 2 devices resolve data "$PWD/file"
	fails 2 devices spec "$PWD/file"
	fails 2 devices spec "$PWD/none"
	resolves data "$PWD/file/none" "not there"
}

@test "who uses a device" {
	make_disk d.img
	attach_disk d.img
	run -0 devices usage "${loop}p1"
	assert_output "free:  [  ]"
	run -0 devices usage "$loop"
	assert_output "free:  [  ]"
	mkfs.ext4 -q "${loop}p1"
	mkdir "mnt with blank"
	mount "${loop}p1" "mnt with blank"
	mounts+=("$PWD/mnt with blank")
	run -0 devices usage "${loop}p1"
	assert_output "mounted: mounted on $PWD/mnt with blank [  ]"
	run -0 devices usage "$loop"
	assert_output "mounted: its partition ${loop#/dev/}p1 is mounted on $PWD/mnt with blank [  ]"
	run -0 devices usage "${loop}p2"
	assert_output "free:  [  ]"
	mkswap "${loop}p2" >swap.out 2>&1
	swapon "${loop}p2"
	swaps+=("${loop}p2")
	run -0 devices usage "${loop}p2"
	assert_output "swap: used as swap [  ]"
	fails 2 devices usage "$PWD/d.img"
}

@test "a device that something has to itself, or that a loop device is on" {
	truncate -s 4M d.img
	attach d.img
	# Until its input ends.
	mkfifo hold
	python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
open("held", "w").close()
open("hold").read()' "$loop" &
	holder=$!
	wait_for test -e held
	run -0 devices usage "$loop"
	: >hold
	wait "$holder"
	holder=
	assert_output --partial "exclusive: in use"
	run -0 devices usage "$loop"
	assert_output "free:  [  ]"
	below=$loop
	attach "$below"
	run -0 devices usage "$below"
	assert_output "holder: used by ${loop#/dev/} [${loop#/dev/}  ]"
}

@test "btrfs, whose mounts have numbers of their own" {
	truncate -s 128M b.img
	mkfs.btrfs -q b.img
	attach b.img
	mounted "$loop"
	run -0 devices usage "$loop"
	assert_output "mounted: mounted on $PWD/mnt [  ]"
	run -0 devices mounted-rw "$loop"
	assert_output 1
	mount -o remount,ro mnt
	run -0 devices mounted-rw "$loop"
	assert_output 0
}

@test "mounted for writing is what the file system says, not the mount point" {
	truncate -s 16M fs.img
	mkfs.ext4 -q fs.img
	attach fs.img
	run -0 devices mounted-rw "$loop"
	assert_output 0
	mounted "$loop"
	run -0 devices mounted-rw "$loop"
	assert_output 1
	mount -o remount,bind,ro mnt
	run -0 devices mounted-rw "$loop"
	assert_output 1
	mount -o remount,ro mnt
	run -0 devices mounted-rw "$loop"
	assert_output 0
}

@test "which devices share bytes" {
	make_disk d.img
	attach_disk d.img
	disk=$loop
	silent devices overlap "${disk}p1" "${disk}p2"
	fails 2 devices overlap "${disk}p1" "${disk}p1"
	says "the same device"
	hints
	ln -s "${disk}p1" link
	fails 2 devices overlap "${disk}p1" "$PWD/link"
	says "the same device"
	fails 2 devices overlap "${disk}p2" "$disk"
	says "${disk}p2 is a part of $disk"
	fails 2 devices overlap "$disk" "${disk}p2"
	says "${disk}p2 is a part of $disk"
	fails 2 devices overlap "$disk" d.img
	says "the same bytes"
}

@test "loop devices on one file share bytes where their ranges do" {
	truncate -s 16M d.img
	truncate -s 16M other.img
	attach d.img --offset 0 --sizelimit 4M
	a=$loop
	attach d.img --offset 4M --sizelimit 4M
	b=$loop
	attach d.img --offset 6M --sizelimit 4M
	c=$loop
	attach other.img
	silent devices overlap "$a" "$b"
	silent devices overlap "$a" "$loop"
	fails 2 devices overlap "$b" "$c"
	says "$b and $c overlap"
	fails 2 devices overlap "$c" d.img
	says "$c is a part of d.img"
	# And a loop device on a loop device.
	attach "$c" --offset 2M
	silent devices overlap "$b" "$loop"
	fails 2 devices overlap "$c" "$loop"
	says "$loop is a part of $c"
	fails 2 devices overlap "$loop" d.img
}

# Is a byte changed, and does the fingerprint say so? COMMAND does it.
shows() { # DEVICE FILE COMMAND...
	local before after print

	print=$(print_of "$1")
	sync "$2"
	before=$(md5sum <"$2")
	"${@:3}"
	blockdev --flushbufs "$1"
	sync "$2"
	after=$(md5sum <"$2")
	[ "$before" != "$after" ] || fail "nothing was written: $*"
	[ "$(print_of "$1")" != "$print" ] || fail "the fingerprint does not show: $*"
}

visit() { # DEVICE [COMMAND...]: mount, run in it, unmount
	mounted "$1"
	(
		cd mnt || exit
		"${@:2}"
	)
	unmounted
}

overwrite() { # FILE: one block in place, which changes no size
	dd if=/dev/zero of="$1" bs=4096 count=1 conv=notrunc status=none
}

each_visit() { # a file system on $loop over fs.img, that is mounted and left alone, and written to
	shows "$loop" fs.img visit "$loop" cp "$BATS_TEST_FILENAME" file
	shows "$loop" fs.img visit "$loop" overwrite file
	shows "$loop" fs.img visit "$loop" touch file
}

@test "a fingerprint shows that an ext4 was mounted, though nothing was written" {
	truncate -s 128M fs.img
	attach fs.img
	mkfs.ext4 -q "$loop"
	visit "$loop" true
	shows "$loop" fs.img visit "$loop" true
	each_visit
	print=$(print_of "$loop")
	mounted "$loop" -o ro
	unmounted
	assert_equal "$(print_of "$loop")" "$print"
}

@test "a fingerprint shows that an XFS was mounted, though nothing was written" {
	truncate -s 320M fs.img
	attach fs.img
	mkfs.xfs -q "$loop"
	visit "$loop" true
	shows "$loop" fs.img visit "$loop" true
	each_visit
}

@test "a fingerprint shows what was written into a btrfs" {
	truncate -s 128M fs.img
	attach fs.img
	mkfs.btrfs -q "$loop"
	visit "$loop" true
	each_visit
	# Mounted and left alone it is not written to, so there is nothing to show.
	before=$(md5sum <fs.img)
	visit "$loop" true
	sync fs.img
	assert_equal "$(md5sum <fs.img)" "$before"
}

@test "a fingerprint shows that a journal was replayed, by a mount for reading and by a check" {
	truncate -s 128M live.img
	attach live.img
	mkfs.ext4 -q "$loop"
	visit "$loop" mkdir dir
	mounted "$loop"
	touch mnt/dir/{1..50}
	# In the journal, and not yet in its place: as after a power cut.
	sync mnt/dir
	cp --sparse=always live.img fs.img
	unmounted
	dumpe2fs -h fs.img 2>/dev/null | grep -q needs_recovery || fail "there is nothing to replay"
	cp --sparse=always fs.img again.img
	attach fs.img
	replay() {
		mounted "$loop" -o ro
		unmounted
	}
	shows "$loop" fs.img replay
	attach again.img
	check() {
		e2fsck -fy "$loop" || [ $? = 1 ]
	}
	shows "$loop" again.img check
}
