#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is in the streams of era_copy, and that era_apply makes the same bytes of them.

# Helpers and run set loop, stderr and others.
# shellcheck disable=SC2154
load helpers

setup() {
	prepare
}

teardown() {
	undo_all
}

# same FILE: its full gives the same bytes, in no more room, whether or not a target is there.
same() {
	era_copy --full "$1" >s.era
	rm -f m.img m.img.era
	era_apply m.img <s.era
	cmp "$1" m.img
	sync "$1" m.img
	[ "$(used m.img)" -le $(($(used "$1") + 65536)) ] || fail "$1 takes $(used "$1"), its copy $(used m.img)"
	frames s.era '[.frames[] | select(.type == "DATA" and
		((.offset / 1048576 | floor) != ((.offset + .length - 1) / 1048576 | floor)))] | length' >crossing
	assert_equal "$(cat crossing)" 0
	# Over something else: what is zero now must become zero.
	noise 99 $(($(stat -c %s "$1") + 5000)) >m.img
	rm m.img.era
	era_apply --force m.img <s.era
	cmp "$1" m.img
}

@test "fulls of odd sizes" {
	for size in 1 511 512 4095 4096 4097 65535 65537 100001 1048575 1048576 1048577; do
		noise $size $size >x.img
		same x.img
	done
}

@test "an odd size that ends in zeros, and one that is a hole up to its last byte" {
	noise 1 5000 >x.img
	truncate -s 100001 x.img
	same x.img
	truncate -s 3000000 y.img
	printf x | put y.img 2999999
	same y.img
}

@test "an image of zeros becomes ZERO, and a new target of it takes no room" {
	head -c 3000000 /dev/zero >zero.img
	era_copy --full zero.img >s.era
	assert_equal "$(frames s.era '[.frames[] | select(.type == "ZERO" or .type == "DATA") | [.type, .offset, .length]]')" \
		'[["ZERO",0,3000000]]'
	era_apply m.img <s.era
	cmp zero.img m.img
	used_at_most m.img 0
}

@test "an image that is one hole is not read and takes no room, however large" {
	truncate -s 2T hole.img
	era_copy --full hole.img >s.era
	[ "$(stat -c %s s.era)" -lt 2000 ] || fail "a large stream"
	era_apply m.img <s.era
	assert_equal "$(stat -c %s m.img)" 2199023255552
	used_at_most m.img 0
}

@test "zeros on disk and holes give the same stream body" {
	truncate -s 2M holes.img
	seq 1000 | put holes.img 500000
	cp --sparse=never holes.img zeros.img
	for x in holes zeros; do
		era_copy --full $x.img >s.era
		frames s.era '[.frames[] | [.type, .offset, .length, .stored]]' >$x
	done
	cmp holes zeros
}

@test "random bytes are stored as they are" {
	noise 1 1500000 >x.img
	same x.img
	assert_equal "$(frames s.era '[.frames[] | select(.type == "DATA") | [.codec, .length, .stored]]')" \
		'[["-",1048576,1048576],["-",451424,451424]]'
}

@test "what compresses is compressed, and --compress=none does not" {
	seq 100000 >x.img
	same x.img
	assert_equal "$(frames s.era '[.frames[] | select(.type == "DATA")] | all(.codec == "zstd" and .stored * 2 < .length)')" true
	era_copy --full --compress=none x.img >plain.era
	assert_equal "$(frames plain.era '[.frames[] | select(.type == "DATA")] | all(.codec == "-" and .stored == .length)')" true
	era_apply plain.img <plain.era
	cmp x.img plain.img
}

@test "levels trade size, not bytes" {
	seq 300000 >x.img
	for level in 1 3 9 19; do
		era_copy --full --level $level x.img >$level.era
		era_apply $level.img <$level.era
		cmp x.img $level.img
	done
	[ "$(stat -c %s 19.era)" -lt "$(stat -c %s 1.era)" ] || fail "level 19 is not smaller"
}

@test "1, 2 and 8 threads make the same frames and the same image" {
	make_source
	for threads in 1 2 8; do
		era_copy --full -T $threads src.img >$threads.era
		# The random ids are in the header of every frame, and how HEAD, which has them too, compresses is
		# luck; so places are counted from behind it.
		frames $threads.era '[.frames[0].position as $first | .frames[] | .position -= $first]' >$threads.frames
		start=$(frames $threads.era '.frames[0].position')
		echo $(($(stat -c %s $threads.era) - start)) >$threads.size
		cmp 1.size $threads.size
		at=$(frames $threads.era '.frames | map(select(.type == "DATA")) | first | .position + 64')
		tail -c +$((at + 1)) $threads.era | head -c 500000 >$threads.data
		cmp 1.data $threads.data
		era_apply --threads $threads $threads.img <$threads.era
		cmp src.img $threads.img
	done
	cmp 1.frames 2.frames
	cmp 1.frames 8.frames
}

