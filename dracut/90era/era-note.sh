#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dracut's pre-pivot: the root is mounted on $NEWROOT. Where a volume came up untracked and its label could not be told
# so, the fact is written into the root, because it must outlive this boot. It is sourced: no exit.

era_note() {
	[ -n "$(ls /run/era/untracked-* 2>/dev/null)" ] || return 0

	# Of the mount points that are on top of each other the last one is seen.
	era_options=
	while read -r _ era_target _ era_word _; do
		[ "$era_target" != "$NEWROOT" ] || era_options=$era_word
	done </proc/mounts

	case ,$era_options, in
	*,ro,*)
		if ! mount -o remount,rw "$NEWROOT"; then
			warn "era: the root cannot be written: that it is untracked is known until the next boot only"
			return 0
		fi
		;;
	esac

	era_setup note "$NEWROOT" || warn "era: that the root is untracked could not be noted on it"

	case ,$era_options, in
	*,ro,*) mount -o remount,ro "$NEWROOT" || warn "era: the root stays writable" ;;
	esac
}

era_note
