#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Cuts that cannot be: a snapshot that overflows, room in the wrong place or in use, LVM or nothing beneath the era
# device, two runs at once; stacks built by hand, with --cow; and the commands around a cut. Whatever happens, the stack
# is afterwards what it was.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"

mirror=/tmp/m.img
spare=/dev/vdc
small=/dev/vdd
other=/dev/vde

# Where a mark would be.
head_of() { # DEVICE
	dd if="$1" bs=1M count=2 iflag=direct status=none | md5sum
}

# Refused, and nothing was touched: neither the stack nor what DEVICE holds.
untouched() { # DEVICE STATUS WORDS COMMAND...
	local device=$1 held
	shift

	held=$(head_of "$device")
	refuses "$@"
	is "$(wc -c </tmp/refused.out)" 0
	is "$(head_of "$device")" "$held"
	stack_is_as_before
	calm "${dev##*/}"
}

cow_refused() { # DEVICE STATUS WORDS
	untouched "$1" "$2" "$3" era_copy --cow "$1" --full "$dev"
	untouched "$1" "$2" "$3" era_copy --cut=snapshot --cow "$1" --full "$dev"
}

snapshot_refused() { # WORDS [OPTION...]
	local words=$1
	shift

	untouched $spare 2 "$words" era_copy --cut=snapshot "$@" --full "$dev"
	grep -q 'hint: possible here: .*--cut=fence' /tmp/refused.err
	is "$(wc -l </tmp/refused.err)" 2
}

next() { # OPTION...
	backup $mirror -q "$@"
	stack_is_as_before
	calm "${dev##*/}"
	same $mirror
}

says_cut() { # KIND
	is "$(era_apply --dump --json -i /tmp/backup.era | jq -r .head.cut)" "$1"
}

# Room

snapshot_is_there() {
	dmsetup info data-snap
}

# Blocks are displaced faster than they are copied.
overflows() { # OPTION...
	scribble "$dev" 0 16M
	start copy era_copy --cut=snapshot "$@" --limit-rate 1M --from "$(token $mirror)" -o /tmp/o.era "$dev"
	wait_for 60 snapshot_is_there
	wait_for 60 test -s /tmp/o.era.part
	scribble "$dev" 8M 12M
	ended copy 1
	grep -q '^era_copy: .*snapshot' /tmp/copy.err
	grep -q '^  hint: ' /tmp/copy.err
	test ! -e /tmp/o.era
	test ! -e /tmp/o.era.part
	stack_is_as_before
	calm data
}

# The same to a pipe: what came out has no end.
overflows_in_a_pipe() {
	local status=0

	start copy era_copy --cut=snapshot --cow $small --limit-rate 1M --from "$(token $mirror)" "$dev"
	wait_for 60 snapshot_is_there
	wait_for 60 test -s /tmp/copy.out
	scribble "$dev" 8M 12M
	ended copy 1
	era_apply --verify -i /tmp/copy.out 2>/tmp/words || status=$?
	is "$status" 3
	stack_is_as_before
}

mounted_spare() {
	mkfs.ext4 -q $spare
	cow_refused $spare 2 "holds.*ext4"
	mkdir -p /tmp/spare
	mount -o ro $spare /tmp/spare
	cow_refused $spare 5 "in use"
	umount /tmp/spare
	wipefs -qa $spare
}

# By somebody who did not know whose it was: the mark is where it was, and the room where a partition is.
partitioned_spare() {
	printf 'label: gpt\n,,\n' | sfdisk -q --wipe never $spare
	dd if=$spare bs=4k count=1 iflag=direct status=none | grep -q 'erabackup cow'
	cow_refused $spare 2 "holds.*gpt"
	wipefs -qa $spare
	blockdev --rereadpt $spare
}

held_spare() {
	local status=0

	dmsetup create above --table "0 8192 linear $spare 0"
	remember_stack
	cow_refused $spare 5 "in use" || status=$?
	dmsetup remove above
	remember_stack
	return $status
}

