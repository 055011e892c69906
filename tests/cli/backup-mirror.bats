#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup: the mirror is the head of the chain, whatever happened to it.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

setup() {
	prepare
	begin "mirror = $PWD/mirror.img"
}

teardown() {
	end_background
	undo_all
}

without_mirror() {
	: >erabackup.conf
	job disk
}

with_mirror() {
	: >erabackup.conf
	job disk "mirror = $PWD/${1:-mirror.img}"
}

mirror_is() { # IMAGE
	cmp mirror.img "$1"
	assert_equal "$(token mirror.img)" "$(era_apply --dump --json -i "$(stream "$(points length)")" | jq -r .end.token)"
}

@test "made by the first run, kept by each" {
	for n in 1 2 3 4; do
		nights 1
		mirror_is at.$n.img
	done
	assert_equal "$(stat -c %a mirror.img)" 600
}

@test "one that is asked for later is made from the chain" {
	without_mirror
	nights 3
	with_mirror later.img
	nights 1
	cmp later.img at.4.img
	with_mirror other.img
	ended 0 eb mirror disk
	cmp other.img at.4.img
}

@test "one that lags is brought up, by what it lacks" {
	nights 2
	without_mirror
	nights 3
	cmp mirror.img at.2.img
	with_mirror
	strace -f -b execve -y -qq -o trace -e trace=openat,pread64 erabackup -c erabackup.conf mirror disk
	mirror_is at.5.img
	refute grep -q "pread64.*$(basename "$(stream 1)")" trace
}

@test "one that lags behind the oldest point that is left" {
	nights 2
	without_mirror
	nights 3
	: >erabackup.conf
	job disk "keep-last = 2"
	ended 0 eb prune disk
	with_mirror
	nights 1
	mirror_is at.6.img
}

@test "pruned from under it, it goes on" {
	nights 4
	: >erabackup.conf
	job disk "keep-last = 1" "mirror = $PWD/mirror.img"
	ended 0 eb prune disk
	mirror_is at.4.img
	nights 1
	mirror_is at.5.img
}

@test "removed, it is made again" {
	nights 2
	rm mirror.img
	nights 1
	mirror_is at.3.img
	rm mirror.img mirror.img.era
	nights 1
	mirror_is at.4.img
}

@test "its state removed: it is not touched without --force, the run says so, and the chain goes on" {
	nights 2
	rm mirror.img.era
	capture eb run disk
	refute [ "$status" = 0 ]
	says mirror.img
	hints "erabackup mirror --force disk"
	assert_equal "$(points length)" 3
	ended 0 eb mirror --force disk
	cmp mirror.img disk.img
	nights 1
	cmp mirror.img disk.img
}

@test "mounted or written to at its beginning, it is brought up again" {
	nights 2
	noise 5 512 | put mirror.img 1024
	capture eb run disk
	if [ "$status" != 0 ]; then
		# It may be another image under that name: then a person says so.
		says mirror.img
		hints --force
		ended 0 eb mirror --force disk
	fi
	cmp mirror.img disk.img
}

@test "verify --deep compares every byte, and finds one in the middle" {
	nights 3
	ended 0 eb verify --deep disk
	noise 5 1 | put mirror.img 1000000
	noise 6 1 | put mirror.img 500000
	capture eb verify disk
	assert_equal "$status" 0
	capture eb verify --deep disk
	refute [ "$status" = 0 ]
	prints mirror.img 500000
	assert_equal "$(capture eb verify --deep --json disk; jq -r '.[0].mirror | type' <<<"$output")" string
	ended 0 eb mirror --force disk
	ended 0 eb verify --deep disk
	cmp mirror.img disk.img
}

@test "verify --deep of a mirror that lags, and where there is none" {
	nights 2
	without_mirror
	nights 1
	with_mirror
	capture eb verify --deep disk
	prints mirror.img
	without_mirror
	capture eb verify --deep disk
	[ "$status" = 0 ] || [ "$status" = 2 ]
}

@test "a mirror that is in use: the run says so and fails, what it backed up stays, the next one catches up" {
	nights 2
	attach mirror.img
	write_blocks 70 70
	capture eb run disk
	assert_equal "$status" 5
	says mirror.img
	assert_equal "$(points length)" 3
	detach
	nights 1
	cmp mirror.img disk.img
}

@test "no room for the mirror: the backup stays, the run fails, and the next one catches up" {
	put_fs small 200K
	with_mirror small/mirror.img
	capture eb run disk
	assert_equal "$status" 1
	says small/mirror.img
	assert_equal "$(points length)" 1
	mount -o remount,size=4M small
	nights 1
	cmp small/mirror.img disk.img
}

@test "a device as mirror" {
	truncate -s 2M device
	attach device
	: >erabackup.conf
	job disk "mirror = $loop"
	nights 2
	cmp -n 1048576 "$loop" at.2.img
	ended 0 eb verify --deep disk
	nights 1
	cmp -n 1048576 "$loop" at.3.img
}

@test "a device that grew takes its mirror with it" {
	nights 2
	truncate -s 1300000 disk.img
	noise 9 251424 | put disk.img 1048576
	nights 1
	mirror_is at.3.img
}

@test "a full that was made because tracking was lost goes over the mirror" {
	nights 2
	echo "tracking was lost" >track/lost
	write_blocks 9 90 9
	ended 0 eb run disk
	mirror_is disk.img
	truncate -s 900K disk.img
	ended 0 eb run disk
	mirror_is disk.img
}

@test "a chain that is damaged is not applied to the mirror" {
	nights 2
	without_mirror
	nights 2
	path=$(stream 3)
	flip "$path" "$(frames "$path" '[.frames[] | select(.type == "DATA")] | last | .position + 64')"
	with_mirror
	capture eb mirror disk
	assert_equal "$status" 3
	says "$(basename "$path")"
	# The next run makes a full, and that mends it.
	capture eb run disk
	cmp mirror.img disk.img
}

@test "a cut that is not consistent is applied, for the mirror is what the next one needs" {
	nights 2
	echo "- 2 2" >track/stamp
	nights 1
	mirror_is at.3.img
}
