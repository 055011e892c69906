#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_apply --undo: the way back is on disk before the first byte changes, and it leads to the same bytes and
# the same token.

# Helpers and run set loop, stderr and others.
# shellcheck disable=SC2154
load helpers

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	chain
}

setup() {
	prepare
	cp --sparse=always "$BATS_FILE_TMPDIR"/* .
	t0=$(token m.img)
}

teardown() {
	undo_all
}

@test "an undo stream brings back bytes and token, and the chain goes on from there" {
	silent era_apply --undo u.era -i one.era m.img
	cmp m.img at1.img
	assert_equal "$(stat -c %a u.era)" 600
	assert [ ! -e u.era.part ]
	assert_equal "$(frames u.era .head.kind)" reverse
	silent era_apply -i u.era m.img
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
	silent era_apply -i one.era -i two.era m.img
	cmp m.img at2.img
}

@test "an undo stream holds what the stream names and no more" {
	era_apply --undo u.era -i one.era m.img
	assert_equal "$(frames u.era '[.frames[] | select(.type == "MAP") | [.offset, .length]]')" "[[40960,8192]]"
}

@test "undo streams of a chain lead back one by one, in one command" {
	era_apply --undo u1.era -i one.era m.img
	era_apply --undo u2.era -i two.era m.img
	cp m.img before
	fails 4 era_apply -i u1.era m.img
	says "m.img: the stream undoes another one than the target's last"
	hints "opposite order"
	cmp m.img before
	silent era_apply --verify -i u2.era -i u1.era
	silent era_apply -i u2.era -i u1.era m.img
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
}

@test "an undo stream fits nothing but what its stream left" {
	era_apply --undo u.era -i one.era m.img
	era_apply -i two.era m.img
	fails 4 era_apply -i u.era m.img
	fails 4 era_apply -i u.era new.img
	assert [ ! -e new.img ]
	cmp m.img at2.img
}

@test "an undo stream heals the target that its stream left in the middle" {
	cut=$(frames one.era '[.frames[] | select(.type == "DATA")] | last | .position + 100')
	fails_sh 3 era_apply "head -c $cut one.era | era_apply --undo u.era m.img"
	grep -q "^applying incremental" m.img.era
	silent era_apply -i u.era m.img
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
}

@test "a half applied undo stream is healed by itself" {
	era_apply --undo u.era -i one.era m.img
	cut=$(frames u.era '[.frames[] | select(.type == "DATA")] | last | .position + 100')
	fails_sh 3 era_apply "head -c $cut u.era | era_apply m.img"
	fails 4 era_apply -i two.era m.img
	silent era_apply -i u.era m.img
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
}

@test "a truncated stream leaves an undo stream that is whole" {
	cut=$(frames one.era '[.frames[] | select(.type == "DATA")] | last | .position + 100')
	fails_sh 3 era_apply "head -c $cut one.era | era_apply --undo u.era m.img"
	silent era_apply --verify -i u.era
}

@test "a full can be undone: size, bytes and token of before" {
	for size in 3000000 5000001; do
		noise $size $size >src.img
		era_copy --full src.img >other.era
		rm -f u.era
		silent era_apply --undo u.era -i other.era m.img
		cmp m.img src.img
		silent era_apply -i u.era m.img
		cmp m.img at0.img
		assert_equal "$(token m.img)" "$t0"
	done
}

@test "a grow can be undone" {
	truncate -s 5000001 src.img
	noise 8 800000 | put src.img 4194304
	incr grow.era 10-12 768
	era_apply --undo u.era -i grow.era m.img
	assert_equal "$(stat -c %s m.img)" 5000001
	silent era_apply -i u.era m.img
	cmp m.img at0.img
}

@test "what nothing was known of, overwritten with --force, comes back without a state" {
	noise 1 3000001 >x.img
	cp x.img before
	era_apply --force --undo u.era -i full.era x.img
	cmp x.img at0.img
	silent era_apply -i u.era x.img
	cmp x.img before
	assert [ ! -e x.img.era ]
}

@test "a device's filesystem comes back" {
	truncate -s 6M disk
	mkfs.ext4 -q disk
	noise 1 2097152 | put disk 4194304
	cp disk before
	attach disk
	era_apply --force --undo u.era -i full.era "$loop"
	cmp --bytes=4194304 "$loop" at0.img
	silent era_apply -i u.era "$loop"
	cmp "$loop" before
}

@test "--undo never replaces a file, and the target stays" {
	echo precious >u.era
	fails 2 era_apply --undo u.era -i one.era m.img
	says "u.era: is there already"
	hints "name another"
	assert_equal "$(cat u.era)" precious
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
	fails 2 era_apply --undo m.img -i one.era m.img
	cmp m.img at0.img
	# A name that is taken only when it is to be given.
	ln -s nowhere link
	fails 1 era_apply --undo link -i one.era m.img
	says "link: cannot create: File exists"
	assert_equal "$(readlink link)" nowhere
	cmp m.img at0.img
}

@test "--undo onto nothing is refused, and makes nothing" {
	fails 2 era_apply --undo u.era -i full.era new.img
	says "new.img: holds nothing yet, so there is nothing to undo to"
	assert_equal "$(find . -name 'new*' -o -name 'u.era*')" ""
}

@test "--undo of an undo stream is refused" {
	era_apply --undo u.era -i one.era m.img
	fails 2 era_apply --undo uu.era -i u.era m.img
	says "--undo does not go with a reverse stream"
	cmp m.img at1.img
}

@test "--undo on a target left in the middle is refused" {
	cut=$(frames one.era '[.frames[] | select(.type == "DATA")] | last | .position + 100')
	fails_sh 3 era_apply "head -c $cut one.era | era_apply m.img"
	fails 4 era_apply --undo u.era -i one.era m.img
	says "m.img: is in the middle of a stream"
	hints
	assert [ ! -e u.era ]
	silent era_apply -i one.era m.img
}

@test "when the undo stream cannot be written, the target is not touched" {
	fails 1 era_apply --undo missing/u.era -i one.era m.img
	says "missing/u.era.part: cannot create: No such file or directory"
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
	put_fs small 16K
	noise 5 4194304 | put src.img 0
	incr all.era 0-1024
	fails 1 era_apply --undo small/u.era -i all.era m.img
	says "small/u.era" "No space left on device"
	hints "make room"
	cmp m.img at0.img
	assert_equal "$(token m.img)" "$t0"
	assert_equal "$(ls -A small)" ""
}

@test "--undo of a stream that is there already makes no file" {
	era_apply -i one.era m.img
	silent era_apply --undo u.era -i one.era m.img
	assert [ ! -e u.era ]
}
