#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_setup as far as it goes without device-mapper: sizes, eratab, and what lies on a metadata device. Opening
# and closing is tests/vm/t-setup.sh's.

# Helpers and run set loop, stderr and others.
# shellcheck disable=SC2154
load helpers

setup() {
	prepare
}

teardown() {
	undo_all
}

# A metadata device and a data device of so many MiB, on loop devices.
devices() { # META DATA
	needs_root "loop devices"
	truncate -s "$1M" meta.img
	truncate -s "$2M" data.img
	attach meta.img
	meta=$loop
	attach data.img
	data=$loop
}

field() { # NAME
	era_setup dump --json "$meta" | jq -r ".$1"
}

@test "usage: what is wrong is said, with exit 2" {
	fails 2 era_setup
	fails 2 era_setup frobnicate
	fails 2 era_setup open
	fails 2 era_setup open one /dev/two
	fails 2 era_setup open --all one
	fails 2 era_setup close
	fails 2 era_setup size
	fails 2 era_setup size 12X
	fails 2 era_setup size --force 1G
	fails 2 era_setup size -b 5000 1G
	fails 2 era_setup size -b 4K -b 8K 1G
	fails 2 era_setup format /dev/one
	fails 2 era_setup open --discard=maybe data
	fails 2 era_setup open --timeout=-1 data
	fails 2 era_setup open a/b /dev/one /dev/two
	fails 2 era_setup tab --initramfs x
}

@test "size says what is needed and why" {
	run -0 era_setup size 1T
	assert_output --partial "4194304 era blocks of 256 KiB"
	assert_output --partial "65.0 MiB"
	run -0 bash -c 'era_setup size --json -b 64K 4G | jq -c "[.era_blocks, .idle_bytes, .metadata_bytes, .total_bytes]"'
	assert_output "[65536,307200,4194304,5242880]"
}

@test "size of a device is that of its size in bytes" {
	devices 8 64
	era_setup size --json "$data" >a
	era_setup size --json 64M >b
	cmp a b
}

@test "more era blocks than dm-era can count are refused, with a block size that can" {
	fails 2 era_setup size -b 4K 64T
	assert_regex "$stderr" 'hint: .*--block-size'
}

@test "format writes a label and nothing else but zeros, and leaves the data alone" {
	devices 8 64
	head -c 64M /dev/urandom >data.img
	head -c 8M /dev/urandom >meta.img
	sha256sum data.img >before
	run -0 era_setup format "$meta" "$data"
	assert_output --partial "fresh"
	sha256sum -c before
	assert_equal "$(field state)" fresh
	assert_equal "$(field data_bytes)" 67108864
	assert_equal "$(field reason)" formatted
	cmp -n 4194304 -i 1048576:0 "$meta" /dev/zero
	run -0 era_setup check "$meta"
	assert_output --partial "metadata is blank"
}

@test "format: --cow-size, and what is left" {
	devices 16 64
	era_setup format -q "$meta" "$data"
	assert_equal "$(field snapshot_offset)" 5242880
	assert_equal "$(field snapshot_bytes)" 11534336
	era_setup format -q --force --cow-size 2M "$meta" "$data"
	assert_equal "$(field snapshot_bytes)" 2097152
	era_setup format -q --force --cow-size 0 "$meta" "$data"
	assert_equal "$(field snapshot_bytes)" 0
	fails 2 era_setup format --force --cow-size 12M "$meta" "$data"
}

@test "format refuses a metadata device that holds a filesystem, until --force" {
	devices 8 64
	mkfs.ext4 -q "$meta"
	fails 2 era_setup format "$meta" "$data"
	assert_regex "$stderr" 'holds ext4'
	era_setup format -q --force "$meta" "$data"
	run blkid -p "$meta"
	assert_output ''
}

@test "format refuses one that is mounted or too small, with --force too" {
	devices 8 64
	mkfs.ext4 -q "$meta"
	mkdir mnt
	mount "$meta" mnt
	mounts+=("$PWD/mnt")
	fails 5 era_setup format --force "$meta" "$data"
	assert_regex "$stderr" "mounted on $PWD/mnt"
	devices 1 64
	fails 2 era_setup format --force "$meta" "$data"
	assert_regex "$stderr" 'are needed'
	fails 2 era_setup format --force "$data" "$data"
}

@test "format on a metadata device below the bound wants --force" {
	devices 3 600
	fails 2 era_setup format -b 4K "$meta" "$data"
	hints --force
	era_setup format -q --force -b 4K "$meta" "$data"
	assert_equal "$(field metadata_bytes)" 2097152
}

