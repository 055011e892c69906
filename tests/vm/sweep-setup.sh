#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_setup ended at every step: SIGKILL before, and EIO from, each kind of ioctl and each write and flush of
# the label, in format, open, close, resize and reset. Whatever the step: nothing stays suspended or hangs, the
# exit status is true, the next plain command works, no torn copy loses the label, a failed open is as clean as
# it was, and a mirror from before either takes an incremental and is the device then, or era_copy exits 4.
#
# It takes some ten minutes, so no suite runs it: run it after a change of what it is about.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

data=/dev/vda
meta=/dev/vdb
large=/dev/vdc
mirror=/tmp/m.img
trace=/tmp/trace
calls=ioctl,pwrite64,fsync

# What is asked of the label

# Without jq, which costs more here than what is asked.
field() { # NAME
	era_setup dump --json $meta | sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p"
}

generation() {
	field generation
}

both_whole() {
	era_setup dump --json $meta | grep -q '"copies":\["whole","whole"\]'
}

labels() {
	dd if=$meta bs=4k count=1 iflag=direct status=none
	dd if=$meta bs=4k skip=128 count=1 iflag=direct status=none
}

save_meta() {
	dd if=$meta of=/tmp/meta bs=1M iflag=direct status=none
}

restore_meta() {
	dd if=/tmp/meta of=$meta bs=1M oflag=direct status=none
}

# What the steps that end a history begin with: the volume closed, the mirror at it.
remember() {
	dd if=$meta of=/tmp/meta.kept bs=1M iflag=direct status=none
	cp $mirror /tmp/kept
	cp $mirror.era /tmp/kept.era
}

as_before() {
	dd if=/tmp/meta.kept of=$meta bs=1M oflag=direct status=none
	dd if=/tmp/kept of=$data bs=1M oflag=direct status=none
	cp /tmp/kept $mirror
	cp /tmp/kept.era $mirror.era
}

# And of the volume

volume() { # ARG...
	timeout -k 10 60 era_setup "$@"
}

open() {
	volume open -q data $meta $data
}

nothing_there() {
	is "$(dmsetup ls)" "No devices found"
}

closed_clean() {
	nothing_there
	is "$(field state)" clean
	both_whole
}

size_of() { # DEVICE
	blockdev --getsz "$1"
}

discards_off() {
	is "$(cat "/sys/dev/block/$(stat -L -c '%Hr:%Lr' "$dev")/queue/discard_max_bytes")" 0
}

tracks() {
	is "$(dmsetup ls --target era | cut -f 1)" data
	discards_off
	is "$(field state)" open
	both_whole
}

none_suspended() {
	! dmsetup info -c --noheadings -o suspended | grep -q Suspended
}

# Whoever was to resume has done so, and a write goes through.
calm_again() {
	wait_for 30 no_guard
	none_suspended
}

some_write() {
	timeout -k 10 30 dd if=/dev/urandom of="$dev" bs=4k count=1 seek=$((RANDOM % 2048)) oflag=direct \
		conv=nocreat,notrunc status=none
}

# An incremental fits, and the mirror is the device; or exit 4, where the generation is another one.
history_is_true() { # [unbroken]
	local status=0

	some_write
	timeout -k 10 120 era_copy -q --from "$(token $mirror)" -o /tmp/backup.era "$dev" || status=$?
	if [ "$status" = 4 ] && [ -z "${1:-}" ]; then
		[ "$(generation)" != "$(cat /tmp/generation)" ]
		return
	fi
	is "$status" 0
	is "$(era_apply --dump --json -i /tmp/backup.era | jq -r .head.kind)" incremental
	era_apply -q -i /tmp/backup.era $mirror
	equal_mirror
}

equal_mirror() {
	dd if="$dev" of=/tmp/contents bs=1M iflag=direct status=none
	cmp $mirror /tmp/contents
	rm /tmp/contents
}

full() {
	rm -f $mirror*
	era_copy -q --full -o /tmp/backup.era "$dev"
	era_apply -q -i /tmp/backup.era $mirror
	generation >/tmp/generation
}

unbroken() {
	is "$(generation)" "$(cat /tmp/generation)"
}

# Faults

