#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_apply's command line, what it says, --verify and --dump, and streams that are damaged. Which streams fit
# which target: chain.bats. What a target may be: targets.bats. The way back: undo.bats.

# Helpers and run set loop, stderr and others; the format is the byte.
# shellcheck disable=SC2154,SC2059
load helpers

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	make_source
	era_copy --full src.img >full.era
}

setup() {
	prepare
	ln -s "$BATS_FILE_TMPDIR/full.era" full.era
	ln -s "$BATS_FILE_TMPDIR/src.img" src.img
}

teardown() {
	undo_all
}

usage() { # TEXT ARG...: refused, with these words, and nothing was made
	fails 2 era_apply "${@:2}"
	says "$1"
	assert [ ! -e m.img ]
	assert [ ! -e m.img.era ]
}

# Options

@test "no target, two targets and an empty one are refused with a hint" {
	usage "no TARGET is named"
	hints "--help"
	usage "more than one TARGET" m.img n.img
	usage "TARGET is empty" ""
	hints "may have failed"
	usage "TARGET is empty" --token ""
	assert_equal "$(ls -A)" $'full.era\nsrc.img'
}

@test "--help and --version go to standard output" {
	run --separate-stderr -0 era_apply --help
	assert_line --index 0 --partial "Usage: era_apply [OPTION]... TARGET"
	assert_equal "$stderr" ""
	run --separate-stderr -0 era_apply --version
	assert_output --regexp '^era_apply \(erabackup\) [0-9]+\.[0-9]+\.[0-9]+$'
	run --separate-stderr -0 era_apply -h
	run --separate-stderr -0 era_apply -V
}

