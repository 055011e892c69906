#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A root whose volume cannot be opened with tracking boots all the same, from a plain mapping of the same name: the
# metadata device missing, its label or its metadata damaged, the metadata full, of another block size, the module
# missing. It says why, the next backup is told that its history is gone, and after the repair all is as before.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/root.sh
. "$(dirname "$0")/root.sh"

# The machine, off.

machine_install() {
	era_setup enable-root "${meta_disk}p1"
	# Nobody is to wait half a minute for a device that does not come.
	sed -i 's/fallback=linear/&,timeout=2/' /etc/eratab
	update-initramfs -u -k all
}

# The guest.

journal_says() {
	journalctl -b | grep "era_setup.*: root_era: .*$1"
}

status_says() {
	era_setup status | tee /tmp/status
	grep -q "NOT TRACKED" /tmp/status
	grep -q "because .*$1" /tmp/status
}

told() { # WORDS
	check "the root is there, without tracking" untracked
	check "all is up" multi_user
	check "the journal says why" journal_says "$1"
	check "era_setup status says why" status_says "$1"
	check "an incremental is refused, and says why" history_gone "$1"
	write_files /root/untracked
}

full() {
	mount_backup
	era_copy --compress none --full "$root_dev" | era_apply "$mirror"
	sync -f /mnt
}

guest_good() { # [WORDS]
	check "/ is on dm-era" tracked
	check "all is up" multi_user
	[ $# = 0 ] || check "the history is gone, and the reason is known" history_gone "$1"
	check "a full" full
	write_files /root/good
	check "an incremental" incremental
}

guest_missing() {
	told "$1"
	check "the note is on the root" test -s /var/lib/era/untracked-root_era
}

guest_label() {
	told "$1"
	check "era_setup format --force makes another volume of the running root" \
		era_setup format --force /dev/vdb1 /dev/vda1
}

guest_reset() {
	told "$1"
	check "era_setup reset" era_setup reset /dev/vdb1
}

# The host.

# One boot with a fault; the reason is on the console too.
faulty() { # NAME WORDS FUNCTION
	boot_root 0 "$1: the machine boots and ends well" -- "$3" "$2"
	check "$1: the console says why" grep "root_era: .*$2" "$work/share/console.log"
}

spoil() { # KIND
	"$vm_dir/metafault" "$1" "$work/meta.img" $((2 << 20))
}

spoil_label() {
	local copy

	for copy in 0 524288; do
		dd if=/dev/urandom of="$work/meta.img" bs=1024 count=1 seek=$((((1 << 20) + copy) / 1024 + 1)) conv=notrunc \
			status=none
	done
}

main() {
	check "a machine is made" root_disks one
	machine 0 "its root is moved to dm-era" machine_install
	[ "$test_failed" = 0 ] || return 1
	boot_root 0 "it works" -- guest_good

	no_meta=1
	faulty "no metadata device" "is not there" guest_missing
	no_meta=
	extra=module_blacklist=dm_era
	faulty "no module" "has no dm-era" told
	extra=
	boot_root 0 "both are back" -- guest_good "plain mapping"

	spoil_label
	faulty "a damaged label" "label" guest_label
	boot_root 0 "formatted anew" -- guest_good "."
	cp "$work/meta.img" "$work/meta.good"

	spoil superblock
	faulty "a damaged superblock" "checksum" guest_reset
	boot_root 0 "reset" -- guest_good "era_setup reset"

	spoil tree
	faulty "a damaged tree" "checksum" told
	cp "$work/meta.good" "$work/meta.img"
	spoil full
	faulty "full metadata" "nearly full" told
	cp "$work/meta.good" "$work/meta.img"
	spoil block-size
	faulty "another block size" "wrong block size" guest_reset
	boot_root 0 "all is well" -- guest_good "era_setup reset"
}

scenario "$@"