# pattern UNIT WORD: x.img has a unit for each letter: d(ata), z(eros on disk), h(ole).
pattern() {
	local i

	rm -f x.img
	truncate -s $(($1 * ${#2})) x.img
	for ((i = 0; i < ${#2}; i++)); do
		case ${2:i:1} in
		d) noise "$i" "$1" | put x.img $((i * $1)) ;;
		z) head -c "$1" /dev/zero | put x.img $((i * $1)) ;;
		esac
	done
}

# Every two letters stand beside each other in it, in both orders, and every one at both ends of some.
@test "every change between data, zeros and hole, in units of 4 KiB" {
	for word in ddzzhhdhzd hzhdzhhd zdhz; do
		pattern 4096 $word
		same x.img
	done
}

@test "every change between data, zeros and hole, in units of 64 KiB" {
	for word in ddzzhhdhzd hzhdzhhd zdhz; do
		pattern 65536 $word
		same x.img
		# Nothing of a unit that is zero was sent.
		assert_equal "$(frames s.era .end.data_bytes)" $((65536 * $(tr -cd d <<<$word | wc -c)))
	done
}

@test "every change between data, zeros and hole, on a device" {
	pattern 65536 ddzzhhdhzdhzhd
	attach x.img
	src=$loop
	truncate -s 917504 y.img
	noise 7 917504 | put y.img 0
	attach y.img
	era_copy --full "$src" | era_apply --force "$loop"
	sync "$loop"
	cmp x.img y.img
}

@test "a single byte that is not zero is found, wherever it is in its 4 KiB" {
	for at in 0 1 15 16 17 2047 4080 4094 4095; do
		truncate -s 0 x.img
		truncate -s 192K x.img
		head -c 196608 /dev/zero >x.img
		printf '\001' | put x.img $((65536 + at))
		era_copy --full x.img | era_apply --force --state "$at.era" m.img
		cmp x.img m.img
		rm m.img
	done
}

@test "zeros punch holes into a target that had data" {
	noise 1 4194304 >src.img
	era_copy --full src.img | era_apply m.img
	sync m.img
	[ "$(used m.img)" -ge 4194304 ] || fail "the image is not as large as its data"
	rm src.img
	truncate -s 4M src.img
	noise 2 65536 | put src.img 1048576
	incr one.era 0-1024
	era_apply m.img <one.era
	cmp src.img m.img
	used_at_most m.img 131072
}

@test "zeros free the room behind a device" {
	noise 1 4194304 >disk
	attach disk
	truncate -s 4M src.img
	era_copy --full src.img | era_apply --force "$loop"
	sync "$loop"
	cmp disk src.img
	used_at_most disk 131072
}

@test "a full brings an image to the size of its source, larger or smaller" {
	noise 1 100000 >src.img
	for size in 0 5 2000000; do
		rm -f m.img m.img.era
		noise 2 $size >m.img
		era_copy --full src.img | era_apply --force m.img
		cmp src.img m.img
	done
}

@test "more extents than one index piece and one MAP frame hold" {
	truncate -s 70M src.img
	era_copy --full src.img | era_apply m.img
	python3 -c 'print("<blocks>")
for i in range(0, 140000, 2): print("<block block=\"%d\"/>" % i)
print("</blocks>")' >r.xml
	# Data in some, so that frames of both kinds alternate.
	noise 1 4096000 | put src.img 0
	era_copy --from "$(token m.img)" --ranges r.xml --block-size 1 src.img >one.era
	assert_equal "$(frames one.era '[.frames[] | select(.type == "MAP")] | length')" 70000
	era_apply m.img <one.era
	python3 -c 'import sys
src = open("src.img", "rb").read()
m = open("m.img", "rb").read()
for i in range(140000):
    assert m[i * 512:i * 512 + 512] == (src[i * 512:i * 512 + 512] if i % 2 == 0 else bytes(512)), i'
	era_apply --verify -i one.era
}

@test "names with control characters and bytes that are no text come out printable" {
	name=$'a\e[31mb\n\xff\xc3.img'
	seq 100 >"$name"
	era_copy --full "$name" >s.era
	run -0 era_apply --dump -i s.era
	assert_line --regexp '^device +a\?\[31mb\?\?\?\.img$'
	assert_equal "$(LC_ALL=C tr -d '[:print:]\n' <<<"$output" | wc -c)" 0
	assert_equal "$(frames s.era .head.size,.fields.device)" $'292\na?[31mb???.img'
	era_apply m.img <s.era
	cmp "$name" m.img
}

@test "a filesystem is named in the stream" {
	truncate -s 8M fs.img
	mkfs.ext4 -q -L label -U 11111111-2222-3333-4444-555555555555 fs.img
	era_copy --full fs.img >s.era
	assert_equal "$(frames s.era '.fields | [.fs_type, .fs_uuid, .fs_label]')" \
		'["ext4","11111111-2222-3333-4444-555555555555","label"]'
	same fs.img
}
