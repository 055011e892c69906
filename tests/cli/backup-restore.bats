#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup restore: which point, to what, and what it never does.

# shellcheck disable=SC2154,SC2030,SC2031,SC2034
load backup

# Noon of five days in a row, UTC.
day1=1760011200
day=86400
# shellcheck disable=SC2034,SC2206 # for nights
times=(0 $day1 $((day1 + day)) $((day1 + 2 * day)) $((day1 + 3 * day)) $((day1 + 4 * day)))

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	export TZ=UTC
	begin
	nights 5
}

setup() {
	prepare
	export TZ=UTC
	cp -a --sparse=always "$BATS_FILE_TMPDIR"/{disk.repo,track,disk.img,source,at.*.img} .
	job disk
}

teardown() {
	end_background
	undo_all
}

restore() { # ARG...: to new.img, which is not there before
	rm -f new.img new.img.era
	ended 0 eb restore --to new.img "$@" disk
}

# Which point

@test "latest, and nothing at all, are the newest point" {
	restore
	cmp new.img at.5.img
	restore --at latest
	cmp new.img at.5.img
	restore --at now
	cmp new.img at.5.img
}

@test "every point by its id" {
	all_restore
}

@test "a point by the beginning of its id" {
	for n in 1 2 3 4 5; do
		restore --at "$(point $n | head -c 12)"
		cmp new.img "at.$n.img"
	done
}

@test "the beginning of an id that several have, and one that none has" {
	# Five ids of sixteen digits: two may well begin with the same one, and with none at all they all do.
	fails 2 erabackup -c erabackup.conf restore --to new.img --at "" disk
	fails_with_id zzzz
	fails_with_id ffffffffffff
	assert [ ! -e new.img ]
}

fails_with_id() {
	capture eb restore --to new.img --at "$1" disk
	refute [ "$status" = 0 ]
	says "$1"
}

@test "a time that is a point, one between two, and the words for times" {
	restore --at 2025-10-10T12:00:00
	cmp new.img at.2.img
	restore --at 2025-10-10T11:59:59
	cmp new.img at.1.img
	restore --at "2025-10-11 12:00"
	cmp new.img at.3.img
	restore --at 2025-10-11
	cmp new.img at.3.img
	restore --at 2025-10-12T02:00Z
	cmp new.img at.3.img
	restore --at @$((day1 + 3 * day))
	cmp new.img at.4.img
	restore --at @$((day1 + 3 * day - 1))
	cmp new.img at.3.img
	restore --at yesterday
	cmp new.img at.5.img
	restore --at "1h ago"
	cmp new.img at.5.img
}

@test "local time is what counts, unless the time says its zone" {
	export TZ=Asia/Tokyo
	restore --at "2025-10-10 20:59"
	cmp new.img at.1.img
	restore --at "2025-10-10 21:00"
	cmp new.img at.2.img
	restore --at 2025-10-10T12:00Z
	cmp new.img at.2.img
}

@test "a time before the first point is refused, and the first one named" {
	capture eb restore --to new.img --at 2025-10-08 disk
	refute [ "$status" = 0 ]
	says 2025-10-0
	assert [ ! -e new.img ]
}

@test "what is no time is a usage error" {
	for when in tomorrow 2025-13-01 25:00 "ago 3h" "-1h ago" @x 2025-02-30; do
		capture eb restore --to new.img --at "$when" disk
		assert_equal "$when: $status" "$when: 2"
	done
	assert [ ! -e new.img ]
}

@test "a point that was not consistent is refused and named, unless it is allowed" {
	clock=$((day1 + 5 * day))
	echo "- 2 2" >track/stamp
	write_blocks 77 70 3
	run_well
	cp disk.img at.6.img
	capture eb restore --to new.img disk
	refute [ "$status" = 0 ]
	says fence
	hints allow-inconsistent
	assert [ ! -e new.img ]
	restore --allow-inconsistent
	cmp new.img at.6.img
	# One before it is as good as ever.
	restore --at "$(point 5)"
	cmp new.img at.5.img
	# And one behind it, of a better cut.
	clock=$((day1 + 6 * day))
	echo "- 4 3" >track/stamp
	write_blocks 78 75 3
	run_well
	restore
	cmp new.img disk.img
}

