# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034 # what start_sshd sets is for the tests
#
# sshd: an sshd of the test's own, on 127.0.0.1 and a free high port, with its own configuration and keys.
#
#	load sshd                       after helpers
#	setup() { prepare; start_sshd; }
#	teardown() { stop_sshd; undo_all; }
#
# start_sshd [LINE...] adds lines to sshd_config, and sets
#
#	ssh_dir       where all of it lies: host, host.pub, key, key.pub, sshd_config, log
#	ssh_port      ssh_source    ssh://USER@127.0.0.1:PORT
#	ssh_key       the private key that is let in
#	ssh_known     a known_hosts with the host's key
#	ssh_config    an ssh_config in which "far" is this host
#
# In the environment of what is run there, ERA_BUILD's directory is first in PATH. Everything it started, sessions too,
# ends with stop_sshd; it ends nothing else. A test that has no root skips: sshd wants /run/sshd.

ssh_dir=

free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

start_sshd() { # [LINE...]
	[ "$(id -u)" = 0 ] || skip "needs root, for sshd"
	mkdir -p /run/sshd
	ssh_dir=$BATS_TEST_TMPDIR/ssh
	mkdir -p "$ssh_dir"
	[ -e "$ssh_dir/host" ] || ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/host"
	[ -e "$ssh_dir/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/key"
	ssh_port=$(free_port)
	ssh_key=$ssh_dir/key
	ssh_known=$ssh_dir/known
	ssh_config=$ssh_dir/config
	ssh_source=ssh://$(id -un)@127.0.0.1:$ssh_port
	{
		printf '%s\n' "$@"
		printf '%s\n' "ListenAddress 127.0.0.1" "Port $ssh_port" "HostKey $ssh_dir/host" \
			"AuthorizedKeysFile $ssh_dir/key.pub" "StrictModes no" "PasswordAuthentication no" \
			"KbdInteractiveAuthentication no" "UsePAM no" "PermitRootLogin yes" "PidFile $ssh_dir/pid" \
			"SetEnv PATH=$ERA_BUILD:/usr/sbin:/usr/bin:/sbin:/bin"
	} >"$ssh_dir/sshd_config"
	printf '[127.0.0.1]:%s %s\n' "$ssh_port" "$(cut -d' ' -f1,2 "$ssh_dir/host.pub")" >"$ssh_known"
	printf '%s\n' "Host far" " HostName 127.0.0.1" " Port $ssh_port" " User $(id -un)" " IdentityFile $ssh_key" \
		" UserKnownHostsFile $ssh_known" >"$ssh_config"
	# Without -D it would leave the group by which it is ended.
	/usr/sbin/sshd -D -f "$ssh_dir/sshd_config" -E "$ssh_dir/log" 3>&- &
	wait_for test -s "$ssh_dir/pid"
}

# Those below a process, that one first.
family() { # PID
	local pid

	echo "$1"
	for pid in $(pgrep -P "$1"); do
		family "$pid"
	done
}

# The sshd processes that serve connections, not the one that listens.
sessions() {
	family "$(<"$ssh_dir/pid")" | tail -n +2 | while read -r pid; do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != sshd ] || echo "$pid"
	done
}

stop_sshd() {
	local pids

	[ -n "$ssh_dir" ] && [ -s "$ssh_dir/pid" ] || return 0
	mapfile -t pids < <(family "$(<"$ssh_dir/pid")")
	kill -CONT "${pids[@]}" 2>/dev/null || true
	kill "${pids[@]}" 2>/dev/null || true
	wait_for test ! -e "$ssh_dir/pid"
}
