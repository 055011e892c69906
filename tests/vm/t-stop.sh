#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A copy that ends in the middle, by a signal or because nobody reads it any more: it says so by its exit status,
# the device is as if nothing had been, the stream is known to be truncated, and the next run mends the mirror.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

mirror=/tmp/m.img

more_writes() {
	scribble "$dev" $((RANDOM % 100 * 65536)) 8M
}

# A copy slow enough to be met in the middle.
slow_copy() { # COPY-OPTION...
	start copy era_copy --compress=none --limit-rate 4M "$@" "$dev"
}

begun() { # FILE
	[ -e "$1" ] && [ "$(stat -c %s "$1")" -ge 1048576 ]
}

signalled() { # SIGNAL
	more_writes
	slow_copy --from "$(token $mirror)"
	wait_for 60 begun /tmp/copy.out
	running copy
	kill "-$1" "$(cat /tmp/copy.pid)"
	ended copy 1
	grep -q "interrupted by SIG$1" /tmp/copy.err
	calm data
}

# The stream in /tmp/copy.out is applied as far as it goes.
truncated() {
	local before

	before=$(token $mirror)
	refuses 3 "is truncated" era_apply -i /tmp/copy.out $mirror
	grep -q '^applying ' $mirror.era
	# The next stream starts from where the mirror was whole.
	is "$(token $mirror)" "$before"
}

# Not from here either: only a younger one of the same parent.
mended() {
	backup $mirror
	same $mirror
	! grep -q '^applying ' $mirror.era
}

pipe_closed() {
	local status=(0)

	more_writes
	era_copy --compress=none --from "$(token $mirror)" "$dev" 2>/tmp/copy.err | head -c 1M >/tmp/copy.out ||
		status=("${PIPESTATUS[@]}")
	cat /tmp/copy.err
	is "${status[0]}" 1
	grep -q 'the program that reads it has ended' /tmp/copy.err
	calm data
}

# The other end of the pipe is killed while it writes.
apply_killed() {
	local from

	more_writes
	from=$(token $mirror)
	rm -f /tmp/fifo
	mkfifo /tmp/fifo
	start apply era_apply -i /tmp/fifo $mirror
	start copy sh -c "exec era_copy --compress=none --limit-rate 2M --from $from $dev >/tmp/fifo"
	wait_for 60 grep -q '^applying ' $mirror.era
	kill "-$1" "$(cat /tmp/apply.pid)"
	ended apply "$2"
	ended copy 1
	grep -q 'the program that reads it has ended' /tmp/copy.err
	grep -q '^applying ' $mirror.era
	calm data
}

# Before the first mirror is whole there is nothing to start from but the beginning.
first_full_cut_short() {
	rm -f $mirror $mirror.era
	slow_copy --from "$(token $mirror)"
	wait_for 60 begun /tmp/copy.out
	kill -TERM "$(cat /tmp/copy.pid)"
	ended copy 1
	refuses 3 "is truncated" era_apply -i /tmp/copy.out $mirror
	is "$(token $mirror)" full
}

# A file that is not whole never has the name.
no_output() {
	more_writes
	mkdir -p /tmp/out
	slow_copy -o /tmp/out/stream --from "$(token $mirror)"
	wait_for 60 something_begun
	kill -TERM "$(cat /tmp/copy.pid)"
	ended copy 1
	is "$(find /tmp/out -type f)" ""
	calm data
}

something_begun() {
	[ -n "$(find /tmp/out -type f -size +1M)" ]
}

under_nohup() {
	start copy sh -c "exec nohup $ERA_BUILD/era_copy --compress=none --limit-rate 4M --full $dev"
	wait_for 60 begun /tmp/copy.out
	kill -HUP "$(cat /tmp/copy.pid)"
	ended copy 0
	era_apply --verify -i /tmp/copy.out
}

stalled_reader() {
	more_writes
	rm -f /tmp/fifo
	mkfifo /tmp/fifo
	# A reader that never reads.
	start reader sh -c 'exec sleep 600 </tmp/fifo'
	start copy sh -c "exec era_copy --compress=none --from $(token $mirror) $dev >/tmp/fifo"
	wait_for 60 in_pipe_write
	kill -TERM "$(cat /tmp/copy.pid)"
	ended copy 1
	kill "$(cat /tmp/reader.pid)"
	calm data
}

in_pipe_write() {
	grep -q pipe_write "/proc/$(cat /tmp/copy.pid)"/task/*/stack
}

guest_stop() {
	local sig

	era_create data /dev/vdb /dev/vda 128
	scribble "$dev" 0 4M
	check "the first full is cut short" first_full_cut_short
	check "the next run mends it" mended
	for sig in TERM INT HUP; do
		check "SIG$sig: status 1, nothing suspended, nothing held" signalled "$sig"
		check "SIG$sig: the stream is refused as truncated" truncated
		check "SIG$sig: the next run mends the mirror" mended
	done
	check "closed pipe: status 1, nothing suspended, nothing held" pipe_closed
	check "closed pipe: the stream is refused as truncated" truncated
	check "closed pipe: the next run mends the mirror" mended
	check "era_apply terminated: both ends fail" apply_killed TERM 1
	check "era_apply terminated: the next run mends the mirror" mended
	check "era_apply killed: both ends fail" apply_killed KILL 137
	check "era_apply killed: the next run mends the mirror" mended
	check "a file that is not whole does not appear" no_output
	check "a log-out under nohup ends nothing" under_nohup
	check "SIGTERM while nobody reads" stalled_reader
	check "the next run" mended
	dmsetup remove data
}

main() {
	make_disk "$work/data" 16M
	make_disk "$work/meta" 4M
	boot 0 "the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_stop
}

scenario "$@"
