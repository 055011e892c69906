#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a target may be: new images, images in use, devices, full disks. Nothing that is mounted, in use, or
# somebody else's is written to.

# Helpers and run set loop, stderr and others.
# shellcheck disable=SC2154
load helpers

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	chain
}

setup() {
	prepare
	for f in "$BATS_FILE_TMPDIR"/*.{era,img}; do
		ln -s "$f" .
	done
	rm m.img m.img.era
}

teardown() {
	undo_all
}

# refused CODE TEXT TARGET [ARG...]: full.era is refused, with a hint, and the target has not changed.
refused() {
	local before
	before=$(cksum <"$3")
	fails "$1" era_apply -i full.era "${@:4}" "$3"
	says "$2"
	hints
	assert_equal "$(cksum <"$3")" "$before"
}

state_of() { # DEVICE
	echo "/var/lib/era/dev-${1#/dev/}.era"
}

# Images

@test "a new image is private, sparse, and has its state beside it" {
	silent era_apply -i full.era m.img
	cmp m.img at0.img
	assert_equal "$(stat -c %a m.img)" 600
	used_at_most m.img $(($(used "$BATS_FILE_TMPDIR/at0.img") + 65536))
	assert_equal "$(echo m.img*)" "m.img m.img.era"
}

@test "a name in a directory that is not there is a failure, and nothing is made" {
	fails 1 era_apply -i full.era missing/m.img
	says "missing/m.img: "
	assert [ ! -e missing ]
}

@test "a name in /dev that is not there is a failure, and no file is made" {
	name=/dev/era-test-missing.$$
	ln -s /dev here
	for x in "$name" "here/era-test-missing.$$" "/dev/../dev/era-test-missing.$$"; do
		capture era_apply -i full.era "$x"
		made=$(ls "$name"* 2>/dev/null) || true
		rm -f "$name" "$name.era"
		assert_equal "$made" ""
		failed_by 1 era_apply
		says "$x: there is no such device"
		hints "lsblk"
	done
}

@test "a directory, a fifo and a character device are usage errors" {
	mkfifo fifo
	mkdir dir
	for what in fifo dir /dev/null; do
		fails 2 era_apply -i full.era --state s.era $what
		says "$what: is neither a block device nor an image file"
		fails 2 era_apply -i full.era --force --state s.era $what
	done
	assert [ ! -e s.era ]
}

@test "a link is followed, and its state is beside the link" {
	mkdir other
	era_apply -i full.era other/real.img
	ln -s other/real.img link.img
	fails 4 era_apply -i one.era link.img
	mv other/real.img.era link.img.era
	silent era_apply -i one.era link.img
	cmp other/real.img at1.img
	assert [ -L link.img ]
}

@test "an image that holds something unknown is refused without --force" {
	noise 1 5000 >m.img
	refused 4 "m.img: holds something, and nothing says that it is a backup's target" m.img
	hints "--force"
	assert [ ! -e m.img.era ]
	silent era_apply --force -i full.era m.img
	cmp m.img at0.img
}

@test "an image with a filesystem is refused by the filesystem's name" {
	truncate -s 8M m.img
	mkfs.ext4 -q m.img
	refused 4 "m.img: holds ext4" m.img
	silent era_apply -f -i full.era m.img
	cmp m.img at0.img
}

@test "an image of nothing but holes is fine without --force, an image of zeros is not" {
	truncate -s 10M m.img
	silent era_apply -i full.era m.img
	cmp m.img at0.img
	head -c 100000 /dev/zero >z.img
	refused 4 "z.img: holds something" z.img
	: >e.img
	silent era_apply -i full.era e.img
	cmp e.img at0.img
}

@test "--force does not make an incremental fit" {
	noise 1 5000 >m.img
	fails 4 era_apply --force -i one.era m.img
	cmp m.img <(noise 1 5000)
}

@test "an image that may not be written is a failure, and named" {
	chmod 755 . ..
	for f in full.era at0.img; do
		cp --remove-destination "$BATS_FILE_TMPDIR/$f" .
		chmod 644 $f
	done
	mkdir locked
	chmod 755 locked
	as_nobody era_apply -i full.era locked/m.img
	assert_equal "$status" 1
	says "era_apply: locked/m.img: cannot create: Permission denied"
	as_nobody era_apply --state /dev/null -i full.era at0.img
	assert_equal "$status" 1
	says "era_apply: at0.img: cannot open for writing: Permission denied"
	assert_equal "$(ls -A locked)" ""
}

# In use

@test "an image behind a loop device is busy, and the device is named" {
	era_apply -i full.era m.img
	attach m.img
	fails 5 era_apply -i one.era m.img
	says "m.img: is in use by $loop"
	hints "losetup -d $loop"
	cmp m.img at0.img
	fails 5 era_apply --force -i full.era m.img
	detach
	wait_for free "m.img"
	silent era_apply -i one.era m.img
}

free() { # FILE: no loop device has it
	[ -z "$(losetup --noheadings --associated "$1")" ]
}

@test "an image behind a read-only loop device is busy too" {
	era_apply -i full.era m.img
	attach m.img --read-only
	fails 5 era_apply -i one.era m.img
}

@test "a mounted device is busy, with and without --force" {
	truncate -s 8M disk
	mkfs.ext4 -q disk
	attach disk
	mkdir mnt
	mount "$loop" mnt
	mounts+=("$PWD/mnt")
	echo precious >mnt/file
	sync -f mnt
	before=$(cksum <disk)
	for force in "" --force; do
		# shellcheck disable=SC2086 # none or one
		fails 5 era_apply $force -i full.era "$loop"
		says "$loop: is in use: mounted, or part of another device"
		hints "unmount"
	done
	assert_equal "$(cksum <disk)" "$before"
	assert [ ! -e "$(state_of "$loop")" ]
}

@test "two runs on one image: the second is busy, the first is whole" {
	era_apply -i full.era m.img
	mkfifo fifo
	era_apply m.img <fifo &
	first=$!
	exec 7>fifo
	head -c 300 one.era >&7
	wait_for locked m.img
	fails 5 era_apply -i one.era m.img
	says "m.img: is in use: another program holds a lock on it"
	hints
	tail -c +301 one.era >&7
	exec 7>&-
	wait $first
	cmp m.img at1.img
}

# Seen without trying, which would take it from the one who comes.
locked() { # FILE
	grep -q "FLOCK .*:$(stat -c %i "$1") " /proc/locks
}

@test "two runs on one new image: who comes too late is busy and spoils neither image nor state" {
	mkfifo fifo
	era_apply m.img <fifo 2>words &
	late=$!
	exec 7>fifo
	# Enough for it to see that the image is not there yet, not enough to make it.
	head -c "$(frames full.era '.frames[0].position')" full.era >&7
	wait_for reads_pipe $late
	era_apply -i full.era -i one.era m.img
	cp m.img.era before.era
	tail -c +$(($(frames full.era '.frames[0].position') + 1)) full.era >&7 || true
	exec 7>&-
	status=0
	wait $late || status=$?
	assert_equal $status 5
	grep -q "^era_apply: m.img: is in use: another program has just made it" words
	cmp m.img at1.img
	cmp m.img.era before.era
	silent era_apply -i two.era m.img
}

reads_pipe() { # PID: has taken all that is in fifo, so it waits for more
	[ "$(python3 -c 'import fcntl, sys, termios
print(int.from_bytes(fcntl.ioctl(7, termios.FIONREAD, bytes(4)), sys.byteorder))')" = 0 ] && kill -0 "$1"
}

@test "two runs on one device: the second is busy" {
	truncate -s 4M disk
	attach disk
	mkfifo fifo
	era_apply "$loop" <fifo &
	first=$!
	exec 7>fifo
	head -c 1000 full.era >&7
	wait_for test -e "$(state_of "$loop")"
	fails 5 era_apply -i full.era "$loop"
	says "$loop: is in use"
	tail -c +1001 full.era >&7
	exec 7>&-
	wait $first
	cmp "$loop" at0.img
}

# Full disks

@test "a full disk: a failure that says so, a state that says so, and a retry that succeeds" {
	put_fs small 800K
	truncate -s 0 small/m.img
	fails 1 era_apply -i full.era small/m.img
	says "small/m.img: cannot write at offset "
	says "No space left on device"
	hints "make room and run the same command again"
	grep -q "^applying full $(frames full.era .end.token) " small/m.img.era
	assert_equal "$(token small/m.img)" full
	mount -o remount,size=8M "$PWD/small"
	silent era_apply -i full.era small/m.img
	cmp small/m.img at0.img
}

@test "a full disk under an incremental: the token stays, and a retry succeeds" {
	put_fs small 8M
	era_apply -i full.era small/m.img
	noise 9 3000000 >src.tmp && mv src.tmp src.img
	truncate -s 4M src.img
	from=$(token small/m.img) incr big.era 0-1024
	before=$(token small/m.img)
	fallocate -l "$(df --output=avail -B1 small | tail -n 1)" small/filler
	fails 1 era_apply -i big.era small/m.img
	says "No space left on device"
	assert_equal "$(token small/m.img)" "$before"
	rm small/filler
	silent era_apply -i big.era small/m.img
	cmp small/m.img src.img
}

@test "a disk so full that no state can be written: nothing is made or changed" {
	put_fs small 64K
	head -c 65536 /dev/zero >small/filler || true
	fails 1 era_apply -i full.era small/m.img
	says "small/m.img"
	says "No space left on device"
	hints "make room"
	assert [ ! -e small/m.img ]
	assert_equal "$(ls -A small)" filler
}

# Devices

@test "a blank device takes a full, and its state is under /var/lib/era" {
	truncate -s 4M disk
	attach disk
	assert_equal "$(token "$loop")" full
	silent era_apply -i full.era "$loop"
	cmp "$loop" at0.img
	assert [ -e "$(state_of "$loop")" ]
	assert_equal "$(token "$loop")" "$(frames full.era .end.token)"
	silent era_apply -i one.era -i two.era "$loop"
	cmp "$loop" at2.img
	# One device, one state: nothing beside it in /dev.
	assert [ ! -e "$loop.era" ]
}

@test "--state works for a device too" {
	truncate -s 4M disk
	attach disk
	silent era_apply --state here.era -i full.era "$loop"
	assert [ ! -e "$(state_of "$loop")" ]
	silent era_apply --state here.era -i one.era "$loop"
	cmp "$loop" at1.img
}

@test "a device smaller than the stream is refused, and by how much" {
	truncate -s 4193792 disk
	attach disk
	refused 4 "$loop: has 4193792 bytes, the stream needs 4194304" "$loop"
	hints "use a device of at least that size"
	assert [ ! -e "$(state_of "$loop")" ]
}

@test "a larger device is fine, and what is behind the stream's end is left alone" {
	truncate -s 5M disk
	noise 3 1048576 | put disk 4194304
	attach disk
	silent era_apply -i full.era -i one.era "$loop"
	cmp --bytes=4194304 "$loop" at1.img
	cmp <(tail -c 1048576 "$loop") <(noise 3 1048576)
	assert_equal "$(token "$loop")" "$(frames one.era .end.token)"
}

@test "a device with a filesystem that is no target of ours is refused without --force" {
	truncate -s 8M disk
	mkfs.ext4 -q disk
	attach disk
	fails 4 era_apply --token "$loop"
	says "$loop: is there, but nothing is known of what it holds"
	refused 4 "$loop: holds ext4, and nothing says that it is a backup's target" "$loop"
	hints "--force"
	assert [ ! -e "$(state_of "$loop")" ]
	silent era_apply --force -i full.era "$loop"
	cmp --bytes=4194304 "$loop" at0.img
}

@test "a device with a partition table is refused without --force" {
	truncate -s 8M disk
	echo 'start=2048' | sfdisk -q --label gpt disk
	attach disk
	refused 4 "$loop: holds gpt" "$loop"
}

@test "a device that somebody wrote to may be another one: refused, a full goes over it with --force" {
	truncate -s 4M disk
	attach disk
	era_apply -i full.era "$loop"
	printf x | put "$loop" 5
	sync "$loop"
	fails 4 era_apply -i one.era "$loop"
	says "$loop: was changed since the last stream was applied (or is another device under that name)"
	hints
	fails 4 era_apply -i full.era "$loop"
	hints
	[ "$(dd if="$loop" bs=1 skip=5 count=1 status=none)" = x ]
	silent era_apply --force -i full.era "$loop"
	cmp "$loop" at0.img
	silent era_apply -i one.era "$loop"
}

@test "a read-only device is a failure before its state says anything" {
	truncate -s 4M disk
	attach disk --read-only
	fails 1 era_apply -i full.era "$loop"
	says "$loop: is read-only"
	hints "blockdev --setrw $loop"
	assert [ ! -e "$(state_of "$loop")" ]
}

@test "a device of 4096-byte sectors takes a stream of 512-byte extents" {
	truncate -s 1052672 src.tmp
	noise 1 1052672 | put src.tmp 0
	mv src.tmp src.img
	truncate -s 1052672 disk
	attach disk --sector-size 4096
	era_copy --full src.img | era_apply "$loop"
	noise 2 512 | put src.img 1536
	head -c 1024 /dev/zero | put src.img 8704
	era_copy --from "$(token "$loop")" --ranges <(ranges 3 17-19) --block-size 1 src.img | era_apply "$loop"
	cmp "$loop" src.img
}

@test "a damaged state of a device is corrupt and named" {
	truncate -s 4M disk
	attach disk
	era_apply -i full.era "$loop"
	echo garbage >"$(state_of "$loop")"
	fails 3 era_apply -i one.era "$loop"
	says "$(state_of "$loop"): is not a state file of era_apply, or was damaged"
	fails 3 era_apply --token "$loop"
}
