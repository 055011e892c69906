#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup ended at every step: SIGKILL before each system call that changes something, in a run, a prune, a restore, and at
# the making of a repository; and each of them failing. The same command then needs nobody, and no point is lost.
#
# ERA_STRIDE=1 takes every step and some six minutes; without it it is every third of each call.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

# Everything that can change a file or its name. strace counts each call by itself, so each has its own sweep.
calls="pwrite64 write writev fsync fdatasync rename renameat renameat2 ftruncate fallocate unlink unlinkat openat link linkat mkdir"

stride=${ERA_STRIDE:-3}

setup() {
	prepare
	# Few blocks, so that there are few steps.
	begin "mirror = $PWD/mirror.img" "threads = 1"
	nights 3
	write_blocks 500 50 3
	keep
}

teardown() {
	end_background
	undo_all
}

die() {
	echo "$1"
	cat err trace | tail -n 60
	ls -l disk.repo disk.repo/streams
	cat disk.repo/state
	exit 1
}

# Only erabackup itself: what it starts is no longer traced.
step() { # CALL N FAULT COMMAND...: returns 1 where there was no Nth call any more
	local call=$1 n=$2 fault=$3
	shift 3

	put_back
	status=0
	strace -f -b execve -qq -o trace -e "trace=$call" -e "inject=$call:$fault:when=$n" \
		erabackup -c erabackup.conf "$@" >out 2>err || status=$?
	grep -qE 'INJECTED|killed by SIGKILL' trace || {
		[ "$status" = 0 ] || die "$call $n: status $status without a fault"
		return 1
	}
	end_background
}

# sweep FAULT CHECK COMMAND...: at each step CHECK says, with $call and $n, whether all is well. $call, $n and $status are
# set for it.
sweep() {
	local fault=$1 check=$2 steps=0 first=1
	shift 2

	for call in $calls; do
		# Another one of each stride for each call.
		first=$((first % stride + 1))
		for ((n = first; n <= 400; n += stride)); do
			step "$call" "$n" "$fault" "$@" || break
			"$check"
			steps=$((steps + 1))
		done
		[ "$n" -lt 400 ]
	done
	echo "# $steps steps" >&3
	[ "$steps" -ge $((20 / stride)) ]
}

# What the next run makes of it.
run_mends() {
	capture eb run disk
	[ "$status" = 0 ] || die "$call $n: the next run: exit $status: $stderr"
	capture eb verify disk
	[ "$status" = 0 ] || die "$call $n: verify: exit $status: $output$stderr"
	cmp mirror.img disk.img || die "$call $n: the mirror is not at the head"
	rm -f new.img*
	eb restore --to new.img disk || die "$call $n: restore"
	cmp new.img disk.img || die "$call $n: the head is not the disk"
	eb restore --to new.img --at "${ids[1]}" disk || die "$call $n: restore of the second point"
	cmp new.img at.2.img || die "$call $n: the second point is not what it was"
	[ "$(kinds | tr ' ' '\n' | grep -c full)" = 1 ] || die "$call $n: a full was made: $(kinds)"
	nothing_left
}

# No file in the repository but those that it needs.
nothing_left() {
	local left

	left=$(find disk.repo -type f ! -path '*/streams/*' -printf '%P\n' | grep -vxE 'repository|state|lock|readers' || true)
	[ -z "$left" ] || die "$call $n: something is left: $left"
	[ "$(nr_streams)" = "$(points length)" ] || die "$call $n: streams that are no points: $(streams)"
}

@test "SIGKILL at every step of a run with a mirror" {
	mapfile -t ids < <(points '.[].id')
	sweep signal=KILL run_mends run disk
}

@test "an I/O error at every step of a run with a mirror" {
	mapfile -t ids < <(points '.[].id')
	sweep error=EIO fault_mends run disk
}

@test "no room at every step of a run with a mirror" {
	mapfile -t ids < <(points '.[].id')
	sweep error=ENOSPC fault_mends run disk
}

# A fault where the program can do without gives 0; then the point is there, and the next run makes one more.
fault_mends() {
	case $status in
	0 | 1 | 2 | 3 | 127) ;;
	*) die "$call $n: status $status" ;;
	esac
	run_mends
}

prune_rules() {
	: >erabackup.conf
	job disk "keep-last = 2" "threads = 1" "prune-interval = never"
	put_back
	nights 2
	keep
	mapfile -t ids < <(points '.[].id')
}

prune_mends() {
	local i

	# The points that stay are there now, before anybody mends anything.
	for i in 4 5; do
		rm -f new.img*
		eb restore --to new.img --at "${ids[i - 1]}" disk || die "$call $n: restore of point $i at once"
		cmp new.img "at.$i.img" || die "$call $n: point $i is wrong at once"
	done
	capture eb verify disk
	[ "$status" = 0 ] || die "$call $n: verify at once: exit $status: $output$stderr"
	capture eb prune disk
	[ "$status" = 0 ] || die "$call $n: the next prune: exit $status: $stderr"
	[ "$(points 'map(.id) | join(" ")')" = "${ids[3]} ${ids[4]}" ] || die "$call $n: left are $(points 'map(.id)')"
	capture eb verify disk
	[ "$status" = 0 ] || die "$call $n: verify: exit $status: $output$stderr"
	for i in 4 5; do
		rm -f new.img*
		eb restore --to new.img --at "${ids[i - 1]}" disk || die "$call $n: restore of point $i"
		cmp new.img "at.$i.img" || die "$call $n: point $i is wrong"
	done
	nothing_left
}

