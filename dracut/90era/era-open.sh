#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dracut's initqueue runs this whenever udev has come to rest and the root is still not there. It is sourced: no exit.
# era_setup waits for devices, for as long as eratab says, and says itself what went wrong. The initqueue counts its
# rounds and not the time, so after three tries the waiting is left to it.

era_missing() {
	while read -r era_name era_rest; do
		[ -z "$era_rest" ] || [ -e "/dev/mapper/$era_name" ] || return 0
	done </etc/eratab
	return 1
}

if [ "${era_tries:=0}" -lt 3 ] && era_missing; then
	era_tries=$((era_tries + 1))
	modprobe -q dm_mod
	modprobe -q dm_era
	era_setup open --all --initramfs >/dev/null || warn "era: not every volume could be opened"
fi
