#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup and what a broken disk, or a copy that is not whole, leaves of a repository: some command names it, and one mends it.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	begin
	nights 3
}

setup() {
	prepare
	cp -a --sparse=always "$BATS_FILE_TMPDIR"/{disk.repo,track,disk.img,source,at.*.img} .
	job disk
}

teardown() {
	end_background
	undo_all
}

# mended: unlock does it, every point is there again, and the next run goes on from the head.
mended() {
	ended 0 eb unlock disk
	chain_is_good
	all_restore
	write_blocks 9 9
	run_well
	assert_equal "$(kinds)" "full incremental incremental incremental"
}

@test "a repository that does not say any more that it is one" {
	rm disk.repo/repository
	ended 1 eb list disk
	hints unlock
	mended
}

@test "a repository that says it with a damaged word" {
	flip disk.repo/repository 10
	ended 3 eb list disk
	hints unlock
	mended
}

@test "neither of the two small files is left" {
	rm disk.repo/repository disk.repo/state
	capture eb run disk
	refute [ "$status" = 0 ]
	hints unlock
	mended
}

@test "a directory without streams is not mended into a repository" {
	mkdir empty
	: >erabackup.conf
	job disk "repository = $PWD/empty"
	capture eb unlock disk
	refute [ "$status" = 0 ]
	assert_equal "$(ls -A empty)" ""
}

# unreadable COMMAND...: makes of the second stream what no program can read. Verify names it, and reads what is behind it; a
# run makes a full by itself and does not hide why.
unreadable() {
	local path name

	path=$(stream 2)
	name=$(basename "$path")
	rm "$path"
	"$@" "$path"
	ended 3 eb verify disk
	prints "$name" "$(basename "$(stream 3)"): ok"
	ended 0 eb run disk
	says "$name"
	assert_equal "$(points '.[-1] | [.kind, .restorable]')" '["full",true]'
	restores 4 disk.img
	restores 1
}

@test "a stream that has become a directory" {
	unreadable mkdir
}

link_to_itself() {
	ln -s "$(basename "$1")" "$1"
}

@test "a stream that leads to itself" {
	unreadable link_to_itself
}

@test "a run that finds a stream damaged and makes a full says so, whatever it is told to be quiet of" {
	path=$(stream 3)
	flip "$path" 400
	ended 0 eb run --quiet disk
	says "$(basename "$path")" full
}

@test "what can be read can be restored, though nothing can be written there" {
	# A full disk has no room for a lock, and another user no right to make one.
	rm -f disk.repo/readers
	chmod -R go+rX "$BATS_TEST_TMPDIR" disk.repo
	[ "$(id -u)" = 0 ] || skip "needs root, to become somebody else"
	mkdir -m 777 out
	capture setpriv --reuid=65534 --clear-groups "$(command -v erabackup)" restore -r disk.repo --to out/new.img
	assert_equal "$status: $stderr" "0: $stderr"
	cmp out/new.img at.3.img
}
