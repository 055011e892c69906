#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_copy --ranges: lists of blocks from era_invalidate or from scripts.

# Helpers and run set loop, stderr and others; each test is a process.
# shellcheck disable=SC2154,SC2030,SC2031
load helpers

setup() {
	prepare
	full
	token=$(token m.img)
}

teardown() {
	undo_all
}

copy() { # ARG...: from m.img's state, blocks of 4 KiB, ranges from standard input unless said otherwise
	era_copy --from "$token" --block-size 8 "$@" src.img
}

# refused LIST: exit 3, nothing on standard output, the file is named.
refused() {
	printf '%s' "$1" >list.xml
	fails 3 copy_from list.xml
	says "list.xml: block list, line "
	stderr_of_file=$stderr
	capture bash -c "era_copy --from $token --ranges - --block-size 8 src.img <list.xml"
	assert_equal "$status,$output" "3,"
	assert_equal "$stderr" "${stderr_of_file/list.xml/standard input}"
}

copy_from() {
	era_copy --from "$token" --block-size 8 --ranges "$1" src.img
}

fails() { # as in helpers, for a function
	capture "${@:2}"
	failed_by "$1" era_copy
}

data_blocks() { # FILE
	frames "$1" '[.frames[] | select(.type == "MAP") | [.offset / 4096, .length / 4096]]'
}

@test "what 0.9 prints, from a file and from standard input" {
	printf '<blocks>\n  <range begin="0" end = "6"/>\n  <block block="8"/>\n</blocks>\n' >r.xml
	copy --ranges r.xml >file.era
	copy --ranges - <r.xml >stdin.era
	assert_equal "$(data_blocks file.era)" "[[0,6],[8,1]]"
	assert_equal "$(data_blocks stdin.era)" "[[0,6],[8,1]]"
}

@test "what 1.x prints, without a newline at the end" {
	printf '<blocks>\n  <range begin="0" end="6"/>\n  <block block="8"/>\n</blocks>' >r.xml
	copy --ranges r.xml >s.era
	assert_equal "$(data_blocks s.era)" "[[0,6],[8,1]]"
}

@test "an empty list is an incremental without data, that moves the target on" {
	for list in $'<blocks>\n</blocks>' '<blocks/>' '<blocks></blocks>'; do
		copy --ranges - <<<"$list" >s.era
		assert_equal "$(frames s.era '[.head.kind, .end.data_frames, .end.zero_frames]')" '["incremental",0,0]'
	done
	cp m.img before
	era_apply m.img <s.era
	cmp m.img before
	assert_equal "$(token m.img)" "$(frames s.era .end.token)"
	refute [ "$(token m.img)" = "$token" ]
}

@test "an empty input is a program that failed, not an empty list" {
	refused ""
	says "there is nothing at all"
	hints
	fails_sh 3 era_copy "false | era_copy --from $token --ranges - --block-size 8 src.img"
}