# What a run does as lines "CALL N WHAT", for each kind of call once: N as strace counts, WHAT with a "*" where
# the call changes something. What libblkid asks of every disk, and gets an error from, is left out.
steps_of() { # NAME COMMAND...
	local name=$1
	shift

	strace -f --seccomp-bpf -y -qq -o $trace -e trace=$calls era_setup "$@"
	awk '
	NR == 1 { pid = $1 }
	$1 != pid || !match($2, /^(ioctl|pwrite64|fsync)\(/) { next }
	{
		call = substr($2, 1, RLENGTH - 1)
		n[call]++
		what = call == "ioctl" ? $3 : call n[call]
		sub(/,$/, "", what)
		if (what ~ /^(FDGETFDCSTAT|CDROM_|BLKGETZONESZ)/)
			next
		if (what ~ /^(DM_DEV_|DM_TABLE_LOAD|BLKZEROOUT)/) {
			change++
			flag = /DM_SUSPEND_FLAG/ ? "-suspend" : ""
			what = what flag "-" change "*"
		} else if (call != "ioctl" && /<\/dev/) {
			what = what "-label*"
		} else if (what == "DM_TABLE_STATUS") {
			what = what "-after-" change + 0
		} else {
			what = what (change ? "-late" : "")
		}
		if (!seen[what]++)
			print call, n[call], what
	}' $trace >"/tmp/steps.$name"
	[ "$(grep -c '\*' "/tmp/steps.$name")" -ge 6 ]
}

# To $status; what was said is in /tmp/said.
faulted() { # FAULT CALL N COMMAND...
	local fault=$1 call=$2 n=$3 fast=(--seccomp-bpf)
	shift 3

	# With that a signal is not delivered.
	[ "$fault" != signal=KILL ] || fast=()
	status=0
	timeout -k 10 60 strace -f "${fast[@]}" -y -qq -o $trace -e "trace=$call" -e "inject=$call:$fault:when=$n" \
		"$ERA_BUILD/era_setup" "$@" >/tmp/said 2>&1 || status=$?
	cat /tmp/said
	tail -n 2 $trace
	calm_again
	if [ "$fault" = signal=KILL ]; then
		is "$status" 137
		grep -q 'killed by SIGKILL' $trace
		tear
		return
	fi
	grep -q INJECTED $trace
	if [ "$status" != 0 ]; then
		is "$status" 1
		grep -q '^era_setup: ' /tmp/said
	fi
}

# The write that the kill came before: as a torn one would have left it.
tear() {
	local at

	at=$(sed -nE "s:.* pwrite64\([0-9]+<$meta>,.*, 4096, ([0-9]+)\) += \?$:\1:p" $trace)
	[ -n "$at" ] || return 0
	dd if=/dev/urandom of=$meta bs=512 count=3 seek=$((at / 512 + 1)) oflag=direct status=none
}

# A write behind our back has to be noticed. Afterwards all is as it was before it.
noticed() {
	labels | cmp -s - /tmp/labels && return
	save_meta
	dd if=$data of=/tmp/block bs=4k count=1 iflag=direct status=none
	dd if=/dev/urandom of=$data bs=4k count=1 oflag=direct status=none
	open >/tmp/words 2>&1
	cat /tmp/words
	grep -q "was written while the volume was closed" /tmp/words
	volume close data
	dd if=/tmp/block of=$data bs=4k count=1 oflag=direct status=none
	restore_meta
}

# Steps

step_open() { # FAULT CALL N
	volume close -q data
	labels >/tmp/labels
	faulted "$@" open data $meta $data
	if [ "$1" != signal=KILL ] && [ "$status" != 0 ]; then
		nothing_there
		is "$(field state)" clean
		noticed
	fi
	unbroken
	[ "$status" != 0 ] || tracks
	open >/tmp/words 2>&1
	is "$(cat /tmp/words)" ""
	tracks
	unbroken
	some_write
}

step_close() { # FAULT CALL N
	open
	some_write
	faulted "$@" close data
	[ "$status" != 0 ] || closed_clean
	# The same again, or on with the next.
	[ $(($3 % 2)) = 0 ] || volume close -q data
	open >/tmp/words 2>&1
	is "$(cat /tmp/words)" ""
	tracks
	unbroken
	some_write
	volume close data
	closed_clean
}

step_reset() { # FAULT CALL N
	faulted "$@" reset -q $meta
	[ "$status" != 0 ] || [ "$(generation)" != "$(cat /tmp/generation)" ]
	open
	tracks
	history_is_true
	volume close data
	volume reset -q $meta
	[ "$(generation)" != "$(cat /tmp/generation)" ]
	as_before
}

step_format() { # FAULT CALL N
	faulted "$@" format -q --force -b 64K $meta $data
	[ "$status" != 0 ] || is "$(field state)" fresh
	if volume dump $meta >/dev/null; then
		open
		tracks
		history_is_true
		volume close data
	else
		refuses 4 "no label" era_setup open data $meta $data
	fi
	volume format -q --force -b 64K $meta $data
	is "$(field state)" fresh
	both_whole
	as_before
}


grow() { # SECTORS
	dmsetup suspend part
	dmsetup load part --table "0 $(($(size_of /dev/mapper/part) + $1)) linear $large 0"
	dmsetup resume part
}

# What a list since an era of before the mended resize has to know: the last block of the device.
lists_the_end() { # ERA
	local last=$((($(size_of "$dev") - 1) / 128))

	era_copy -q --list=json --since "$1" "$dev" >/tmp/list
	jq -e "[.ranges[][1]] | max > $last" /tmp/list
}

# Eras go on between the fault and what mends it, as backups would make them.
eras_pass() {
	dmsetup message data 0 checkpoint
	dmsetup message data 0 checkpoint
	era_now data
}

step_resize() { # FAULT CALL N
	local era before

	grow 200
	faulted "$@" resize data
	before=$(size_of "$dev")
	[ "$status" != 0 ] || is "$before" "$(size_of /dev/mapper/part)"
	is "$(dmsetup ls --target era | cut -f 1)" data
	discards_off
	some_write
	era=$(eras_pass)
	if [ $(($3 % 2)) = 0 ]; then
		volume close data
		open_large
	fi
	volume resize -q data
	is "$(size_of "$dev")" "$(size_of /dev/mapper/part)"
	tracks
	unbroken
	[ "$before" = "$(size_of "$dev")" ] || lists_the_end "$era"
	some_write
}

open_large() {
	volume open -q data $meta /dev/mapper/part
}

# Sweeps

# The layers of a volume are built alike, so one beneath is enough; a kill before a flush is one behind the write;
# what close and resize ask before they change anything, open asks too.
chosen() { # KIND COMMAND
	case $1.$2 in
	KILL.*) grep '\*' "/tmp/steps.$2" | grep -v fsync ;;
	EIO.open) cat "/tmp/steps.$2" ;;
	*) grep -e '\*' -e after- -e late "/tmp/steps.$2" ;;
	esac | grep -v -e 'DM_DEV_CREATE-4' -e 'DM_TABLE_LOAD-5' -e 'DM_DEV_SUSPEND-6\*'
}

