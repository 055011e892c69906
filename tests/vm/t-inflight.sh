#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A write in flight at the moment of the cut. dm-era has recorded it in the old era already, the disk has it
# only later: without a fence it is lost for ever, and this shows it; with a fence nothing is.
#
# The write stays in flight for as long as the test wants: dm-delay holds it below the era device, and a
# suspend of dm-delay alone lets go of it.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

mirror=/tmp/m.img
block=65536

write_is_held() {
	[ "$(writes_in_flight slow)" -ge 1 ]
}

nothing_in_flight() {
	[ "$(writes_in_flight slow)" = 0 ]
}

# delay_writes MILLISECONDS: also lets go of what is held.
delay_writes() {
	local size

	size=$(blockdev --getsz /dev/vda)
	dmsetup suspend --noflush --nolockfs slow
	dmsetup load slow --table "0 $size delay /dev/vda 0 0 /dev/vda 0 $1"
	dmsetup resume slow
}

# What is held goes on, what comes later is held again.
let_go() {
	dmsetup suspend --noflush --nolockfs slow
	dmsetup resume slow
}

# One direct write of a block that does not come to its end.
begin_write() { # BLOCK
	delay_writes 3600000
	start write scribble "$dev" $(($1 * block)) $block
	wait_for 60 write_is_held || {
		echo "# the write did not start"
		return 1
	}
}

end_write() {
	running write
	delay_writes 0
	ended write 0
	nothing_in_flight
}

# The block, past every cache.
block_of() { # FILE BLOCK [FLAG]
	dd if="$1" bs=$block count=1 skip="$2" ${3:+iflag=$3} status=none
}

block_is_same() { # BLOCK
	cmp <(block_of $mirror "$1") <(block_of "$dev" "$1" direct)
}

block_is_old() { # BLOCK
	cmp <(block_of "$1" "$2") <(block_of /tmp/before "$2")
}

# Is the block in the stream that was applied last?
listed() { # BLOCK
	era_apply --dump --json -i /tmp/backup.era >/tmp/dump.json
	jq -e --argjson a $(($1 * block)) --argjson b $((($1 + 1) * block)) \
		'any(.frames[]; (.type == "DATA" or .type == "ZERO") and .offset < $b and .offset + .length > $a)' \
		/tmp/dump.json >/dev/null
}

not_listed() {
	! listed "$1"
}

# A copy that the fence keeps waiting: it is in the suspend, and the suspend waits for the write.
begin_fenced() { # TOKEN
	start copy era_copy --cut=fence --from "$1" "$dev"
	wait_for 60 in_suspend || {
		echo "# era_copy is not in the suspend: $(cat /tmp/copy.err)"
		return 1
	}
}

in_suspend() {
	grep -q dm_suspend "/proc/$(cat /tmp/copy.pid)/stack"
}

waits() {
	write_is_held
	running copy
	test ! -s /tmp/copy.out
}

end_fenced() {
	ended copy 0
	mv /tmp/copy.out /tmp/backup.era
	era_apply -i /tmp/backup.era $mirror
}

without_fence() {
	check "none: the mirror is the device before" same $mirror
	cp $mirror /tmp/before
	begin_write 5
	check "none: a take with the write in flight" backup $mirror --cut=none
	check "none: the write is in flight still" write_is_held
	check "none: the stream has the block" listed 5
	check "none: with its old bytes" block_is_old $mirror 5
	check "none: the write completes" end_write
	check "none: the next take" backup $mirror --cut=none
	check "none: does not have the block" not_listed 5
	check "none: so the write is lost: the mirror is not the device" differs $mirror
	check "none: in that block" test "$(cmp $mirror <(contents "$dev") | awk '{ print int(($5 - 1) / 65536) }')" = 5
	check "none: and no later fence finds it" backup $mirror --cut=fence
	check "none: it stays lost" block_is_old $mirror 5
	check "none: only another write of it" scribble "$dev" $((5 * block)) 4096
	check "none: brings it" backup $mirror
	check "none: back" same $mirror
}

with_fence() {
	cp $mirror /tmp/before
	begin_write 9
	begin_fenced "$(token $mirror)"
	check "fence: the copy waits for the write" waits
	check "fence: the write completes" end_write
	check "fence: then it goes on" end_fenced
	check "fence: the stream has the block" listed 9
	check "fence: the mirror is the device" same $mirror
	check "fence: the next one" backup $mirror
	check "fence: does not need the block again" not_listed 9
	check "fence: the mirror is the device still" same $mirror
	check "fence: nothing is left behind" calm
}

late_write_waits() {
	grep -q submit_bio_wait "/proc/$(cat /tmp/late.pid)/stack"
}

# A write that comes while the device is suspended goes through at the resume: recorded in the era C that
# begins there, before the take begins C + 1, and on the disk after the copy has read the block. Were C + 1
# stored, it would be lost.
write_behind_fence() {
	cp $mirror /tmp/before
	begin_write 9
	begin_fenced "$(token $mirror)"
	start late dd if=/dev/urandom of="$dev" bs=$block count=1 seek=21 oflag=direct conv=notrunc status=none
	check "behind: another write waits for the end of the fence" wait_for 60 late_write_waits
	let_go
	check "behind: the first one completes" ended write 0
	check "behind: the copy goes on" end_fenced
	check "behind: the second one is in flight still" write_is_held
	check "behind: it was recorded before the take" listed 21
	check "behind: the stream has the old bytes of it" block_is_old $mirror 21
	delay_writes 0
	check "behind: it completes" ended late 0
	check "behind: the next run" backup $mirror
	check "behind: has it" same $mirror
}

# As a full begins: what it has read already and what was in flight is the next one's.
full_with_fence() {
	rm -f $mirror $mirror.era
	begin_write 11
	begin_fenced full
	check "full: waits for the write too" waits
	check "full: the write completes" end_write
	check "full: then it goes on" end_fenced
	check "full: and has it" same $mirror
}

# Someone loses patience while the fence waits.
interrupted() { # SIGNAL STATUS
	begin_write 13
	begin_fenced "$(token $mirror)"
	kill "-$1" "$(cat /tmp/copy.pid)"
	check "$1 while the fence waits: the copy ends, status $2" ended copy "$2"
	check "$1: before the write does" write_is_held
	check "$1: the device is not suspended" active data
	check "$1: the write completes" end_write
	check "$1: nothing is left behind" calm
	check "$1: the next run" backup $mirror
	check "$1: has it all" same $mirror
}

guest_inflight() {
	local size

	size=$(blockdev --getsz /dev/vda)
	dmsetup create slow --table "0 $size delay /dev/vda 0 0 /dev/vda 0 0"
	era_create data /dev/vdb /dev/mapper/slow 128
	scribble "$dev" 0 4M
	check "a full" backup $mirror
	without_fence
	with_fence
	write_behind_fence
	full_with_fence
	interrupted TERM 1
	interrupted KILL 137
	dmsetup remove data
	dmsetup remove slow
}

main() {
	make_disk "$work/data" 32M
	make_disk "$work/meta" 4M
	boot 0 "the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_inflight
}

scenario "$@"
