#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A Debian whose root is moved to dm-era by the documented sequence: it boots, is backed up from inside, shut down,
# cut off, and backed up again, on this release's kernel and on the next one's. Every incremental applies, and at the
# end the mirror is the disk. Then the root goes back.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/root.sh
. "$(dirname "$0")/root.sh"

# The guest.

etc_picture() {
	find /etc -type f -exec sha256sum {} + | sort -k 2
}

refused() { # WORDS COMMAND...
	local words=$1 status=0
	shift

	"$@" >/tmp/refused 2>&1 || status=$?
	cat /tmp/refused
	[ "$status" != 0 ] && [ "$status" != 127 ]
	grep -q "$words" /tmp/refused || [ "$words" = . ]
}

unchanged() {
	diff <(etc_picture) /tmp/etc.before
}

small_meta() {
	local loop

	truncate -s 1400K /tmp/small
	loop=$(losetup -f --show /tmp/small)
	refused "too small" era_setup enable-root "$loop"
	losetup -d "$loop"
}

taken_back() {
	mount --bind /bin/false /usr/sbin/update-initramfs
	refused "taking back what was done" era_setup enable-root "${meta_disk}p1"
	umount /usr/sbin/update-initramfs
	unchanged
	refused "has no label" era_setup dump "${meta_disk}p1"
}

says_enabled() {
	era_setup enable-root "${meta_disk}p1" | grep "enabled already, as root_era"
	diff <(etc_picture) /tmp/etc.after
}

# Also mounted elsewhere, under another name; and a boot loader that has its arguments in a file.
more_to_change() {
	echo "PARTUUID=aaaaaaaa-0000-4000-8000-000000000001	/also ext4	noauto,ro 0 0 # a second line" >>/etc/fstab
	mkdir -p /etc/kernel
	echo "quiet root=UUID=$root_uuid ro" >/etc/kernel/cmdline
}

all_is_changed() {
	is "$(cat /etc/kernel/cmdline)" "quiet root=/dev/mapper/root_era ro"
	is "$(grep -v '^#' /etc/fstab)" "/dev/mapper/root_era / ext4 errors=remount-ro 0 1
/dev/mapper/root_era	/also ext4	noauto,ro 0 0 # a second line"
	is "$(systemctl is-enabled era-volumes.service)" enabled
	grep -q "root=/dev/mapper/root_era" /boot/grub/grub.cfg
}

machine_install() {
	more_to_change
	etc_picture >/tmp/etc.before
	mkfs.ext4 -q "${root_disk}p2"
	check "a device with a file system is refused for the metadata" \
		refused "holds ext4" era_setup enable-root "${root_disk}p2"
	check "and the root itself" refused "in use" era_setup enable-root "${root_disk}p1"
	check "and one that is too small" small_meta
	check "nothing was changed" unchanged
	check "what fails half-way is taken back" taken_back
	check "era_setup enable-root" era_setup enable-root "${meta_disk}p1"
	check "changed all that mounts or boots the root" all_is_changed
	etc_picture >/tmp/etc.after
	check "again: it is enabled already" says_enabled
	say </etc/eratab
	say </etc/fstab
	cp /tmp/etc.before /root/etc.before
}

guest_first() {
	check "/ is on dm-era, discards are off" tracked
	check "all is up" multi_user
	say < <(systemd-analyze blame 2>/dev/null | head -n 5)
	write_files /root/first
	check "the first backup, a full" backup --verbose
	write_files /root/first
}

guest_writes_until_cut() {
	local i

	for ((i = 0; ; i++)); do
		write_files /root/cut
		[ "$i" != 3 ] || : >/run/share/ready
	done
}

guest_until_cut() {
	check "/ is on dm-era" tracked
	check "all is up" multi_user
	check "an incremental" incremental
	write_files /root/second
	check "and another" incremental
	guest_writes_until_cut
}

guest_after_cut() {
	check "/ is on dm-era" tracked
	check "an incremental behind the power cut" incremental
	write_files /root/third
	check "the last one, of a root that is still, makes the mirror equal" last_backup
	off_hard
}

guest_disable() {
	check "/ is on dm-era" tracked
	# Under emulation an image takes a minute: only the one for the kernel that runs.
	find /boot -name 'initrd.img-*' ! -name "*-$(uname -r)" -delete
	check "era_setup disable-root" era_setup disable-root
	check "the files are what they were" diff <(etc_picture) /root/etc.before
	check "and grub knows the volume no more" refused . grep root_era /boot/grub/grub.cfg
	check "twice is an error" refused "was not enabled" era_setup disable-root
}

guest_plain() {
	check "the machine boots as it was installed" is "$(findmnt -nro SOURCE /)" /dev/vda1
	check "all is up" multi_user
	check "there is no era volume" is "$(dmsetup ls)" "No devices found"
}

# The host.

same_generation() {
	is "$(label 1 generation)" "$generation"
}

on_kernel() { # DIRECTORY FIRST
	local cutter status=0

	kernel=$1
	extra=
	echo "# kernel $(cat "$kernel/release")"
	boot_root 0 "the first boot ends in a shutdown" -- "$2"
	check "which marked the root clean" is "$(label 1 state)" clean
	generation=$(label 1 generation)

	cut_power &
	cutter=$!
	boot_root 125 "the second in a power cut" --pidfile "$work/pid" -- guest_until_cut
	wait "$cutter" || status=$?
	ok "$status" "which was ours"
	check "the root is marked open" is "$(label 1 state)" open
	check "and its history is the same" same_generation

	boot_root 0 "the third is turned off with a still root" -- guest_after_cut
	check "the history is the same" same_generation
	check "the mirror is the root, byte for byte" mirror_is_root
}

main() {
	local here=$vm_dir/../../build/vm

	check "a machine is made" root_disks
	[ "$test_failed" = 0 ] || return 1
	machine 0 "the installation ends well" machine_install
	[ "$test_failed" = 0 ] || return 1
	on_kernel "$here/kernel" guest_first
	on_kernel "$here/kernel-trixie" guest_again
	boot_root 0 "going back ends well" -- guest_disable
	boot_root 0 "the root is back" -- guest_plain
}

guest_again() {
	check "/ is on dm-era" tracked
	check "all is up" multi_user
	check "an incremental with another kernel" incremental
	write_files /root/again
}

scenario "$@"
