#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An era volume from format to close, as a person at the keyboard has it: what is refused and why, what is
# unwound, that opening twice is fine, that discards are off, that growing is told to the next backup, and that
# whatever breaks the history ends in exit 4 at the next incremental.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

data=/dev/vda
meta=/dev/vdb
disk=/dev/vdc
mirror=/tmp/m.img
mnt=/tmp/mnt

open() {
	era_setup open data $meta $data
}

says() { # WORDS COMMAND...
	local words=$1
	shift

	"$@" >/tmp/says 2>&1 || return 1
	cat /tmp/says
	grep -qe "$words" /tmp/says
}

field() { # JQ
	era_setup dump --json $meta | jq -r "$1"
}

generation() {
	field .generation
}

nothing_there() {
	is "$(dmsetup ls)" "No devices found"
}

# Nothing on the data device was touched: compare with what it was.
untouched() {
	cmp /tmp/before <(contents $data | sha256sum)
}

remember() {
	contents $data | sha256sum >/tmp/before
}

full() {
	era_copy -q --full "$dev" | era_apply $mirror
	same $mirror
}

incremental() {
	backup $mirror -q
	is "$(era_apply --dump --json -i /tmp/backup.era | jq -r .head.kind)" incremental
	same $mirror
}

history_gone() { # WORDS
	refuses 4 "$1" era_copy --from "$(token $mirror)" "$dev"
	full
	scribble "$dev" 1M 64K
	incremental
}

formatting() {
	mkfs.ext4 -q $data
	remember
	check "format" says "fresh" era_setup format $meta $data
	check "does not touch the data" untouched
	check "check has nothing to complain of" says "metadata is blank" era_setup check $meta
	check "again: refused" refuses 2 "holds the label" era_setup format $meta $data
	check "again: --force" era_setup format -q --force $meta $data
	check "the data as metadata device: refused" refuses 2 "holds ext4" era_setup format $data $disk
	check "the same device twice: refused" refuses 2 "the same device" era_setup format --force $meta $meta
	sfdisk -q $disk <<<$'size=8M\nsize=8M\nsize=2M' >/dev/null
	partx -u $disk 2>/dev/null || true
	check "a disk with partitions: refused" refuses 2 "holds dos" era_setup format $disk $data
	check "a partition of the data's disk" era_setup format -q ${disk}1 ${disk}2
	check "a disk and a partition of it: refused" refuses 2 "part" era_setup format --force ${disk}1 $disk
	check "too small: refused" refuses 2 "are needed" era_setup format --block-size 4K ${disk}3 /dev/vdd
	check "an odd era block: refused" refuses 2 "4096" era_setup format --force -b 5000 $meta $data
}

mounted_data() {
	mkdir -p $mnt
	mount $data $mnt
	refuses 5 "mounted on $mnt" era_setup format $disk $data
	refuses 5 "mounted on $mnt" era_setup open data $meta $data
	says "tracking starts when it is opened" era_setup format -q --force $meta $data
	umount $mnt
	nothing_there
}

refused_names() {
	refuses_plainly 2 "cannot name" era_setup open x/y $meta $data
	refuses_plainly 2 "cannot name" era_setup open data-orig $meta $data
	dmsetup create other --table "0 8 zero"
	refuses 5 "not ours" era_setup open other $meta $data
	is "$(dmsetup table other)" "0 8 zero "
	dmsetup remove other
}

opening() {
	era_setup format -q --force $meta $data
	mkfs.ext4 -q $data
	remember
	check "open" open
	check "the device has an era target" says " era " dmsetup table data
	check "open again: says so, exit 0" says "is open already" era_setup open data $meta $data
	check "under another name: refused" refuses 5 "in use" era_setup open data2 $meta $data
	check "which leaves nothing" is "$(dmsetup ls | wc -l)" 3
	check "the contents are the same" cmp /tmp/before <(contents "$dev" | sha256sum)
	check "discards are off" refuses_discard
	check "of the layer beneath too" is "$(cat "/sys/dev/block/$(stat -L -c '%Hr:%Lr' /dev/mapper/data-orig)/queue/discard_max_bytes")" 0
	check "status" says "tracking" era_setup status
	check "status in JSON" status_json
	check "a full has no warning of a missing label" quiet_full
	mount "$dev" $mnt
	check "close while mounted: refused" refuses 5 "mounted on $mnt" era_setup close data
	umount $mnt
	check "close" era_setup close data
	check "takes all down" nothing_there
	check "and marks it clean" is "$(field .state)" clean
	check "close again: says so" says "is not open" era_setup close data
	check "open with discards" era_setup open --discard=pass data $meta $data
	check "which pass" blkdiscard -o 0 -l 16M "$dev"
	check "and status says so" says "discards *pass" era_setup status data
	era_setup close data
}

