#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How much metadata dm-era uses, on the kernel itself, against what we give it: the most it has in use while
# everything is digested with a metadata snapshot held, for devices from 8 MiB to 4 TiB; and eras of random
# writes, 200 of them, in metadata of exactly the size we give. The data is dm-zero, the metadata is memory.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

tools=$ERA_BUILD/tools
meta=/dev/mapper/meta

# build SIZE BLOCK-SIZE: a device, with metadata of just as many bytes as we give.
build() {
	local sectors
	read -r nr idle bound bytes <<<"$(era_setup size --json -b "$2" "$1" | jq -r \
		'"\(.era_blocks) \(.idle_bytes / 4096) \(.bound_bytes / 4096) \(.metadata_bytes)"')"

	block=$(numfmt --from=iec "$2")
	sectors=$(($(numfmt --from=iec "$1") / 512))
	dd if=/dev/zero of=/dev/ram0 bs=4096 count=1 oflag=direct status=none
	dmsetup create meta --table "0 $((bytes / 512)) linear /dev/ram0 0"
	dmsetup create orig --table "0 $sectors zero"
	dmsetup create data --table "0 $sectors era $meta /dev/mapper/orig $((block / 512))"
	total=$((bytes / 4096))
	peak=0
	over=0
}

take_down() {
	dmsetup remove data
	dmsetup remove orig
	dmsetup remove meta
}

# What a status says is in use, in $used: of the transaction that is open, and it closes that one. So each is
# also a limit on what the next can be.
look() {
	local of
	IFS='/ ' read -r used of era <<<"$(dmsetup status data | awk '{ print $5, $6 }')"
	[ "$of" = "$total" ]
	[ "$used" -le "$peak" ] || peak=$used
	[ "$used" -le "$total" ] || over=$((over + 1))
}

# Is nothing at work in the guest? Digestion takes one of its processors. Counted in 1/100 s of each.
quiet() {
	local a b
	read -ra a </proc/stat
	sleep 0.3
	read -ra b </proc/stat
	[ $((b[4] + b[5] - a[4] - a[5])) -ge $((20 * $(nproc))) ]
}

writesets() {
	"$tools/metacheck" $meta | sed 's/.* writesets \([0-9]*\) .*/\1/'
}

# digest: until every writeset is in the era array, in as few transactions as the kernel can be brought to: a
# status begins it, and no other commits it before it ends.
digest() {
	local tries=0
	look
	while :; do
		wait_for 120 quiet
		look
		[ "$(writesets)" != 0 ] || return 0
		tries=$((tries + 1))
		[ "$tries" -lt 20 ]
	done
}

# One block in each block of the era array, so also in each of a bitset.
everywhere() {
	seq 0 1018 "$((nr - 1))" | "$tools/eratouch" "$dev" "$block"
}

checkpoint() {
	dmsetup message data 0 checkpoint
}

at_most() { # GOT MOST
	[ "$1" -le "$2" ] || {
		echo "$1, which is more than $2"
		return 1
	}
}

whole() {
	"$tools/metacheck" $meta >/tmp/whole
	cat /tmp/whole
	grep -q ' leaked 0 excess 0$' /tmp/whole
}

says_the_same() {
	is "$("$tools/metacheck" --usage $meta)" "$used $total"
}

# Writesets wait, several of them, while a snapshot is held; then all are digested in one transaction.
most() { # SIZE BLOCK-SIZE
	local name="$1 in blocks of $2" is_idle i

	build "$1" "$2"
	everywhere
	checkpoint
	digest
	look
	is_idle=$used
	check "$name: its superblock says what the status says" says_the_same
	dmsetup message data 0 take_metadata_snap
	for i in 1 2 3; do
		everywhere
		checkpoint
		[ "$i" != 2 ] || everywhere
		digest
	done
	check "$name: all of it is whole, with a snapshot held" whole
	dmsetup message data 0 drop_metadata_snap
	digest
	look
	check "$name: all of it is whole" whole
	echo "# $name: $nr era blocks; idle $idle, measured $is_idle; most $bound, measured $peak; given $total"
	check "$name: idle is not more than we say" at_most "$is_idle" "$idle"
	check "$name: nothing is left behind" at_most "$used" "$is_idle"
	check "$name: the most is not more than we say" at_most "$peak" "$bound"
	check "$name: and we give more than that" at_most "$bound" "$total"
	take_down
}

