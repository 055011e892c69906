#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup and what it may not lose: an image that somebody works on, or that is another job's; the newest streams of a
# repository whose state is lost; and a program's reading of what it prints.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

# Two jobs, "disk" and "other", of disk.img and other.img, each with two points and at most a mirror.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	begin "mirror = $PWD/disk.mirror"
	noise 77 1048576 >other.img
	job other "source = $PWD/other.img"
	silent eb init other
	nights 2
	ended 0 eb run other
	rm disk.mirror*
}

setup() {
	prepare
	cp -a --sparse=always "$BATS_FILE_TMPDIR"/{disk.repo,other.repo,track,disk.img,other.img,source,at.*.img} .
	jobs
}

teardown() {
	end_background
	undo_all
}

jobs() { # [LINE...]: the job "disk" with those lines
	: >erabackup.conf
	job disk "$@"
	job other "source = $PWD/other.img"
}

# asks IMAGE COMMAND...: it is refused with a hint to --force, and neither the image nor its state is touched.
asks() {
	local before

	before=$(sha256sum "$1" "$1.era")
	capture "${@:2}"
	[ "$status" = 4 ] || fail "exit $status where 4 is due: $stderr"
	says "$1"
	hints --force
	assert_equal "$(sha256sum "$1" "$1.era")" "$before"
}

# Somebody works on it: in the middle, and as a filesystem does at its beginning.
work_on() { # IMAGE
	noise 5 4096 | put "$1" 500000
	noise 6 512 | put "$1" 1024
}

# Images that are in use as themselves

@test "a restore does not go over the mirror of another job, but where it is told to" {
	jobs "mirror = $PWD/disk.mirror"
	ended 0 eb mirror disk
	asks disk.mirror eb restore --to disk.mirror other
	asks disk.mirror eb restore --differences --to disk.mirror other
	ended 0 eb restore --force --to disk.mirror other
	cmp disk.mirror other.img
}

@test "a restore does not go over an image that was worked on since it was restored" {
	ended 0 eb restore --to new.img disk
	work_on new.img
	for words in "" "--differences" "--at $(point 1)"; do
		# shellcheck disable=SC2086 # words
		asks new.img eb restore $words --to new.img disk
	done
	asks new.img eb restore --to new.img other
	ended 0 eb restore --force --to new.img disk
	cmp new.img at.2.img
}

@test "a restore over what an older one left, untouched, needs no word" {
	ended 0 eb restore --to new.img --at "$(point 1)" disk
	ended 0 eb restore --to new.img disk
	cmp new.img at.2.img
	ended 0 eb restore --to new.img disk
	cmp new.img at.2.img
}

@test "nor does one of another history of the same job" {
	ended 0 eb restore --to new.img disk
	ended 0 eb run --full disk
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
	work_on new.img
	ended 0 eb run --full disk
	asks new.img eb restore --to new.img disk
}

@test "a restore that was interrupted is made again without a word" {
	put_fs small 200K
	ended 1 eb restore --to small/new.img disk
	prints "No space left"
	mount -o remount,size=4M small
	ended 0 eb restore --to small/new.img --at "$(point 1)" disk
	cmp small/new.img at.1.img
}

@test "a run does not make its mirror of an image that holds another job's disk" {
	ended 0 eb restore --to vm.img other
	work_on vm.img
	jobs "mirror = $PWD/vm.img"
	asks vm.img eb run disk
	hints "erabackup mirror --force disk"
	# What was backed up stays.
	assert_equal "$(points length)" 3
	asks vm.img eb mirror disk
	ended 0 eb mirror --force disk
	cmp vm.img disk.img
}

@test "nor of one that nobody has touched since" {
	ended 0 eb restore --to vm.img other
	jobs "mirror = $PWD/vm.img"
	asks vm.img eb run disk
}

@test "a mirror that was touched is brought up again, for it is nobody's but the job's" {
	jobs "mirror = $PWD/disk.mirror"
	ended 0 eb mirror disk
	work_on disk.mirror
	ended 0 eb run disk
	cmp disk.mirror disk.img
}

