#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Devices among device-mapper's: an open volume carries the contents of its data device, and is never taken for
# it; who uses what; what stands on what. The rest of it is in tests/cli/devices.bats.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

PATH=$ERA_BUILD/tools:$PATH
volume=0123456789abcdef0123456789abcdef
fsid=6b0f3a52-5c62-4f6e-9d5b-2d1c8f0a7e11

resolves() { # ROLE SPEC PATH
	is "$(timeout 30 devices resolve "$1" "$2")" "$3"
}

linear() { # NAME UUID DEVICE [SECTORS [OFFSET]]
	dmsetup create "$1" ${2:+-u "$2"} --table "0 ${4:-$(blockdev --getsz "$3")} linear $3 ${5:-0}"
}

node() { # NAME: of a mapped device, as the kernel has it
	echo "/dev/dm-$(dmsetup info -c --noheadings -o minor "$1")"
}

open_volume() {
	linear data-orig "ERA-$volume-orig" /dev/vda1
	linear data-meta "ERA-$volume-meta" /dev/vdb 8192 2048
	dmsetup create data -u "ERA-$volume" \
		--table "0 $(blockdev --getsz /dev/vda1) era /dev/mapper/data-meta /dev/mapper/data-orig 128"
}

close_volume() {
	dmsetup remove data
	dmsetup remove data-meta
	dmsetup remove data-orig
}

era_is_never_the_answer() {
	check "by its UUID: the partition" resolves data "UUID=$fsid" /dev/vda1
	check "the label's device" resolves meta "UUID=$volume" /dev/vdb
	open_volume
	cmp -n 65536 /dev/vda1 /dev/mapper/data
	check "open: still the partition" resolves data "UUID=$fsid" /dev/vda1
	check "by its label as well" resolves data LABEL=of-data /dev/vda1
	check "open: still the label's device" resolves meta "UUID=$volume" /dev/vdb
	check "a path to the volume is refused" refuses 2 "belongs to an era volume" devices resolve data /dev/mapper/data
	linear over "" /dev/mapper/data
	check "nor is it what stands on the volume" resolves data "UUID=$fsid" /dev/vda1
	dmsetup remove over
	linear over part1-ERA-$volume /dev/mapper/data
	check "nor a partition of it by kpartx" resolves data "UUID=$fsid" /dev/vda1
	dmsetup remove over
	dmsetup suspend data
	check "a suspended volume does not make it wait" resolves data "UUID=$fsid" /dev/vda1
	dmsetup resume data
}

who_uses_it() {
	is "$(devices usage /dev/vda1)" "holder: used by $(node data-orig | cut -c6-) (data-orig) [$(node data-orig |
		cut -c6-) data-orig ERA-$volume-orig]"
	is "$(devices usage /dev/vda)" "holder: its partition vda1 is used by $(node data-orig | cut -c6-) (data-orig) [$(
		node data-orig | cut -c6-) data-orig ERA-$volume-orig]"
	is "$(devices usage /dev/mapper/data)" "free:  [  ]"
	mkdir -p /mnt/data
	mount /dev/mapper/data /mnt/data
	is "$(devices usage /dev/mapper/data)" "mounted: mounted on /mnt/data [  ]"
	is "$(devices mounted-rw /dev/mapper/data)" 1
	is "$(devices mounted-rw /dev/vda1)" 0
	umount /mnt/data
	is "$(devices mounted-rw /dev/mapper/data)" 0
}

what_stands_on_what() {
	devices overlap /dev/vda1 /dev/vdb
	devices overlap /dev/mapper/data-orig /dev/mapper/data-meta
	refuses 2 "/dev/mapper/data stands on /dev/vda1" devices overlap /dev/mapper/data /dev/vda1
	refuses 2 "/dev/mapper/data stands on /dev/vda$" devices overlap /dev/vda /dev/mapper/data
	refuses 2 "/dev/mapper/data-meta stands on /dev/vdb" devices overlap /dev/vdb /dev/mapper/data-meta
	# Two of one group.
	linear one "" /dev/vdc 8192
	linear two "" /dev/vdc 8192 8192
	devices overlap /dev/mapper/one /dev/mapper/two
	dmsetup remove one
	dmsetup remove two
}

upper_one() {
	mkfs.ext4 -q -L upper /dev/vdc
	linear upper mpath-1 /dev/vdc
	linear other mpath-2 /dev/vdc
	check "two on one device are two" refuses 4 "more than one" devices resolve data LABEL=upper
	dmsetup remove other
	check "of a device and what is mapped on it, the upper" resolves data LABEL=upper "$(node upper)"
	check "its name is device-mapper's" is "$(devices spec "$(node upper)")" /dev/mapper/upper
	dmsetup suspend upper
	check "while that is suspended nothing is the answer" resolves data LABEL=upper "not there"
	dmsetup resume upper
	dmsetup remove upper
	check "without it the lower" resolves data LABEL=upper /dev/vdc
}

guest_asks() {
	printf 'label: gpt\nsize=32M\n' | sfdisk -q /dev/vda
	wait_for 10 test -b /dev/vda1
	mkfs.ext4 -q -U $fsid -L of-data /dev/vda1
	devices label /dev/vdb $volume
	era_is_never_the_answer
	check "who uses what" who_uses_it
	check "what stands on what" what_stands_on_what
	close_volume
	linear data ERA-fallback-data /dev/vda1
	check "a plain mapping in its place is no answer either" resolves data "UUID=$fsid" /dev/vda1
	dmsetup remove data
	upper_one
}

main() {
	make_disk "$work/data" 64M
	make_disk "$work/meta" 8M
	make_disk "$work/other" 64M
	boot 0 "the guest ends well" --disk "$work/data" --disk "$work/meta" --disk "$work/other" -- guest_asks
}

scenario "$@"
