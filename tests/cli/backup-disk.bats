#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup and the disk that a repository lies on: one that the job's commands mount, one that is mounted over or not
# there, one that is full, one that is read-only.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

setup() {
	prepare
	needs_root "mounts"
	begin_source
	mkdir -p stick/repo mnt
}

teardown() {
	end_background
	cd /
	while umount "$BATS_TEST_TMPDIR/mnt" 2>/dev/null; do :; done
	undo_all
}

# "disk", whose repository is on a disk that is mounted for the run alone; the disk is the directory stick.
removable() { # [LINE...]
	: >erabackup.conf
	job disk "repository = $PWD/mnt/repo" "before = mount --bind $PWD/stick $PWD/mnt" "after = umount $PWD/mnt" "$@"
}

mounted() {
	mount --bind "$PWD/stick" "$PWD/mnt"
	"$@"
	umount "$PWD/mnt"
}

on_the_stick() { # N: so many points are there, all whole, and it is not mounted
	refute mountpoint -q mnt
	ended 0 erabackup verify -r stick/repo
	assert_equal "$(erabackup list --json -r stick/repo | jq length)" "$1"
}

@test "a disk that is mounted by the one command and unmounted by the other" {
	removable
	mounted silent eb init disk
	for n in 1 2; do
		write_blocks $n $((n * 10)) 3
		silent eb run disk
		on_the_stick $n
	done
	assert_equal "$(ls -A mnt)" ""
	ended 0 erabackup restore -r stick/repo --to new.img
	cmp new.img disk.img
}

@test "two jobs, one behind the other, on one disk that each of them mounts" {
	removable
	job other "repository = $PWD/mnt/other" "before = mount --bind $PWD/stick $PWD/mnt" "after = umount $PWD/mnt"
	mounted silent eb init --all
	silent eb run --all
	on_the_stick 1
	ended 0 erabackup verify -r stick/other
}

@test "a second run of the job while one is at work is told that it is busy, and takes no disk away" {
	removable "command = $PWD/while"
	mounted silent eb init disk
	meanwhile "[ -e $PWD/second ] || { touch $PWD/second; erabackup -c $PWD/erabackup.conf run disk; echo \$? >$PWD/second; }"
	ended 0 eb run disk
	assert_equal "$(cat second)" 5
	on_the_stick 1
}

@test "another repository below the mount point is neither read nor written" {
	removable
	mkdir mnt/repo
	silent eb init disk
	below=$(cd mnt/repo && find . -type f -exec sha256sum {} + | sort)
	mounted silent eb init disk
	silent eb run disk
	write_blocks 1 10
	silent eb run disk
	on_the_stick 2
	assert_equal "$(cd mnt/repo && find . -type f ! -name problem -exec sha256sum {} + | sort)" "$below"
}

# The source does that before it sends anything.
meanwhile() { # COMMAND
	cat >while <<-END
		#!/bin/bash
		$1
		exec "$PWD/source" "\$@"
	END
	chmod +x while
}

@test "something that is mounted over the repository during a run is not taken for it" {
	: >erabackup.conf
	job disk "repository = $PWD/mnt/repo" "command = $PWD/while"
	meanwhile "mountpoint -q $PWD/mnt || mount --bind $PWD/stick $PWD/mnt"
	mkdir mnt/repo
	silent eb init disk
	below=$(cat mnt/repo/state)
	mounted silent eb init disk
	above=$(cat stick/repo/state)
	ended 1 eb run disk
	prints "$PWD/mnt/repo" mounted
	umount mnt
	assert_equal "$(cat mnt/repo/state)" "$below"
	assert_equal "$(cat stick/repo/state)" "$above"
}

@test "a disk that is taken away during a run: what is below is not made the repository" {
	removable "command = $PWD/while"
	mounted silent eb init disk
	meanwhile "umount --lazy $PWD/mnt"
	mkdir mnt/repo
	before=$(cat stick/repo/state)
	capture eb run disk
	refute [ "$status" = 0 ]
	assert_equal "$(cd mnt/repo && find . -name state)" ""
	assert_equal "$(cat stick/repo/state)" "$before"
}

# told: the command behind the run is told of a failure, with TEXT.
told() { # CODE TEXT
	rm -f told
	ended "$1" eb run disk
	[ -e told ] || fail "the command behind the run did not run: $stderr"
	assert_equal "$(head -n 1 told)" "failure $1"
	grep -qF -- "$2" told || fail "not told of \"$2\": $(cat told)"
}

@test "the command behind a run is told why a repository could not be used" {
	cat >tell <<-'END'
		#!/bin/bash
		printf '%s\n' "$ERA_OUTCOME $ERA_EXIT" "$ERA_MESSAGE" >"$(dirname "$0")/told"
	END
	chmod +x tell
	: >erabackup.conf
	job disk "repository = $PWD/stick/repo" "after = $PWD/tell"
	# Not mounted.
	told 1 "no repository"
	silent eb init disk
	silent eb run disk
	cp stick/repo/state good
	echo nonsense >stick/repo/state
	told 3 state
	cp good stick/repo/state
	exec 9>>stick/repo/lock
	flock 9
	told 5 stick/repo
	exec 9>&-
	mount --bind stick mnt
	mount -o remount,bind,ro mnt
	sed -i "s|^repository = .*|repository = $PWD/mnt/repo|" erabackup.conf
	told 1 "Read-only"
	# And with nothing in the way.
	umount mnt
	sed -i "s|^repository = .*|repository = $PWD/stick/repo|" erabackup.conf
	silent eb run disk
	assert_equal "$(head -n 1 told)" "success 0"
}

