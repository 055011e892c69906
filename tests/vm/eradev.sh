# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# eradev: what scenarios in the guest do with an era device and its mirror, and ask of the two. Sourced
# behind lib.sh. The device is $dev, by default /dev/mapper/data.

export ERA_BUILD=${ERA_BUILD:-$(realpath "$vm_dir/../../build")}
PATH=$ERA_BUILD:$PATH:/usr/sbin:/sbin
: "${dev:=/dev/mapper/data}"

is() { # GOT EXPECTED
	[ "$1" = "$2" ] || {
		echo "got '$1' instead of '$2'"
		return 1
	}
}

# The exit status, the words of the error, and a hint; and no hang.
refuses() { # STATUS WORDS COMMAND...
	local expected=$1 words=$2 status=0
	shift 2

	timeout -k 10 120 "$@" >/tmp/refused.out 2>/tmp/refused.err || status=$?
	cat /tmp/refused.err
	is "$status" "$expected"
	grep -qe "$words" /tmp/refused.err
	grep -q '^  hint: ' /tmp/refused.err
}

# Random bytes, past the page cache. On a device of 4096-byte sectors both are multiples of that.
scribble() { # DEVICE OFFSET LENGTH
	dd if=/dev/urandom of="$1" bs="$3" count=1 seek="$2" iflag=fullblock oflag=direct,seek_bytes \
		conv=notrunc status=none
}

token() { # MIRROR
	era_apply --token "$1"
}

# The one-liner, with options for era_copy.
backup() { # MIRROR [OPTION...]
	local mirror=$1
	shift

	era_copy "$@" --from "$(token "$mirror")" "$dev" >/tmp/backup.era
	era_apply -i /tmp/backup.era "$mirror"
}

contents() { # DEVICE
	dd if="$1" bs=1M iflag=direct status=none
}

# Byte for byte, and of one size.
same() { # MIRROR
	cmp "$1" <(contents "$dev")
}

differs() { # MIRROR
	! same "$1"
}

# So that nothing changes unseen: what a mirror and its state are.
picture() { # MIRROR
	sha256sum "$1" "$1.era"
}

held() { # NAME
	[ "$(dmsetup status "$1" | awk '{ print $7 }')" != - ]
}

not_held() { # NAME
	! held "$1"
}

active() { # NAME
	[ "$(dmsetup info -c --noheadings -o suspended "$1")" = Active ]
}

# After every end of era_copy, good or bad: the device runs, nothing is held, nobody watches any more.
calm() { # [NAME]
	local name=${1:-data}

	active "$name"
	not_held "$name"
	wait_for 30 no_guard
}

no_guard() {
	! pgrep -x era_guard >/dev/null
}

# Writes that a dm-delay device holds back.
writes_in_flight() { # NAME
	dmsetup status "$1" | awk '{ print $5 }'
}

# start NAME COMMAND...: in the background. Its pid is in /tmp/NAME.pid, what it printed in /tmp/NAME.out and
# /tmp/NAME.err, and when it has ended its status in /tmp/NAME.status.
start() {
	local name=$1
	shift

	rm -f "/tmp/$name.pid" "/tmp/$name.status"
	(
		"$@" >"/tmp/$name.out" 2>"/tmp/$name.err" &
		echo $! >"/tmp/$name.pid"
		status=0
		wait $! || status=$?
		echo "$status" >"/tmp/$name.status"
	) 2>/dev/null &
	wait_for 60 test -s "/tmp/$name.pid"
}

# ended NAME STATUS: it comes to an end, with that status; -STATUS: with any but that.
ended() {
	local status

	wait_for 120 test -s "/tmp/$1.status"
	cat "/tmp/$1.err"
	status=$(cat "/tmp/$1.status")
	if [ "${2#-}" = "$2" ]; then
		is "$status" "$2"
	else
		[ "$status" != "${2#-}" ]
	fi
}

running() { # NAME
	[ ! -e "/tmp/$1.status" ]
}
