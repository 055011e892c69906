#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Freeze cuts: passes over a live device, then a last one with its filesystem frozen, in one stream. The mirror is then
# the filesystem as it was frozen, on ext4, XFS and btrfs, however often it is mounted. What is left for the last pass is
# what was asked for; and a last pass that does not come to its end leaves nothing frozen.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"

# Without room for snapshots, mounted on /tmp/mnt.
volume() { # META DATA MKFS...
	local meta=$1 data=$2
	shift 2

	era_setup format -q -b 64K --cow-size 0 "$meta" "$data"
	era_setup open -q data "$meta" "$data"
	"$@" "$dev"
	mkdir -p /tmp/mnt
	mount "$dev" /tmp/mnt
	remember_stack
}

take_down() {
	umount -R /tmp/mnt
	era_setup close data
}

first_cut() {
	echo full >/tmp/token
	make_cut 0 --cut=freeze
}

# Random bytes into a file of the filesystem, on the disk.
fill() { # NAME MIB
	dd if=/dev/urandom of="/tmp/mnt/$1" bs=1M count="$2" conv=fsync,notrunc status=none
}

changes() { # JQ, of the stream of the last run
	era_apply --dump --json -i /tmp/f.era | jq -r "$1"
}

# The bytes of each pass, one on a line: of the last one is known how large it may be.
# shellcheck disable=SC2016 # for jq
passes() {
	changes 'reduce .frames[] as $f ([]; if $f.type == "PASS" then . + [0]
		elif $f.type == "DATA" or $f.type == "ZERO" then .[-1] += $f.length else . end) | .[]'
}

run() { # OPTION...
	era_copy -v --cut=freeze --from "$(cat /tmp/token)" -o /tmp/f.era "$@" "$dev" 2>/tmp/words || {
		cat /tmp/words
		return 1
	}
	cat /tmp/words
	grep -q 'cut freeze, stood still' /tmp/words
	is "$(changes .end.consistency)" filesystem-consistent
	passes >/tmp/passes
	is "$(changes .end.passes)" "$(wc -l </tmp/passes)"
	cat /tmp/passes
	stack_is_as_before
	thawed
}

thawed() {
	timeout -k 5 20 touch /tmp/mnt/thawed
	timeout -k 5 20 sync -f /tmp/mnt
	calm data
}

last_pass() {
	tail -n 1 /tmp/passes
}

# Passes

# Half a mebibyte each 50 ms, rewritten in place.
keep_writing() {
	local i

	for ((i = 0; ; i = (i + 1) % 8)); do
		dd if=/dev/urandom of=/tmp/mnt/busy bs=512k count=1 seek=$i conv=notrunc,fsync status=none
		sleep 0.05
	done
}

begin_writing() {
	fill busy 4
	keep_writing &
	busy=$!
}

end_writing() {
	kill "$busy"
	wait "$busy" 2>/dev/null || true
}

by_bytes() {
	fill much 12
	run --freeze-limit 8M
	is "$(($(wc -l </tmp/passes) >= 2))" 1
	is "$(($(last_pass) <= 8 << 20))" 1
	is "$(($(head -n 1 /tmp/passes) >= 12 << 20))" 1
}

by_seconds() {
	fill much 6
	run --freeze-limit 3s
	is "$(($(wc -l </tmp/passes) >= 2))" 1
}

# The limit is never met: after so many passes it freezes all the same.
by_passes() { # N
	fill much 6
	run --freeze-limit 4K --max-passes "$1"
	is "$(($(wc -l </tmp/passes) <= $1 + 1))" 1
}

# Small enough at once, it needs no live pass of its own.
small_at_once() {
	fill little 1
	run --freeze-limit 64M
	is "$(($(wc -l </tmp/passes) <= 2))" 1
}

# The commands around the frozen pass are started by who freezes: behind the live passes it is as it was.
not_nice() {
	fill little 1
	run --nice 9 --ionice idle --freeze-limit 64M --pre-cut "nice >/tmp/nice" --post-cut "nice >>/tmp/nice"
	is "$(xargs </tmp/nice)" "0 0"
}

guest_passes() {
	check "a volume without room for snapshots" volume /dev/vdb /dev/vda mkfs.ext4 -q
	echo full >/tmp/token
	check "a full, in passes" run
	changes .end.token >/tmp/token
	begin_writing
	check "limit in bytes" by_bytes
	check "limit in seconds" by_seconds
	check "one live pass at most" by_passes 1
	check "three" by_passes 3
	end_writing
	check "little to copy" small_at_once
	check "whoever stands back while copying does not while it is frozen" not_nice
	check "auto is freeze where it is mounted" auto_is freeze
	check "a last pass that stands still is thawed in time" stuck
	check "and so is one that somebody interrupts" interrupted
	check "an output file on the frozen filesystem is refused" refuses 2 "to the filesystem that is frozen" \
		era_copy --cut=freeze --full -o /tmp/mnt/f.era "$dev"
	check "which leaves nothing" test ! -e /tmp/mnt/f.era -a ! -e /tmp/mnt/f.era.part
	check "the device is as before" thawed
	check "a filesystem frozen by a killed run is thawed by the next" left_frozen
	umount /tmp/mnt
	check "not mounted: refused, and what is possible" refuses 2 "no filesystem is mounted" \
		era_copy --cut=freeze --full -o /tmp/f.era "$dev"
	check "auto is fence then" auto_is fence
	check "limits that are none are refused" bad_limits
	era_setup close data
}