@test "--json says what was restored" {
	run -0 --separate-stderr eb restore --json --to new.img --at "$(point 2)" disk
	assert_equal "$(jq -rc '[.id, .target, (.data_bytes + .zero_bytes)]' <<<"$output")" \
		"[\"$(point 2)\",\"new.img\",1048576]"
	assert_equal "$(date -d "$(jq -r .time <<<"$output")" +%s)" $((day1 + day))
	assert_equal "$(jq -r '.written | type' <<<"$output")" number
}

# To what

@test "a new image is sparse, and for its owner alone" {
	restore
	cmp new.img at.5.img
	assert_equal "$(stat -c %a new.img)" 600
	used_at_most new.img $((640 * 1024))
}

@test "what was restored takes incrementals, as a mirror does" {
	restore
	assert_equal "$(token new.img)" "$(era_apply --dump --json -i "$(stream 5)" | jq -r .end.token)"
	restore --at "$(point 3)"
	era_apply -q -i "$(stream 4)" new.img
	cmp new.img at.4.img
}

@test "each block is read once, and only from the newest stream that has it" {
	run -0 --separate-stderr eb restore --json --to new.img disk
	assert_equal "$(jq '.data_bytes + .zero_bytes' <<<"$output")" 1048576
	# All five rewrote block 3; what is read of streams is less than their sum.
	strace -f -y -qq -o trace -e trace=pread64,read erabackup -c erabackup.conf restore --to other.img disk
	whole=$(du -cb disk.repo/streams/* | tail -n 1 | cut -f1)
	bytes=$(sed -nE 's/.*streams\/.* = ([0-9]+)$/\1/p' trace | paste -sd+ | bc)
	assert [ "$bytes" -lt $((whole * 11 / 10)) ]
}

@test "an image with something in it that nobody knows is refused, and --force goes over it" {
	echo precious >new.img
	capture eb restore --to new.img disk
	assert_equal "$status" 4
	says new.img
	hints --force
	assert_equal "$(cat new.img)" precious
	ended 0 eb restore --force --to new.img disk
	cmp new.img at.5.img
}

@test "an older restore is brought to another point, back and forth" {
	restore --at "$(point 1)"
	ended 0 eb restore --to new.img disk
	cmp new.img at.5.img
	ended 0 eb restore --to new.img --at "$(point 2)" disk
	cmp new.img at.2.img
}

@test "an image that was larger gets the size of the point" {
	truncate -s 3M new.img
	ended 0 eb restore --force --to new.img disk
	cmp new.img at.5.img
	assert_equal "$(stat -c %s new.img)" 1048576
}

@test "a device that is too small is refused before a byte is written" {
	truncate -s 1044480 device
	attach device
	fails 4 erabackup -c erabackup.conf restore --to "$loop" disk
	says "$loop"
	cmp -n 1044480 device /dev/zero
}

@test "a larger device has the point at its beginning, and what lies behind is left alone" {
	truncate -s 2M device
	noise 8 1048576 | put device 1048576
	attach device
	ended 0 eb restore --to "$loop" disk
	sync "$loop"
	cmp -n 1048576 "$loop" at.5.img
	cmp <(tail -c 1048576 device) <(noise 8 1048576)
}

@test "a device with a filesystem on it is refused without --force" {
	truncate -s 2M device
	mkfs.ext4 -q device
	attach device
	cp device before
	fails 4 erabackup -c erabackup.conf restore --to "$loop" disk
	hints --force
	cmp device before
	ended 0 eb restore --force --to "$loop" disk
	cmp -n 1048576 "$loop" at.5.img
}

@test "a device that is mounted is refused, --force or not" {
	truncate -s 2M device
	mkfs.ext4 -q device
	attach device
	mkdir mnt
	mount "$loop" mnt
	mounts+=("$PWD/mnt")
	for force in "" --force; do
		# shellcheck disable=SC2086 # may be none
		fails 5 erabackup -c erabackup.conf restore $force --to "$loop" disk
		says "$loop" mounted
	done
}

@test "an image that is behind a loop device is refused" {
	truncate -s 1M device
	attach device
	fails 5 erabackup -c erabackup.conf restore --force --to device disk
	says device "$loop"
}

@test "what is neither an image nor a device is refused" {
	mkfifo fifo
	for target in . fifo /dev/null "/dev/era-test-missing.$$"; do
		capture eb restore --force --to "$target" disk
		refute [ "$status" = 0 ]
		says "$target"
	done
}

@test "nothing is restored over the repository or the source's name by mistake" {
	before=$(picture)
	capture eb restore --to "$(stream 1)" disk
	refute [ "$status" = 0 ]
	assert_equal "$(picture)" "$before"
}

@test "no room: the error says so, and the same command mends it when there is" {
	put_fs small 200K
	capture eb restore --to small/new.img disk
	assert_equal "$status" 1
	says small/new.img
	mount -o remount,size=4M small
	ended 0 eb restore --to small/new.img disk
	cmp small/new.img at.5.img
}

# --differences

@test "--differences writes what differs, and nothing else" {
	restore
	cp --sparse=always new.img touched.img
	cp new.img.era touched.img.era
	noise 4 8192 | put touched.img 40960
	noise 5 100 | put touched.img 150000
	noise 6 4096 | put touched.img 900000
	strace -f -y -qq -o trace -e trace=pwrite64,write,fallocate \
		erabackup -c erabackup.conf restore --force --differences --to touched.img disk
	cmp touched.img at.5.img
	calls=$(grep -cE '(pwrite64|write|fallocate)\([0-9]+<[^>]*/touched.img>' trace)
	assert [ "$calls" -ge 3 ]
	assert [ "$calls" -le 12 ]
}

@test "--differences says how much it wrote" {
	restore
	run -0 --separate-stderr eb restore --json --differences --to new.img disk
	assert_equal "$(jq .written <<<"$output")" 0
	noise 4 4096 | put new.img 40960
	run -0 --separate-stderr eb restore --json --force --differences --to new.img disk
	assert [ "$(jq .written <<<"$output")" -ge 4096 ]
	assert [ "$(jq .written <<<"$output")" -le 300000 ]
	cmp new.img at.5.img
}

@test "--differences to a device with another point on it" {
	truncate -s 1M device
	attach device
	ended 0 eb restore --to "$loop" --at "$(point 2)" disk
	ended 0 eb restore --differences --to "$loop" disk
	cmp "$loop" at.5.img
}

@test "--differences to what is not there makes it" {
	ended 0 eb restore --differences --to new.img disk
	cmp new.img at.5.img
}

# How

@test "any number of threads gives the same bytes" {
	for threads in 1 2 7 64; do
		restore -T $threads
		cmp new.img at.5.img
	done
}

@test "a chain of a hundred streams" {
	for i in $(seq 95); do
		write_blocks $((3000 + i)) $((i * 97 % 250)) 3
		clock=$((day1 + (5 + i) * day))
		run_well
	done
	cp disk.img at.100.img
	restore
	cmp new.img at.100.img
	restore --at "$(point 4)"
	cmp new.img at.4.img
	chain_is_good
}

@test "progress for programs" {
	capture eb restore --progress json --to new.img disk
	assert_equal "$status" 0
	tail -n 1 <<<"$stderr" | jq -e '.done >= 0 and .total >= .done' >/dev/null
	rm new.img*
	silent_restore
}

silent_restore() {
	capture eb restore -q --to new.img disk
	assert_equal "$status,$stderr" "0,"
}
