#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The device is not what it was when the token was made: it grew, it shrank, its metadata was begun again, it has
# another block size, name or host, or it is no era device at all. The increment is right or it is refused; the
# mirror is never wrong, and the full that the hint advises mends everything.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

mirror=/tmp/m.img
meta=/dev/vdb

new_metadata() {
	dd if=/dev/zero of=$meta bs=4096 count=1 oflag=direct status=none
}

# As the kernel wants it: from the top down, and up again.
resize() { # SECTORS
	dmsetup suspend data
	dmsetup suspend orig
	dmsetup load orig --table "0 $1 linear /dev/vda 0"
	dmsetup resume orig
	dmsetup load data --table "0 $1 era $meta /dev/mapper/orig 128"
	dmsetup resume data
	is "$(blockdev --getsz "$dev")" "$1"
}

kind_is() { # KIND
	is "$(era_apply --dump --json -i /tmp/backup.era | jq -r .head.kind)" "$1"
}

# The device is refused, and whoever tries all the same finds the mirror as it was.
refused() { # WORDS
	picture $mirror >/tmp/picture
	refuses 4 "$1" era_copy --from "$(token $mirror)" "$dev"
	is "$(wc -c </tmp/refused.out)" 0
	refuses 4 "$1" era_copy --list --from "$(token $mirror)" "$dev"
	refuses 3 truncated era_apply -i /tmp/refused.out $mirror
	cmp /tmp/picture <(picture $mirror)
	calm data
}

full_again() {
	era_copy --full "$dev" | era_apply $mirror
	same $mirror
}

# That tracking goes on from there.
goes_on() {
	scribble "$dev" $((300 * 65536 + 512)) 200K
	backup $mirror
	kind_is incremental
	same $mirror
	calm data
}

# What was below the end of the device has never been written through it, and it is not zero.
grows() { # SECTORS
	resize "$1"
	backup $mirror
	kind_is incremental
	is "$(stat -c %s $mirror)" $(($1 * 512))
	same $mirror
	# And not by copying everything.
	[ "$(stat -c %s /tmp/backup.era)" -lt $(($1 * 512 / 2)) ]
}

renamed() {
	dmsetup rename data other
	refuses 4 "another generation" era_copy --from "$(token $mirror)" /dev/mapper/other
	dmsetup rename other data
}

other_host() {
	picture $mirror >/tmp/picture
	cp /etc/machine-id /tmp/machine-id 2>/dev/null || : >/tmp/machine-id
	echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	refuses 4 "another generation" era_copy --from "$(token $mirror)" "$dev"
	cp /tmp/machine-id /etc/machine-id
	cmp /tmp/picture <(picture $mirror)
}

grown_device() {
	dmsetup create orig --table "0 60003 linear /dev/vda 0"
	era_create data $meta /dev/mapper/orig 128
	check "an era device on a linear one, with a short last block" backup $mirror
	check "its mirror" same $mirror
	check "grow inside the last block" grows 60010
	check "and go on" goes_on
	scribble "$dev" $((60000 * 512)) 512
	check "grow by many blocks, to another odd end" grows 90001
	scribble "$dev" $((80000 * 512)) 64K
	check "writes to the new space" backup $mirror
	check "are in the next one" same $mirror
	check "and go on" goes_on
}

shrunk_device() {
	resize 70001
	check "shrunk: refused" refused "has 35840512 bytes, and had 46080512"
	check "shrunk: a full mends it" full_again
	check "shrunk: and go on" goes_on
}

# dm-era formats what is all zero without a word, and its eras start again.
metadata_begun_again() {
	dmsetup remove data
	new_metadata
	era_create data $meta /dev/mapper/orig 128
	scribble "$dev" 1048576 64K
	check "metadata begun again: refused" refused "its metadata was begun again"
	check "metadata begun again: a full mends it" full_again
	check "metadata begun again: and go on" goes_on
}

other_block_size() {
	dmsetup remove data
	new_metadata
	era_create data $meta /dev/mapper/orig 256
	# Further than the token, so that the era alone does not give it away.
	while [ "$(era_now data)" -lt 30 ]; do
		dmsetup message data 0 checkpoint
	done
	check "another block size: refused" refused "era block size"
	check "another block size: a full mends it" full_again
	check "another block size: and go on" goes_on
}

guest_identity() {
	dd if=/dev/urandom of=/dev/vda bs=1M count=48 oflag=direct status=none
	grown_device
	check "another name of the device: refused" renamed
	check "another host: refused" other_host
	check "a device without dm-era: refused" refuses 4 "is not a dm-era device" \
		era_copy --from "$(token $mirror)" /dev/vdc
	check "the layer below, in use by dm-era: refused" refuses 4 "is not a dm-era device" \
		era_copy --from "$(token $mirror)" /dev/mapper/orig
	check "and go on" goes_on
	shrunk_device
	metadata_begun_again
	other_block_size
	dmsetup remove data
	dmsetup remove orig
}

main() {
	make_disk "$work/data" 48M
	make_disk "$work/meta" 4M
	make_disk "$work/plain" 48M
	boot 0 "the guest ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" --disk "$work/plain" \
		-- guest_identity
}

scenario "$@"
