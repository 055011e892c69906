#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# SIGKILL and SIGSTOP of era_copy, and of its guardian, at random moments of snapshot and freeze cuts under writers. The
# device answers within the limit, whoever was hit; the next run succeeds and puts the stack back; the mirror is the
# device.
#
#   ERA_KILLS=200 ERA_SEED=1 tests/vm/t-guard.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"
# shellcheck source=tests/vm/guards.sh
. "$(dirname "$0")/guards.sh"

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# The guardian is the only child there is. Without a process of our own: it may not live for as long as one takes.
guardian_of() { # PID
	guardian=
	read -r guardian _ 2>/dev/null <"/proc/$1/task/$1/children" || true
	[ -n "$guardian" ]
}

# A run that nobody disturbs: in /tmp/time.KIND.VICTIM the ms that it took, and that its guardian lived.
undisturbed() { # KIND
	local pid begin born=

	copy_words "$1"
	begin=$(now_ms)
	era_copy -q "${words[@]}" &
	pid=$!
	while [ -e "/proc/$pid/exe" ]; do
		if guardian_of $pid; then
			born=${born:-$(now_ms)}
		elif [ -n "$born" ] && [ ! -e "/tmp/time.$1.guardian" ]; then
			echo $(($(now_ms) - born)) >"/tmp/time.$1.guardian"
		fi
	done
	wait $pid
	echo $(($(now_ms) - begin)) >"/tmp/time.$1.worker"
	head "/tmp/time.$1".*
	rm /tmp/k.era
}

# part_of MS MOMENT: wait for that part of it; moments are 0 to 32767. A sleep would be a process.
part_of() {
	local ms=$(($1 * $2 / 32768))

	read -r -t "$((ms / 1000)).$(printf %03d $((ms % 1000)))" <>/tmp/nothing || true
}

# The process to be hit, in $victim: at that moment of the run, or of the guardian's life.
choose() { # worker|guardian KIND MOMENT PID
	local guardian time

	read -r time <"/tmp/time.$2.$1"
	victim=$4
	if [ "$1" = guardian ]; then
		until guardian_of "$4"; do
			[ -e "/proc/$4/exe" ] || return 1
		done
		victim=$guardian
		# What it takes to look for it is part of its life.
		time=$((time / 2))
	fi
	part_of "$time" "$3"
}

# What was stopped gets signal NEXT later: it may go on, and find that it is too late, or not.
hit() { # KIND SIGNAL worker|guardian MOMENT NEXT
	local pid victim status=0

	copy_words "$1"
	era_copy -q "${words[@]}" 2>/tmp/k.err &
	pid=$!
	if choose "$3" "$1" "$4" $pid && kill "-$2" "$victim" 2>/dev/null; then
		echo "$1 $2 $3" >>/tmp/hits
	fi
	answers $((limit + slack))
	[ "$2" != STOP ] || kill "-$5" "$victim" 2>/dev/null || true
	wait_for 60 over $pid
	wait $pid || status=$?
	cat /tmp/k.err
	case $3$status in
	worker0 | worker1 | worker137 | guardian0 | guardian1) ;;
	*) is "$3: $status" "an exit status that is allowed" ;;
	esac
	[ "$status" != 1 ] || [ ! -e /tmp/k.era ]
	whole_or_nothing
}

over() { # PID
	[ ! -e "/proc/$1/exe" ]
}

hits() { # WORDS LEAST
	is "$(($(grep -c "$1" /tmp/hits) >= $2))" 1
}

guest_guard() { # SEED KILLS
	local i kind signal victim next

	# Not in a check: a subshell has random numbers of its own.
	RANDOM=$1
	writers=(log)
	mkfifo /tmp/nothing
	: >/tmp/hits
	check "a volume with writers and a mirror" guard_volume /dev/vdb /dev/vda
	for kind in snapshot freeze; do
		check "$kind: undisturbed" undisturbed $kind
	done
	say < <(grep . /tmp/time.*)
	for ((i = 0; i < $2; i++)); do
		for signal in KILL STOP; do
			kind=$([ $((i % 2)) = 0 ] && echo snapshot || echo freeze)
			victim=$([ $((i / 2 % 2)) = 0 ] && echo worker || echo guardian)
			next=KILL
			[ $((RANDOM % 2)) = 0 ] || next=CONT
			check "$i: $kind, $signal of the $victim: the device answers in time" \
				hit "$kind" "$signal" "$victim" "$RANDOM" "$next"
			check "$i: the next run succeeds, the stack is as before" next_run "$kind"
		done
		[ $((i % 3)) != 2 ] || check "$i: the mirror is the device" mirror_is_device
	done
	say < <(sort /tmp/hits | uniq -c)
	check "most of them were hit" hits . "$2"
	check "of the guardians too" hits guardian $(($2 / 4))
	check "no writer had an error" end_writers
	check "the last run makes the mirror the device" last_is_device
	check "the volume closes" era_setup close data
}

main() {
	local seed=${ERA_SEED:-$RANDOM}

	echo "# ERA_SEED=$seed"
	make_disk "$work/data" 32M
	make_disk "$work/meta" 40M
	boot 0 "the guest ends well" --timeout 6000 --disk "$work/data" --disk "$work/meta" -- \
		guest_guard "$seed" "${ERA_KILLS:-10}"
}

scenario "$@"
