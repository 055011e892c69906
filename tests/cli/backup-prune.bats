#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup prune: what retention keeps, and what merging makes of the rest.

# shellcheck disable=SC2154,SC2030,SC2031,SC2034
load backup

# Six nights, of which the third is a Sunday and the fourth a Monday, the first of a month: 2025-11-28 to 2025-12-03.
night1=1764297000
day=86400

setup_file() {
	local i

	cd "$BATS_FILE_TMPDIR" || return 1
	export TZ=UTC
	for i in 1 2 3 4 5 6; do
		# shellcheck disable=SC2034 # for nights
		times[i]=$((night1 + (i - 1) * day))
	done
	begin "prune-interval = never"
	nights 6
}

setup() {
	prepare
	export TZ=UTC
	cp -a --sparse=always "$BATS_FILE_TMPDIR"/{disk.repo,track,disk.img,source,at.*.img} .
	mapfile -t ids < <(eb_of_nothing)
}

eb_of_nothing() {
	erabackup list -r disk.repo --json | jq -r '.[].id'
}

teardown() {
	end_background
	undo_all
}

keep_rules() { # LINE...: of the job
	: >erabackup.conf
	job disk "prune-interval = never" "$@"
}

# left N...: the points of those nights are left, under their ids, and each restores to its night.
left() {
	local want n i=0

	want=$(for n; do echo "${ids[n - 1]}"; done)
	assert_equal "$(points '.[].id')" "$want"
	chain_is_good
	no_leftovers
	for n; do
		i=$((i + 1))
		restores $i "at.$n.img"
	done
}

# pruned NIGHT...: prune --dry-run says that these stay, prune does it.
pruned() {
	local said

	said=$(eb prune --dry-run --json disk | jq -r '.[0].kept[].id' | sort)
	assert_equal "$said" "$(for n; do echo "${ids[n - 1]}"; done | sort)"
	assert_equal "$(points length)" 6
	said=$(eb prune --dry-run --json disk | jq -rc '.[0] | [.kept, .removed] | map(map(.id? // .) | sort)')
	run -0 --separate-stderr eb prune --json disk
	assert_equal "$(jq -rc '.[0] | [.kept, .removed] | map(map(.id? // .) | sort)' <<<"$output")" "$said"
	left "$@"
}

@test "without any rule all is kept" {
	keep_rules
	before=$(picture)
	ended 0 eb prune disk
	assert_equal "$(picture)" "$before"
	left 1 2 3 4 5 6
}

@test "keep-last keeps the newest, the oldest of them becomes a full" {
	keep_rules "keep-last = 3"
	pruned 4 5 6
	assert_equal "$(kinds)" "full incremental incremental"
	assert_equal "$(nr_streams)" 3
	assert_equal "$(points 'map(.merged)')" "[true,false,false]"
}

@test "keep-last = 1 keeps one point, a full" {
	keep_rules "keep-last = 1"
	pruned 6
	assert_equal "$(kinds),$(nr_streams)" "full,1"
}

@test "keep-last as large as the chain, or larger, removes nothing" {
	before=$(picture)
	for n in 6 7 1000; do
		keep_rules "keep-last = $n"
		ended 0 eb prune disk
		assert_equal "$(picture)" "$before"
	done
}

@test "keep-weekly keeps the newest point of each week, from Monday" {
	keep_rules "keep-weekly = 5"
	pruned 3 6
	assert_equal "$(points 'map(.merged)')" "[true,true]"
}

@test "keep-monthly keeps the newest point of each month" {
	keep_rules "keep-monthly = 2"
	pruned 3 6
}

@test "keep-yearly, and what is kept by several rules" {
	keep_rules "keep-yearly = 1" "keep-last = 2" "keep-monthly = 12"
	pruned 3 5 6
	keep_rules "keep-yearly = 1"
	ended 0 eb prune disk
	left 6
}

@test "a point in the middle that goes: its stream is merged into the next one" {
	# Two on one day: the first of them goes.
	clock=$((night1 + 5 * day + 3600))
	keep_rules
	nights 1
	mapfile -t ids < <(points '.[].id')
	keep_rules "keep-daily = 7"
	ended 0 eb prune disk
	left 1 2 3 4 5 7
	assert_equal "$(kinds)" "full incremental incremental incremental incremental incremental"
	assert_equal "$(points 'map(.merged)')" "[false,false,false,false,false,true]"
}

@test "days are those of the local calendar" {
	# 23:50 of the day before in New York.
	export TZ=America/New_York
	keep_rules "keep-monthly = 2"
	ended 0 eb prune disk
	# The first of December begins four hours and more behind the point of that night.
	left 4 6
}

@test "prune says for each point why it is kept" {
	keep_rules "keep-last = 2" "keep-monthly = 2"
	run -0 --separate-stderr eb prune --dry-run --json disk
	assert_equal "$(jq -rc '.[0].kept | map(.why) | map(contains("month"))' <<<"$output")" "[true,false,true]"
	assert_equal "$(jq -rc '.[0].kept | map(.why) | map(contains("last"))' <<<"$output")" "[false,true,true]"
	run -0 --separate-stderr eb prune --dry-run disk
	assert_output --partial "$(head -c 8 <<<"${ids[2]}")"
	assert_output --partial month
}

@test "the head stays even if no rule keeps it, and the next run goes on from it" {
	# The clock of the source went back: the newest point is the oldest by its time.
	clock=$((night1 - 100 * day))
	keep_rules
	nights 1
	mapfile -t ids < <(points '.[].id')
	keep_rules "keep-last = 1"
	ended 0 eb prune disk
	assert_equal "$(points '.[-1].id')" "${ids[6]}"
	chain_is_good
	nights 1
	assert_equal "$(points '.[-1].kind')" incremental
	restores "$(points length)" at.8.img
}

