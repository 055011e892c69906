#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup when things go wrong: sources that fail, no room, streams that are damaged, a state that is.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	begin
	nights 4
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

# The source

# fault CODE WORDS: a run with that fault fails with CODE, the chain is as it was, and the next run needs nobody.
fault() {
	local before

	before=$(picture)
	write_blocks 99 90 40
	echo "$2" >track/fault
	capture eb run disk
	[ "$status" = "$1" ] || fail "$2: exit $status where $1 is due: $stderr"
	[ "$(picture)" = "$before" ] || fail "$2: the streams are not as they were"
	no_leftovers
	ended 0 eb verify disk
	rm track/fault
	nights 1
	restores "$(points length)" disk.img
	assert_equal "$(points '.[-1].kind')" incremental
}

@test "a source that is killed in the middle" {
	fault 1 "die 20000"
}

@test "a source that is killed before its first byte" {
	fault 1 "die 0"
}

@test "a source that ends well in the middle, wherever" {
	for fault in short\ {0,1,39,40,41,300} lacks\ {1,47,48,49,200}; do
		echo "$fault" >track/fault
		before=$(picture)
		capture eb run disk
		[ "$status" = 3 ] || fail "$fault: exit $status: $stderr"
		assert_equal "$(picture)" "$before"
	done
	says truncated
	fault 3 "short 20000"
}

@test "a source that fails behind a whole stream" {
	fault 1 "status 1"
	echo "status 3" >track/fault
	ended 3 eb run disk
	prints "a command behind the cut failed"
}

@test "a source that refuses gives its reason and its exit status" {
	for code in 1 3 5; do
		echo "refuse $code" >track/fault
		capture eb run disk
		assert_equal "$status" $code
		says "as it was told to"
	done
	fault 1 "refuse 1"
}

@test "a source that is no era_copy" {
	echo "garbage" >track/fault
	capture eb run disk
	assert_equal "$status" 3
	fault 3 garbage
}

@test "a command that is not there is named" {
	: >erabackup.conf
	job disk "command = $PWD/missing"
	capture eb run disk
	refute [ "$status" = 0 ]
	says missing
	: >erabackup.conf
	job disk
	nights 1
}

@test "what the source says reaches a terminal without its control characters" {
	echo noisy >track/fault
	capture eb run disk
	assert_equal "$status" 0
	refute grep -q $'[\033\a]' <<<"$stderr"
}

@test "a source that gives the stream of another parent is not believed" {
	# As it was two nights ago.
	before=$(picture)
	old=$(era_apply --dump --json -i "$(stream 2)" | jq -r .end.token)
	cat >wrong <<-END
		#!/bin/bash
		args=()
		for word; do
			[[ \$word != era1.* ]] || word=$old
			args+=("\$word")
		done
		exec "$PWD/source" "\${args[@]}"
	END
	chmod +x wrong
	: >erabackup.conf
	job disk "command = $PWD/wrong"
	# Either it is refused, or a full takes its place.
	capture eb run disk
	if [ "$status" = 4 ]; then
		assert_equal "$(picture)" "$before"
	else
		assert_equal "$status,$(points '.[-1].kind')" "0,full"
		cp disk.img at.5.img
	fi
	: >erabackup.conf
	job disk
	nights 1
	all_restore
}

# Room