@test "a list that ends too soon is refused, wherever it ends" {
	list=$(ranges 0-6 8)
	for ((i = 1; i < ${#list}; i++)); do
		printf '%s' "${list:0:i}" >list.xml
		fails 3 copy_from list.xml
	done
	hints "printed again"
	printf '%s' "$list" >list.xml
	copy_from list.xml | era_apply --verify
}

@test "ranges that overlap, go back or are empty are refused" {
	refused "$(ranges 0-6 5)"
	says "begins before the end of the one before"
	refused "$(ranges 5 5)"
	refused "$(ranges 10-12 4-6)"
	refused "$(ranges 6-6)"
	says "empty or backwards"
	refused "$(ranges 6-5)"
}

@test "ranges beyond the device are refused; up to its end they are not" {
	refused "$(ranges 1023-1025)"
	says "does not fit the device: blocks 1023 to 1025 of a device of 1024"
	hints
	refused "$(ranges 1024)"
	refused "$(ranges 18446744073709551615)"
	refused "$(ranges 0-18446744073709551615)"
	copy --ranges <(ranges 1023) | era_apply --verify
}

@test "numbers that are none are refused" {
	for bad in -1 +1 0x1 1.0 '' ' 1' 99999999999999999999; do
		refused "<blocks><block block=\"$bad\"/></blocks>"
	done
}

@test "what is no list is refused" {
	for bad in garbage '<blocks>' '</blocks>' '<superblock/>' '<blocks><block/></blocks>' \
		'<blocks>1</blocks>' '<blocks><range begin="1"/></blocks>' '<blocks><other/></blocks>' \
		'<blocks></blocks>x' '<blocks></blocks><blocks></blocks>' '<blocks a="1"/>' \
		'<!DOCTYPE blocks><blocks/>' '<blocks><block block="1" block="2"/></blocks>' \
		'<blocks><block block="1"><block block="2"/></block></blocks>' $'\x89ERA' $'\xff\xfe<'; do
		refused "$bad"
	done
}

@test "a list that is missing or a directory is a failure" {
	fails 1 copy_from missing.xml
	says "missing.xml: cannot open: No such file or directory"
	fails 1 copy_from .
	says ".: cannot read: Is a directory"
}

@test "without --block-size it is a usage error that says where to find it" {
	fails 2 era_copy --from "$token" --ranges <(ranges 1) src.img
	says "--ranges needs --block-size"
	hints "dmsetup table"
}

@test "--block-size is what a block is" {
	era_copy --from "$token" --ranges <(ranges 1-3) --block-size 128 src.img >s.era
	assert_equal "$(frames s.era '[.frames[] | select(.type == "MAP") | [.offset, .length]]')" "[[65536,131072]]"
	assert_equal "$(frames s.era .head.era_block)" 65536
}

@test "--era becomes the era of the next token; below the token's it is refused" {
	copy --era 7 --ranges <(ranges 1) >s.era
	assert_equal "$(frames s.era '[.head.since, .head.era, .end.era]')" "[0,7,7]"
	era_apply m.img <s.era
	[[ $(token m.img) == *.7.4194304 ]] || fail "$(token m.img)"
	token=$(token m.img)
	capture copy --era 6 --ranges <(ranges 1)
	failed_by 4 era_copy
	says "src.img: the cut is at era 6, below the 7 it starts from"
	hints "--full"
	copy --era 7 --ranges <(ranges 1) | era_apply m.img
}

@test "without --era the chain goes on by ids alone" {
	copy --ranges <(ranges 1) | era_apply m.img
	[[ $(token m.img) == *.0.4194304 ]] || fail "$(token m.img)"
	token=$(token m.img)
	copy --ranges <(ranges 2) | era_apply m.img
}

@test "--from full with --ranges is a full of everything, and the list is read all the same" {
	era_copy --from full --ranges <(ranges 1) --block-size 8 src.img >s.era
	assert_equal "$(frames s.era '[.head.kind, .head.parent, .head.since, .head.parent_size]')" \
		'["full","00000000000000000000000000000000",0,0]'
	era_apply other.img <s.era
	cmp src.img other.img
	era_copy --full --ranges <(ranges 1) --block-size 8 src.img >s.era
	assert_equal "$(frames s.era .head.kind)" full
	fails 3 era_copy --full --ranges /dev/null --block-size 8 src.img
	fails 3 era_copy --from full --ranges /dev/null --block-size 8 src.img
	fails 3 era_copy --from full --ranges <(echo "<blocks>") --block-size 8 src.img
}

@test "a list of the blocks that changed brings the target up to date" {
	noise 5 12288 | put src.img 40960
	noise 6 4096 | put src.img 4190208
	copy --ranges <(ranges 10-13 1023) | era_apply m.img
	cmp src.img m.img
}

@test "only the listed blocks are touched" {
	cp m.img want
	noise 5 12288 | put src.img 40960
	dd if=src.img of=want bs=4096 skip=11 seek=11 count=1 conv=notrunc status=none
	copy --ranges <(ranges 11) | era_apply m.img
	cmp want m.img
}

@test "a device that grew: the new space is in, with the old block at the end, whatever the list says" {
	old=4194304
	for size in 4198500 5000000 5300001; do
		truncate -s $size src.img
		# Behind the old end, and in the part of a block before it.
		noise $size $((size - old / 4096 * 4096)) | put src.img $((old / 4096 * 4096))
		old=$size
		copy --ranges <(ranges) >s.era
		era_apply m.img <s.era
		cmp src.img m.img
		token=$(token m.img)
		[[ $token == *.$size ]] || fail "$token"
	done
}

@test "a device that shrank needs a full" {
	truncate -s 4194303 src.img
	capture copy --ranges <(ranges 1)
	failed_by 4 era_copy
	says "src.img: has 4194303 bytes, and had 4194304 when the token was made"
	hints "era_copy --full src.img"
}

@test "a list for a device, with the device as source" {
	noise 5 4096 | put src.img 8192
	attach src.img --read-only
	era_copy --from "$token" --ranges <(ranges 2) --block-size 8 "$loop" | era_apply m.img
	cmp src.img m.img
}