# A file in the filesystem that is cut: its writes would wait for themselves.
loop_on_it() {
	local loop status=0

	mkfs.ext4 -qF "$dev"
	mkdir -p /tmp/mnt
	mount "$dev" /tmp/mnt
	dd if=/dev/zero of=/tmp/mnt/cow bs=1M count=6 conv=fsync status=none
	loop=$(losetup -f --show /tmp/mnt/cow)
	cow_refused "$loop" 2 "stands on\|lies on" || status=$?
	losetup -d "$loop"
	# A partition of it says nothing of a file by itself.
	echo ',,' | sfdisk -q /tmp/mnt/cow
	loop=$(losetup -P -f --show /tmp/mnt/cow)
	wait_for 30 test -b "${loop}p1"
	cow_refused "${loop}p1" 2 "stands on" || status=$?
	losetup -d "$loop"
	umount /tmp/mnt
	return $status
}

not_there() {
	refuses_somehow era_copy --cut=snapshot --cow /dev/nothing --full "$dev"
	: >/tmp/file
	refuses_somehow era_copy --cut=snapshot --cow /tmp/file --full "$dev"
	stack_is_as_before
}

# With 1 or 2, and with a word about --cow.
refuses_somehow() { # COMMAND...
	local status=0

	timeout -k 10 60 "$@" >/tmp/refused.out 2>/tmp/refused.err || status=$?
	cat /tmp/refused.err
	is "$((status == 1 || status == 2))" 1
	is "$(wc -c </tmp/refused.out)" 0
	grep -q -e --cow /tmp/refused.err
}

guest_room() {
	era_setup format -q -b 64K --cow-size 0 /dev/vdb /dev/vda
	era_setup open -q data /dev/vdb /dev/vda
	remember_stack
	scribble "$dev" 0 4M
	check "a volume without room: --cut=snapshot is refused" snapshot_refused "no room"
	check "and auto is a fence" next
	says_cut fence
	check "--cow on the volume itself is refused" cow_refused "$dev" 2 "--cow"
	check "on the disk beneath it too" cow_refused /dev/vda 2 "--cow"
	check "and on its metadata" cow_refused /dev/vdb 2 "--cow"
	check "what is not there, or no device" not_there
	check "a device with a filesystem, and mounted" mounted_spare
	check "one that device-mapper uses" held_spare
	check "a file on the filesystem that is cut" loop_on_it
	check "a blank one" next --cow $spare
	check "makes a snapshot" says_cut snapshot
	scribble "$dev" 5M 1M
	check "and with our mark again" next --cow $spare --cut=snapshot
	check "with our mark, and partitions since" partitioned_spare
	check "little room, and little is written" next --cow $small
	check "an overflow: no end, status 1, all as before" overflows --cow $small
	check "also into a pipe" overflows_in_a_pipe
	check "the next one has it all" next --cow $small
	check "two at once: the second is refused" two_at_once
	era_setup close data
}

two_at_once() {
	start copy era_copy --cut=snapshot --cow $spare --limit-rate 2M --full -o /tmp/two.era "$dev"
	wait_for 60 snapshot_is_there
	refuses 5 "in use by another run" era_copy --cow $small --full "$dev"
	refuses 5 "in use by another run" era_copy --cut=fence --full "$dev"
	running copy
	kill -TERM "$(cat /tmp/copy.pid)"
	ended copy 1
	test ! -e /tmp/two.era
	stack_is_as_before
	next --cow $spare
}

# Stacks by hand

hand() { # TABLE: of the layer beneath
	dmsetup create layer <<<"$1"
	dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct status=none
	era_create hand /dev/vdb /dev/mapper/layer 128
	remember_stack
}

hand_down() {
	dmsetup remove hand
	dmsetup remove layer
}