refuses_discard() {
	is "$(cat "/sys/dev/block/$(stat -L -c '%Hr:%Lr' "$dev")/queue/discard_max_bytes")" 0
	! blkdiscard "$dev"
}

quiet_full() {
	era_copy --full "$dev" 2>/tmp/words | era_apply $mirror
	is "$(cat /tmp/words)" ""
	same $mirror
	incremental
}

status_json() {
	era_setup status --json >/tmp/status
	jq -e '.[0] | .mode == "tracking" and .discard == "off" and .held == "none" and .kernel == "fine" and
		.metadata_total > 0 and .headroom_needed > 0 and .reason == "formatted"' /tmp/status
	is "$(jq -r '.[0].generation' /tmp/status)" "$(generation)"
	dmsetup message data 0 take_metadata_snap
	is "$(era_setup status --json data | jq -r .held)" other
	says "somebody else" era_setup status data
	dmsetup message data 0 drop_metadata_snap
}

unbroken() {
	local g

	open
	full
	g=$(generation)
	era_setup close data
	open
	is "$(generation)" "$g"
	scribble "$dev" 3M 64K
	incremental
}

# The others need more room than is quickly compared.
behind_other() { # MKFS...
	era_setup format -q --force ${disk}1 /dev/vdd
	era_setup open large ${disk}1 /dev/vdd
	"$@" /dev/mapper/large
	era_setup close large
	mount -o ro,norecovery /dev/vdd $mnt || mount -o ro /dev/vdd $mnt
	umount $mnt
	era_setup open large ${disk}1 /dev/vdd >/tmp/says 2>&1
	is "$(cat /tmp/says)" ""
	era_setup close large
	mount /dev/vdd $mnt
	umount $mnt
	says "was written while the volume was closed" era_setup open large ${disk}1 /dev/vdd
	era_setup close large
}

# Mounted for writing behind our back, with nothing written to it.
behind() {
	mkfs.ext4 -qF "$dev"
	full
	era_setup close data
	mount $data $mnt
	umount $mnt
	says "was written while the volume was closed" era_setup open data $meta $data
	history_gone "was written while the volume was closed"
}

read_only() {
	local g

	mkfs.ext4 -qF "$dev"
	full
	era_setup close data
	g=$(generation)
	mount -o ro $data $mnt
	umount $mnt
	open
	is "$(generation)" "$g"
	incremental
}

metadata_wiped() {
	era_setup close data
	dd if=/dev/zero of=$meta bs=1M seek=1 count=1 oflag=direct status=none
	says "metadata is blank" era_setup open data $meta $data
	history_gone "metadata is blank"
}

was_reset() {
	refuses 5 "in use" era_setup reset $meta
	era_setup close data
	says "begins again" era_setup reset --reason "moved to another disk" $meta
	is "$(field .state)" fresh
	open
	history_gone "moved to another disk"
}

flip() { # OFFSET
	local byte

	byte=$(od -An -t u1 -j "$1" -N 1 $meta)
	# shellcheck disable=SC2059 # the byte is the format
	printf "\\$(printf %o $((byte ^ 1)))" | dd of=$meta bs=1 seek="$1" conv=notrunc status=none
	blockdev --flushbufs $meta
}

# One bit in a block of a tree; a bit in the superblock. Nothing is opened, and nothing is left.
damaged() {
	era_setup close data
	cp --sparse=never $meta /tmp/meta
	# Where the era array begins, as the superblock says.
	flip $((1048576 + 4096 * $(od -An -t u8 -j $((1048576 + 208)) -N 8 $meta) + 1000))
	refuses_plainly 3 "block" era_setup open data $meta $data
	refuses_plainly 3 "block" era_setup check $meta
	dd if=/tmp/meta of=$meta bs=1M conv=notrunc status=none
	flip $((1048576 + 180))
	refuses_plainly 3 "checksum" era_setup open data $meta $data
	nothing_there
	dd if=/tmp/meta of=$meta bs=1M conv=notrunc status=none
	era_setup check $meta
}

