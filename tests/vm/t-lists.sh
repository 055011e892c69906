#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Our reader of dm-era's metadata against era_invalidate, on what the kernel wrote: random writes over many
# eras; for every era the two lists are the same, byte for byte: live through a held snapshot, and at rest. Then
# era_invalidate's list itself on its way into a stream.
#
# What is known of era_invalidate: 0.9 cannot read a held snapshot; 1.x before 1.3.3 prints an empty
# list when no writeset awaits digestion, so an empty one counts only where 0.9 says so too.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

tpt0=$vm_dir/../../build/vm/tpt0/usr/sbin/era_invalidate
tpt1=$vm_dir/../../build/vm/tpt1/usr/sbin/era_invalidate
meta=/dev/vdb
mirror=/tmp/m.img

random() { # BELOW
	echo $(((RANDOM * 32768 + RANDOM) % $1))
}

# Sizes from a sector to a few blocks, anywhere, up to the very end; some of them over each other.
random_writes() { # COUNT
	local i sectors=$1 at len size

	size=$(blockdev --getsz "$dev")
	for ((i = 0; i < $1; i++)); do
		case $((RANDOM % 4)) in
		0) sectors=1 ;;
		1) sectors=8 ;;
		2) sectors=$(($(random 200) + 1)) ;;
		3) sectors=$(($(random 600) + 1)) ;;
		esac
		at=$(random "$size")
		[ $((RANDOM % 8)) != 0 ] || at=$(random 1024)
		len=$((size - at < sectors ? size - at : sectors))
		dd if=/dev/urandom of="$dev" bs=$((len * 512)) count=1 seek=$((at * 512)) iflag=fullblock \
			oflag=direct,seek_bytes conv=notrunc status=none
	done
}

# 0.9 prints the same with other blanks.
as_1x() {
	sed 's/ end = / end=/' | head -c -1
}

# In one check: it is some dozen lists, all of which must agree.
same_lists_held() { # ERA
	local n

	for ((n = 1; n <= $1 + 1; n++)); do
		era_copy --list=xml --metadata $meta --held --since "$n" >/tmp/ours
		"$tpt1" --metadata-snapshot=x --written-since "$n" $meta >/tmp/theirs
		cmp /tmp/ours /tmp/theirs || {
			echo "since era $n of $1"
			return 1
		}
	done
	# So that it is not a comparison of nothing.
	[ "$(era_copy --list --metadata $meta --held --since 1 | wc -l)" -gt 5 ]
}

# era_invalidate of 0.9 and 1.x on metadata at rest.
same_lists_at_rest() { # ERA
	local n empty=0

	for ((n = 1; n <= $1 + 1; n++)); do
		era_copy --list=xml --metadata $meta --since "$n" >/tmp/ours
		"$tpt0" --written-since "$n" $meta | as_1x >/tmp/theirs
		cmp /tmp/ours /tmp/theirs || {
			echo "0.9: since era $n of $1"
			return 1
		}
		"$tpt1" --written-since "$n" $meta >/tmp/theirs1
		cmp -s /tmp/ours /tmp/theirs1 && continue
		is "$(cat /tmp/theirs1)" $'<blocks>\n</blocks>' || {
			echo "1.x: since era $n of $1"
			return 1
		}
		empty=$((empty + 1))
	done
	echo "$empty lists of 1.x were empty by mistake"
	# Where it makes that mistake it makes it for every era.
	[ "$empty" = 0 ] || [ "$empty" -ge "$1" ]
}

# One number a line, for comm.
blocks() {
	awk '{ for (i = $1; i < $2; i++) print i }' | sort
}

# Live, with a fence of its own: nothing that era_invalidate had seen just before is missing.
live_list() { # ERA
	local n missing

	for n in 1 $(($1 / 2 + 1)); do
		dmsetup message data 0 take_metadata_snap
		era_copy --list --metadata $meta --held --since "$n" | blocks >/tmp/before
		dmsetup message data 0 drop_metadata_snap
		era_copy --list --since "$n" "$dev" | blocks >/tmp/after
		missing=$(comm -23 /tmp/before /tmp/after | wc -l)
		is "$missing" 0
		calm data
	done
}

# The device in its three forms prints the same set.
three_forms() {
	dmsetup message data 0 take_metadata_snap
	era_copy --list --metadata $meta --held --since 2 >/tmp/text
	era_copy --list=json --metadata $meta --held --since 2 >/tmp/json
	era_copy --list=xml --metadata $meta --held --since 2 >/tmp/xml
	dmsetup message data 0 drop_metadata_snap
	cmp /tmp/text <(jq -r '.ranges[] | "\(.[0]) \(.[1])"' /tmp/json)
	cmp /tmp/text <(sed -n 's/.*<block block="\(.*\)".*/\1/p; s/.*begin="\(.*\)" end="\(.*\)".*/\1 \2/p' /tmp/xml |
		awk '{ print $1, NF == 1 ? $1 + 1 : $2 }')
}

