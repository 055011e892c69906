#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_copy's command line, where its stream goes and what it says. What is in a stream: streams.bats.

# Helpers and run set loop, stderr and others; for the inner shell.
# shellcheck disable=SC2154,SC2016
load helpers

setup() {
	prepare
	truncate -s 1M a.img
	noise 1 5000 | put a.img 70000
	token=era1.$(printf %032d 1).$(printf %032d 2).5.1048576
	ranges 3 >r.xml
}

teardown() {
	undo_all
}

usage() { # TEXT ARG...: refused, with these words
	fails 2 era_copy "${@:2}"
	says "$1"
}

# Options

@test "no options, and no device, are refused with a hint" {
	usage "where it starts is not said"
	hints "--from TOKEN"
	usage "no DEVICE is named" --full
	hints "--help"
	usage "more than one DEVICE" --full a.img b.img
	usage "where it starts is not said" a.img
}

@test "an empty name is a usage error and not a file that is missing" {
	usage "DEVICE is empty" --full ""
	hints "may have failed"
}

@test "--help and --version go to standard output" {
	run --separate-stderr -0 era_copy --help
	assert_line --index 0 --partial "Usage: era_copy --full DEVICE"
	assert_output --partial "--limit-rate RATE"
	assert_equal "$stderr" ""
	run --separate-stderr -0 era_copy -h
	run --separate-stderr -0 era_copy --version
	assert_output --regexp '^era_copy \(erabackup\) [0-9]+\.[0-9]+\.[0-9]+$'
	run --separate-stderr -0 era_copy -V
}