refuses_plainly() { # STATUS WORDS COMMAND...
	local expected=$1 words=$2 status=0
	shift 2

	"$@" >/tmp/refused.out 2>/tmp/refused.err || status=$?
	cat /tmp/refused.err
	is "$status" "$expected"
	grep -qe "$words" /tmp/refused.err
}

# The clean mark outlives an open that failed.
stays_clean() {
	is "$(field .state)" clean
	mount $data $mnt
	umount $mnt
	says "was written while the volume was closed" era_setup open data $meta $data
	era_setup close data
}

one_copy() { # COPY OFFSET
	flip $(($2 + 200))
	refuses 3 "copy $1 of the label is damaged" era_setup check $meta
	open
	era_setup close data
	says "are good" era_setup check $meta
}

both_copies() {
	cp --sparse=never $meta /tmp/meta
	flip 200
	flip $((524288 + 200))
	refuses_plainly 3 "label" era_setup open data $meta $data
	refuses_plainly 3 "label" era_setup dump $meta
	refuses 2 "damaged label" era_setup format $meta $data
	dd if=/tmp/meta of=$meta bs=1M conv=notrunc status=none
}

no_label() {
	refuses 4 "no label" era_setup open data /dev/vdd $data
	refuses 4 "no label" era_setup dump /dev/vdd
	nothing_there
}

# A build that fails at its last step takes down what stands: the top's UUID is another device's.
unwinds() {
	local volume
	volume=$(field .volume)
	dmsetup create squatter -u "ERA-$volume" --table "0 8 zero"
	refuses_plainly 1 "device-mapper" era_setup open data $meta $data
	is "$(dmsetup ls | wc -l)" 1
	dmsetup remove squatter
	is "$(field .state)" clean
}

# What a killed open leaves: layers without a top, and a top without a table.
parts() {
	local volume
	volume=$(field .volume)
	dmsetup create data-meta -u "ERA-$volume-meta" --table "0 8192 linear $meta 2048"
	dmsetup create data -u "ERA-$volume" --notable
	open
	says "tracking" era_setup status data
	era_setup close data
	nothing_there
}

eratab() {
	cat >/etc/eratab <<-END
		# what is tracked
		data    $data  $meta  timeout=1
		spare   /dev/vdd  ${disk}1  noauto
	END
	era_setup open --all
	says "is open already" era_setup open data
	era_setup close --all
	nothing_there
	era_setup open data
	era_setup close data
	refuses 2 "no line for nobody" era_setup open nobody
	echo "data $data" >/tmp/eratab
	echo "next $data $meta" >>/tmp/eratab
	refuses_plainly 2 "/tmp/eratab:1" era_setup open next --eratab /tmp/eratab
	nothing_there
	refuses_plainly 2 "/tmp/eratab:1" era_setup open --all --eratab /tmp/eratab
	says "tracking" era_setup status next
	era_setup close next
}

by_name() {
	cat >/etc/eratab <<-END
		data UUID=$(blkid -p -s UUID -o value $data) UUID=$(field .volume) timeout=1
	END
	era_setup open data
	era_setup close data
	era_setup open data
	# Its own contents, by the same UUID, are no second match.
	says "is open already" era_setup open data
	era_setup close data
}

no_meta() {
	echo "data $data /dev/nothing timeout=1" >/etc/eratab
	says "WITHOUT TRACKING" era_setup open --all
	says "WITHOUT TRACKING" era_setup open data
	says "NOT TRACKED" era_setup status
	refuses 4 "plain mapping since this boot.*nothing is not there" era_copy --from "$(token $mirror)" "$dev"
	era_copy -q --full "$dev" | era_apply $mirror
	same $mirror
	scribble "$dev" 2M 64K
	refuses 4 "plain mapping" era_copy --from "$(token $mirror)" "$dev"
	era_setup close data
	echo "data $data $meta timeout=1" >/etc/eratab
	says "was on a plain mapping" era_setup open data
	history_gone "another generation.*plain mapping: the metadata device /dev/nothing"
}

# The note of an earlier boot is all there is; the volume is open by the initramfs' doing.
kept_note() {
	printf 'label not told\nthe metadata device was away\n' >/var/lib/era/untracked-data
	refuses 4 "the metadata device was away" era_copy --from "$(token $mirror)" "$dev"
	[ ! -e /var/lib/era/untracked-data ]
	full
	printf 'label not told\nit was away once more\n' >/var/lib/era/untracked-data
	says "away once more" era_setup open data
	[ ! -e /var/lib/era/untracked-data ]
	history_gone "away once more"
}