@test "a mirror follows its job to a full" {
	jobs "mirror = $PWD/disk.mirror"
	ended 0 eb mirror disk
	ended 0 eb run --full disk
	cmp disk.mirror disk.img
	# And one that has missed it.
	jobs
	ended 0 eb run --full disk
	write_blocks 3 40
	ended 0 eb run disk
	jobs "mirror = $PWD/disk.mirror"
	ended 0 eb run disk
	cmp disk.mirror disk.img
}

@test "an image that a virtual machine has open is neither restored to nor made the mirror, --force or not" {
	jobs "mirror = $PWD/disk.mirror"
	ended 0 eb mirror disk
	before=$(sha256sum disk.mirror)
	# As QEMU locks what it has open.
	in_background python3 -c 'import fcntl, struct, time
f = open("disk.mirror", "r+b")
fcntl.fcntl(f, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 100, 104, 0))
print("locked", flush=True)
time.sleep(60)'
	disown "$pid"
	wait_for test -s background.out
	for command in "restore --to disk.mirror" "restore --force --to disk.mirror" "mirror --force" run; do
		# shellcheck disable=SC2086 # words
		ended 5 eb $command disk
		prints disk.mirror
		assert_equal "$(sha256sum disk.mirror)" "$before"
	done
}

# A state that is lost

# dated AGE...: the files of the points say that these were cut so many seconds ago.
dated() {
	local i path paths=()

	for ((i = 1; i <= $#; i++)); do
		paths+=("$(stream $i)")
	done
	for path in "${paths[@]}"; do
		mv "$path" "disk.repo/streams/$(date -u -d "@$(($(date +%s) - $1))" +%Y%m%dT%H%M%SZ)-${path##*/*Z-}"
		shift
	done
}

@test "unlock has the newest stream again where the clock was put back in front of it" {
	nights 1
	before=$(points 'map(.id)')
	dated 7200 3600 3700
	echo nonsense >disk.repo/state
	ended 0 eb unlock disk
	assert_equal "$(points 'map(.id)')" "$before"
	refute [ -e disk.repo/aside ]
	ended 0 eb verify disk
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
	# And the next one starts there.
	nights 1
	assert_equal "$(points '.[-1].kind')" incremental
}

@test "unlock has chains again in their order" {
	ended 0 eb run --full disk
	before=$(points 'map(.id)')
	echo nonsense >disk.repo/state
	ended 0 eb unlock disk
	assert_equal "$(points 'map(.id)')" "$before"
}

# For programs

# value FILTER: what was printed is one JSON value, of which FILTER is true.
value() {
	assert_equal "$(jq -s length <<<"$output")" 1
	jq -e "$1" <<<"$output" >/dev/null || fail "not $1: $output"
}

@test "--json of several jobs is one value, whichever of them cannot be read" {
	job third "source = $PWD/other.img"
	for missing in disk other "disk other third"; do
		mkdir away
		for name in $missing; do
			[ ! -e "$name.repo" ] || mv "$name.repo" away
		done
		n=$(find . -maxdepth 1 -name '*.repo' | wc -l)
		for command in verify run "prune --dry-run" status; do
			# shellcheck disable=SC2086 # words
			capture eb $command --json --all
			assert_equal "$command without $missing: $(jq -s length <<<"$output" 2>&1)" "$command without $missing: 1"
			[ "$command" != verify ] || value "length == $n"
		done
		mv away/* . 2>/dev/null || true
		rmdir away
	done
}

@test "--json of a repository with damage is one value" {
	flip "$(stream 2)" 400
	capture eb verify --json --all
	assert_equal "$status" 3
	value 'map(.job) == ["disk", "other"] and .[0].streams[1].ok == false'
	capture eb verify --json --deep --all
	value 'length == 2'
	capture eb run --json --all
	value 'map(.outcome) == ["success", "success"]'
}
