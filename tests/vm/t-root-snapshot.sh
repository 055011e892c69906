#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Snapshot cuts of the running root: era_copy, its libraries and the writers' files all lie on the device that it
# suspends. Each cut is an image of one moment, and the machine goes on as it was.
#
#   ERA_CUTS=100 tests/vm/t-root-snapshot.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/root.sh
. "$(dirname "$0")/root.sh"
share=/run/share
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"

# With room for snapshots.
meta_bytes=$((96 << 20))
dev=$root_dev

machine_install() {
	era_setup enable-root "${meta_disk}p1"
}

first_cut() {
	echo full >/tmp/token
	make_cut 0 --cut=snapshot
}

guest_cuts() { # CUTS
	local i

	check "/ is on dm-era" tracked
	cp /run/share/writer /root/writer
	writer=/root/writer
	remember_stack
	check "the writers begin" begin_writers /root/files
	check "cut 0: a full" first_cut
	for ((i = 1; i <= $1; i++)); do
		check "cut $i: made, the stack is as before, the root answers" make_cut "$i"
		stood_still | say
	done
	check "udev gives the snapshot no name of the root's filesystem" names_stay
	check "a cut with the root frozen: the stack is as before, the root answers" make_cut $(($1 + 1)) --cut=freeze
	stood_still | say
	acknowledged | say
	check "no writer had an error" end_writers
	check "all is up" multi_user
	check "the kernel has nothing to say" quiet_kernel
}

cutting() {
	dmsetup table root_era-orig | grep -q snapshot-origin
}

# No name of a filesystem, or of anything, leads to a layer of the volume: who mounts by UUID must not get past dm-era.
# The disk beneath has the root's UUID as well, but it is in use, and no mount gets it.
nothing_leads_to() { # PART...
	local part found

	udevadm settle
	for part; do
		found=$(find /dev/disk -lname "*/$(basename "$(readlink -f "$dev-$part")")")
		[ -z "$found" ] || {
			echo "to $part leads $found"
			return 1
		}
	done
}

# For as long as there is a snapshot of the same UUID, even if udev looks at all again.
names_stay() {
	local pid

	nothing_leads_to orig meta
	era_copy --cut=snapshot --limit-rate 4M --full "$dev" >/dev/null 2>&1 &
	pid=$!
	wait_for 60 cutting
	nothing_leads_to snap cow orig meta
	udevadm trigger --subsystem-match=block
	nothing_leads_to snap cow orig meta
	cutting
	kill $pid
	wait $pid || true
	nothing_leads_to orig meta
	udevadm trigger --subsystem-match=block
	nothing_leads_to orig meta
	stack_is_as_before
}

quiet_kernel() {
	! dmesg --level=emerg,alert,crit,err | grep -e 'I/O error' -e 'EXT4-fs error' -e 'blocked for more' -e snapshot
}

main() {
	local cuts=${ERA_CUTS:-5} i

	check "a machine is made" root_disks one
	machine 0 "its root is moved to dm-era" machine_install
	[ "$test_failed" = 0 ] || return 1
	cp "$vm_dir/writer" "$work/share/writer"
	boot_root 0 "the machine ends well" -- guest_cuts "$cuts"
	for ((i = 0; i <= cuts; i++)); do
		moment_is_good "$i" snapshot crash-consistent ext4 root/files
	done
	moment_is_good $((cuts + 1)) freeze filesystem-consistent ext4 root/files
	boot_root 0 "it boots again" -- guest_again
}

guest_again() {
	check "/ is on dm-era" tracked
	check "all is up" multi_user
}

scenario "$@"
