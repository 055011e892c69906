#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dracut module: opens era volumes in the initramfs, where a line of /etc/eratab has the option `initramfs`.
# initramfs/ is the same for initramfs-tools.

# dracut sources this and calls the functions:
# shellcheck disable=SC2154

era_lines() {
	"$dracutsysrootdir@SBINDIR@/era_setup" tab --initramfs --eratab "$dracutsysrootdir/etc/eratab"
}

check() {
	local lines

	[[ -e $dracutsysrootdir/etc/eratab ]] || return 255
	[[ -x $dracutsysrootdir@SBINDIR@/era_setup ]] || return 1
	if ! lines=$(era_lines); then
		derror "era: cannot tell which volumes the initramfs has to open"
		return 1
	fi
	[[ -n $lines ]] || return 255
	return 0
}

depends() {
	echo dm rootfs-block
}

# The volume is not open while the image is built, so "only what this machine uses" would leave these out.
installkernel() {
	hostonly='' instmods dm_mod dm_era
}

install() {
	inst_binary "@SBINDIR@/era_setup" /usr/sbin/era_setup
	mkdir -p "$initdir/etc"
	era_lines >"$initdir/etc/eratab"
	inst_hook initqueue/settled 50 "$moddir/era-open.sh"
	inst_hook pre-pivot 50 "$moddir/era-note.sh"
	dracut_need_initqueue
}
