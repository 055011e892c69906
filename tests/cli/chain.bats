#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Which stream fits which target: tokens, chains, interruptions, and states that do not fit their targets.

# Helpers and run set loop, stderr and others; for the inner shell.
# shellcheck disable=SC2154,SC2016
load helpers

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	chain
}

setup() {
	prepare
	cp --sparse=always --preserve=mode,timestamps "$BATS_FILE_TMPDIR"/* .
	t0=$(token m.img)
	t1=$(frames one.era .end.token)
	t2=$(frames two.era .end.token)
}

teardown() {
	undo_all
}

# refused TEXT ARG...: exit 4 with these words, and neither target nor state changed.
refused() {
	cp m.img before
	cp m.img.era before.era
	fails 4 era_apply "${@:2}" m.img
	says "$1"
	hints
	cmp m.img before
	cmp m.img.era before.era
}

cut_short() { # FILE: a part of the stream that has its first data, to standard output
	head -c "$(frames "$1" '[.frames[] | select(.type == "DATA")] | last | .position + 100')" "$1"
}

# Tokens

@test "the token of what is not there, or has no byte, is full" {
	run --separate-stderr -0 era_apply --token missing.img
	assert_output full
	assert_equal "$stderr" ""
	: >empty.img
	run --separate-stderr -0 era_apply --token empty.img
	assert_output full
	assert_equal "$(ls missing* empty*)" empty.img
}

@test "the token of a target is that of its last stream" {
	assert_equal "$t0" "$(frames full.era .end.token)"
	era_apply -i one.era m.img
	assert_equal "$(token m.img)" "$t1"
	[[ $t1 =~ ^era1\.[0-9a-f]{32}\.[0-9a-f]{32}\.0\.4194304$ ]] || fail "$t1"
}

@test "the token of an image nothing is known of is refused with both ways out" {
	rm m.img.era
	fails 4 era_apply --token m.img
	says "m.img: is there, but nothing is known of what it holds (no m.img.era)"
	hints "era_copy --full DEVICE | era_apply --force m.img"
}

@test "the token of a target left in the middle is where it started" {
	cut_short one.era >cut.era
	fails 3 era_apply -i cut.era m.img
	assert_equal "$(token m.img)" "$t0"
}

@test "the token of a target whose image is gone is full" {
	rm m.img
	assert_equal "$(token m.img)" full
}

@test "a token is asked for what is no target: an error, not full" {
	mkfifo fifo
	for what in . fifo /dev/null; do
		fails 2 era_apply --token $what
		says "$what: is neither a block device nor an image file"
	done
	fails 1 era_apply --token "/dev/era-test-missing.$$"
	says "/dev/era-test-missing.$$: there is no such device"
	hints "lsblk"
}

@test "the line for cron: a full at first, incrementals from then on" {
	cp at0.img src.img
	for n in 1 2 3; do
		noise $n 4096 | put src.img $((n * 40960))
		ranges $((n * 10)) | era_copy --from "$(token c.img)" --ranges - --block-size 8 src.img | era_apply c.img
		cmp src.img c.img
	done
	refute [ "$(token c.img)" = full ]
}

@test "when era_copy fails, the line for cron fails and changes nothing" {
	cp m.img before
	cp m.img.era before.era
	echo "<blocks>" >bad.xml
	run --separate-stderr -3 bash -c \
		'era_copy --from "$(era_apply --token m.img)" --ranges bad.xml --block-size 8 src.img | era_apply m.img'
	says "era_copy: bad.xml: " "era_apply: standard input: the stream is truncated"
	cmp m.img before
	cmp m.img.era before.era
}

# Order

@test "a chain, each stream by itself" {
	era_apply -i one.era m.img
	cmp m.img at1.img
	era_apply -i two.era m.img
	cmp m.img at2.img
}

@test "a chain in one command, onto a new image" {
	silent era_apply -i full.era -i one.era -i two.era new.img
	cmp new.img at2.img
	assert_equal "$(token new.img)" "$t2"
}

@test "a stream too early is refused, with what to do" {
	refused "m.img: the stream does not start from the target's state" -i two.era
	hints "in the order they were made"
}

@test "an older stream is refused" {
	era_apply -i one.era -i two.era m.img
	refused "m.img: the stream does not start from the target's state" -i one.era
}

@test "a chain in the wrong order stops at the stream that does not fit" {
	fails 4 era_apply -i one.era -i one.era -i full.era -i two.era m.img
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
}

@test "the same stream again is verified and changes nothing" {
	era_apply -i one.era m.img
	cp m.img.era before.era
	before=$(stat -c '%i %Y %Z' m.img m.img.era)
	silent era_apply -i one.era m.img
	assert_equal "$(stat -c '%i %Y %Z' m.img m.img.era)" "$before"
	cut_short one.era >cut.era
	fails 3 era_apply -i cut.era m.img
	assert_equal "$(stat -c '%i %Y %Z' m.img m.img.era)" "$before"
	assert_equal "$(token m.img)" "$t1"
}

@test "an incremental onto nothing is refused, and makes nothing" {
	fails 4 era_apply -i one.era new.img
	says "new.img: the target holds nothing yet, and the stream is incremental"
	hints "apply a full"
	assert [ ! -e new.img ]
	assert [ ! -e new.img.era ]
}

@test "an incremental of another generation is refused" {
	era_copy --full src.img | era_apply other.img
	from=$(token other.img) incr other.era 10-12
	refused "m.img: the stream is of another generation" -i other.era
	hints "apply a full"
}

@test "an incremental for another size of the same state is refused" {
	from=${t0%.*}.4190208 incr other.era 10-12
	refused "m.img: the stream's parent had 4190208 bytes, the target's state has 4194304" -i other.era
}

@test "an incremental of another state of the same generation is refused" {
	era_apply -i full.era twin.img
	from=$t0 incr other.era 500
	era_apply -i other.era twin.img
	from=$(token twin.img) incr third.era 501
	era_apply -i one.era m.img
	refused "m.img: the stream does not start from the target's state" -i third.era
}

@test "a full replaces what a target of ours holds, without --force" {
	noise 77 3000000 >src.img
	era_copy --full src.img | era_apply m.img
	cmp src.img m.img
	refute [ "$(token m.img)" = "$t0" ]
}

# Interruptions

@test "a truncated incremental leaves a target that takes the same stream again" {
	cut_short one.era >cut.era
	fails 3 era_apply -i cut.era m.img
	says "cut.era: the stream is truncated"
	grep -q "^applying incremental $t1 " m.img.era
	grep -q "^at $t0$" m.img.era
	silent era_apply -i one.era m.img
	cmp m.img at1.img
	assert_equal "$(token m.img)" "$t1"
}

@test "a stream cut before its first data leaves state and target as they were" {
	cp m.img.era before.era
	head -c "$(frames one.era '[.frames[] | select(.type == "MAP")][0].position')" one.era >cut.era
	fails 3 era_apply -i cut.era m.img
	cmp m.img at0.img
	cmp m.img.era before.era
}

@test "a target left in the middle takes nothing but the same stream, a full, or a younger one" {
	cut_short one.era >cut.era
	fails 3 era_apply -i cut.era m.img
	refused "m.img: the target was left in the middle of another stream" -i two.era
	from=$t0 incr other.era 10-12
	refused "m.img: the target was left in the middle of another stream" -i other.era
	silent era_apply -i full.era m.img
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
}

@test "a younger incremental from the same parent heals a target left in the middle" {
	cp at0.img src.img
	era_copy --full --era 3 src.img | era_apply e.img
	start=$(token e.img)
	noise 1 8192 | put src.img 0
	era_copy --from "$start" --era 4 --ranges <(ranges 0-2) --block-size 8 src.img >four.era
	cut_short four.era >cut.era
	fails 3 era_apply -i cut.era e.img
	noise 2 4096 | put src.img 409600
	era_copy --from "$start" --era 4 --ranges <(ranges 0-2 100) --block-size 8 src.img >again.era
	fails 4 era_apply -i again.era e.img
	assert_equal "$(token e.img)" "$start"
	era_copy --from "$start" --era 5 --ranges <(ranges 0-2 100) --block-size 8 src.img >five.era
	silent era_apply -i five.era e.img
	cmp src.img e.img
}

@test "an interrupted full over a target is healed by itself and by another full, not by the chain" {
	noise 77 3000000 >src.img
	era_copy --full src.img >other.era
	cut_short other.era >cut.era
	fails 3 era_apply -i cut.era m.img
	refused "left in the middle" -i one.era
	silent era_apply -i other.era m.img
	cmp src.img m.img
	fails 3 era_apply -i <(cut_short full.era) m.img
	silent era_apply -i other.era m.img
	cmp src.img m.img
}

@test "a signal in the middle: a message, the state says so, and the same stream heals" {
	for signal in INT TERM HUP; do
		rm -f fifo s.img s.img.era
		mkfifo fifo
		setsid env --default-signal era_apply s.img <fifo 2>words &
		exec 7>fifo
		cut_short full.era >&7
		wait_for grep -q applying s.img.era
		kill -$signal $!
		status=0
		wait $! || status=$?
		exec 7>&-
		assert_equal $status 1
		assert_equal "$(cat words)" "era_apply: interrupted by SIG$signal"
		grep -q "^applying full" s.img.era
		silent era_apply -i full.era s.img
		cmp s.img at0.img
	done
}

@test "kill -9 in the middle: the same stream heals" {
	mkfifo fifo
	era_apply m.img <fifo &
	exec 7>fifo
	cut_short one.era >&7
	wait_for grep -q applying m.img.era
	kill -9 $!
	wait $! || true
	exec 7>&-
	assert_equal "$(token m.img)" "$t0"
	silent era_apply -i one.era m.img
	cmp m.img at1.img
}

# A target that is not what its state says

@test "an image that somebody wrote to is refused an incremental; a full heals it" {
	for offset in 100 4194303; do
		printf x | put m.img $offset
		refused "m.img: was changed since the last stream was applied" -i one.era
		hints "mount"
		silent era_apply -i full.era m.img
		cmp m.img at0.img
	done
	silent era_apply -i one.era m.img
	cmp m.img at1.img
}

@test "the same stream again onto an image that somebody wrote to is not taken for done" {
	printf x | put m.img 100
	silent era_apply -i full.era m.img
	cmp m.img at0.img
	era_apply -i one.era m.img
	printf x | put m.img 100
	refused "m.img: was changed since" -i one.era
}

@test "an image of another size than its state says is refused an incremental; a full heals it" {
	for size in 4194305 4194303; do
		truncate -s $size m.img
		refused "m.img: has $size bytes, its state says 4194304" -i one.era
		hints "apply a full"
		silent era_apply -i full.era m.img
		cmp m.img at0.img
	done
}

@test "an image that is gone takes a full, whatever its state says" {
	rm m.img
	fails 4 era_apply -i one.era m.img
	says "m.img: "
	hints "apply a full"
	assert [ ! -e m.img ]
	silent era_apply -i full.era m.img
	cmp m.img at0.img
}

@test "an image without a byte takes a full and nothing else, whatever its state says" {
	cut_short one.era >cut.era
	fails 3 era_apply -i cut.era m.img
	truncate -s 0 m.img
	fails 4 era_apply -i one.era m.img
	says "m.img: the target holds nothing yet"
	hints "apply a full"
	assert_equal "$(token m.img)" full
	silent era_apply -i full.era m.img
	cmp m.img at0.img
}

@test "an image under another name has no state; with its state moved too it goes on" {
	mv m.img moved.img
	fails 4 era_apply -i one.era moved.img
	mv m.img.era moved.img.era
	silent era_apply -i one.era moved.img
	cmp moved.img at1.img
}

# State files

@test "a damaged state is corrupt for every command, says what to do, and changes nothing" {
	good=$(cat m.img.era)
	id=${t0#era1.}
	for bad in "" "garbage" "${good/era-state 1/era-state 2}" "${good%?}" "${good/sum/som}" "$good"$'\n'"more" \
		"${good/.4194304/.4194305}" "${good/$id/${id/[0-9]/x}}" "$(head -n 2 <<<"$good")" \
		"$(grep -v fingerprint <<<"$good")" "${good/fingerprint/fingerprint }" \
		"${good/at era1/at full era1}" "${good/sum ?/sum x}" "$(tr 'a-f' 'A-F' <<<"$good")"; do
		printf '%s' "$bad" >m.img.era
		[ -z "$bad" ] || echo >>m.img.era
		cp m.img.era before.era
		for how in --token "-i one.era" "-i full.era"; do
			# shellcheck disable=SC2086 # two words
			fails 3 era_apply $how m.img
			says "m.img.era: is not a state file of era_apply, or was damaged"
			hints "remove the file and apply a full with --force"
		done
		cmp m.img at0.img
		cmp m.img.era before.era
	done
	# What the hint says.
	rm m.img.era
	fails 4 era_apply -i full.era m.img
	silent era_apply --force -i full.era m.img
	cmp m.img at0.img
	silent era_apply -i one.era m.img
}

@test "a state cut off anywhere is corrupt" {
	cp m.img.era good
	for ((i = 0; i < $(stat -c %s good); i++)); do
		head -c $i good >m.img.era
		fails 3 era_apply --token m.img
	done
}

@test "a state file that is far too large, or none at all, is refused" {
	noise 1 100000 >m.img.era
	fails 3 era_apply --token m.img
	says "m.img.era: is larger than such a file can be"
	rm m.img.era
	mkdir m.img.era
	fails 1 era_apply --token m.img
	says "m.img.era: "
}

@test "a state that was left half written is not looked at" {
	echo garbage >m.img.era.new
	silent era_apply -i one.era m.img
	assert_equal "$(token m.img)" "$t1"
	assert [ ! -e m.img.era.new ]
}

@test "--state keeps the state elsewhere, for every command" {
	mkdir states
	silent era_apply --state states/a -i full.era s.img
	assert [ ! -e s.img.era ]
	assert_equal "$(era_apply --token --state states/a s.img)" "$t0"
	silent era_apply --state states/a -i one.era s.img
	cmp s.img at1.img
	assert_equal "$(era_apply --token --state states/a s.img)" "$t1"
	fails 4 era_apply --token s.img
	fails 4 era_apply -i two.era s.img
}

@test "--state where nothing can be written is a failure before anything is made" {
	fails 1 era_apply --state missing/a -i full.era s.img
	says "missing/a.new: cannot create: No such file or directory"
	assert [ ! -e s.img ]
}

@test "the state is a private file" {
	assert_equal "$(stat -c %a "$BATS_FILE_TMPDIR/m.img.era")" 600
}

# --verify of a chain

@test "--verify of a chain checks that each stream starts where the one before ended" {
	silent era_apply --verify -i full.era -i one.era -i two.era
	silent era_apply --verify -i one.era -i two.era
	fails 4 era_apply --verify -i full.era -i two.era
	says "two.era: the stream does not start from the target's state"
	hints
	fails 4 era_apply --verify -i two.era -i one.era
	says "one.era: "
	silent era_apply --verify -i two.era -i full.era
}

@test "--verify of a chain finds the damaged stream" {
	cut_short one.era >cut.era
	fails 3 era_apply --verify -i full.era -i cut.era -i two.era
	says "cut.era: the stream is truncated"
}