@test "every option that --help lists is known" {
	for option in $(era_apply --help | grep -oE '^ .{4}--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		capture era_apply "$option"
		refute_regex "$stderr" 'unknown'
	done
}

@test "unknown options are refused by name" {
	usage "unknown or ambiguous option --bogus" --bogus m.img
	usage "unknown option -Z" -fZ m.img
}

@test "an option is refused where it is given twice, but for --input" {
	for option in --verify --dump --json --token --force --quiet --verbose; do
		usage "option $option is given twice" $option $option m.img
	done
	for option in --undo=u --state=s --threads=1 --nice=1 --ionice=idle --progress=never; do
		usage "option ${option%=*} is given twice" $option $option m.img
	done
	usage "option --force is given twice" -f --force m.img
	silent era_apply --verify -i full.era --input full.era
}

@test "an option that needs a value has one, and one that takes none has none" {
	for option in --input -i --undo --state --threads -T --nice --ionice --progress; do
		usage "option $option needs a value" $option
	done
	for option in --input --undo --state --threads --nice --ionice --progress; do
		usage "option $option has an empty value" $option "" m.img
	done
	usage "takes no value" --force=yes m.img
}

@test "values are checked" {
	for value in 0 257 x -1 1K; do
		usage "--threads is 1 to 256, not '$value'" --threads=$value m.img
	done
	for value in 20 -20 -1 +1 x "5;x"; do
		usage "--nice is 0 to 19, not '$value'" --nice="$value" m.img
	done
	for value in realtime 3 none idle:0 best-effort:8; do
		usage "not '$value'" --ionice="$value" m.img
	done
	usage "--progress is auto, always, never or json, not 'yes'" --progress yes m.img
	silent era_apply --verify -T 256 -i full.era
}

@test "combinations that make no sense are refused" {
	usage "--verify, --dump and --token exclude each other" --verify --dump
	usage "--verify, --dump and --token exclude each other" --verify --token m.img
	usage "--verify and --dump take no TARGET" --verify m.img
	usage "--verify and --dump take no TARGET" --dump full.era
	usage "--json goes with --dump" --json m.img
	usage "--json goes with --dump" --json --verify
	usage "--token takes only --state" --token -i full.era m.img
	usage "--token takes only --state" --token --undo u m.img
	usage "--token takes only --state" --token --force m.img
	usage "--undo, --force and --state go with a TARGET" --verify --force
	usage "--undo, --force and --state go with a TARGET" --verify --state s
	usage "--undo, --force and --state go with a TARGET" --dump --undo u
	usage "--undo takes one stream at a time" --undo u -i full.era -i full.era m.img
	usage "--quiet and --verbose exclude each other" -q -v m.img
}

# Input

@test "a stream is not read from a terminal" {
	terminal "era_apply m.img"
	assert_equal "$status" 2
	assert_output --partial "era_apply: a stream is not read from a terminal"
	assert_output --partial "  hint: "
	terminal "era_apply -i - m.img"
	assert_equal "$status" 2
	terminal "era_apply --verify"
	assert_equal "$status" 2
	assert [ ! -e m.img ]
}

@test "an input that is missing or a directory is a failure, and named" {
	fails 1 era_apply -i missing.era m.img
	says "missing.era: cannot open: No such file or directory"
	fails 1 era_apply -i . m.img
	says ".: cannot read: Is a directory"
	assert [ ! -e m.img ]
}

@test "an empty input is a truncated stream, and touches nothing" {
	fails 3 era_apply m.img
	says "standard input: the stream is truncated: it ends after 0 bytes, without END"
	hints "did not finish"
	assert [ ! -e m.img ]
	assert [ ! -e m.img.era ]
}

@test "what is no stream is refused at its first byte" {
	for what in src.img /etc/passwd /dev/zero; do
		fails 3 era_apply -i $what m.img
		says "$what: at byte 0: "
		assert [ ! -e m.img ]
	done
}

@test "standard input that is closed is a failure" {
	run -1 bash -c 'era_apply m.img <&-'
	assert_output --partial "era_apply: standard input: "
	assert [ ! -e m.img ]
}

@test "words for a closed standard error do not end up in the target" {
	run -0 bash -c 'era_apply --progress=json -v m.img <full.era 2>&-'
	cmp src.img m.img
}

# What it says

@test "in cron: not one word" {
	silent era_apply -i full.era m.img
	silent era_apply -i full.era m.img
	silent era_apply --verify -i full.era
	silent era_apply -q -i full.era n.img
}

@test "-v gives a summary of each stream, on standard error" {
	run --separate-stderr -0 era_apply -v -i full.era m.img
	assert_equal "$output" ""
	assert_regex "$stderr" '^era_apply: full\.era: full applied: .* of data and .* of zeros from a stream of .* s$'
	run --separate-stderr -0 era_apply -v -i full.era m.img
	says "full.era: full was there already, verified"
	run --separate-stderr -0 era_apply -v --verify -i full.era -i full.era
	assert_equal "$(grep -c 'full verified' <<<"$stderr")" 2
}

@test "on a terminal: progress and a summary, not with -q" {
	terminal "era_apply -i full.era m.img"
	assert_equal "$status" 0
	assert_output --partial " of 4.00 MiB ("
	assert_output --partial "era_apply: full.era: full applied: "
	terminal "era_apply -q -i full.era n.img"
	assert_equal "$status" 0
	assert_output ""
}

@test "--progress=json is lines of JSON, and the last one is the end" {
	run --separate-stderr -0 era_apply --progress=json -i full.era m.img
	jq -e . <<<"$stderr" >json
	assert_equal "$(jq -s 'last | [.done, .total]' -c json)" "[4194304,4194304]"
	run --separate-stderr -0 era_apply --progress=always -i full.era n.img
	says " of 4.00 MiB ("
}

# --verify

@test "--verify writes nothing, from a file and from standard input" {
	silent era_apply --verify -i full.era
	silent bash -c 'era_apply --verify <full.era'
	silent bash -c 'era_apply --verify -i full.era -i - <full.era'
	assert_equal "$(ls -A)" $'full.era\nsrc.img'
}

@test "--verify=stored writes nothing, from a file, from a pipe, and from the middle of a file" {
	silent era_apply --verify=stored -i full.era
	silent era_apply --verify=content -i full.era
	silent bash -c 'cat full.era | era_apply --verify=stored'
	cat <(echo first) full.era >"more"
	silent bash -c '{ read -r line; era_apply --verify=stored; } <more'
	assert_equal "$(ls -A)" $'full.era\nmore\nsrc.img'
	run --separate-stderr -0 era_apply -v --verify=stored -i full.era
	says "full.era: full verified as stored: "
}

@test "--verify of something else, or of a target, is refused" {
	usage "--verify is of content or stored, not of 'all'" --verify=all -i full.era
	usage "--verify and --dump take no TARGET" --verify=stored m.img
}

@test "a file is left where its stream ended, so that what comes next is not that stream again" {
	fails_sh 3 era_apply 'era_apply --verify=stored -i - -i - <full.era'
	says "standard input: the stream is truncated: it ends after 0 bytes"
}

# apply, verify by content and as stored, each from a file and from a pipe: one error, the same everywhere.
same_error() { # FILE TEXT
	local way

	fails 3 era_apply -q -i "$1" m.img
	says "$1: $2"
	for way in --verify --verify=stored; do
		fails 3 era_apply "$way" -i "$1"
		says "$1: $2"
		fails_sh 3 era_apply "cat $1 | era_apply $way"
		says "standard input: $2"
	done
}

@test "the error is the first one in the stream, whoever finds it" {
	at=$(frames full.era '[.frames[] | select(.type == "DATA")][0].position')
	size=$(stat -Lc %s full.era)
	cp -L full.era flip.era
	printf '\001\002\003\004' | put flip.era $((at + 64 + 5000))
	truncate -s -1 flip.era
	same_error flip.era "at byte $at, device offset 0: the checksum of the frame's stored bytes is wrong"
	head -c $((at + 64 + 9)) full.era >cut.era
	same_error cut.era "the stream is truncated: it ends after $((at + 64 + 9)) bytes, without END"
	head -c $((size - 1)) full.era >cut.era
	same_error cut.era "the stream is truncated: it ends after $((size - 1)) bytes, without its footer"
}

# One bit of full.era after the other is flipped, in flip.era: 30 anywhere, and one in every frame's header and at the end.
each_flip() { # SEED COMMAND...: must end with 3 and say where
	local size at byte

	size=$(stat -Lc %s full.era)
	cp -L full.era flip.era
	RANDOM=$1
	shift
	{
		for ((i = 0; i < 30; i++)); do
			echo $(((RANDOM * 32768 + RANDOM) % size))
		done
		frames full.era '.frames[].position'
		echo $((size - 1))
		echo $((size - 30))
	} >places
	while read -r at; do
		byte=$(tail -c +$((at + 1)) full.era | head -c 1 | od -An -tu1)
		printf "\\x$(printf %x $((byte ^ 1 << at % 8)))" | put flip.era "$at"
		fails 3 "$@"
		says "flip.era: at byte "
		assert_equal "$(token m.img)" full
		printf "\\x$(printf %x "$((byte))")" | put flip.era "$at"
	done <places
	cmp flip.era full.era
}

@test "--verify=stored finds one flipped bit, wherever it is" {
	each_flip 4712 era_apply --verify=stored -i flip.era
}

# --dump

@test "--dump says who, what and where, in words" {
	run --separate-stderr -0 era_apply --dump -i full.era
	assert_equal "$stderr" ""
	assert_line --regexp '^kind +full$'
	assert_line --regexp '^size +4194304 \(parent 0\)$'
	assert_line --regexp '^PASS '
	assert_line --regexp '^MAP +0 +4194304 '
	assert_line --regexp '^DATA +0 +1048576 +1048576 - +at [0-9]+$'
	assert_line --regexp '^ZERO +[0-9]+ +[0-9]+ +0 - +at [0-9]+$'
	assert_line --regexp '^token +era1\.[0-9a-f]{32}\.[0-9a-f]{32}\.0\.4194304$'
}

@test "--dump --json has the same, and its positions are those of the frames" {
	run --separate-stderr -0 era_apply --dump --json -i full.era
	assert_equal "$stderr" ""
	jq -e '.head.kind == "full" and .head.size == 4194304 and .end.passes == 1 and
		(.end.data_bytes + .end.zero_bytes) == 4194304' <<<"$output"
	for at in $(jq '.frames[] | select(.type != "MAP") | .position' <<<"$output"); do
		assert_equal "$(tail -c +$((at + 1)) full.era | head -c 4)" ERF1
	done
}

@test "--dump of several streams, one after the other" {
	era_apply --dump --json -i full.era -i full.era | jq -s length >n
	assert_equal "$(cat n)" 2
}

@test "--dump of a truncated stream shows what there is and fails" {
	head -c 1100000 full.era >cut.era
	run --separate-stderr -3 era_apply --dump -i cut.era
	assert_line --regexp '^DATA +0 '
	refute_line --regexp '^token'
	says "cut.era: the stream is truncated: it ends after "
}

@test "--dump and --token onto a full disk are failures" {
	run -1 bash -c 'era_apply --dump -i full.era >/dev/full'
	assert_output --partial "standard output: cannot write: No space left on device"
	run -1 bash -c 'era_apply --dump --json -i full.era >/dev/full'
	run -1 bash -c 'era_apply --token m.img >/dev/full'
	assert_output --partial "standard output: cannot write: No space left on device"
}

# Damage

@test "a stream cut anywhere is refused, never committed, and healed by the whole one" {
	size=$(stat -Lc %s full.era)
	positions=$(frames full.era '.frames[].position')
	for at in 1 39 40 41 104 200 $positions $((size / 2)) $((size - 48)) $((size - 1)); do
		head -c "$at" full.era >cut.era
		fails 3 era_apply -i cut.era m.img
		says "cut.era: the stream is truncated: it ends after "
		hints "make the stream again"
		run -0 era_apply --token m.img
		assert_output full
	done
	grep -q "^applying full era1" m.img.era
	silent era_apply -i full.era m.img
	cmp src.img m.img
}

@test "a stream with something behind its end is refused" {
	cat full.era - <<<x >more.era
	fails 3 era_apply -i more.era m.img
	says "more.era: there is more behind the end of the stream, at byte $(stat -Lc %s full.era)"
	assert_equal "$(token m.img)" full
	cat full.era full.era >twice.era
	fails 3 era_apply --verify -i twice.era
}

@test "one flipped bit is found, wherever it is: 30 places in data, and every frame's header" {
	each_flip 4711 era_apply -i flip.era m.img
	silent era_apply -i flip.era m.img
	cmp src.img m.img
}

@test "no byte of a damaged frame is written" {
	at=$(frames full.era '[.frames[] | select(.type == "DATA")][0].position')
	cp -L full.era flip.era
	printf '\001\002\003\004' | put flip.era $((at + 64 + 5000))
	fails 3 era_apply -T 1 -i flip.era m.img
	says "flip.era: at byte $at, device offset 0: the checksum of the frame's stored bytes is wrong"
	assert_equal "$(head -c 1048576 m.img | tr -d '\0' | wc -c)" 0
}

@test "frames of two streams cannot be spliced" {
	era_copy --full src.img >other.era
	at=$(frames full.era '[.frames[] | select(.type == "DATA")][1].position')
	cat <(head -c "$at" full.era) <(tail -c +$((at + 1)) other.era) >spliced.era
	fails 3 era_apply --verify -i spliced.era
	says "spliced.era: at byte $at: "
}