# As a power cut leaves it, on something that does not tell of it.
cut_off() {
	wipefs -qa "$dev"
	full
	scribble "$dev" 4M 64K
	dmsetup remove data
	dmsetup remove data-orig
	dmsetup remove data-meta
	is "$(field .state)" open
}

# The name of META leads to another volume's: that one is left alone, and ours hears of it later.
other_label() {
	local g

	open
	cut_off
	era_setup format -q --force ${disk}1 /dev/vdd
	g=$(era_setup dump --json ${disk}1 | jq -r .generation)
	echo "data $data ${disk}1 timeout=0" >/etc/eratab
	says "WITHOUT TRACKING" era_setup open --all
	is "$(era_setup dump --json ${disk}1 | jq -r .generation)" "$g"
	scribble "$dev" 5M 64K
	era_setup close data
	says "was on a plain mapping" open
	history_gone "plain mapping"
}

# A file system of /var that is mounted later hides what was noted on the root.
hidden_note() {
	cut_off
	echo "data $data /dev/nothing timeout=0" >/etc/eratab
	era_setup open --all
	scribble "$dev" 5M 64K
	mount -t tmpfs none /var/lib
	dmsetup remove data
	says "was on a plain mapping" open
	history_gone "plain mapping"
	cut_off
	era_setup open --all
	rm -rf /var/lib/era
	era_setup close data
	[ -e /var/lib/era/untracked-data ]
	umount /var/lib
	rm /var/lib/era/untracked-data
	rm -r /tmp/root 2>/dev/null || true
	echo "label not told" >/run/era/untracked-other
	mkdir -p /tmp/root/var
	era_setup note /tmp/root
	[ -e /tmp/root/var/lib/era/untracked-other ]
	rm /run/era/untracked-other
}

# By the names of our layers, and not ours.
foreign_layers() {
	local volume
	volume=$(field .volume)
	dmsetup create data -u ERA-fallback-data --notable
	dmsetup create data-orig --table "0 8 zero"
	era_setup close data
	is "$(dmsetup table data-orig)" "0 8 zero "
	refuses 5 "not ours" era_setup open data $meta $data
	dmsetup remove data-orig
	nothing_there
	dmsetup create data-meta -u "ERA-$volume-meta" --table "0 8 zero"
	dmsetup create data-orig -u "ERA-$volume-orig" --table "0 8 zero"
	dmsetup create data -u "ERA-$volume" --table "0 8 zero"
	refuses 5 "not ours" era_setup open data $meta $data
	refuses_plainly 2 "not an era volume" era_setup close data
	dmsetup remove data
	dmsetup remove data-orig
	dmsetup remove data-meta
	open
	era_setup close data
	echo "data $data $meta timeout=1" >/etc/eratab
}

fails_as_told() {
	era_setup close data
	echo "data $data /dev/nothing timeout=0,fallback=fail" >/etc/eratab
	refuses 1 "nothing is not there" era_setup open --all
	nothing_there
	echo "data $data $meta timeout=1" >/etc/eratab
}

grow() {
	era_setup close data 2>/dev/null || true
	dmsetup create part --table "0 10003 linear $data 0"
	era_setup format -q --force -b 64K $meta /dev/mapper/part
	era_setup open data $meta /dev/mapper/part
	full
	resize_to 10010
	incremental
	says "has the size" era_setup resize data
	resize_to 20011
	scribble "$dev" $((20000 * 512)) 512
	incremental
	[ "$(stat -c %s /tmp/backup.era)" -lt $((20011 * 512)) ]
	is "$(cat "/sys/dev/block/$(stat -L -c '%Hr:%Lr' "$dev")/queue/discard_max_bytes")" 0
	scribble "$dev" 5M 64K
	incremental
}

resize_to() { # SECTORS
	dmsetup suspend part
	dmsetup load part --table "0 $1 linear $data 0"
	dmsetup resume part
	says "has grown" era_setup resize data
	is "$(blockdev --getsz "$dev")" "$1"
}

grown_list() {
	local era last
	era=$(field .grown_era)
	last=$((20011 * 512 / 65536))
	era_copy --list=json --since "$era" "$dev" | jq -e "[.ranges[][1]] | max > $last"
	era_copy --list=json --since $((era + 1)) "$dev" | jq -e "[.ranges[][1]] | max // 0 < $last"
}