auto_is() { # CUT
	era_copy -q --from "$(cat /tmp/token)" -o /tmp/f.era "$dev"
	is "$(changes .head.cut)" "$1"
}

bad_limits() {
	local words

	for words in "--freeze-limit 0x" "--freeze-limit -1s" "--max-passes many" "--freeze-timeout 0" \
		"--freeze-limit 1M --cut=none" "--max-passes 2 --cut=fence"; do
		# shellcheck disable=SC2086 # several words
		refuses_plainly 2 era_copy $words --full -o /tmp/f.era "$dev"
	done
}

refuses_plainly() { # STATUS COMMAND...
	local expected=$1 status=0
	shift

	timeout -k 10 60 "$@" >/tmp/refused.out 2>/tmp/refused.err || status=$?
	cat /tmp/refused.err
	is "$status" "$expected"
}

# The reader of the stream stops reading when the filesystem is about to be frozen, and there is more to copy in the
# last pass than a pipe takes.
begin_stuck() { # OPTION...
	rm -f /tmp/fifo
	mkfifo /tmp/fifo
	start reader dd if=/tmp/fifo of=/tmp/stuck.era bs=64k status=none
	cat >/tmp/hook <<-'END'
		kill -STOP "$(cat /tmp/reader.pid)"
		dd if=/dev/urandom of=/tmp/mnt/much bs=1M count=6 conv=fsync,notrunc status=none
	END
	start stuck era_copy --cut=freeze --freeze-limit 64M --pre-cut "sh /tmp/hook" --from "$(cat /tmp/token)" \
		-o /tmp/fifo "$@" "$dev"
	wait_for 60 is_frozen
}

# A write would wait. That it does is seen by where it waits.
is_frozen() {
	touch /tmp/mnt/frozen &
	sleep 0.2
	grep -qs percpu_rwsem_wait "/proc/$!/stack" || grep -qs __percpu_down_read "/proc/$!/stack"
}

# What there is of it has no end.
truncated() {
	local status=0

	kill -CONT "$(cat /tmp/reader.pid)"
	ended reader 0
	test -s /tmp/stuck.era
	era_apply --verify -i /tmp/stuck.era 2>/tmp/words || status=$?
	cat /tmp/words
	is "$status" 3
	grep -q truncated /tmp/words
}

stuck() {
	begin_stuck --freeze-timeout 3
	ended stuck 1
	thawed
	truncated
	stack_is_as_before
	run
}

interrupted() {
	begin_stuck --freeze-timeout 60
	kill -TERM "$(cat /tmp/stuck.pid)"
	ended stuck 1
	thawed
	truncated
	run
}

# As if the guardian had been killed with its run.
left_frozen() {
	begin_stuck --freeze-timeout 60
	kill -KILL "$(pgrep -x era_guard)" "$(cat /tmp/stuck.pid)"
	ended stuck 137
	truncated
	era_copy --cut=freeze --from "$(cat /tmp/token)" -o /tmp/f.era "$dev" 2>/tmp/words
	cat /tmp/words
	grep -q 'warning: .*made it run again' /tmp/words
	thawed
}

# Filesystems

# It is found wherever it is mounted, and frozen once: twice is an error.
mounts() {
	mkdir -p /tmp/mnt/files /tmp/second /tmp/bound
	mount "$dev" /tmp/second
	mount --bind /tmp/mnt/files /tmp/bound
	mount -t tmpfs over /tmp/mnt
}

unmount() {
	umount /tmp/mnt
	umount /tmp/second
	umount /tmp/bound
}

guest_filesystem() { # MKFS...
	check "a volume" volume /dev/vdb /dev/vda "$@"
	check "the writers begin" begin_writers /tmp/mnt/files
	check "cut 0: a full" first_cut
	check "cut 1: under writers" make_cut 1
	stood_still | say
	check "the writers end" end_writers
	check "also mounted elsewhere, bound, and hidden by another mount" mounts
	check "the writers begin again" begin_writers /tmp/second/more
	check "cut 2: is found and frozen" make_cut 2 --cut=freeze
	stood_still | say
	check "the writers end" end_writers
	unmount
	take_down
}

filesystem() { # FS SIZE MKFS...
	local fs=$1 size=$2 i dir=files
	shift 2

	rm -f "$work"/mirror* "$work/share"/[0-9]*
	make_disk "$work/data" "$size"
	make_disk "$work/meta" 8M
	boot 0 "$fs: the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_filesystem "$@"
	for i in 0 1 2; do
		[ "$i" != 2 ] || dir="more"
		moment_is_good "$i" freeze filesystem-consistent "$fs" $dir
	done
}

main() {
	make_disk "$work/data" 64M
	make_disk "$work/meta" 8M
	boot 0 "passes: the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_passes
	filesystem ext4 48M mkfs.ext4 -q
	filesystem xfs 304M mkfs.xfs -q
	filesystem btrfs 128M mkfs.btrfs -q
}

scenario "$@"
