#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Odd ground: disks of 4096-byte sectors as source, metadata and target; discards, which dm-era under-tracks
# unless they are switched off.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

mirror=/tmp/m.img

# A target disk may be larger than the device.
on_disk() { # DISK
	cmp -n "$(blockdev --getsize64 "$dev")" <(contents "$1") <(contents "$dev")
}

# Some of everything: data, zeros over data, data over zeros, the first block and the last.
changes() {
	local size

	size=$(blockdev --getsize64 "$dev")
	scribble "$dev" 0 8K
	scribble "$dev" $((37 * 65536)) 300K
	scribble "$dev" $(((size - 4096) / 4096 * 4096)) 4K
	dd if=/dev/zero of="$dev" bs=64k count=20 seek=40 oflag=direct conv=notrunc status=none
	scribble "$dev" $((120 * 65536)) 64K
}

# A full and two incrementals, to a disk and to an image.
round_trip() { # NAME TARGET-DISK
	rm -f $mirror $mirror.era
	check "$1: a full to the disk" backup "$2"
	check "$1: is right" on_disk "$2"
	check "$1: the same to an image" backup $mirror
	check "$1: is right" same $mirror
	changes
	check "$1: an incremental to the disk" backup "$2"
	check "$1: is right" on_disk "$2"
	check "$1: and to the image" backup $mirror
	check "$1: is right" same $mirror
	changes
	dd if=/dev/zero of="$dev" bs=64k count=100 seek=90 oflag=direct conv=notrunc status=none
	check "$1: another one to the disk" backup "$2"
	check "$1: is right" on_disk "$2"
	check "$1: and to the image" backup $mirror
	check "$1: is right" same $mirror
}

sectors_512_to_4096() {
	# No multiple of 4096 bytes: the last part of it has no sector of its own on the target.
	dmsetup create orig --table "0 30003 linear /dev/vda 0"
	era_create data /dev/vdb /dev/mapper/orig 128
	scribble "$dev" 0 8M
	scribble "$dev" $((30000 * 512)) 1536
	round_trip "512 to 4096" /dev/vdc
	dmsetup remove data
	dmsetup remove orig
}

sectors_4096() {
	era_create data /dev/vde /dev/vdd 128
	is "$(blockdev --getss "$dev")" 4096
	scribble "$dev" 0 8M
	# Its state too: another device is on it from now on.
	rm -f /var/lib/era/dev-vdc.era
	dd if=/dev/zero of=/dev/vdc bs=1M count=16 oflag=direct status=none
	round_trip "4096 to 4096" /dev/vdc
	check "4096: its list is that of its metadata" era_copy --list --since 1 "$dev"
	dmsetup remove data
}

# Blocks of the device, of 512 KiB, that are in the list since an era.
nr_listed() { # ERA
	era_copy --list --since "$1" "$dev" | awk '{ n += $2 - $1 } END { print n + 0 }'
}

# dm-era marks the first block of a discard, however many it covers: the warning in the manual is about this.
discard_is_under_tracked() {
	local since

	since=$(token $mirror | cut -d . -f 4)
	blkdiscard -o 1M -l 8M "$dev"
	[ "$(nr_listed "$since")" -lt 16 ]
	backup $mirror
	differs $mirror
}

# What is written is tracked, zeros as much.
zeroing_is_tracked() {
	local since

	since=$(token $mirror | cut -d . -f 4)
	blkdiscard -z -o 1M -l 8M "$dev"
	[ "$(nr_listed "$since")" -ge 16 ]
	backup $mirror
	same $mirror
}

refused_discard() {
	! blkdiscard -o 1M -l 8M "$dev"
}

discard_fails() {
	local max
	max=/sys/dev/block/$(dmsetup info -c --noheadings --separator : -o major,minor data)/queue/discard_max_bytes

	echo 0 >"$max"
	refused_discard
	backup $mirror
	same $mirror
}

discards() {
	rm -f $mirror $mirror.era
	dd if=/dev/zero of=/dev/vdb bs=4096 count=1 oflag=direct status=none
	era_create data /dev/vdb /dev/vda 1024
	scribble "$dev" 0 16M
	check "discards: a full" backup $mirror
	check "discards: is right" same $mirror
	check "discards: one is under-tracked: the bytes of freed blocks are stale" discard_is_under_tracked
	check "discards: zeroing marks every block, and mends them" zeroing_is_tracked
	scribble "$dev" 0 16M
	check "discards: switched off they fail, and nothing is stale" discard_fails
	dmsetup remove data
}

guest_odd() {
	sectors_512_to_4096
	sectors_4096
	discards
}

main() {
	make_disk "$work/data" 16M
	make_disk "$work/meta" 4M
	make_disk "$work/target4k" 16M
	make_disk "$work/data4k" 16M
	make_disk "$work/meta4k" 4M
	boot 0 "the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" \
		--disk "$work/target4k,sector=4096" --disk "$work/data4k,sector=4096" --disk "$work/meta4k,sector=4096" \
		-- guest_odd
}

scenario "$@"