guest_hand() {
	dev=/dev/mapper/hand
	rm -f $mirror*
	hand "0 40000 linear $other 0"
	check "by hand on a linear layer: refused without --cow" snapshot_refused "no room"
	check "with --cow it is a snapshot" next --cow $spare
	scribble "$dev" 3M 2M
	check "and again" next --cow $spare
	check "says so" says_cut snapshot
	hand_down
	hand "0 30000 linear $other 2048"
	check "a layer that begins elsewhere" snapshot_refused "does not begin where" --cow $spare
	hand_down
	hand "0 20000 linear $other 0
20000 10000 linear $other 30000"
	check "a layer of two targets" snapshot_refused "only a linear layer" --cow $spare
	hand_down
	dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct status=none
	era_create hand /dev/vdb $other 128
	remember_stack
	check "no layer at all" snapshot_refused "no layer" --cow $spare
	check "and without --cow" snapshot_refused "no layer"
	rm -f $mirror*
	check "auto is a fence" next
	check "says so" says_cut fence
	dmsetup remove hand
	check "a logical volume beneath" on_lvm
}

lvm() {
	command lvm "$@" --config 'devices { use_devicesfile=0 } backup { backup=0 archive=0 } activation { udev_sync=0 udev_rules=0 }'
}

on_lvm() {
	lvm pvcreate -qq $other
	lvm vgcreate -qq group $other
	lvm lvcreate -qq -y -W n -L 12M -n volume group
	dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct status=none
	era_create hand /dev/vdb /dev/mapper/group-volume 128
	remember_stack
	snapshot_refused "LVM" --cow $spare
	snapshot_refused "LVM"
	rm -f $mirror*
	next
	dmsetup remove hand
	lvm vgchange -qq -a n group
	wipefs -qa $other
}

# Commands

hooks() { # OPTION...
	rm -f /tmp/hooks /tmp/h.era
	era_copy -q --pre-cut "sh /tmp/hook pre" --post-cut "sh /tmp/hook post" "$@" --from "$(token $mirror)" \
		-o /tmp/h.era "$dev"
}

said() { # LINES
	cat /tmp/hooks
	is "$(cat /tmp/hooks)" "$1"
	stack_is_as_before
	calm data
}

in_order() {
	hooks
	said "pre data snapshot linear
post data snapshot snapshot-origin"
	era_apply -q -i /tmp/h.era $mirror
	hooks --cut=fence
	said "pre data fence linear
post data fence linear"
	era_apply -q -i /tmp/h.era $mirror
}

# Before and after the frozen pass.
in_order_frozen() {
	mkfs.ext4 -qF "$dev"
	mount "$dev" /tmp/mnt
	hooks --cut=freeze
	said "pre data freeze linear
post data freeze linear"
	umount /tmp/mnt
}

hooks_fail() { # WORDS OPTION...
	local words=$1 status=0
	shift

	SECONDS=0
	hooks "$@" 2>/tmp/words || status=$?
	cat /tmp/words
	is "$status" 1
	grep -qe "$words" /tmp/words
	is "$((SECONDS < 40))" 1
}

nothing_made() {
	test ! -e /tmp/h.era
	test ! -e /tmp/h.era.part
}

pre_fails() {
	local era

	era=$(era_now data)
	echo 'exit 3' >/tmp/hook.pre
	hooks_fail "--pre-cut: .* status 3"
	said "pre data snapshot linear
post data snapshot linear"
	nothing_made
	is "$(era_now data)" "$era"
	: >/tmp/hook.pre
}

# What makes the cut impossible when it has begun already.
# Between the two, for its snapshot is gone.
cut_fails() {
	local status=0

	echo 'dmsetup remove data-snap' >/tmp/hook.pre
	rm -f /tmp/hooks
	era_copy --pre-cut "sh /tmp/hook pre" --post-cut "sh /tmp/hook post" --full -o /tmp/h.era "$dev" || status=$?
	is "$status" 1
	test ! -e /tmp/h.era
	said "pre data snapshot linear
post data snapshot snapshot-origin"
	: >/tmp/hook.pre
	stack_is_as_before
}