# Blocks written in an era, each on a line of /tmp/eras/ERA.
write_some() {
	shuf -i "0-$((nr - 1))" -n "$((RANDOM % 60 + 1))" | tee -a "/tmp/eras/$era" |
		"$tools/eratouch" "$dev" "$block"
}

# A message that begins an era.
next_era() { # MESSAGE
	dmsetup message data 0 "$1"
	era=$((era + 1))
}

written_since() { # ERA
	local i
	for ((i = $1; i <= era; i++)); do
		cat "/tmp/eras/$i" 2>/dev/null || true
	done | sort -nu
}

# A list of ranges as blocks.
blocks() {
	awk '{ for (i = $1; i < $2; i++) print i }'
}

# The list of the live device, which begins an era of its own, or two.
lists_right() { # SINCE
	era_copy --list --since "$1" "$dev" >/tmp/list
	cmp <(blocks </tmp/list) <(written_since "$1")
}

# Through the snapshot another one holds: what was written before it.
held_is_right() { # SINCE
	"$tools/metalist" --held "$1" $meta >/tmp/list
	cmp <(blocks </tmp/list) /tmp/held
}

no_failure() {
	cat /tmp/writes
	test ! -s /tmp/writes
	is "$over" 0
}

# So many eras, 16 of each 50 with a snapshot held. The list is asked for now and then. Writesets may wait, as they
# do on a busy machine, as long as 400 blocks are free: era_copy, too, refuses below its headroom.
eras() { # SIZE BLOCK-SIZE ERAS
	local i since name="$3 eras of $1 in blocks of $2"

	rm -rf /tmp/eras
	mkdir /tmp/eras
	: >/tmp/writes
	build "$1" "$2"
	look
	for ((i = 1; i <= $3; i++)); do
		write_some 2>>/tmp/writes || echo "failed: era $era" >>/tmp/writes
		since=$((era > 40 ? era - RANDOM % 40 : 1))
		case $((i % 50)) in
		20)
			written_since "$since" >/tmp/held
			next_era take_metadata_snap
			check "$name: in era $era the snapshot lists what was written since $since" held_is_right "$since"
			;;
		36)
			dmsetup message data 0 drop_metadata_snap
			next_era checkpoint
			;;
		0 | 12)
			check "$name: in era $era the list since $since is what was written" lists_right "$since"
			look
			;;
		*) next_era checkpoint ;;
		esac
		[ $((i % 4)) != 0 ] || look
		[ "$((total - used))" -gt 400 ] || digest
	done
	digest
	check "$name: no write failed, and never was more in use than there is" no_failure
	check "$name: all of it is whole" whole
	check "$name: the era is the one we counted" test "$era" -ge "$3"
	look
	echo "# $name: $used blocks in use, most measured $peak, given $total"
	check "$name: it is as empty as before" at_most "$used" "$idle"
	take_down
}

guest_eras() {
	load_memory
	eras 1G 64K 200
	eras 193G 1M 40
}

load_memory() {
	modprobe brd rd_nr=1 rd_size=$((32 * 1024))
}

guest_most() {
	load_memory
	while [ $# -gt 0 ]; do
		SECONDS=0
		most "$1" "$2"
		echo "# $SECONDS s"
		shift 2
	done
}

# 193 GiB in blocks of 1 MiB is the first that is given more than the least size there is.
main() {
	boot 0 "the sizes end well" --timeout 1200 -- guest_most 8M 4K 193G 1M 4T 4M
	boot 0 "the eras end well" --timeout 1200 -- guest_eras
}

scenario "$@"
