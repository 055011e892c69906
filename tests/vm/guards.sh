# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# guards: for scenarios that end era_copy, or its guardian, in the middle of a cut. Sourced behind cuts.sh. The run is
# always /tmp/k.era, from the mirror; the device may stand still for $limit seconds, and a bit, for this is emulated.

mirror=/tmp/m.img
limit=2
slack=10

guard_volume() { # META DATA
	cut_volume data "$1" "$2" mkfs.ext4 -q
	begin_writers /tmp/mnt/files
	remember_stack
	era_copy -q --full --cut=snapshot "$dev" | era_apply -q $mirror
	stack_is_as_before
}

copy_words() { # KIND: of a run that may be ended
	words=(--cut="$1" --freeze-timeout $limit --from "$(token $mirror)" -o /tmp/k.era "$dev")
}

# What a run made that was ended is whole, or it is not there.
whole_or_nothing() {
	if [ -e /tmp/k.era ]; then
		era_apply -q --verify -i /tmp/k.era
		rm /tmp/k.era
	fi
	rm -f /tmp/k.era.part
}

# The run after it, with the writers at work. What was left behind is cleared away by it, or was before.
next_run() { # KIND
	era_copy -q --cut="$1" --from "$(token $mirror)" -o /tmp/next.era "$dev"
	era_apply -q -i /tmp/next.era $mirror
	stack_is_as_before
	calm data
	answers $slack
}

signal_writers() { # SIGNAL
	local name

	for name in "${writers[@]}"; do
		kill "-$1" "$(cat "$acks/$name.pid")"
	done
}

# With nobody writing for a moment, the mirror is the device.
mirror_is_device() {
	local status=0

	signal_writers STOP
	sync -f /tmp/mnt
	era_copy -q --cut=fence --from "$(token $mirror)" -o /tmp/next.era "$dev"
	era_apply -q -i /tmp/next.era $mirror
	same $mirror || status=$?
	signal_writers CONT
	return $status
}

# Nobody writes any more.
last_is_device() {
	umount /tmp/mnt
	era_copy -q --from "$(token $mirror)" -o /tmp/next.era "$dev"
	era_apply -q -i /tmp/next.era $mirror
	same $mirror
	stack_is_as_before
	calm data
}