no_sleeper() {
	! pgrep -x sleep >/dev/null
}

# The checks behind this one ask the same.
nobody_is_left() {
	wait_for 10 no_sleeper && return
	echo "a command of the hook runs still"
	pkill -KILL -x sleep
	return 1
}

pre_hangs() { # SCRIPT
	echo "$1" >/tmp/hook.pre
	hooks_fail "--pre-cut: .* more than 2 s" --hook-timeout 2
	said "pre data snapshot linear
post data snapshot linear"
	nothing_made
	: >/tmp/hook.pre
	nobody_is_left
}

post_hangs() {
	echo 'sleep 600' >/tmp/hook.post
	hooks_fail "--post-cut: .* more than 2 s" --hook-timeout 2
	said "pre data snapshot linear
post data snapshot snapshot-origin"
	: >/tmp/hook.post
	nobody_is_left
}

# What it is told may not come from a run that is no more.
killed_run() {
	echo 'touch /tmp/in-hook; exec sleep 600' >/tmp/hook.pre
	rm -f /tmp/hooks /tmp/in-hook
	start copy era_copy --pre-cut "sh /tmp/hook pre" --post-cut "sh /tmp/hook post" --full -o /tmp/h.era "$dev"
	wait_for 60 test -e /tmp/in-hook
	kill -KILL "$(cat /tmp/copy.pid)"
	wait_for 30 grep -q post /tmp/hooks
	: >/tmp/hook.pre
	nobody_is_left
	# What the run had prepared is for the next one to take away.
}

guest_hooks() {
	dev=/dev/mapper/data
	mkdir -p /tmp/mnt
	cat >/tmp/hook <<-'END'
		echo "$1 $ERA_DEVICE $ERA_CUT $(dmsetup table data-orig | cut -d ' ' -f 3)" >>/tmp/hooks
		. /tmp/hook.$1
	END
	: >/tmp/hook.pre
	: >/tmp/hook.post
	rm -f $mirror*
	era_setup format -q --force -b 64K /dev/vdb /dev/vda
	era_setup open -q data /dev/vdb /dev/vda
	remember_stack
	scribble "$dev" 0 4M
	check "a full" next
	check "before and after, with the device and the kind of cut" in_order
	check "a freeze too" in_order_frozen
	check "the first fails: nothing is touched, the second is run" pre_fails
	check "the cut fails: the second is run" cut_fails
	check "the first hangs: it is ended" pre_hangs 'sleep 600'
	check "with all it started" pre_hangs '(trap "" TERM; sleep 600) & wait'
	check "the second hangs: it is ended" post_hangs
	check "the run is killed in the first: the second is run" killed_run
	check "all is well" next
	era_setup close data
}

cut_is() { # CUT OPTION...
	local cut=$1
	shift

	era_copy -v --full -o /tmp/h.era "$@" "$dev" 2>/tmp/words
	cat /tmp/words
	grep -q "; cut $cut, " /tmp/words
}

# What nobody asked for is not made in room that would hardly do.
guest_ample() {
	check "a volume with little room" era_setup format -q --force --cow-size 1M /dev/vdb /dev/vdf
	era_setup open -q data /dev/vdb /dev/vdf
	check "auto does not rely on it" cut_is fence
	check "it is used where it is meant" cut_is snapshot --cut=snapshot
	era_setup close data
}

guest_odd() {
	guest_room
	guest_hand
	guest_hooks
	guest_ample
}

main() {
	make_disk "$work/data" 24M
	make_disk "$work/meta" 16M
	make_disk "$work/spare" 32M
	make_disk "$work/small" 4M
	make_disk "$work/other" 24M
	make_disk "$work/large" 128M
	boot 0 "the guest ends well" --timeout 1500 --disk "$work/data" --disk "$work/meta" --disk "$work/spare" \
		--disk "$work/small" --disk "$work/other" --disk "$work/large" -- guest_odd
}

scenario "$@"
