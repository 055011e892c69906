#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dracut module: opens era volumes in the initramfs, where a line of /etc/eratab has the option `initramfs`.
# initramfs/ is the same for initramfs-tools.

# dracut sources this and calls the functions:
# shellcheck disable=SC2154

era_lines() {
	[[ -r $dracutsysrootdir/etc/eratab ]] || return 0
	awk '!/^[[:space:]]*#/ && ("," $4 ",") ~ /,initramfs,/' "$dracutsysrootdir/etc/eratab"
}

check() {
	[[ -x $dracutsysrootdir@SBINDIR@/era_setup ]] || return 1
	[[ -n $(era_lines) ]] || return 255
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