@test "format refuses a label, whole or damaged, until --force makes another volume" {
	devices 8 64
	era_setup format -q "$meta" "$data"
	volume=$(field volume)
	fails 2 era_setup format "$meta" "$data"
	assert_regex "$stderr" "$volume"
	printf X | dd of="$meta" bs=1 seek=100 conv=notrunc,fsync status=none
	printf X | dd of="$meta" bs=1 seek=$((524288 + 100)) conv=notrunc,fsync status=none
	fails 2 era_setup format "$meta" "$data"
	assert_regex "$stderr" damaged
	era_setup format -q --force "$meta" "$data"
	[ "$(field volume)" != "$volume" ]
}

@test "one damaged copy of the label is found by check, and dump takes the other" {
	devices 8 64
	era_setup format -q "$meta" "$data"
	printf X | dd of="$meta" bs=1 seek=100 conv=notrunc,fsync status=none
	fails 3 era_setup check "$meta"
	assert_regex "$stderr" 'copy 1 .*damaged'
	run -0 bash -c "era_setup dump --json $meta | jq -c .copies"
	assert_output '["damaged","whole"]'
	printf X | dd of="$meta" bs=1 seek=$((524288 + 100)) conv=notrunc,fsync status=none
	fails 3 era_setup dump "$meta"
}

@test "a device without a label is exit 4" {
	devices 8 64
	fails 4 era_setup dump "$data"
	fails 4 era_setup check "$data"
	fails 4 era_setup reset "$data"
}

@test "reset begins a new generation, for the reason given" {
	devices 8 64
	era_setup format -q "$meta" "$data"
	generation=$(field generation)
	volume=$(field volume)
	era_setup reset -q --reason "restored from the vendor's snapshot" "$meta"
	[ "$(field generation)" != "$generation" ]
	assert_equal "$(field volume)" "$volume"
	assert_equal "$(field reason)" "restored from the vendor's snapshot"
}

@test "check verifies all the metadata, and names the block that is damaged" {
	devices 8 64
	era_setup format -q -b 64K "$meta" "$data"
	cat >m.xml <<-'XML'
		<superblock uuid="" block_size="128" nr_blocks="1024" current_era="5">
		<writeset era="3" nr_bits="1024"><bit block="7" value="true"/></writeset>
		<era_array><era block="1" era="1"/></era_array>
		</superblock>
	XML
	truncate -s 4M m.bin
	era_restore -q -i m.xml -o m.bin
	dd if=m.bin of="$meta" bs=1M seek=1 conv=notrunc,fsync status=none
	run -0 era_setup check "$meta"
	assert_output --partial "era 5"
	root=$(od -An -t u8 -j 208 -N 8 m.bin)
	printf X | dd of="$meta" bs=1 seek=$((1048576 + 4096 * root + 50)) conv=notrunc,fsync status=none
	fails 3 era_setup check "$meta"
	assert_regex "$stderr" "block $((root))"
}

@test "tab prints eratab as it is understood, and again the same" {
	cat >tab <<-'TAB'
		# comment
		root PARTUUID=1-2 UUID="aa bb" initramfs,timeout=5s   # the root
		srv /dev/sdb1 /dev/sdc1
	TAB
	era_setup tab --eratab tab >one
	run -0 cat one
	assert_line --index 0 'root PARTUUID="1-2" UUID="aa bb" initramfs,discard=off,fallback=linear,timeout=5'
	assert_line --index 1 'srv /dev/sdb1 /dev/sdc1 discard=off,fallback=linear,timeout=30'
	era_setup tab --eratab one >two
	cmp one two
	run -0 era_setup tab --initramfs --eratab tab
	assert_output 'root PARTUUID="1-2" UUID="aa bb" initramfs,discard=off,fallback=linear,timeout=5'
}

@test "tab of a table with a wrong line prints nothing, and names line and field" {
	printf 'a /dev/b /dev/c\nd /dev/e /dev/f discrd=off\n' >tab
	fails 2 era_setup tab --eratab tab
	assert_regex "$stderr" "tab:2: option 'discrd=off' is not known \(field 4\)"
}

@test "no eratab is an empty one" {
	run -0 era_setup tab --eratab nothing
	assert_output ''
}

@test "note has nothing to do where there is no note" {
	run -0 era_setup note "$PWD"
	assert_output ''
	assert_equal "$(ls)" ""
}
