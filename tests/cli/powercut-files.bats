#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A power cut at any point of an era_apply, era_copy or erabackup: what the programs do to files is recorded
# (tests/tools/recorder), and the states that a crash may leave, with what no fsync covered there, not there or half
# there, are made of it one by one (tests/tools/crashstates). In each of them what was reported done is there, what a
# state file says is true, and the same command goes on. Then each fsync is forgotten in turn, which has to be noticed.
#
# ERA_CRASH_MOST=100 tries more states between two syncs.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

setup() {
	prepare
	tools=$BATS_TEST_DIRNAME/../tools
	most=${ERA_CRASH_MOST:-6}
	# A run of erabackup takes a tenth of a second.
	fewer=(--most "$((most / 2))" --random 2)
	# Checks sync too: where that costs nothing.
	scratch=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
	# What sink_sync does for an image's name: compilers differ in whose call it is.
	name_of_image=(--allow "fdio_sync_parent < target_commit" --allow "fdio_sync_parent < sink_sync")
	mkdir d
	export ERA_T=$PWD ERA_S=$scratch/tree
}

teardown() {
	rm -rf "$scratch"
	undo_all
}

# From here on what is done below d is recorded.
watch() {
	: >log
	"$tools/crashstates" snapshot d before
}

recorded() { # COMMAND...
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 ERA_RECORD_DIR=$PWD/d ERA_RECORD_LOG=$PWD/log \
		LD_PRELOAD=$ERA_BUILD/tools/recorder.so "$@"
}

# The same, ended by SIGKILL behind the Nth name that it makes.
killed_at() { # N COMMAND...
	local status=0

	ERA_RECORD_DIE=$1 recorded "${@:2}" 2>/dev/null || status=$?
	[ "$status" = 137 ] || fail "$*: exit $status, and not killed"
}

mark() { # TEXT: what was reported done
	"$tools/crashstates" mark log "$*"
}

# crash CHECK [OPTION...]: the script of that name holds in every state, and each fsync is needed.
crash() {
	chmod +x "$1"
	"$tools/crashstates" check --each ${ERA_CRASH_CHAINS:+--chains} --most "$most" --before before --after d --log log \
		--scratch "$scratch/tree" \
		"${@:2}" -- "$PWD/$1" >found || {
		cat found
		return 1
	}
	sed 's/^/# /' found >&3
}

# Two states of a device, a.img and b.img, and the streams to them.
two_states() {
	truncate -s 512K a.img
	noise 1 70000 | put a.img 0
	noise 2 30000 | put a.img 200000
	cp a.img b.img
	noise 3 4096 | put b.img 8192
	noise 4 8192 | put b.img 61440
	noise 5 4096 | put b.img 401408
	head -c 12288 /dev/zero | put b.img 204800
	era_copy --full --era 5 -o full.era a.img
	era_apply -q -i full.era a.copy
	export TOKEN_A TOKEN_B
	TOKEN_A=$(token a.copy)
	ranges 2 15 16 50-53 98 >changed
	era_copy --from "$TOKEN_A" --ranges changed --block-size 8 --era 6 -o incr.era b.img
	TOKEN_B=$(frames incr.era .end.token)
}

# What must be true of the image m, whose state is $STATE, wherever it was left.
check_apply() {
	cat >check-apply <<'END'
#!/bin/bash
set -eu
die() {
	echo "$*"
	ls -lR
	cat "$STATE"
	exit 1
}
apply() { # STREAM [TARGET]: says nothing, or what it says is in the report
	era_apply -q -T 1 --state "${3:-$STATE}" -i "$1" "${2:-m}"
}

if [ -e m ] && [ -e "$STATE" ] && ! grep -q ^applying "$STATE"; then
	case $(era_apply --token --state "$STATE" m) in
	"$TOKEN_A") cmp m "$ERA_T/a.img" || die "it says that it is at the full" ;;
	"$TOKEN_B") cmp m "$ERA_T/b.img" || die "it says that it is at the incremental" ;;
	full) [ -z "$ERA_MARK" ] || die "it does not know what it is at" ;;
	*) die "it says that it is somewhere else" ;;
	esac
fi
# The way back is there before the first byte changes.
if [ -n "${UNDO:-}" ] && [ -n "$ERA_MARK" ] && ! cmp -s m "$ERA_T/a.img"; then
	cp m back
	cp "$STATE" back.era
	apply "$UNDO" back back.era || die "the way back does not apply"
	cmp back "$ERA_T/a.img" || die "the way back leads elsewhere"