@test "a disk that cannot be mounted: nothing is asked of the source, and the command behind the run is told" {
	: >erabackup.conf
	job disk "repository = $PWD/mnt/repo" "before = echo no such disk >&2; exit 32" "after = echo \$ERA_OUTCOME >$PWD/told"
	mkdir mnt/repo
	silent eb init disk
	capture eb run disk
	refute [ "$status" = 0 ]
	prints before
	assert_equal "$(cat told)" failure
	refute [ -s track/requests ]
	assert_equal "$(ls mnt/repo/streams)" ""
}

# Room

fill_up() { # FILE KIB-THAT-STAY-FREE
	head -c $((($(df --output=avail -k "$(dirname "$1")" | tail -n 1) - $2) * 1024)) /dev/zero >"$1"
}

on_small() { # [LINE...]
	: >erabackup.conf
	job disk "repository = $PWD/small/repo" "$@"
}

@test "a disk that is full: the run fails, and has made room for the next one by what may go" {
	put_fs small 4M
	on_small
	silent eb init disk
	for n in 1 2 3 4; do
		ended 0 eb run --full disk
	done
	# Carried out just now, and not due for long.
	on_small "keep-last = 9" "prune-interval = 4w"
	ended 0 eb prune disk
	on_small "keep-last = 2" "prune-interval = 4w"
	fill_up small/filler 300
	write_blocks 5 0 60
	ended 1 eb run --full disk
	prints "No space left"
	assert_equal "$(points length)" 2
	ended 0 eb run --full disk
	assert_equal "$(points length)" 3
	ended 0 eb verify disk
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
}

@test "a run that fails for another reason does not prune before it is due" {
	on_small
	mkdir small
	silent eb init disk
	for n in 1 2 3; do
		ended 0 eb run --full disk
	done
	on_small "keep-last = 9" "prune-interval = 4w"
	ended 0 eb prune disk
	on_small "keep-last = 1" "prune-interval = 4w"
	echo "refuse 1" >track/fault
	ended 1 eb run disk
	assert_equal "$(points length)" 3
}

@test "prune drops a whole chain where there is no room for a merge" {
	put_fs small 6M
	on_small
	silent eb init disk
	# The oldest chain has a point that is to stay, for its clock was ahead, so a merge is due; the one behind it may go.
	ended 0 eb run disk
	write_blocks 1 0 100
	echo $(($(date +%s) + 1800)) >track/stamp
	ended 0 eb run disk
	rm track/stamp
	ended 0 eb run --full disk
	ended 0 eb run --full disk
	kept=$(points '[.[1,3].id]')
	on_small "keep-last = 2"
	fill_up small/filler 60
	ended 0 eb prune disk
	assert_equal "$(points 'map(.id)') $(kinds)" "$kept full full"
	ended 0 eb verify disk
}

# many N: the state names N streams more, fulls of long ago.
many() {
	python3 - "$1" "$BATS_TEST_DIRNAME/../decoder" <<-'END'
		import sys, time
		sys.path.insert(0, sys.argv[2])
		from xxh3 import xxh3_64
		lines = open("stick/repo/state").read().splitlines()[:-1]
		at = next(i for i, line in enumerate(lines) if line.startswith("stream "))
		zeros = "0" * 32
		for i in range(int(sys.argv[1])):
		    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(1600000000 + i))
		    id = "%032x" % (i + 1)
		    lines.insert(at + i, f"stream {name}-full-{id}.era {id} {zeros} {id} snapshot crash-consistent 1 0 4096 0 1000 1 {id} good")
		text = "".join(line + "\n" for line in lines)
		with open("stick/repo/state", "w") as f:
		    f.write(text + "sum %016x\n" % xxh3_64(text.encode()))
	END
}

@test "a repository with as many streams as it takes: the run says so, and every command can read it as before" {
	: >erabackup.conf
	job disk "repository = $PWD/stick/repo"
	silent eb init disk
	run_well
	many 16383
	for n in 1 2; do
		ended 1 eb run disk
		prints 16384
		hints prune
		# Nothing is begun that nobody could finish.
		refute grep -q '^adding' stick/repo/state
	done
	assert_equal "$(points length)" 16384
	capture eb status disk
	prints 16384 "prune it"
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
}

# Read-only

read_only() { # DIR: as mnt
	mount --bind "$1" mnt
	mount -o remount,bind,ro mnt
}

@test "a repository on a read-only disk is verified, and damage on it found" {
	: >erabackup.conf
	job disk "repository = $PWD/stick/repo"
	silent eb init disk
	for n in 1 2; do
		write_blocks $n $((n * 10)) 3
		run_well
	done
	sum=$(cat stick/repo/state)
	read_only stick
	ended 0 erabackup verify -r mnt/repo
	ended 0 erabackup verify --deep -r mnt/repo
	umount mnt
	path=stick/repo/streams/$(erabackup list --json -r stick/repo | jq -r '.[1].stream')
	flip "$path" 400
	read_only stick
	ended 3 erabackup verify -r mnt/repo
	prints "$(basename "$path")"
	# Another time it is no better.
	ended 3 erabackup verify -r mnt/repo
	ended 0 erabackup restore -r mnt/repo --at "$(erabackup list --json -r mnt/repo | jq -r '.[0].id')" --to new.img
	assert_equal "$(cat stick/repo/state)" "$sum"
}