# A geometry: rounds of writes, each looked at while live; then at rest.
geometry() { # NAME BLOCK_SECTORS SECTORS ROUNDS WRITES
	local name=$1 round

	dd if=/dev/zero of=$meta bs=4096 count=1 oflag=direct status=none
	dmsetup create under --table "0 $3 linear /dev/vda 0"
	era_create data $meta /dev/mapper/under "$2"
	for ((round = 1; round <= $4; round++)); do
		random_writes "$5"
		dmsetup message data 0 checkpoint
		random_writes $(($5 / 3))
		[ $((round % 2)) = 0 ] || dmsetup message data 0 checkpoint
		dmsetup message data 0 take_metadata_snap
		era=$(era_now data)
		check "$name, round $round: the lists of $era eras are those of era_invalidate 1.x" same_lists_held "$era"
		dmsetup message data 0 drop_metadata_snap
	done
	check "$name: a list of the live device misses nothing and leaves nothing" live_list "$(era_now data)"
	check "$name: text, JSON and XML are the same list" three_forms
	random_writes 5
	era=$(era_now data)
	dmsetup remove data
	check "$name: at rest, as 0.9 and 1.x" same_lists_at_rest "$era"
	dmsetup remove under
}

# Only opened and closed again: an era without a write.
idle_era() { # ERA
	dmsetup create under --table "0 100003 linear /dev/vda 0"
	era_create data $meta /dev/mapper/under 192
	dmsetup remove data
	dmsetup remove under
	same_lists_at_rest $(($1 + 1))
}

guest_lists() {
	local era

	RANDOM=$1
	echo "# seed $1"
	geometry "64K blocks" 128 131072 3 18
	geometry "96K blocks, odd end" 192 100003 2 18
	check "after an era without writes" idle_era "$era"
	geometry "4K blocks, a deep array" 8 327673 2 40
}

# era_invalidate's own list, made by hand, on its way into a stream.

# The fence and the take by hand; prints the first era after the cut.
cut_by_hand() {
	dmsetup suspend data
	dmsetup resume data
	era_now data
	dmsetup message data 0 take_metadata_snap
}

since_of() { # MIRROR
	token "$1" | cut -d . -f 4
}

# As a pipe: era_invalidate reads the held snapshot while era_copy reads it.
ranges_by_hand() {
	local era

	era=$(cut_by_hand)
	"$tpt1" --metadata-snapshot=x --written-since "$(since_of $mirror)" $meta |
		era_copy --ranges - --block-size 128 --from "$(token $mirror)" --era "$era" "$dev" |
		era_apply $mirror
	held data
	dmsetup message data 0 drop_metadata_snap
	is "$(since_of $mirror)" "$era"
}

# From a file, the snapshot given back before the copy.
ranges_from_file() {
	local era

	era=$(cut_by_hand)
	"$tpt1" --metadata-snapshot=x --written-since "$(since_of $mirror)" $meta >/tmp/ranges
	dmsetup message data 0 drop_metadata_snap
	era_copy --ranges /tmp/ranges --block-size 128 --from "$(token $mirror)" --era "$era" "$dev" |
		era_apply $mirror
	is "$(since_of $mirror)" "$era"
}

# The era device is not in use: 0.9 on its metadata, the data from below. The next era is the next to begin.
ranges_at_rest() { # ERA
	"$tpt0" --written-since "$(since_of $mirror)" $meta |
		era_copy --ranges - --block-size 128 --from "$(token $mirror)" --era $(($1 + 1)) /dev/vda |
		era_apply $mirror
	cmp $mirror /dev/vda
}

metadata_at_rest() {
	era_copy --metadata $meta --from "$(token $mirror)" /dev/vda | era_apply $mirror
	cmp $mirror <(contents /dev/vda)
}

broken_list() {
	echo '<blocks>' | era_copy --ranges - --block-size 128 --from "$(token $mirror)" --era 1 "$dev" || is $? 3
}

era_to_come() {
	refuses 2 "so --era 99 has not begun" sh -c "printf '<blocks>\n</blocks>' |
		era_copy --ranges - --block-size 128 --from $(token $mirror) --era 99 $dev"
}

guest_ranges() {
	local era

	RANDOM=$1
	dd if=/dev/zero of=$meta bs=4096 count=1 oflag=direct status=none
	era_create data $meta /dev/vda 128
	scribble "$dev" 0 4M
	check "ranges: a full" backup $mirror
	random_writes 20
	check "ranges: era_invalidate by hand, by pipe" ranges_by_hand
	check "ranges: the mirror is the device" same $mirror
	random_writes 20
	check "ranges: by hand, from a file" ranges_from_file
	check "ranges: the mirror is the device" same $mirror
	check "ranges: a list that breaks off is refused" broken_list
	check "ranges: an era that has not begun is refused" era_to_come
	random_writes 20
	check "ranges: and now our own list" backup $mirror
	check "ranges: the mirror is the device" same $mirror
	random_writes 20
	era=$(era_now data)
	dmsetup remove data
	check "ranges: the device is not in use: 0.9 and the data below it" ranges_at_rest "$era"
	era_create data $meta /dev/vda 128
	random_writes 20
	check "ranges: in use again, the next incremental" backup $mirror
	check "ranges: the mirror is the device" same $mirror
	random_writes 20
	dmsetup remove data
	check "ranges: not in use, our own list of the metadata" metadata_at_rest
	era_create data $meta /dev/vda 128
	random_writes 20
	check "ranges: in use again" backup $mirror
	check "ranges: the mirror is the device" same $mirror
	dmsetup remove data
}

main() {
	local seed=${ERA_SEED:-$RANDOM}

	"$vm_dir/tpt1"
	make_disk "$work/data" 160M
	make_disk "$work/meta" 8M
	boot 0 "lists, ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_lists "$seed"
	make_disk "$work/data" 32M
	boot 0 "ranges, ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_ranges "$seed"
}

scenario "$@"
