#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A second volume beside a root on dm-era, by eratab, fstab and era-volumes.service: it is there when its file system is
# mounted, marked clean at the shutdown, goes on at the next boot, and what was written to its data while it was closed
# is noticed.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/root.sh
. "$(dirname "$0")/root.sh"

# The machine, off.

unit_is_good() {
	systemd-analyze verify --man=no era-volumes.service 2>&1 | tee /tmp/verify
	is "$(cat /tmp/verify)" ""
}

machine_install() {
	check "systemd has nothing against the unit" unit_is_good
	mkfs.ext4 -q "${root_disk}p2"
	era_setup enable-root "${meta_disk}p1"
	era_setup format "${meta_disk}p2" "${root_disk}p2"
	echo "data PARTUUID=aaaaaaaa-0000-4000-8000-000000000002 PARTUUID=aaaaaaaa-0000-4000-8000-100000000002" >>/etc/eratab
	mkdir /data
	echo "/dev/mapper/data /data ext4 defaults 0 2" >>/etc/fstab
}

# As somebody with a rescue system.
machine_rescue() {
	mount "${root_disk}p2" /data
	echo rescued >/data/rescued
	umount /data
}

# The guest. The volume is $root_dev of the functions in root.sh.

data_is_mounted() {
	is "$(findmnt -nro SOURCE /data)" /dev/mapper/data
	dmsetup table data | grep ' era '
	is "$(systemctl is-active era-volumes.service)" active
}

only_its_layers() {
	is "$(dmsetup ls | cut -f 1 | sort | xargs)" "root_era root_era-meta root_era-orig"
}

# By hand, as an administrator would; the root stays.
down_and_up() {
	refuses_to_close
	umount /data
	era_setup close --all
	only_its_layers
	era_setup open data
	mount /data
	data_is_mounted
}

refuses_to_close() {
	local status=0

	era_setup close --all 2>/tmp/close || status=$?
	cat /tmp/close
	is "$status" 5
	grep -q "data: is in use: mounted on /data" /tmp/close
	! systemctl stop era-volumes.service || return 1
}

same() {
	umount /data
	incremental
	cmp "$mirror" <(dd if="$root_dev" bs=1M iflag=direct status=none)
	mount /data
}

guest_first() {
	check "/ is on dm-era" tracked
	check "all is up" multi_user
	check "so is /data, and era-volumes.service is active" data_is_mounted
	root_dev=/dev/mapper/data
	write_files /data/first
	check "a full" backup
	write_files /data/first
	check "by hand the volume is taken down and brought back; what is mounted stays" down_and_up
	check "an incremental behind that makes the mirror equal" same
	write_files /data/first
}

guest_second() {
	check "/data is on dm-era" data_is_mounted
	check "all is up" multi_user
	root_dev=/dev/mapper/data
	check "an incremental goes on where the last boot was" same
}

guest_third() {
	check "/data is on dm-era" data_is_mounted
	check "what was written is there" is "$(cat /data/rescued)" rescued
	root_dev=/dev/mapper/data
	journalctl -b -u era-volumes.service -o cat | say
	check "the journal says that it was written behind our back" \
		grep -q "written while the volume was closed" <(journalctl -b)
	check "an incremental is refused, and says why" history_gone "written while the volume was closed"
	rm "$mirror" "$mirror.era"
	check "a full" backup
	write_files /data/third
	check "an incremental" same
}

# The host.

clean() {
	is "$(label 1 state)" clean
	is "$(label 2 state)" clean
}

same_generation() {
	is "$(label 2 generation)" "$generation"
}

main() {
	check "a machine is made" root_disks one
	machine 0 "it gets two volumes" machine_install
	[ "$test_failed" = 0 ] || return 1
	boot_root 0 "the first boot ends in a shutdown" -- guest_first
	check "which marked both clean" clean
	generation=$(label 2 generation)
	boot_root 0 "the second too" -- guest_second
	check "which marked both clean" clean
	check "the history is the same" same_generation
	machine 0 "a rescue system writes to the data" machine_rescue
	boot_root 0 "the third boot" -- guest_third
	check "both are clean again" clean
}

scenario "$@"
