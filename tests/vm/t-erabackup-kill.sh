#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Ends of every kind at random moments: SIGKILL of erabackup in a run, a prune and a restore, of the era_copy of the source,
# of sshd's session, and a network that stops answering and does not close. None looks like success; the next run needs
# nobody, the chain verifies, the mirror comes up to its head, and the device runs.
#
#   ERA_KILLS=200 ERA_SEED=1 tests/vm/t-erabackup-kill.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/backups.sh
. "$(dirname "$0")/backups.sh"

victims=(erabackup era_copy session network prune restore)

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# A network: what comes to 2223 goes to 2222. SIGUSR1: every connection that is there now goes on for ever, with nothing in it.
start_network() {
	cat >/tmp/network.py <<-'END'
		import os, signal, socket, threading
		links, stuck = [], threading.Event()

		def freeze(*_):
		    for link in links:
		        link["frozen"] = True

		def relay(link, a, b):
		    while True:
		        data = a.recv(65536)
		        if link["frozen"]:
		            return
		        if not data:
		            break
		        b.sendall(data)
		    b.shutdown(socket.SHUT_WR)

		def guarded(*args):
		    try:
		        relay(*args)
		    except OSError:
		        # One side was reset: so is the other.
		        if not args[0]["frozen"]:
		            for s in args[1:]:
		                s.close()

		signal.signal(signal.SIGUSR1, freeze)
		server = socket.create_server(("127.0.0.1", 2223))
		with open("/tmp/network.ready", "w") as f:
		    f.write("ready\n")
		while True:
		    a, _ = server.accept()
		    b = socket.create_connection(("127.0.0.1", 2222))
		    link = {"frozen": False, "sockets": (a, b)}
		    links.append(link)
		    for pair in ((a, b), (b, a)):
		        threading.Thread(target=guarded, args=(link, *pair), daemon=True).start()
	END
	python3 /tmp/network.py 2>/tmp/network.err &
	echo $! >/tmp/network.pid
	wait_for 60 test -s /tmp/network.ready
}

# part_of MS MOMENT: wait for that part of it; moments are 0 to 32767.
part_of() {
	local ms=$(($1 * $2 / 32768))

	read -r -t "$((ms / 1000)).$(printf %03d $((ms % 1000)))" <>/tmp/nothing || true
}

changes() {
	local i

	for i in 1 2 3 4 5 6; do
		scribble "$dev" $((RANDOM % 700 * 65536)) 1M
	done
}

undisturbed() { # VICTIM
	local begin

	case $1 in
	prune) more_points ;;
	*) changes ;;
	esac
	begin=$(now_ms)
	one "$1"
	echo $(($(now_ms) - begin)) >"/tmp/time.$1"
}

# What is to be disturbed.
one() { # VICTIM
	case $1 in
	prune) eb prune disk ;;
	restore)
		rm -f "$restored" "$restored.era"
		eb restore --to "$restored" disk
		;;
	*) eb run disk ;;
	esac
}

# Something to prune.
more_points() {
	while [ "$(points length)" -lt 6 ]; do
		changes
		eb run disk
	done
}

# In $target: the process to be hit, as soon as there is one; none if the run ends before.
choose() { # VICTIM PID
	target=
	until [ -n "$target" ] || over "$2"; do
		case $1 in
		era_copy) target=$(pgrep -x era_copy | head -n 1) || true ;;
		session) target=$(pgrep -f '^sshd: root' | tail -n 1) || true ;;
		network) target=$(cat /tmp/network.pid) ;;
		*) target=$(child_of "$2") ;;
		esac
	done
}