@test "no room: the run fails and names it, the chain is as before, and with room the next run works" {
	put_fs small 2M
	: >erabackup.conf
	job disk "repository = $PWD/small/disk.repo"
	silent eb init disk
	run_well
	write_blocks 50 0 200
	fill_up small/filler 300
	before=$(cd small/disk.repo/streams && sha256sum ./*)
	capture eb run disk
	assert_equal "$status" 1
	says "No space left"
	assert_equal "$(cd small/disk.repo/streams && sha256sum ./*)" "$before"
	ended 0 eb verify disk
	ended 0 eb list disk
	rm small/filler
	run_well
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
}

fill_up() { # FILE KIB-THAT-STAY-FREE
	head -c $((($(df --output=avail -k "$(dirname "$1")" | tail -n 1) - $2) * 1024)) /dev/zero >"$1"
}

@test "a repository that cannot be written is named" {
	needs_root "a mount"
	mkdir ro
	mount --bind disk.repo ro
	mounts+=("$PWD/ro")
	mount -o remount,bind,ro ro
	: >erabackup.conf
	job disk "repository = $PWD/ro"
	capture eb run disk
	assert_equal "$status" 1
	says "$PWD/ro"
	# What only reads needs nothing more.
	ended 0 eb list disk
	ended 0 erabackup verify -r ro
	ended 0 erabackup restore -r ro --to new.img
	cmp new.img at.4.img
}

@test "a repository that is not there: the disk is not mounted" {
	mv disk.repo elsewhere
	capture eb run disk
	refute [ "$status" = 0 ]
	says disk.repo
	refute [ -e disk.repo ]
	mv elsewhere disk.repo
	nights 1
}

# Damage to streams

# lost N...: verify ends with 3, names the Nth stream alone, and says that all points from N to 4 are lost.
lost() {
	local n=$1 name=$2 i

	capture eb verify disk
	assert_equal "$status" 3
	prints "$name"
	capture eb verify --json disk
	assert_equal "$status" 3
	assert_equal "$(jq -rc '.[0].streams | map(.lost) | add | unique | length' <<<"$output")" $((5 - n))
	for ((i = n; i <= 4; i++)); do
		[[ $(jq -rc '.[0].streams | map(.lost) | add' <<<"$output") == *"${ids[i - 1]}"* ]] ||
			fail "point $i is not said to be lost: $output"
	done
}

# damaged N: what comes of a chain of four the Nth stream of which is no longer what it was.
damaged() {
	local n=$1 name=$2 i

	lost "$n" "$name"
	# What does not need it is as good as ever.
	for ((i = 1; i < n; i++)); do
		rm -f new.img*
		ended 0 eb restore --to new.img --at "${ids[i - 1]}" disk
		cmp new.img "at.$i.img"
	done
	for ((i = n; i <= 4; i++)); do
		rm -f new.img*
		capture eb restore --to new.img --at "${ids[i - 1]}" disk
		[ "$status" = 3 ] || fail "point $i: exit $status: $stderr"
		says "$name"
		[ ! -e new.img ] || refute_at_point new.img
	done
	# The next run does not build on it.
	capture eb run -v disk
	assert_equal "$status" 0
	says full
	assert_equal "$(points '.[-1].kind')" full
	rm -f new.img*
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
	# What came before the damage is still to be had.
	for ((i = 1; i < n; i++)); do
		rm -f new.img*
		ended 0 eb restore --to new.img --at "${ids[i - 1]}" disk
		cmp new.img "at.$i.img"
	done
	# And goes on from there.
	write_blocks 44 44 2
	run_well
	assert_equal "$(points '.[-1].kind')" incremental
	rm -f new.img*
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
}

# It does not call itself complete.
refute_at_point() { # IMAGE
	[ ! -e "$1.era" ] || grep -q '^applying' "$1.era" || fail "$1 calls itself complete: $(cat "$1.era")"
}

remember() {
	mapfile -t ids < <(points '.[].id')
	assert_equal "${#ids[@]}" 4
	path=$(stream "$1")
	name=$(basename "$path")
}

@test "the last stream removed" {
	remember 4
	rm "$path"
	damaged 4 "$name"
}

@test "a stream in the middle removed" {
	remember 2
	rm "$path"
	damaged 2 "$name"
}

@test "the full removed" {
	remember 1
	rm "$path"
	damaged 1 "$name"
}

@test "a stream truncated" {
	remember 3
	truncate -s -1 "$path"
	damaged 3 "$name"
}

@test "a stream truncated to nothing" {
	remember 4
	: >"$path"
	damaged 4 "$name"
}

@test "a bit flipped in a payload" {
	remember 3
	flip "$path" "$(frames "$path" '[.frames[] | select(.type == "DATA")] | last | .position + 64')"
	damaged 3 "$name"
}

@test "a bit flipped in a header in the middle" {
	remember 2
	flip "$path" "$(frames "$path" '[.frames[] | select(.type == "DATA")] | last | .position + 20')"
	damaged 2 "$name"
}

@test "a bit flipped in the head" {
	remember 4
	flip "$path" 110
	damaged 4 "$name"
}

@test "a bit flipped in the index" {
	remember 3
	flip "$path" $(($(stat -c %s "$path") - 60))
	damaged 3 "$name"
}

@test "a bit flipped in the footer" {
	remember 2
	flip "$path" $(($(stat -c %s "$path") - 20))
	damaged 2 "$name"
}

@test "something behind the end of a stream" {
	remember 2
	echo more >>"$path"
	damaged 2 "$name"
}

@test "two streams that changed their names" {
	remember 2
	other=$(stream 3)
	mv "$path" swap
	mv "$other" "$path"
	mv swap "$other"
	capture eb verify disk
	assert_equal "$status" 3
	prints "$name" "$(basename "$other")"
	rm -f new.img*
	capture eb restore --to new.img disk
	[ "$status" != 0 ] || cmp new.img at.4.img
	ended 0 eb restore --to first.img --at "${ids[0]}" disk
	cmp first.img at.1.img
	capture eb run disk
	assert_equal "$status" 0
	rm -f new.img*
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
}

@test "a stream once more under another name changes nothing, and is named" {
	remember 2
	cp "$path" "disk.repo/streams/copy.era"
	capture eb verify disk
	prints copy.era
	all_restore
	nights 1
	restores 5
	assert [ -e disk.repo/streams/copy.era ]
}

@test "a foreign file among the streams is named, left alone, and in nobody's way" {
	echo "who put me here" >disk.repo/streams/notes.txt
	mkdir disk.repo/streams/lost+found
	capture eb verify disk
	prints notes.txt
	nights 1
	all_restore
	assert_equal "$(cat disk.repo/streams/notes.txt)" "who put me here"
}

@test "a stream of another chain among the streams" {
	era_copy --full -q -o disk.repo/streams/20200101T000000Z-full-00000000000000000000000000000000.era at.1.img
	capture eb verify disk
	prints 20200101T000000Z
	nights 1
	restores 5
}

@test "what a killed run left among the streams is cleared away by the next" {
	head -c 1000 "$(stream 4)" >disk.repo/streams/new.era.part
	head -c 1000 "$(stream 4)" >disk.repo/incoming.part
	nights 1
	all_restore
}

@test "a stream that a person put back makes the points whole again" {
	remember 2
	mv "$path" away
	capture eb verify disk
	assert_equal "$status" 3
	mv away "$path"
	ended 0 eb verify disk
	all_restore
}

@test "damage that verify found is told by status and list until it is mended" {
	remember 3
	cp "$path" good
	flip "$path" "$(frames "$path" '[.frames[] | select(.type == "DATA")] | last | .position + 70')"
	capture eb verify disk
	capture eb status disk
	assert_equal "$status" 1
	prints disk
	assert_equal "$(points 'map([.damaged, .restorable])')" "[[false,true],[false,true],[true,false],[false,false]]"
	cp good "$path"
	ended 0 eb verify disk
	ended 0 eb status disk
	assert_equal "$(points 'map([.damaged, .restorable]) | unique')" "[[false,true]]"
}

# The state

@test "the state removed or damaged: refused with the way out, and unlock mends it" {
	cp disk.repo/state good
	for damage in "rm disk.repo/state" "truncate -s 10 disk.repo/state" ": >disk.repo/state" \
		"flip disk.repo/state 5" "noise 1 3000 >disk.repo/state"; do
		cp good disk.repo/state
		before=$(picture)
		eval "$damage"
		for words in "run" "prune" "verify"; do
			capture erabackup -c erabackup.conf $words disk
			[ "$status" = 3 ] || fail "$damage: $words: exit $status: $stderr"
			says state
			hints "erabackup unlock"
		done
		assert_equal "$(picture)" "$before"
		capture eb unlock disk
		[ "$status" = 0 ] || fail "$damage: unlock: exit $status: $stderr"
		prints 4
		ended 0 eb verify disk
		assert_equal "$(points length)" 4
	done
	all_restore
	nights 1
	assert_equal "$(kinds)" "full incremental incremental incremental incremental"
	all_restore
}

@test "unlock says what is lost where a stream is missing too" {
	remember 3
	rm "$path" disk.repo/state
	capture eb unlock disk
	prints "$(head -c 8 <<<"${ids[3]}")"
	rm -f new.img*
	ended 0 eb restore --to new.img --at "${ids[1]}" disk
	cmp new.img at.2.img
	capture eb run disk
	assert_equal "$status" 0
	rm -f new.img*
	ended 0 eb restore --to new.img disk
	cmp new.img disk.img
}

@test "unlock of a repository that is well is refused, and does no harm" {
	before=$(picture)
	fails 2 erabackup -c erabackup.conf unlock disk
	assert_equal "$(picture)" "$before"
	nights 1
	all_restore
}

@test "a stale lock file is in nobody's way" {
	touch disk.repo/lock
	nights 1
}

@test "the file that says what the directory is: another version is refused" {
	sed -i 's/1/9/' disk.repo/repository
	capture eb run disk
	refute [ "$status" = 0 ]
	says disk.repo
	before=$(picture)
	capture eb prune disk
	refute [ "$status" = 0 ]
	assert_equal "$(picture)" "$before"
}