@test "SIGKILL at every step of a prune" {
	prune_rules
	sweep signal=KILL prune_mends prune disk
}

@test "an I/O error at every step of a prune" {
	prune_rules
	sweep error=EIO prune_mends prune disk
}

@test "a run behind a killed prune finishes or discards it" {
	prune_rules
	for call in rename fsync unlink unlinkat; do
		for n in 1 2 3 4 5 6; do
			step $call $n signal=KILL prune disk || break
			capture eb run disk
			[ "$status" = 0 ] || die "$call $n: the next run: exit $status: $stderr"
			nothing_left
			capture eb verify disk
			[ "$status" = 0 ] || die "$call $n: verify: exit $status: $output$stderr"
		done
	done
}

restore_mends() {
	# It does not call itself complete, unless it is.
	if [ -e new.img.era ] && ! grep -q '^applying' new.img.era; then
		cmp new.img at.3.img || die "$call $n: the target says that it is complete, and is not"
	fi
	capture eb restore --to new.img disk
	[ "$status" = 0 ] || die "$call $n: the same command: exit $status: $stderr"
	cmp new.img at.3.img || die "$call $n: the image is wrong"
	rm -f new.img*
}

@test "SIGKILL at every step of a restore" {
	sweep signal=KILL restore_mends restore -T 1 --to new.img disk
}

@test "an I/O error at every step of a restore" {
	sweep error=EIO restore_mends restore -T 1 --to new.img disk
}

init_mends() {
	capture eb init new
	[ "$status" = 0 ] || die "$call $n: init: exit $status: $stderr"
	capture eb run new
	[ "$status" = 0 ] || die "$call $n: run: exit $status: $stderr"
	rm -rf new.repo
}

@test "SIGKILL at every step of making a repository" {
	job new
	sweep signal=KILL init_mends init new
}

unlock_mends() {
	# Refused where it was done, and only not yet said.
	capture eb unlock disk
	[ "$status" = 0 ] || [ "$status" = 2 ] || die "$call $n: unlock: exit $status: $stderr"
	run_mends
}

@test "SIGKILL at every step of unlock" {
	mapfile -t ids < <(points '.[].id')
	rm disk.repo/state
	keep
	sweep signal=KILL unlock_mends unlock disk
}

# The calls of a command as a word, as far as they touch the repository: W and F writes and syncs a stream, w, c and C writes, syncs
# and renames the state, N gives a stream its name, U removes one, and d makes names durable.
order() { # COMMAND...: sets word
	strace -f -b execve -y -qq -o trace \
		-e trace=pwrite64,write,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat \
		erabackup -c erabackup.conf "$@"
	grep -E 'disk\.repo' trace | sed -E \
		-e 's/^[0-9]+ +//' \
		-e '/(lock|readers)>/d' \
		-e '/^(rename|link)[a-z0-9]*\(.*state/s/.*/C/' \
		-e '/^f(data)?sync\([0-9]+<[^>]*state[^>]*>/s/.*/c/' \
		-e '/^(pwrite64|write|writev)\([0-9]+<[^>]*state[^>]*>/s/.*/w/' \
		-e 's/^f(data)?sync\([0-9]+<[^>]*\/(streams|disk\.repo)>.*/d/' \
		-e 's/^f(data)?sync\(.*/F/' \
		-e 's/^(pwrite64|write|writev)\(.*/W/' \
		-e 's/^(rename|link).*/N/' \
		-e 's/^unlink.*\/streams\/.*/U/' \
		-e '/^unlink/d' >calls
	word=$(tr -d '\n' <calls)
}

# As erabackup-repository(5) has them: the stream durable, the state that announces it, its name, durable too, and the state
# that says it is in.
@test "the stream is durable before it is announced, and has its name, durably, before the state says so" {
	put_back
	order run disk
	[[ $word =~ ^W+FwcCdNd(wcCd)+$ ]] || fail "$word"
}

@test "a merged stream is durable, named and committed before those it was made of are removed" {
	prune_rules
	put_back
	order prune disk
	[[ $word =~ ^W+FwcCdNdwcCdU{4}d(wcCd)+$ ]] || fail "$word"
}

@test "what is dropped is out of the state, durably, before it is removed" {
	: >erabackup.conf
	job disk "keep-last = 1" "threads = 1" "prune-interval = never"
	put_back
	silent eb run --full disk
	order prune disk
	[[ $word =~ ^wcCdU{3}d(wcCd)+$ ]] || fail "$word"
}

@test "init: the name of the repository is made durable, and not only what is in it, with a slash behind it as well" {
	local end
	for end in '' / //; do
		: >erabackup.conf
		job new "repository = $PWD/new$end"
		strace -f -y -qq -o trace -e trace=mkdir,fsync erabackup -c erabackup.conf init new
		run sed -nE "/mkdir\\(\"[^\"]*\/new\/*\"/{n;s/.*fsync\\([0-9]+<([^>]*)>.*/\1/p;q}" trace
		assert_output "$PWD"
		rm -r new
	done
}
