#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How much metadata dm-era uses, on the kernel itself, against what we give it: the most it has in use while
# everything is digested with a metadata snapshot held, for devices from 8 MiB to 4 TiB; and 200 eras of random
# writes in metadata of exactly the size we give. The data is dm-zero, the metadata is memory.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

tools=$ERA_BUILD/tools
meta=/dev/mapper/meta

# build SIZE BLOCK-SIZE: a device, with metadata of just as many bytes as we give.
build() {
	local sectors
	read -r nr idle bound bytes <<<"$("$tools/metasize" "$1" "$2")"

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

# Is nothing at work in the guest? Digestion takes a whole processor.
quiet() {
	local a b i
	for i in 1 2; do
		read -ra a </proc/stat
		sleep 0.2
		read -ra b </proc/stat
		[ $(((b[4] + b[5] - a[4] - a[5]) * 100)) -ge $((85 * 20 * $(nproc))) ] || return 1
	done
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
	seq "$((RANDOM % 1018 < nr ? RANDOM % 2 : 0))" 1018 "$((nr - 1))" | "$tools/eratouch" $dev "$block"
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
	"$tools/metacheck" $meta
	"$tools/metacheck" $meta | grep -q ' leaked 0 excess 0$'
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

guest_most() {
	modprobe brd rd_nr=1 rd_size=$((128 * 1024))
	while [ $# -gt 0 ]; do
		SECONDS=0
		most "$1" "$2"
		echo "# $SECONDS s"
		shift 2
	done
}

main() {
	boot 0 "the sizes end well" --timeout 600 -- guest_most 8M 4K 12G 64K 193G 1M 1T 1M 4T 4M 1T 256K
}

scenario "$@"