fi
case $ERA_MARK in
'')
	apply "$ERA_T/full.era" || die "the same full does not mend it"
	cmp m "$ERA_T/a.img" || die "the mended image is wrong"
	;;
full)
	[ -e m ] || die "the image is gone"
	apply "$ERA_T/incr.era" || die "the incremental does not go on"
	cmp m "$ERA_T/b.img" || die "the mended image is wrong"
	;;
incr)
	cmp m "$ERA_T/b.img" || die "what was reported done is not there"
	[ "$(era_apply --token --state "$STATE" m)" = "$TOKEN_B" ] || die "the state was reported done"
	;;
esac
END
}

@test "era_apply: a full and an incremental, cut off anywhere" {
	two_states
	check_apply
	export STATE=m.era
	watch
	recorded era_apply -q -T 1 -i full.era d/m
	mark full
	recorded era_apply -q -T 1 -i incr.era d/m
	mark incr
	# The name of a new image is in the directory of its state, which was synced for that one.
	crash check-apply "${name_of_image[@]}"
}

@test "era_apply with its state in another directory: the image's name is durable as well" {
	two_states
	check_apply
	export STATE=states/m.era
	mkdir d/states
	watch
	recorded era_apply -q -T 1 --state d/states/m.era -i full.era d/m
	mark full
	recorded era_apply -q -T 1 --state d/states/m.era -i incr.era d/m
	mark incr
	crash check-apply
}

@test "era_apply that goes on behind a killed one: the image's name is durable as well" {
	two_states
	check_apply
	export STATE=states/m.era
	mkdir d/states
	watch
	killed_at 1 era_apply -q -T 1 --state d/states/m.era -i full.era d/m
	recorded era_apply -q -T 1 --state d/states/m.era -i full.era d/m
	mark full
	crash check-apply
}

@test "era_apply --undo: the way back is there, whole, before the first byte changes" {
	two_states
	check_apply
	export STATE=m.era UNDO=undo/m.undo
	mkdir d/undo
	era_apply -q -i full.era d/m
	watch
	mark full
	recorded era_apply -q -T 1 --undo d/undo/m.undo -i incr.era d/m
	mark incr
	crash check-apply "${name_of_image[@]}"
}

@test "era_copy -o: a file of that name verifies, and is there when that was reported" {
	two_states
	cat >check-copy <<'END'
#!/bin/bash
set -eu
for stream in s.era old.era; do
	[ ! -e $stream ] || era_apply -q --verify -i $stream
done
[ -e old.era ]
[ -z "$ERA_MARK" ] || [ -e s.era ]
case $ERA_MARK in
*over*) cmp old.era "$ERA_T/over.era" ;;
esac
END
	cp full.era d/old.era
	watch
	recorded era_copy -q --full -o d/s.era a.img
	mark new
	recorded era_copy -q --full --era 7 -o d/old.era b.img
	mark new, and over
	cp d/old.era over.era
	crash check-copy
}

# A repository below d, of a source that is another machine: no power cut there, its tracking is as it was at the end.
begin_chain() { # [WHAT-ENDS-ITS-NAME]
	begin_source
	mkdir far points
	mv track far/
	ln -s "$(readlink source)" far/source
	rm source
	job disk "command = $PWD/far/source" "repository = $PWD/d/disk.repo${1:-}" "threads = 1" "prune-interval = never" \
		"verify-interval = never"
	sed -e "s|$PWD/d/|$ERA_S/|" erabackup.conf >check.conf
	{
		cat check.conf
		echo "keep-last = 2"
	} >prune.conf
}

# One more night, and its point with what it must restore to; the last points are what was reported done.
night() { # [COMMAND...]: before erabackup
	"$@" erabackup -q -c erabackup.conf run disk
	cp disk.img "points/$(eb list --json disk | jq -r 'last.id')"
}

reported() { # N: all points but the first N
	mark "$(eb list --json disk | jq -r "map(.id)[$1:] | join(\" \")")"
}

changes() { # SEED
	echo "$(cat far/track/era) $1" >>far/track/writes
	noise "$1" 4096 | put disk.img $(($1 * 4096))
}