sweep() { # KIND COMMAND
	local call n what fault=signal=KILL

	[ "$1" = KILL ] || fault=error=$1
	while read -r call n what; do
		check "$2: $1 at $call $n, $what" "step_$2" "$fault" "$call" "$n"
	done < <(chosen "$1" "$2")
}

# Each open step needs it closed, and each close step closes it: two sweeps in one.
sweep_open_close() { # KIND
	local call n what fault=signal=KILL close=()

	[ "$1" = KILL ] || fault=error=$1
	mapfile -t close < <(chosen "$1" close)
	while read -r call n what; do
		check "open: $1 at $call $n, $what" step_open "$fault" "$call" "$n"
		[ ${#close[@]} != 0 ] || continue
		read -r call n what <<<"${close[0]}"
		close=("${close[@]:1}")
		check "close: $1 at $call $n, $what" step_close "$fault" "$call" "$n"
	done < <(chosen "$1" open)
	[ ${#close[@]} = 0 ]
	open
	check "open and close, $1: the mirror follows" history_is_true unbroken
	volume close data
}

nth_label_write() { # N
	grep 'pwrite64.*label' /tmp/steps.open | sed -n "$1p" | cut -d ' ' -f 2
}

# The copies differ after the first kill; the second tears the one that does not count.
torn_after_torn() {
	faulted signal=KILL pwrite64 "$(nth_label_write 2)" open data $meta $data
	is "$(field state)" open
	faulted signal=KILL pwrite64 "$(nth_label_write 1)" open data $meta $data
	era_setup dump --json $meta | grep -q '"damaged"'
	is "$(field state)" open
	open
	tracks
	unbroken
	volume close data
}

begin() {
	era_setup format -q --force -b 64K $meta "${1:-$data}"
}

learn() {
	begin
	steps_of open open data $meta $data
	dd if=/dev/urandom of="$dev" bs=1M count=12 oflag=direct status=none
	full
	some_write
	steps_of close close data
	open
	history_is_true unbroken
	volume close data
	remember
	steps_of reset reset $meta
	steps_of format format -q --force -b 64K $meta $data
	as_before
	sed 's/^/# /' /tmp/steps.*
}

learn_resize() {
	dmsetup create part --table "0 20000 linear $large 0"
	begin /dev/mapper/part
	open_large
	full
	grow 200
	steps_of resize resize data
	sed 's/^/# /' /tmp/steps.resize
}

resizing() {
	check "resize, learned" learn_resize
	sweep KILL resize
	check "resize, KILL: the mirror follows" history_is_true unbroken
	sweep EIO resize
	check "resize, EIO: the mirror follows" history_is_true unbroken
	volume close data
	dmsetup remove part
}

guest_kills() {
	check "what there is to end it at" learn
	sweep_open_close KILL
	check "a torn copy after a torn copy" torn_after_torn
	sweep_open_close EIO
	remember
	sweep KILL reset
	sweep EIO reset
	sweep KILL format
	sweep EIO format
	resizing
	check "nothing is left" nothing_there
}

main() {
	make_disk "$work/data" 12M
	make_disk "$work/meta" 8M
	make_disk "$work/large" 32M
	boot 0 "the guest ends well" --timeout 3000 --disk "$work/data" --disk "$work/meta" --disk "$work/large" -- \
		guest_kills
}

scenario "$@"