@test "the next incremental follows a merged head" {
	keep_rules "keep-last = 1"
	ended 0 eb prune disk
	nights 2
	assert_equal "$(kinds)" "full incremental incremental"
	chain_is_good
	restores 2 at.7.img
	restores 3 at.8.img
	ended 0 eb prune disk
	restores 1 at.8.img
}

@test "merging again and again gives the same bytes as never" {
	keep_rules "keep-last = 2"
	for i in $(seq 6); do
		ended 0 eb prune disk
		nights 1
		# Of 3: the two that were kept, and the new one.
		restores 3 "at.$((6 + i)).img"
		restores 2 "at.$((5 + i)).img"
		restores 1 "at.$((4 + i)).img"
		chain_is_good
	done
}

@test "a merged chain restores by the independent decoder as well" {
	keep_rules "keep-last = 2" "keep-monthly = 2"
	ended 0 eb prune disk
	for n in 1 2 3; do
		"$BATS_TEST_DIRNAME/../decoder/eradecode.py" "$(stream $n)" --onto decoded.img
	done
	cmp decoded.img at.6.img
}

@test "data is moved and not compressed again" {
	keep_rules "keep-last = 3"
	whole=$(frames "$(stream 1)" '[.frames[] | select(.type == "DATA") | .stored] | length')
	before=$(for n in 1 2 3 4; do frames "$(stream $n)" '.frames[] | select(.type == "DATA") | [.offset, .length, .stored] | @csv'; done)
	ended 0 eb prune disk
	frames "$(stream 1)" '.frames[] | select(.type == "DATA") | [.offset, .length, .stored] | @csv' >after
	assert [ "$whole" -ge 1 ]
	# At least what nobody shadowed, the text behind the noise, is as it was.
	run -0 grep -cxFf <(echo "$before") after
	assert [ "$output" -ge 1 ]
}

@test "a device that grew: what is merged has the size of the last one" {
	truncate -s 1300000 disk.img
	noise 9 251424 | put disk.img 1048576
	keep_rules
	clock=$((night1 + 6 * day))
	nights 1
	mapfile -t ids < <(points '.[].id')
	keep_rules "keep-last = 1"
	ended 0 eb prune disk
	left 7
	assert_equal "$(stat -c %s restored.img)" 1300000
}

@test "a chain that begins anew in the middle: what is in front of the full goes by itself" {
	keep_rules
	ended 0 eb run --full disk
	cp disk.img at.7.img
	nights 1
	mapfile -t ids < <(points '.[].id')
	keep_rules "keep-last = 2"
	ended 0 eb prune disk
	left 7 8
	assert_equal "$(points 'map(.merged)')" "[false,false]"
}

@test "a chain that begins anew: points of the old chain stay as long as retention says" {
	keep_rules
	ended 0 eb run --full disk
	cp disk.img at.7.img
	mapfile -t ids < <(points '.[].id')
	keep_rules "keep-last = 3"
	ended 0 eb prune disk
	left 5 6 7
	assert_equal "$(kinds)" "full incremental full"
}

@test "points that were not consistent do not count as restore points" {
	clock=$((night1 + 6 * day))
	echo "- 2 2" >track/stamp
	keep_rules
	nights 1
	mapfile -t ids < <(points '.[].id')
	keep_rules "keep-last = 2"
	ended 0 eb prune disk
	# The head stays in any case; of the consistent ones the newest must not have gone for it.
	[[ $(points '.[].id') == *"${ids[5]}"* ]] || fail "the only consistent point is gone"
	assert_equal "$(points '.[-1].id')" "${ids[6]}"
	chain_is_good
}

@test "damage is not merged: prune leaves the chain as it is, and names the file" {
	path=$(keep_rules "keep-last = 2"; stream 3)
	flip "$path" "$(frames "$path" '[.frames[] | select(.type == "DATA")] | last | .position + 64')"
	before=$(picture)
	keep_rules "keep-last = 2"
	capture eb prune disk
	assert_equal "$status" 3
	prints "$(basename "$path")"
	assert_equal "$(picture)" "$before"
}

@test "no room for a merged stream: prune fails, the chain is as before, and the run goes on" {
	put_fs small 4M
	cp -a disk.repo small/
	: >erabackup.conf
	job disk "prune-interval = never" "repository = $PWD/small/disk.repo" "keep-last = 1"
	head -c $((($(df --output=avail -k small | tail -n 1) - 40) * 1024)) /dev/zero >small/filler
	before=$(cd small/disk.repo/streams && sha256sum ./*)
	capture eb prune disk
	assert_equal "$status" 1
	says "No space left"
	assert_equal "$(cd small/disk.repo/streams && sha256sum ./*)" "$before"
	ended 0 eb verify disk
	rm small/filler
	ended 0 eb prune disk
	ended 0 eb restore --to new.img disk
	cmp new.img at.6.img
}

@test "run prunes when it is due, and not before" {
	: >erabackup.conf
	job disk "keep-last = 3" "prune-interval = 1d"
	# It was never done.
	nights 1
	assert_equal "$(points length)" 3
	nights 2
	assert_equal "$(points length)" 5
	: >erabackup.conf
	job disk "keep-last = 3" "prune-interval = 0"
	nights 1
	assert_equal "$(points length)" 3
	restores 3 at.10.img
	: >erabackup.conf
	job disk "keep-last = 3" "prune-interval = never"
	nights 2
	assert_equal "$(points length)" 5
}

@test "--dry-run writes nothing" {
	keep_rules "keep-last = 1"
	before=$(picture; cat disk.repo/state)
	ended 0 eb prune --dry-run disk
	assert_equal "$(picture; cat disk.repo/state)" "$before"
}
