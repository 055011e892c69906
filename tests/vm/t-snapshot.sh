#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Snapshot cuts of an era volume under writers: each stream makes the mirror a crash-consistent image of one moment. The
# filesystem on it is whole after its journal is replayed, and the writers' files have all that was durable before the
# cut and nothing of after it. After each cut the stack is what it was. Ext4, and XFS.
#
#   ERA_CUTS=100 tests/vm/t-snapshot.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"

first_cut() {
	echo full >/tmp/token
	make_cut 0 "$@"
}

# Every other one by the default, which is the snapshot where there is room for one.
guest_cuts() { # CUTS MKFS...
	local cuts=$1 i how=--cut=snapshot
	shift

	check "a volume with room for snapshots" cut_volume data /dev/vdb /dev/vda "$@"
	remember_stack
	check "the writers begin" begin_writers /tmp/mnt/files
	check "cut 0: a full" first_cut --cut=snapshot
	for ((i = 1; i <= cuts; i++)); do
		check "cut $i: made, the stack is as before, the device answers" make_cut "$i" "$how"
		stood_still | say
		how=$([ "$how" = --cut=snapshot ] && echo --cut=auto || echo --cut=snapshot)
	done
	acknowledged | say
	check "no writer had an error" end_writers
	umount /tmp/mnt
	check "nothing is left" calm data
	check "the volume closes" era_setup close data
}

cuts_of() { # FS CUTS DATA-SIZE MKFS...
	local fs=$1 cuts=$2 size=$3 i
	shift 3

	rm -f "$work"/mirror* "$work/share"/[0-9]*
	make_disk "$work/data" "$size"
	make_disk "$work/meta" 48M
	boot 0 "$fs: the guest ends well" --timeout 3000 --disk "$work/data" --disk "$work/meta" -- guest_cuts "$cuts" "$@"
	for ((i = 0; i <= cuts; i++)); do
		moment_is_good "$i" snapshot crash-consistent "$fs" files
	done
}

main() {
	cuts_of ext4 "${ERA_CUTS:-20}" 64M mkfs.ext4 -q
	# It makes none that is smaller.
	cuts_of xfs 3 304M mkfs.xfs -q
}

scenario "$@"