@test "every option that --help lists is known" {
	for option in $(era_copy --help | grep -oE '^ .{4}--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		run --separate-stderr era_copy "$option"
		refute_regex "$stderr" 'unknown'
	done
}

@test "unknown options are refused by name" {
	usage "unknown or ambiguous option --bogus" --bogus --full a.img
	usage "unknown option -Z" -Z --full a.img
	usage "unknown option -Z" -qZ --full a.img
	usage "unknown or ambiguous option --e" --e --full a.img
	hints "--help"
}

@test "an option is refused where it is given twice" {
	for option in --full --held --list --estimate --json --allow-kernel --quiet --verbose; do
		usage "option $option is given twice" $option $option a.img
	done
	for option in --since=1 --before=1 --ranges=r.xml --block-size=8 --era=1 --metadata=m --cut=none \
		--output=o --level=1 --compress=zstd --threads=1 --limit-rate=1 --nice=1 --ionice=idle \
		--progress=never; do
		usage "option ${option%=*} is given twice" "$option" "$option" a.img
	done
	usage "option --from is given twice" --from "$token" --from "$token" a.img
	usage "option --output is given twice" -o x --output y --full a.img
	assert [ ! -e x ]
}

@test "an option that needs a value has one, and one that takes none has none" {
	for option in --from --since --before --ranges --block-size --era --metadata --cut --output -o --level \
		--compress --threads -T --limit-rate --nice --ionice --progress; do
		usage "option $option needs a value" $option
	done
	usage "takes no value" --full=yes a.img
	usage "takes no value" --estimate=yes --full a.img
}

@test "numbers are checked: bounds, signs, letters" {
	for value in x -1 +1 1x " 1" 0x1 1.5 99999999999999999999; do
		for option in since before block-size era level threads limit-rate nice; do
			usage "--$option" --full "--$option=$value" a.img
			says "not '$value'"
		done
	done
	for wrong in level=0 level=20 threads=0 threads=257 era=0 era=4294967296 since=4294967296 \
		before=4294967296 max-passes=0 max-passes=64 freeze-timeout=0 freeze-timeout=3601 hook-timeout=0 \
		hook-timeout=86401 block-size=0 block-size=2147483649 limit-rate=0 limit-rate=8E limit-rate=1KB nice=20 nice=-20; do
		usage "not '${wrong#*=}'" --full "--$wrong" a.img
	done
}

@test "words are checked" {
	usage "--cut is auto, snapshot, freeze, fence or none, not 'freez'" --full --cut=freez a.img
	for limit in 0s 5x s 3601s -1 1e3; do
		usage "--freeze-limit is bytes, as 64M, or seconds, as 2s, not '$limit'" --full --freeze-limit="$limit" a.img
	done
	usage "--list is text, xml or json, not 'yaml'" --list=yaml --since 1 a.img
	usage "--compress is zstd or none, not 'gzip'" --full --compress=gzip a.img
	for class in realtime realtime:7 none 3 Idle idle:0 best-effort: best-effort:8 best-effort:07 "idle "; do
		usage "not '$class'" --full --ionice="$class" a.img
	done
	usage "--progress is auto, always, never or json, not 'yes'" --full --progress=yes a.img
}

@test "a token that is malformed is refused, whatever is wrong with it" {
	gen=$(printf %032d 1)
	id=$(printf %032d 2)
	for bad in x Full "full " era1 "era2.$gen.$id.5.4096" "era1.$gen.$id.5" "era1.$gen.$id.5.4096.1" \
		"era1.$gen.$id.5.4096 " " era1.$gen.$id.5.4096" "era1.${gen}0.$id.5.4096" "era1.${gen%1}.$id.5.4096" \
		"era1.${gen/1/g}.$id.5.4096" "era1.${gen/1/A}.$id.5.4096" "era1.$gen.$gen..4096" \
		"era1.$gen.$id.-5.4096" "era1.$gen.$id.5.0" "era1.$gen.$id.5.72057594037927937" \
		"era1.$gen.$(printf %032d 0).5.4096" "era1.$gen.$id.99999999999999999999.4096" "$token$token$token"; do
		usage "is not a token" --from "$bad" --ranges r.xml --block-size 8 a.img
		hints "era_apply --token"
	done
}

@test "an empty value is refused: a token, a name or a number that a script failed to find" {
	for option in --from --since --before --ranges --block-size --era --metadata --cut --cow --freeze-limit \
		--max-passes --freeze-timeout --pre-cut --post-cut --hook-timeout --output --level \
		--compress --threads --limit-rate --nice --ionice --progress; do
		usage "option $option has an empty value" $option "" a.img
		hints "may have failed"
	done
	usage "--list is text, xml or json, not ''" --since 1 --list= a.img
}

@test "combinations that make no sense are refused" {
	usage "--full, --from and --since exclude each other" --full --from "$token" a.img
	usage "--full, --from and --since exclude each other" --full --since 1 a.img
	usage "--full, --from and --since exclude each other" --from full --since 1 a.img
	usage "--ranges needs --from TOKEN" --ranges r.xml --block-size 8 --since 1 a.img
	usage "--list needs --since ERA or --from TOKEN" --list --full a.img
	usage "--list needs --since ERA or --from TOKEN" --list --from full a.img
	usage "needs --from TOKEN" --since 1 --metadata m a.img
	usage "--list and --estimate exclude each other" --list --estimate --since 1 a.img
	usage "--json goes with --estimate" --json --full a.img
	usage "--json goes with --estimate" --json --list --since 1 a.img
	usage "--ranges and --metadata exclude each other" --ranges r.xml --metadata m --from "$token" a.img
	usage "--list and --ranges exclude each other" --list --ranges r.xml --from "$token" a.img
	for option in --cut=fence --cut=snapshot --cut=freeze --cow=/dev/x --pre-cut=true --post-cut=true; do
		usage "ranges from elsewhere come without a cut" $option --ranges r.xml --from "$token" a.img
		usage "ranges from elsewhere come without a cut" $option --metadata m --from "$token" a.img
	done
	for option in --cut=snapshot --cut=freeze --cow=/dev/x --pre-cut=true --post-cut=true; do
		usage "copy nothing: --cut is fence or none" $option --list --since 1 a.img
		usage "copy nothing: --cut is fence or none" $option --estimate --since 1 a.img
	done
	for option in --pre-cut=true --post-cut=true; do
		usage "--cut=none makes none" --cut=none $option --full a.img
	done
	for kind in freeze fence none; do
		usage "--cow goes with --cut=snapshot" --cut=$kind --cow /dev/x --full a.img
	done
	for kind in snapshot fence none; do
		usage "go with --cut=freeze" --cut=$kind --freeze-limit 1M --full a.img
		usage "go with --cut=freeze" --cut=$kind --max-passes 2 --full a.img
	done
	usage "--era goes with" --era 5 --metadata m --from "$token" a.img
	usage "--era goes with" --era 5 --metadata m --full a.img
	usage "--block-size does not go with --metadata" --block-size 8 --metadata m --from "$token" a.img
	usage "--held goes with --metadata" --held --full a.img
	usage "--before goes with --list" --before 3 --full a.img
	usage "--level does not go with --compress=none" --level 3 --compress=none --full a.img
	usage "--output is for a stream" -o x --estimate --full a.img
	usage "--output is for a stream" -o x --list --since 1 a.img
	usage "--quiet and --verbose exclude each other" -q -v --full a.img
	assert [ ! -e x ]
}

@test "the valid values at both ends are taken" {
	for good in --level=1 --level=19 --threads=1 --threads=256 --limit-rate=8P --limit-rate=1GiB \
		--compress=none --compress=zstd --cut=none --era=4294967295 --era=1 --progress=never --allow-kernel; do
		run --separate-stderr -0 bash -c "era_copy --full $good a.img | era_apply --verify"
		assert_equal "$stderr" ""
	done
}

# Devices

@test "what is neither device nor image is a usage error, and named" {
	mkfifo fifo
	for what in fifo . /dev/null; do
		usage "$what: is neither a block device nor an image file" --full "$what"
	done
}

@test "an empty image is a usage error" {
	: >empty.img
	usage "empty.img: is empty" --full empty.img
}

@test "an image that is missing or may not be read is a failure, and named" {
	fails 1 era_copy --full missing.img
	says "missing.img: cannot open: No such file or directory"
	chmod 755 . ..
	chmod 600 a.img
	as_nobody era_copy --full a.img
	assert_equal "$status" 1
	says "a.img: cannot open: Permission denied"
}

@test "without eras, --from and --since need ranges, and a full is offered" {
	fails 4 era_copy --from "$token" a.img
	says "a.img: is not a dm-era device"
	hints "--full"
	fails 4 era_copy --since 3 a.img
	fails 4 era_copy --since 3 --list a.img
	attach a.img
	fails 4 era_copy --since 3 "$loop"
	says "$loop: is not a dm-era device"
}

@test "--cut=fence is refused where nothing can be suspended" {
	usage "a.img: is not a dm-era device, so --cut=fence cannot be done" --full --cut=fence a.img
}

@test "a device is copied like the image on it, by 512 or 4096 byte sectors" {
	era_copy --full a.img | era_apply m.img
	for sector in 512 4096; do
		attach a.img --sector-size $sector --read-only
		era_copy --full "$loop" >$sector.era
		assert_equal "$(frames $sector.era .head.sector)" $sector
		era_apply $sector.img <$sector.era
		cmp $sector.img m.img
	done
}

# What it says

@test "in cron: a stream and not one word" {
	run --separate-stderr -0 bash -c 'era_copy --full a.img >s.era'
	assert_equal "$stderr" ""
	silent era_copy --full -o t.era a.img
	silent era_copy --full -q -o t.era a.img
	silent era_copy --full --progress=never -o t.era a.img
}

@test "-v gives a summary with the token, on standard error" {
	run --separate-stderr -0 era_copy --full -v -o s.era a.img
	assert_equal "$output" ""
	assert_regex "$stderr" '^era_copy: full: 1\.00 MiB of 1\.00 MiB copied, sent .* in [0-9.]+ s; cut none'
	says "era_copy: token $(frames s.era .end.token)"
}

@test "a stream is not written to a terminal" {
	terminal "era_copy --full a.img"
	assert_equal "$status" 2
	assert_output --partial "era_copy: a stream is not written to a terminal"
	assert_output --partial "  hint: "
	refute_output --partial ERF1
}

@test "on a terminal: progress while it runs and a summary at the end, not with -q" {
	terminal "era_copy --full a.img >s.era"
	assert_equal "$status" 0
	assert_output --partial "1.00 MiB of 1.00 MiB (100%)"
	assert_output --partial "era_copy: token era1."
	terminal "era_copy --full -q a.img >s.era"
	assert_equal "$status" 0
	assert_output ""
	terminal "era_copy --full --progress=never a.img >s.era"
	refute_output --partial "%"
	assert_output --partial "era_copy: token era1."
}

@test "a list and an estimate may go to a terminal" {
	terminal "era_copy --full --estimate a.img"
	assert_equal "$status" 0
	assert_output "full: 1.00 MiB of 1.00 MiB to copy"
}

@test "--progress=always shows progress in cron" {
	run --separate-stderr -0 era_copy --full --progress=always -o s.era a.img
	says "era_copy: 1.00 MiB of 1.00 MiB (100%)"
}

@test "--progress=json is lines of JSON, and the last one is the end" {
	truncate -s 300M big.img
	noise 1 3000000 | put big.img 0
	noise 2 3000000 | put big.img 200000000
	run --separate-stderr -0 era_copy --full --progress=json -o s.era big.img
	jq -e . <<<"$stderr" >json
	assert_equal "$(jq -s 'all(.[]; .total == 314572800 and .done <= .total and .seconds >= 0)' json)" true
	assert_equal "$(jq -s 'last.done' json)" 314572800
}

@test "-q is stronger than --progress" {
	silent era_copy --full -q --progress=always -o s.era a.img
}

@test "--limit-rate keeps to the rate" {
	noise 3 3145728 >n.img
	start=$(date +%s%N)
	era_copy --full --limit-rate=4M n.img >n.era
	[ $(($(date +%s%N) - start)) -ge 450000000 ] || fail "faster than the limit"
	era_apply --verify -i n.era
}

# --estimate

@test "--estimate says how much, in words and as JSON, and reads no data" {
	run --separate-stderr -0 era_copy --full --estimate a.img
	assert_output "full: 1.00 MiB of 1.00 MiB to copy"
	assert_equal "$stderr" ""
	run --separate-stderr -0 era_copy --full --estimate --json a.img
	assert_equal "$(jq -c . <<<"$output")" '{"kind":"full","bytes":1048576,"size":1048576,"since":0,"era":0}'
	run --separate-stderr -0 era_copy --from "$token" --ranges r.xml --block-size 8 --era 9 --estimate --json a.img
	assert_equal "$(jq -c . <<<"$output")" \
		'{"kind":"incremental","bytes":4096,"size":1048576,"since":5,"era":9}'
	run --separate-stderr -0 era_copy --from "$token" --ranges r.xml --block-size 8 --estimate a.img
	assert_output "incremental: 4.00 KiB of 1.00 MiB to copy"
}

@test "--estimate counts the part of a block at the end" {
	truncate -s 1052677 a.img
	run -0 era_copy --from "${token%.*}.1052677" --ranges <(ranges 256-258) --block-size 8 --estimate --json a.img
	assert_equal "$(jq .bytes <<<"$output")" 4101
}

@test "--estimate onto a full disk is a failure" {
	run -1 bash -c 'era_copy --full --estimate a.img >/dev/full'
	assert_output --partial "standard output: cannot write: No space left on device"
	run -1 bash -c 'era_copy --full --estimate --json a.img >/dev/full'
}

# Where the stream goes

@test "a reader that ends is a failure with a message" {
	noise 1 3000000 >n.img
	run --separate-stderr bash -c 'era_copy --full n.img | head -c 100000 >part; exit ${PIPESTATUS[0]}'
	assert_equal "$status" 1
	assert_equal "$stderr" "era_copy: standard output: the program that reads it has ended"
	fails 3 era_apply --verify -i part
}

@test "a full disk under standard output is a failure with a hint" {
	run -1 bash -c 'era_copy --full a.img >/dev/full'
	assert_line --index 0 "era_copy: standard output: cannot write: No space left on device"
	assert_line --index 1 --partial "  hint: "
}

@test "standard output that is closed is a failure" {
	run -1 bash -c 'era_copy --full a.img >&-'
	assert_output --partial "era_copy: standard output: "
	cmp <(noise 1 5000) <(tail -c +70001 a.img | head -c 5000)
}

@test "words for a closed standard error do not end up in the stream" {
	run -0 bash -c 'era_copy --full --progress=json -v -o s.era a.img 2>&-'
	era_apply --verify -i s.era
}

@test "-o makes a private file of that name, and replaces one" {
	echo old >s.era
	silent era_copy --full -o s.era a.img
	era_apply --verify -i s.era
	assert_equal "$(stat -c %a s.era)" 600
	assert [ ! -e s.era.part ]
}

@test "-o on a full disk: no file, no part of one, and an old one stays" {
	noise 1 3000000 >n.img
	put_fs small 1M
	fails 1 era_copy --full -o small/s.era n.img
	says "small/s.era: cannot write: No space left on device"
	hints "make room"
	assert_equal "$(ls -A small)" ""
	echo old >small/s.era
	fails 1 era_copy --full -o small/s.era n.img
	assert_equal "$(ls -A small)" s.era
	assert_equal "$(cat small/s.era)" old
	silent era_copy --full -o small/s.era a.img
	era_apply --verify -i small/s.era
}

@test "-o where no file can be made is a failure, and named" {
	fails 1 era_copy --full -o missing/s.era a.img
	says "missing/s.era.part: cannot create: No such file or directory"
	mkdir locked
	chmod 755 . .. locked
	chmod 644 a.img
	as_nobody era_copy --full -o locked/s.era a.img
	assert_equal "$status" 1
	says "locked/s.era.part: cannot create: Permission denied"
	fails 1 era_copy --full -o locked a.img
	says "locked: "
	assert_equal "$(ls -A locked)" ""
}

@test "-o /dev/full is a failure; -o of a pipe and of /dev/null work" {
	fails 1 era_copy --full -o /dev/full a.img
	says "/dev/full: cannot write: No space left on device"
	silent era_copy --full -o /dev/null a.img
	mkfifo fifo
	era_apply --verify -i fifo &
	silent era_copy --full -o fifo a.img
	wait $!
	assert [ -p fifo ]
}

@test "-o refuses a block device: a stream is no image" {
	truncate -s 8M disk
	noise 4 4096 | put disk 0
	cp disk before
	attach disk
	fails 2 era_copy --full -o "$loop" a.img
	says "$loop: is a block device, and a stream is a file"
	hints "era_apply"
	fails_sh 2 era_copy "era_copy --full a.img >$loop"
	says "standard output: is a block device"
	sync "$loop"
	cmp disk before
}

@test "-o does not make files in /dev" {
	name=/dev/era-test-missing.$$
	run --separate-stderr era_copy --full -o "$name" a.img
	made=$(ls "$name"* 2>/dev/null) || true
	rm -f "$name" "$name.part"
	assert_equal "$status" 1
	assert_equal "$made" ""
	says "$name: there is no such device"
}

@test "-o does not replace the image it copies" {
	cp a.img before
	usage "a.img: is read from, and cannot be the output too" --full -o a.img a.img
	ln a.img link
	usage "link: is read from, and cannot be the output too" --full -o link a.img
	cmp a.img before
}

@test "two runs do not write one file: the second is told, the first is whole" {
	noise 1 3000000 >n.img
	era_copy --full --limit-rate=2M -o s.era n.img &
	first=$!
	wait_for test -s s.era.part
	fails 5 era_copy --full -o s.era a.img
	says "s.era.part: is being written by another run"
	hints
	wait $first
	era_apply --verify -i s.era
	assert_equal "$(frames s.era .head.size)" 3000000
	assert [ ! -e s.era.part ]
}

@test "what a killed run left is no obstacle" {
	noise 5 100000 >s.era.part
	silent era_copy --full -o s.era a.img
	era_apply --verify -i s.era
}

@test "a signal ends it with a message, and leaves no file" {
	noise 1 3000000 >n.img
	for signal in INT TERM HUP; do
		# Interrupts are ignored in the background, but for a new session's leader.
		setsid env --default-signal era_copy --full --limit-rate=1M -o s.era n.img 2>words &
		wait_for test -s s.era.part
		kill -$signal $!
		status=0
		wait $! || status=$?
		assert_equal $status 1
		assert_equal "$(cat words)" "era_copy: interrupted by SIG$signal"
		assert_equal "$(find . -name 's.era*')" ""
	done
}
