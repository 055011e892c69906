# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# cuts: for scenarios that cut a filesystem at one moment while tests/vm/writer writes to it at full speed. The guest
# makes streams, one a cut, in the share; the host applies them to a mirror, and proves of a copy of it that it is the
# filesystem as it was at one moment between "before" and "after". Sourced behind lib.sh and, in a guest whose root is
# not its own, eradev.sh. The device is $dev.
#
# In the share: N.era, and N.before and N.after, what the writers had acknowledged then.

: "${writer:=$vm_dir/writer}" "${share:=/share}"
acks=/dev/shm/acks
# Which of them write; a scenario may have fewer.
writers=(log wal delete)

# The guest

# The kind of device that is meant, with room for snapshots, and a filesystem on it; the device is $dev.
cut_volume() { # NAME META DATA MKFS...
	local name=$1 meta=$2 data=$3
	shift 3

	era_setup format -q -b 64K "$meta" "$data"
	era_setup open -q "$name" "$meta" "$data"
	"$@" "$dev"
	mkdir -p /tmp/mnt
	mount "$dev" /tmp/mnt
}

begin_writer() { # NAME ARG...
	local name=$1
	shift

	(
		nice "$writer" "$@" "$acks/$name" >"$acks/$name.out" 2>&1 &
		echo $! >"$acks/$name.pid"
		status=0
		wait $! || status=$?
		echo "$status" >"$acks/$name.status"
	) &
}

begin_writers() { # DIRECTORY
	local name

	rm -rf "$acks" "${1:?}"
	mkdir -p "$acks" "$1"
	for name in "${writers[@]}"; do
		case $name in
		log) begin_writer log log "$1/log" ;;
		*) begin_writer "$name" sqlite "$name" "$1/$name" ;;
		esac
	done
	wait_for 60 writers_begun
}

writers_begun() {
	local name

	for name in "${writers[@]}"; do
		[ "$(cat "$acks/$name" 2>/dev/null || echo 0)" -ge 1 ] || return 1
	done
}

writers_ended() {
	local name

	for name in "${writers[@]}"; do
		[ -s "$acks/$name.status" ] || return 1
	done
}

# None had an error, neither before nor now.
end_writers() {
	local name

	for name in "${writers[@]}"; do
		kill -TERM "$(cat "$acks/$name.pid")" 2>/dev/null || true
	done
	wait_for 60 writers_ended
	for name in "${writers[@]}"; do
		cat "$acks/$name.out"
		is "$name: $(cat "$acks/$name.status")" "$name: 0"
	done
}

acknowledged() {
	local name

	for name in "${writers[@]}"; do
		cat "$acks/$name"
	done | xargs
}

past() { # ACKNOWLEDGED
	local -a old now
	local i

	read -ra old <<<"$1"
	read -ra now <<<"$(acknowledged)"
	for i in "${!old[@]}"; do
		[ "${now[i]}" -gt "${old[i]}" ] || return 1
	done
}

# The device answers: a read of it, and writes with fsync through the filesystem, of every writer.
answers() { # [SECONDS]
	timeout "${1:-30}" dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none
	wait_for "${1:-30}" past "$(acknowledged)"
}

# Tables, and what is suspended. Neither asks a device that may be suspended for anything.
stack() {
	dmsetup table | sort
	dmsetup info -c --noheadings -o name,uuid,suspended | sort
}

remember_stack() {
	stack >/tmp/stack
}

stack_is_as_before() {
	diff /tmp/stack <(stack)
}

# One cut, from the one before: $share/N.era.
make_cut() { # N [OPTION...]
	local n=$1
	shift

	acknowledged >"$share/$n.before"
	era_copy -v "$@" --from "$(cat /tmp/token)" -o "$share/$n.era" "$dev" 2>/tmp/words || {
		cat /tmp/words
		return 1
	}
	acknowledged >"$share/$n.after"
	cat /tmp/words
	grep -o 'era1\.[^ ]*' /tmp/words | tail -n 1 >/tmp/token
	stack_is_as_before
	answers
}

# What a summary says of it, for a person: "cut snapshot, stood still 12 ms".
stood_still() {
	grep -o 'cut [a-z]*, stood still.*' /tmp/words || true
}

# The host

# The next stream of the chain, onto the mirror.
applied() { # N CUT CONSISTENCY
	is_head "$1" "$2" "$3"
	"$ERA_BUILD/era_apply" -q -i "$work/share/$1.era" "$work/mirror.img"
}

is_head() { # N CUT CONSISTENCY
	local got

	got=$("$ERA_BUILD/era_apply" --dump --json -i "$work/share/$1.era" | jq -r '"\(.head.cut) \(.end.consistency)"')
	[ "$got" = "$2 $3" ] || {
		echo "the stream says '$got' instead of '$2 $3'"
		return 1
	}
}

copied() {
	rm -f "$work/copy.img"
	cp --sparse=always "$work/mirror.img" "$work/copy.img"
}

# Of a journal that is replayed e2fsck may speak, and of nothing else; and then there is nothing to repair.
ext4_is_good() {
	local status=0

	copied
	e2fsck -fy "$work/copy.img" >"$work/fsck" 2>&1 || status=$?
	cat "$work/fsck"
	[ "$status" -le 1 ]
	! grep -v -e '^e2fsck ' -e '^Pass [1-5]' -e ': recovering journal$' -e 'FILE SYSTEM WAS MODIFIED' -e '^$' \
		-e ': [0-9/]* files ([0-9.]*% non-contiguous), [0-9/]* blocks$' "$work/fsck"
	e2fsck -fn "$work/copy.img"
}

# Mounting replays the log; xfs_repair refuses before.
xfs_is_good() {
	copied
	in_copy true
	xfs_repair -n -f "$work/copy.img"
}

btrfs_is_good() {
	copied
	in_copy true
	btrfs check --readonly "$work/copy.img" >"$work/fsck" 2>&1 || {
		cat "$work/fsck"
		return 1
	}
}

# COMMAND in a mount namespace of its own, with the copy on $work/mnt; nothing stays mounted.
in_copy() { # COMMAND...
	mkdir -p "$work/mnt"
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private bash -c 'set -e
		image=$1 mnt=$2
		shift 2
		mount -o loop "$image" "$mnt"
		status=0
		"$@" || status=$?
		umount "$mnt"
		exit "$status"' bash "$work/copy.img" "$work/mnt" "$@"
}

# What the writers left, of which DIRECTORY of the filesystem has the files.
writers_files_are_good() { # N DIRECTORY
	in_copy "$BASH" "$vm_dir/cuts-check" "$work/mnt/$2" "$work/share/$1.before" "$work/share/$1.after"
}

# All that is asked of cut N.
moment_is_good() { # N CUT CONSISTENCY FS DIRECTORY
	check "cut $1: the stream says $2, $3, and applies" applied "$1" "$2" "$3"
	check "cut $1: the filesystem is whole" "${4}_is_good"
	check "cut $1: so are the files, of one moment" writers_files_are_good "$1" "$5"
}
