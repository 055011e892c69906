#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The same root from an image that dracut made: it boots tracked, is marked clean, and falls back with a note.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/root.sh
. "$(dirname "$0")/root.sh"

image=/boot/dracut.img

# The machine, off.

# What dracut asks of the module, without making an image.
module_check() {
	(
		export dracutsysrootdir=
		# shellcheck disable=SC2317 # called by the module
		derror() {
			echo "$*"
		}
		# shellcheck source=/dev/null
		. /usr/lib/dracut/modules.d/90era/module-setup.sh
		check
	)
}

module_check_is() { # STATUS
	local status=0

	module_check || status=$?
	is "$status" "$1"
}

machine_install() { # RELEASE
	check "without eratab the module stays out" module_check_is 255
	echo "data /dev/vdx /dev/vdy" >/etc/eratab
	check "where no line is for the initramfs too" module_check_is 255
	echo "data /dev/vdx /dev/vdy initramf" >/etc/eratab
	check "a wrong line is an error" module_check_is 1
	rm /etc/eratab
	era_setup enable-root "${meta_disk}p1"
	sed -i 's/fallback=linear/&,timeout=2/' /etc/eratab
	check "where one is, it comes in" module_check_is 0
	check "dracut makes an image" dracut --force --no-hostonly --zstd "$image" "$1"
	lsinitrd "$image" >/tmp/list
	check "with era_setup, dm-era and eratab" \
		is "$(grep -cE '(/sbin/era_setup|/dm-era\.ko.*|etc/eratab)$' /tmp/list)" 3
}

# The guest.

guest_first() {
	check "dracut brought us here" test -d /run/initramfs
	check "/ is on dm-era" tracked
	check "all is up" multi_user
	check "a full" backup
	write_files /root/first
	check "an incremental" incremental
}

guest_second() {
	check "/ is on dm-era" tracked
	check "an incremental goes on where the last boot was" incremental
}

guest_missing() {
	check "the root is there, without tracking" untracked
	check "all is up" multi_user
	check "an incremental is refused, and says why" history_gone "is not there"
	check "the note is on the root" test -s /var/lib/era/untracked-root_era
}

# The host.

by_dracut() {
	initrd=$image
	boot_root "$@"
}

main() {
	check "a machine is made" root_disks one
	machine 0 "dracut makes it an image" machine_install "$(cat "$kernel/release")"
	[ "$test_failed" = 0 ] || return 1
	by_dracut 0 "the first boot ends in a shutdown" -- guest_first
	check "which marked the root clean" is "$(label 1 state)" clean
	by_dracut 0 "the second boot" -- guest_second
	no_meta=1
	by_dracut 0 "without the metadata device it boots" -- guest_missing
	check "and the console says why" grep "root_era: .*is not there" "$work/share/console.log"
}

scenario "$@"
