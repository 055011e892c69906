#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tracking that was lost, and a device that is another one than last night: `erabackup explain` says before what `run` does
# then by itself, and why. What it makes restores to the device.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/backups.sh
. "$(dirname "$0")/backups.sh"

data=/dev/mapper/part
meta=/dev/vdb

# comes KIND WORDS: explain says that a KIND comes, with a reason that has WORDS; run makes it, and says so; the restored
# device is the device; so is the mirror.
comes() {
	local said

	said=$(eb explain --json disk)
	echo "$said"
	is "$(jq -r '.[0].kind' <<<"$said")" "$1"
	jq -r '.[0].reason' <<<"$said" | grep -qie "$2"
	eb explain disk | grep -qie "$2"
	eb run -v disk 2>/tmp/words || {
		cat /tmp/words
		return 1
	}
	cat /tmp/words
	grep -qi "disk: $1" /tmp/words
	grep -qie "$2" /tmp/words
	last_kind_is "$1"
	# By hand, and not mounted, there is nothing better than a fence; nobody writes.
	restore_point -1 --allow-inconsistent
	same "$restored"
	same "$image"
	chain_is_whole
	not_held_if_era
}

not_held_if_era() {
	[ "$(dmsetup table data | awk '{ print $3 }')" != era ] || calm data
}

# From there on incrementals, as if nothing had been.
goes_on() {
	scribble "$dev" 5M 192K
	comes incremental ""
	is "$(points '.[-1].bytes < 1000000')" true
}

open() {
	era_setup open -q data $meta $data
}

mend() { # COMMAND...: with the volume closed
	era_setup close data
	"$@"
	open
	scribble "$dev" 1M 64K
}

resize_to() { # SECTORS
	dmsetup suspend part
	dmsetup load part --table "0 $1 linear /dev/vda 0"
	dmsetup resume part
	era_setup resize data
	is "$(blockdev --getsz "$dev")" "$1"
	scribble "$dev" $((($1 - 256) * 512)) 64K
}

wipe_metadata() {
	dd if=/dev/zero of=$meta bs=4096 seek=256 count=1 oflag=direct conv=notrunc status=none
}

written_behind() {
	dd if=/dev/urandom of=$data bs=64k seek=2 count=1 oflag=direct status=none
}

# The volume could not be opened, and the machine runs all the same.
comes_up_plain() {
	era_setup close data
	damage_metadata
	era_setup open --fallback=linear data $meta $data 2>/tmp/words || true
	cat /tmp/words
	is "$(dmsetup table data | awk '{ print $3 }')" linear
	scribble "$dev" 3M 64K
}

# What it lies on is damaged in a place that the kernel would stumble over.
damage_metadata() {
	dd if=/dev/urandom of=$meta bs=4096 seek=256 count=4 oflag=direct conv=notrunc status=none
}

plain_no_more() {
	era_setup reset --reason "the metadata was damaged" $meta
	era_setup close data
	open
	is "$(dmsetup table data | awk '{ print $3 }')" era
}

other_metadata() {
	era_setup format -q --force -b 64K $meta $data
}

# By hand, without a label.
set_up_by_hand() {
	dd if=/dev/zero of=$meta bs=1M count=4 oflag=direct status=none
	era_create data $meta $data 128
}

begun_again() {
	dmsetup remove data
	set_up_by_hand
	scribble "$dev" 7M 64K
}

other_block() {
	dmsetup remove data
	dd if=/dev/zero of=$meta bs=1M count=4 oflag=direct status=none
	era_create data $meta $data 256
	while [ "$(era_now data)" -lt 60 ]; do
		dmsetup message data 0 checkpoint
	done
	scribble "$dev" 7M 64K
}

set_up() {
	dmsetup create part --table "0 60000 linear /dev/vda 0"
	dd if=/dev/urandom of=$data bs=1M count=20 oflag=direct status=none
	era_setup format -q -b 64K $meta $data
	open
	backup_disk /dev/vdc
	# shellcheck disable=SC2119 # no more than the usual lines
	local_job
	eb init disk
}

guest_lost() {
	check "a volume, and a job" set_up
	check "the first is a full, because there is none" comes full ""
	check "then incrementals" goes_on

	check "the volume was reset" mend era_setup reset --reason "a rescue system was here" $meta
	check "reset: a full, with the reason that was given" comes full "rescue system"
	check "reset: then incrementals" goes_on

	check "the volume was formatted again" mend other_metadata
	check "formatted: a full" comes full "generation"
	check "formatted: then incrementals" goes_on

	check "its metadata was wiped" mend wipe_metadata
	check "wiped: a full, and why" comes full "begun again\|wiped\|blank"
	check "wiped: then incrementals" goes_on

	check "the data was written past the volume" mend written_behind
	check "written past it: a full, and why" comes full "written"
	check "written past it: then incrementals" goes_on

	check "the volume came up as a plain mapping" comes_up_plain
	check "plain: a full, and why" comes full "dm-era\|plain\|tracking"
	check "plain: once more a full" comes full ""
	check "a volume again" plain_no_more
	check "a volume again: a full" comes full ""
	check "a volume again: then incrementals" goes_on

	check "the device has grown" resize_to 80000
	check "grown: an incremental with the new space" comes incremental ""
	check "grown: that is not a full" test "$(points '.[-1].bytes < .[0].bytes')" = true
	check "grown: then incrementals" goes_on

	check "no volume any more, but era by hand" mend_by_hand
	check "by hand: a full" comes full "generation\|label"
	check "by hand: then incrementals" goes_on
	check "by hand: metadata begun again" begun_again
	check "by hand: a full, and why" comes full "begun again\|generation"
	check "by hand: then incrementals" goes_on
	check "by hand: another era block" other_block
	check "by hand: a full, and why" comes full "block"
	check "by hand: then incrementals" goes_on

	check "a smaller device" shrink
	check "smaller: a full, and why" comes full "shrunk\|smaller\|bytes"
	check "smaller: then incrementals" goes_on
	check "the first point is what it was then" first_point
	dmsetup remove data
	dmsetup remove part
}

mend_by_hand() {
	era_setup close data
	set_up_by_hand
}

# Tracking goes on, with a table for less.
shrink() {
	dmsetup suspend data
	dmsetup suspend part
	dmsetup load part --table "0 50000 linear /dev/vda 0"
	dmsetup resume part
	dmsetup load data --table "0 50000 era $meta $data 256"
	dmsetup resume data
	scribble "$dev" 7M 64K
}

first_point() {
	restore_point 0 --allow-inconsistent
	is "$(stat -c %s "$restored")" $((60000 * 512))
}

main() {
	make_disk "$work/data" 48M
	make_disk "$work/meta" 40M
	make_disk "$work/backup" 1G
	boot 0 "the guest ends well" --timeout 1200 --disk "$work/data" --disk "$work/meta" --disk "$work/backup" -- guest_lost
}

scenario "$@"
