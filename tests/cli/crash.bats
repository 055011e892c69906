#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# era_apply ended at every step: SIGKILL before each system call that changes something, and each of them
# failing. Whatever the step: the state says what the target is, and the same command mends it.

bats_require_minimum_version 1.5.0

# Everything that can change a file or its name. strace counts each call by itself, so each has its own sweep.
calls="pwrite64 fsync rename ftruncate fallocate unlink openat link"

setup() {
	bats_load_library bats-support
	bats_load_library bats-assert
	PATH=$ERA_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR" || return
	# Two states of a device, and the streams to them.
	head -c 300000 /dev/urandom >a
	truncate -s 1M a
	cp a b
	dd if=/dev/urandom of=b bs=64k seek=1 count=2 conv=notrunc status=none
	dd if=/dev/urandom of=b bs=64k seek=9 count=1 conv=notrunc status=none
	dd if=/dev/zero of=b bs=64k seek=3 count=1 conv=notrunc status=none
	era_copy --full --era 5 -o full.era a
	era_apply -i full.era base
	echo '<blocks><range begin="1" end="4"/><block block="9"/></blocks>' >ranges
	era_copy --from "$(era_apply --token base)" --ranges ranges --block-size 128 --era 6 -o incr.era b
	before_token=$(era_apply --token base)
}

fresh_target() { # KIND
	rm -f m m.era* m.undo*
	[ "$1" = full ] && return
	cp --sparse=always base m
	cp base.era m.era
}

# The state is one of the three that may be, and "at" the new one only where the content is.
state_is_true() { # IMAGE
	local token

	[ -e m.era ] || return 0
	token=$(era_apply --token m)
	if grep -q ^applying m.era || [ "$token" = full ]; then
		return 0
	fi
	if [ "$token" = "$before_token" ] && [ "$1" = b ]; then
		cmp m a
	else
		cmp m "$1"
	fi
}

# One run with FAULT at the Nth CALL. Returns 1 where there was no Nth call any more.
step() { # CALL N KIND FAULT STATUS STREAM IMAGE [OPTION...]
	local call=$1 n=$2 kind=$3 fault=$4 expected=$5 stream=$6 image=$7 status=0
	shift 7

	fresh_target "$kind"
	strace -f -qq -o trace -e "trace=$call" -e "inject=$call:$fault:when=$n" \
		era_apply -q -T 1 "$@" -i "$stream" m >out 2>err || status=$?
	if ! grep -qE 'INJECTED|killed by SIGKILL' trace; then
		[ "$status" = 0 ] || die "$call $n: status $status without a fault"
		return 1
	fi
	# A fault in the loader or where the program can do without gives 0; then the result is right.
	[ "$status" = 0 ] || [ "$status" = "$expected" ] || [ "$status" = 127 ] || die "$call $n: status $status"
	[ "$status" != 0 ] || cmp m "$image" || die "$call $n: success, and the image is wrong"
	state_is_true "$image" || die "$call $n: the state is not true"
	rm -f m.undo*
	era_apply -q -i "$stream" m || die "$call $n: the same stream does not mend it"
	cmp m "$image" || die "$call $n: the mended image is wrong"
}

die() {
	echo "$1"
	cat m.era err trace
	exit 1
}

sweep() { # KIND FAULT STATUS STREAM IMAGE [OPTION...]
	local call n steps=0

	for call in $calls; do
		for n in $(seq 1 200); do
			step "$call" "$n" "$@" || break
			steps=$((steps + 1))
		done
		[ "$n" -lt 200 ]
	done
	echo "# $steps steps" >&3
	[ "$steps" -ge 20 ]
}

@test "SIGKILL at every step of a full to a new image" {
	sweep full signal=KILL 137 full.era a
}

@test "SIGKILL at every step of an incremental" {
	sweep incremental signal=KILL 137 incr.era b
}

@test "SIGKILL at every step of an incremental with --undo" {
	sweep incremental signal=KILL 137 incr.era b --undo m.undo
}

@test "an I/O error at every step of a full to a new image" {
	sweep full error=EIO 1 full.era a
}

@test "an I/O error at every step of an incremental" {
	sweep incremental error=EIO 1 incr.era b
}

@test "no room at every step of an incremental" {
	sweep incremental error=ENOSPC 1 incr.era b
}

# The calls of a run as a word: what is written, synced and renamed in which order. n is a state, p a stream, W and F are the target.
order() { # COMMAND...
	strace -f -y -qq -o trace -e trace=pwrite64,writev,fsync,rename,ftruncate,fallocate,link "$@"
	sed -E \
		-e 's/^[0-9]+ +//' \
		-e 's/^(pwrite64|writev)\([0-9]+<[^>]*\.era\.new>.*/n/' \
		-e 's/^(pwrite64|writev)\([0-9]+<[^>]*\.part>.*/p/' \
		-e 's/^ftruncate\([0-9]+<[^>]*\.part>.*//' \
		-e 's/^fsync\([0-9]+<[^>]*\.(era\.new|part)>.*/s/' \
		-e 's/^(pwrite64|ftruncate|fallocate)\([0-9]+<[^>]*\/m>.*/W/' \
		-e 's/^fsync\([0-9]+<[^>]*\/m>.*/F/' \
		-e 's/^(rename|link)\(.*/R/' \
		-e 's/^fsync\([0-9]+<[^>]*>.*/d/' trace | tr -d '\n'
}

@test "applying: the state durable, the writes, the syncs of the image and its name, the state durable" {
	fresh_target incremental
	run order era_apply -q -T 1 -i incr.era m
	assert_output --regexp '^nsRdW+FdnsRd$'
}

@test "a full to a new image: the same" {
	fresh_target full
	run order era_apply -q -T 1 -i full.era m
	assert_output --regexp '^nsRdW+FdnsRd$'
}

@test "--undo: the way back durable before everything else" {
	fresh_target incremental
	run order era_apply -q -T 1 --undo m.undo -i incr.era m
	assert_output --regexp '^p+sRdnsRdW+FdnsRd$'
}

@test "era_copy -o: the file durable before it has its name" {
	run order era_copy -q --full -o m.stream a
	assert_output --regexp '^p+sRd$'
}

# What a run makes and syncs, a line each: "make PATH", "sync PATH", "rename PATH".
made() { # COMMAND...
	strace -f -y -qq -o trace -e trace=mkdir,fsync,rename "$@"
	sed -nE \
		-e 's/^[0-9]+ +mkdir\("([^"]*)".* = 0$/make \1/p' \
		-e 's/^[0-9]+ +fsync\([0-9]+<([^>]*)>\) += 0$/sync \1/p' \
		-e 's/^[0-9]+ +rename\("[^"]*", "([^"]*)"\) += 0$/rename \1/p' trace
}

@test "the first state of a device: the directory for it durable before the state" {
	truncate -s 1M disk
	loop=$(losetup -f --show disk)
	mkdir lib
	run unshare -m bash -c 'mount --bind lib /var/lib && "$@"' - bash -c "$(declare -f made)"'; made "$@"' - \
		era_apply -q --force -i full.era "$loop"
	losetup -d "$loop"
	assert_success
	assert_equal "${lines[0]}" "make /var/lib/era"
	assert_equal "${lines[1]}" "sync /var/lib"
	assert_regex "${lines[3]}" '^rename /var/lib/era/.*\.era$'
}