grown_while_closed() {
	era_setup close data
	dmsetup suspend part
	dmsetup load part --table "0 30000 linear $data 0"
	dmsetup resume part
	says "has grown" era_setup open data $meta /dev/mapper/part
	is "$(blockdev --getsz "$dev")" 20011
	incremental
	says "has grown" era_setup resize data
	incremental
}

shrunk_while_closed() {
	era_setup close data
	dmsetup suspend part
	dmsetup load part --table "0 18000 linear $data 0"
	dmsetup resume part
	refuses 4 "too small" era_setup open data $meta /dev/mapper/part
	dmsetup remove part
	nothing_there
}

guest_setup() {
	formatting
	check "data that is mounted" mounted_data
	check "names that are refused" refused_names
	opening
	check "a close and an open do not break the history" unbroken
	check "ext4 mounted behind our back" behind
	check "xfs mounted behind our back, and not only read" behind_other mkfs.xfs -qf
	check "btrfs mounted behind our back, and not only read" behind_other mkfs.btrfs -qf
	check "mounted read-only, and unbroken" read_only
	check "metadata wiped behind our back" metadata_wiped
	check "reset" was_reset
	check "damaged metadata" damaged
	check "a failed open leaves it clean" stays_clean
	check "the first copy of the label damaged" one_copy 1 0
	check "the second" one_copy 2 524288
	check "both" both_copies
	check "a device without a label" no_label
	check "a build that fails is taken down" unwinds
	check "what a killed open left is taken down" parts
	check "eratab" eratab
	check "devices by UUID" by_name
	check "metadata device missing" no_meta
	check "a note of an earlier boot" kept_note
	check "fallback=fail" fails_as_told
	check "another volume's label under the name of ours" other_label
	check "a note that is hidden by a mount" hidden_note
	check "layers that are not ours" foreign_layers
	check "grow while open" grow
	check "which a list since an era knows of" grown_list
	check "grown while closed" grown_while_closed
	check "shrunk while closed" shrunk_while_closed
	era_setup close --all
}

# A power cut with the volume open, and its file system mounted or not.
guest_writes() {
	era_setup format -q -b 64K $meta $data
	open
	mkfs.ext4 -q "$dev"
	era_copy -q --full "$dev" | era_apply /share/m.img
	mkdir -p $mnt
	mount "$dev" $mnt
	head -c 3M /dev/urandom >$mnt/file
	sync
	: >/share/ready
	sleep 600
}

guest_after_cut() {
	local g
	g=$(generation)
	check "after a power cut the label says open" is "$(field .state)" open
	check "it opens" open
	check "and the history is unbroken" is "$(generation)" "$g"
	cp /share/m.img* /tmp
	check "so an incremental fits" incremental
	cp /tmp/m.img* /share
	mkdir -p $mnt
	mount "$dev" $mnt
	: >/share/ready
	sleep 600
}

guest_after_rescue() {
	cp /share/m.img* /tmp
	check "fsck behind our back after a power cut is noticed" says "repaired or mounted since" open
	check "and costs a full" history_gone "repaired or mounted since"
	era_setup close data
}

cut_power() { # NAME FUNCTION
	local cutter

	rm -f "$work/share/ready"
	(
		wait_for 300 test -e "$work/share/ready"
		kill -KILL "$(cat "$work/pid")"
	) &
	cutter=$!
	boot 125 "$1" --pidfile "$work/pid" --disk "$work/data" --disk "$work/meta" -- "$2"
	wait "$cutter"
}

main() {
	make_disk "$work/data" 16M
	make_disk "$work/meta" 8M
	make_disk "$work/disk" 32M
	make_disk "$work/other" 320M
	boot 0 "the guest ends well" --timeout 1500 --disk "$work/data" --disk "$work/meta" --disk "$work/disk" \
		--disk "$work/other" -- guest_setup
	make_disk "$work/data" 16M
	make_disk "$work/meta" 8M
	cut_power "power is cut" guest_writes
	cut_power "power is cut again" guest_after_cut
	check "a rescue system repairs the file system" rescue
	boot 0 "the last guest ends well" --disk "$work/data" --disk "$work/meta" -- guest_after_rescue
}

rescue() {
	e2fsck -fy "$work/data" || [ $? = 1 ]
}

scenario "$@"