# The end, and what it must not look like.
hit() { # VICTIM MOMENT
	local pid target signal=KILL status=0 before time

	case $1 in
	prune) more_points ;;
	*) changes ;;
	esac
	before=$(points length)
	[ "$1" != network ] || signal=USR1
	read -r time <"/tmp/time.$1"
	one "$1" >/tmp/hit.out 2>/tmp/hit.err &
	pid=$!
	part_of "$time" "$2"
	choose "$1" $pid
	if [ -n "$target" ] && ! over $pid && kill "-$signal" "$target" 2>/dev/null; then
		echo "$1" >>/tmp/hits
	fi
	wait_for 120 over $pid
	wait $pid || status=$?
	cat /tmp/hit.err
	# The source ends by itself before the next night.
	wait_for 60 no_copy
	# What a killed era_copy held otherwise, the next one lets go.
	wait_for 30 no_guard
	active data
	case $1 in
	restore)
		[ "$status" != 0 ] || cmp "$restored" "$image"
		;;
	prune) ;;
	*)
		[ "$status" != 0 ] || is "$(points length)" $((before + 1))
		# A run that made its point may still have failed at the mirror.
		[ "$(points length)" -le $((before + 1)) ]
		;;
	esac
}

# `one` runs in a subshell, erabackup is its child.
child_of() { # PID
	local child=

	read -r child _ 2>/dev/null <"/proc/$1/task/$1/children" || true
	echo "${child:-$1}"
}

over() { # PID
	[ ! -e "/proc/$1/exe" ]
}

# Nobody writes. No option, no unlock, no other command: the next night.
next_run() {
	eb run disk
	same "$image"
	chain_is_whole
	calm data
}

next_restore() {
	eb restore --to "$restored" disk
	cmp "$restored" "$image"
	restore_point 0
}

hits() { # VICTIM
	is "$(($(grep -cx "$1" /tmp/hits) >= 1))" 1
}

no_full_but_one() {
	is "$(points 'map(select(.kind == "full")) | length')" 1
	is "$(points '.[0].kind')" full
}

guest_kill() { # SEED KILLS
	local i victim

	RANDOM=$1
	mkfifo /tmp/nothing
	: >/tmp/hits
	era_setup format -q -b 64K /dev/vdb /dev/vda
	era_setup open -q data /dev/vdb /dev/vda
	dd if=/dev/urandom of="$dev" bs=1M count=40 oflag=direct status=none
	check "a disk for backups" backup_disk /dev/vdc
	check "an sshd of our own" start_sshd
	known_hosts 2222 2223
	check "a network that can be stopped" start_network
	ssh_job 2223 "cut = snapshot" "keep-last = 3" "prune-interval = never" "verify-interval = never" \
		"command = $ERA_BUILD/era_copy"
	check "a repository" eb init disk
	check "the full" eb run disk
	for victim in erabackup prune restore; do
		check "undisturbed: $victim" undisturbed $victim
	done
	cp /tmp/time.erabackup /tmp/time.era_copy
	cp /tmp/time.erabackup /tmp/time.session
	cp /tmp/time.erabackup /tmp/time.network
	say < <(grep . /tmp/time.*)
	for ((i = 0; i < $2; i++)); do
		victim=${victims[i % ${#victims[@]}]}
		check "$i: $victim, ended in the middle" hit "$victim" "$RANDOM"
		[ "$victim" != restore ] || check "$i: the same restore mends it" next_restore
		check "$i: the next run succeeds, the chain verifies, the mirror is the device" next_run
	done
	say < <(sort /tmp/hits | uniq -c)
	check "nothing cost a full" no_full_but_one
	check "the head restored is the mirror" mirror_is_head
	check "every byte" eb verify --deep disk
	[ "$2" -lt 30 ] || for victim in "${victims[@]}"; do
		check "some were hit: $victim" hits "$victim"
	done
	check "most were hit" test "$(wc -l </tmp/hits)" -ge $(($2 / 2))
	kill "$(cat /tmp/network.pid)"
	stop_sshd
	era_setup close data
}

main() {
	local seed=${ERA_SEED:-$RANDOM}

	echo "# ERA_SEED=$seed"
	make_disk "$work/data" 48M
	make_disk "$work/meta" 40M
	make_disk "$work/backup" 2G
	boot 0 "the guest ends well" --timeout $((600 + 60 * ${ERA_KILLS:-12})) --disk "$work/data" --disk "$work/meta" \
		--disk "$work/backup" -- guest_kill "$seed" "${ERA_KILLS:-12}"
}

scenario "$@"