check_chain() {
	cp -r far/track far/track.end
	cat >check-chain <<'END'
#!/bin/bash
set -eu
die() {
	echo "$*"
	ls -lR
	cat disk.repo/state
	exit 1
}
eb() {
	erabackup -q -c "$ERA_T/check.conf" "$@"
}
restores() { # IMAGE [OPTION...]
	rm -f new.img*
	eb restore --to new.img "${@:2}" disk || die "$* does not restore"
	cmp new.img "$1" || die "$* is not what it was"
}

rm -rf "$ERA_T/far/track"
cp -r "$ERA_T/far/track.end" "$ERA_T/far/track"
ids=${ERA_MARK#made}
# Before anybody mends anything.
for id in $ids; do
	restores "$ERA_T/points/$id" --at "$id"
done
[ -n "$ERA_MARK" ] || eb init disk || die "it cannot be made again"
eb run disk || die "the next run"
if [ -n "${PRUNE:-}" ]; then
	erabackup -q -c "$ERA_T/prune.conf" prune disk || die "the next prune"
	ids=${ids##* }
fi
eb verify disk || die "verify"
list=$(eb list --json disk)
for id in $ids; do
	[[ $list == *"$id"* ]] || die "$id is gone"
done
restores "$ERA_T/disk.img"
[ "$(ls disk.repo/streams | wc -l)" = "$(jq length <<<"$list")" ] || die "streams that are no points"
[ -z "$(ls disk.repo/incoming)" ] || die "something is left in incoming"
END
}

@test "erabackup: made, a full and an incremental, cut off anywhere" {
	begin_chain
	watch
	recorded erabackup -c erabackup.conf init disk
	mark made
	night recorded
	reported 0
	changes 5
	night recorded
	reported 0
	check_chain
	# The names of the two directories in a new repository: its first state, which comes next, covers them.
	crash check-chain "${fewer[@]}" --allow "fdio_sync_parent < fdio_make_dir"
}

@test "erabackup init behind a killed one: the directory is durable as well" {
	begin_chain /
	watch
	killed_at 1 erabackup -q -c erabackup.conf init disk
	recorded erabackup -q -c erabackup.conf init disk
	mark made
	check_chain
	crash check-chain "${fewer[@]}"
}

@test "erabackup that goes on behind a killed run: what it takes over is durable" {
	begin_chain
	silent eb init disk
	night
	changes 5
	watch
	reported 0
	# The stream has its name, and nothing more.
	killed_at 2 erabackup -q -c erabackup.conf run disk
	cp disk.img killed.img
	changes 6
	night recorded
	mv killed.img "points/$(eb list --json disk | jq -r '.[1].id')"
	reported 0
	check_chain
	crash check-chain "${fewer[@]}"
}

@test "erabackup prune, cut off anywhere: no point goes that a rule keeps" {
	begin_chain
	silent eb init disk
	for i in 5 6 7; do
		night
		changes "$i"
	done
	night
	cp prune.conf recorded.conf
	sed -i -e "s|$ERA_S/|$PWD/d/|" recorded.conf
	watch
	reported 2
	recorded erabackup -q -c recorded.conf prune disk
	reported 0
	check_chain
	PRUNE=1 crash check-chain
}

@test "erabackup unlock, cut off anywhere: what it puts aside is not lost" {
	begin_chain
	silent eb init disk
	night
	changes 5
	night
	noise 9 5000 >stray
	cp stray d/disk.repo/streams/stray
	rm d/disk.repo/state
	check_chain
	cat >check-unlock <<'END'
#!/bin/bash
set -eu
cmp -s disk.repo/streams/stray "$ERA_T/stray" || cmp disk.repo/aside/stray "$ERA_T/stray"
# Refused where it was done.
[ -n "$ERA_MARK" ] || erabackup -q -c "$ERA_T/check.conf" unlock disk || [ $? = 2 ]
exec "$ERA_T/check-chain"
END
	chmod +x check-chain
	watch
	recorded erabackup -q -c erabackup.conf unlock disk
	reported 0
	crash check-unlock "${fewer[@]}"
}

@test "erabackup restore to an image, cut off anywhere" {
	begin_chain
	silent eb init disk
	night
	changes 5
	night
	mv d/disk.repo .
	sed -i "s|$PWD/d/|$PWD/|" erabackup.conf
	cat >check-restore <<'END'
#!/bin/bash
set -eu
if [ -e new.img ] && [ -e new.img.era ] && ! grep -q ^applying new.img.era; then
	cmp new.img "$ERA_T/disk.img"
fi
if [ -n "$ERA_MARK" ]; then
	cmp new.img "$ERA_T/disk.img"
	! grep ^applying new.img.era
fi
erabackup -q -c "$ERA_T/erabackup.conf" restore -T 1 --to new.img disk
cmp new.img "$ERA_T/disk.img"
END
	watch
	recorded erabackup -q -c erabackup.conf restore -T 1 --to d/new.img disk
	mark restored
	# As of a full that era_apply applies.
	crash check-restore "${name_of_image[@]}"
}
