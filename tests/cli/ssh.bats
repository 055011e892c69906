#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What erabackup hears of a source: over ssh, from an sshd of our own, or from a child. tests/tools/feedtool asks, and
# sees itself that no thread, child or descriptor is left. Limits of time are generous: they are for what would take
# for ever.
#
# shellcheck disable=SC2154 # helpers and sshd set ssh_*, output, stderr and status

setup() {
	load helpers
	load sshd
	PATH=$ERA_BUILD/tools:$PATH
	prepare
	started=()
	# Of a request: silent for longer than any test.
	sleeps="echo \$\$ >>$PWD/sleepers; exec sleep 100"
	start_sshd
}

teardown() {
	local pid

	# sshd does not end what it started.
	for pid in "${started[@]}" $(cat sleepers 2>/dev/null); do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	stop_sshd
	undo_all
}

far() { # [OPTION...] REQUEST: by the address; the key and the known host are given
	timeout 60 feedtool --identity "$ssh_key" --known-hosts "$ssh_known" "${@:1:$#-1}" "$ssh_source/dev/x" "${@: -1}"
}

by_config() { # [OPTION...] REQUEST: as "far" of ssh_config
	timeout 60 feedtool --ssh-config "$ssh_config" "${@:1:$#-1}" ssh://far/dev/x "${@: -1}"
}

here() { # [OPTION...] REQUEST
	timeout 60 feedtool "${@:1:$#-1}" /dev/x "${@: -1}"
}

ends() { # STATUS
	[ "$status" = "$1" ] || fail "exit $status where $1 is due: $stderr"
}

# A request for one word.
put_script() { # TEXT: sets script
	script=$PWD/script.$RANDOM
	printf '#!/bin/bash\n%s\n' "$1" >"$script"
	chmod +x "$script"
}

flows() { # FILE
	test -s "$1"
}

in_background() { # COMMAND...: output and stderr to files of these names; sets pid
	"$@" >output 2>stderr 3>&- &
	pid=$!
	started+=("$pid")
}

collect() { # the one in the background: sets status and stderr
	status=0
	wait "$pid" || status=$?
	stderr=$(<stderr)
}

begin_relay() { # PORT [LIMIT]: sets relay (its pid) and relay_port
	"$BATS_TEST_DIRNAME/../tools/relay" "$@" >relay.out 3>&- &
	relay=$!
	started+=("$relay")
	wait_for flows relay.out
	relay_port=$(head -n 1 relay.out)
	printf '[127.0.0.1]:%s %s\n' "$relay_port" "$(cut -d' ' -f1,2 "$ssh_dir/host.pub")" >>"$ssh_known"
}

accepted() { # N: the relay has so many connections
	[ "$(grep -c accepted relay.out)" -ge "$1" ]
}

began_at() {
	began=$(date +%s)
}

took_at_most() { # SECONDS
	local is=$(($(date +%s) - began))
	[ "$is" -le "$1" ] || fail "took $is s, more than $1"
}

took_at_least() { # SECONDS
	local is=$(($(date +%s) - began))
	[ "$is" -ge "$1" ] || fail "took $is s, less than $1"
}

# What comes

@test "200 MB are the same, to the byte, in the pipe and in the file" {
	noise 1 200000000 >big
	far --file copy "cat $PWD/big" >out
	cmp big out
	cmp big copy
}

@test "new keys on the way, many times" {
	stop_sshd
	start_sshd "RekeyLimit 1M"
	noise 1 50000000 >big
	far "cat $PWD/big" >out
	cmp big out
}

@test "of a child here too" {
	noise 1 20000000 >big
	here --file copy "cat $PWD/big" >out
	cmp big out
	cmp big copy
}

@test "nothing, and success" {
	capture far true
	ends 0
	assert_equal "$output" ""
	says "bytes 0, status 0, reason "
}

@test "what a caller takes slowly comes, and the sshd there that wants to hear from us does" {
	stop_sshd
	start_sshd "ClientAliveInterval 1" "ClientAliveCountMax 1"
	noise 1 20000000 >big
	far --stall 6000 "cat $PWD/big" >out
	cmp big out
}

@test "standard error comes line by line, and no terminal is harmed" {
	put_script 'printf "one\ttwo\n\e[2Jthree \xc2\x9b5m \xe2\x80\xae \xff \xc3\xa4\r\nlast" >&2'
	capture far "$script"
	ends 0
	says $'far: one two\n' $'far: ?[2Jthree ?5m ? ? \xc3\xa4?\n' $'far: last\n'
	capture here "$script"
	ends 0
	says $'far: ?[2Jthree ?5m ? ? \xc3\xa4?\n'
}

@test "a line that is far too long is cut, a flood of words ends nothing" {
	put_script 'head -c 3000000 /dev/zero | tr "\0" x >&2; echo >&2; for i in {1..20000}; do echo "line $i" >&2; done; echo out'
	capture far "$script"
	ends 0
	assert_equal "$output" out
	says "far: line 100" "far: more is not shown"
	! grep -q "far: line 20000" <<<"$stderr" || fail "all of it is told"
	[ "${#stderr}" -lt 1000000 ]
}

@test "a child's request is split at blanks, without a shell; with commands for the cut the shell has it" {
	capture here "printf %s| a \$HOME 'b c'"
	ends 0
	assert_equal "$output" "a|\$HOME|'b|c'|"
	capture here --hooks "printf '%s|' a 'b c'"
	ends 0
	assert_equal "$output" "a|b c|"
}

# How it ended

@test "the far side's exit status is the error's kind, and its last words the reason" {
	local code

	put_script 'echo "era_copy: first" >&2; echo "era_copy: /dev/x: no $1" >&2; echo "  hint: do $1" >&2; echo after >&2; exit $1'
	for code in 1 2 3 4 5; do
		capture far "$script $code"
		ends "$code"
		says "feedtool: $ssh_source/dev/x: /dev/x: no $code" "status $code, reason /dev/x: no $code"
		hints "do $code"
		capture here "$script $code"
		ends "$code"
		says "feedtool: /dev/x: no $code"
		hints "do $code"
	done
}

@test "bytes that came before a failure do not make it a success" {
	put_script 'head -c 3000000 /dev/zero; exit 3'
	capture far --file copy "$script"
	ends 3
	assert_equal "$(stat -c %s copy)" 3000000
}

@test "a status that is nobody's, and a command that is not there" {
	capture far "exit 77"
	ends 1
	says "ended with status 77"
	capture far "no-such-program --from x"
	ends 1
	says "status 127" "not found"
	hints command
	capture here "no-such-program --from x"
	ends 1
	says "/dev/x: no-such-program" "No such file"
}

@test "a far side that a signal ended has failed" {
	put_script 'echo data; kill -KILL $$'
	capture far "exec $script"
	ends 1
	says "ended by SIGKILL" "status -1"
	capture here "$script"
	ends 1
	says "ended by SIGKILL" "status -1"
}

@test "the sshd that serves us is killed" {
	in_background far "cat /dev/zero"
	wait_for flows output
	# shellcheck disable=SC2046
	kill -KILL $(sessions)
	collect
	ends 1
	says "the connection broke" "status -1"
}

@test "the sshd that serves us stands still: found within the timeout" {
	in_background far --timeout 3 "cat /dev/zero"
	wait_for flows output
	began_at
	# shellcheck disable=SC2046
	kill -STOP $(sessions)
	collect
	ends 1
	says "has not answered for 3 s"
	took_at_most 6
}

@test "a network that swallows everything: found within the timeout" {
	begin_relay "$ssh_port"
	ssh_source=ssh://root@127.0.0.1:$relay_port
	in_background far --timeout 3 "cat /dev/zero"
	wait_for flows output
	began_at
	kill -USR1 "$relay"
	collect
	ends 1
	says "has not answered for 3 s"
	took_at_most 6
}

@test "a network that swallows everything while the far side is silent" {
	begin_relay "$ssh_port"
	ssh_source=ssh://root@127.0.0.1:$relay_port
	in_background far --timeout 2 "echo begun; $sleeps"
	wait_for flows output
	kill -USR1 "$relay"
	collect
	ends 1
	says "has not answered for 2 s"
}

@test "a far side that is silent for longer than the timeout, with an sshd that lives, is not cut off" {
	began_at
	capture far --timeout 1 "sleep 5; echo done"
	ends 0
	assert_equal "$output" "done"
	took_at_least 5
}

@test "one that has closed its output and works on is waited for" {
	capture far --timeout 1 "exec >&- 2>&-; sleep 4; exit 3"
	ends 3
	capture here "sleep 0"
	ends 0
}

@test "a caller that stops reading cuts the far side off" {
	began_at
	capture far --stop-after 1 "echo \$\$ >$PWD/far.pid; cat /dev/zero"
	ends 1
	says "cut off"
	wait_for bash -c "! kill -0 $(<far.pid) 2>/dev/null"
	capture here --stop-after 1 "cat /dev/zero"
	ends 1
	says "cut off"
	took_at_most 20
}

@test "a caller that gives up while the far side is silent does not wait for it" {
	local request

	began_at
	for request in "echo begun; $sleeps" "echo begun; exec >&- 2>&-; $sleeps"; do
		capture far --stop-after 1 "$request"
		ends 1
		says "cut off"
		capture here --hooks --stop-after 1 "$request"
		ends 1
		says "cut off"
	done
	took_at_most 20
}

@test "one that stops reading when all has come already" {
	capture far --stall 1000 --stop-after 1 "head -c 900000 /dev/zero"
	ends 1
	says "cut off"
}

@test "an answer that is too short: the far side's end explains it, where there is more to say" {
	put_script 'echo data; echo "era_copy: broken disk" >&2; exit 1'
	capture far --expect 1000 "$script"
	ends 1
	says "broken disk"
	capture far --expect 1000 "echo data; kill -KILL \$\$"
	ends 1
	says "SIGKILL"
	capture far --expect 1000 "echo data"
	ends 3
	says "too short"
	capture far --expect 1000 --stop-after 1 "cat /dev/zero"
	ends 3
	says "too short"
	put_fs tiny 64k
	capture far --expect 1000000 --file tiny/f "cat /dev/zero"
	ends 1
	says "No space left"
}

@test "a file that takes no more is the error, and not the pipe" {
	put_fs small 1m
	capture far --file small/f "cat /dev/zero"
	ends 1
	says "small/f" "No space left"
	capture here --file /dev/full "cat /dev/zero"
	ends 1
	says "/dev/full" "No space left"
}

@test "SIGTERM ends every wait: for data, for the end, for room" {
	local request stall

	for request in "echo begun; $sleeps" "echo begun; exec >&- 2>&-; $sleeps" "cat /dev/zero"; do
		rm -f output
		stall=0
		[[ $request != cat* ]] || stall=10000
		in_background feedtool --stall "$stall" --identity "$ssh_key" \
			--known-hosts "$ssh_known" "$ssh_source/x" "$request"
		wait_for flows output
		began_at
		kill -TERM "$pid"
		collect
		ends 1
		says "interrupted by SIGTERM"
		took_at_most 3
	done
}

# To whom

@test "ssh_config: a name, a ProxyCommand, and nothing of it left" {
	printf '%s\n' " ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3'" >>"$ssh_config"
	noise 1 3000000 >big
	by_config "cat $PWD/big" >out
	cmp big out
	run -1 pgrep -f "/dev/tcp/127.0.0.1/$ssh_port"
}

@test "ssh_config: by way of another ssh" {
	printf '%s\n' " ProxyCommand ssh -F none -i $ssh_key -o UserKnownHostsFile=$ssh_known -p $ssh_port -W %h:%p root@127.0.0.1" \
		>>"$ssh_config"
	noise 1 3000000 >big
	by_config "cat $PWD/big" >out
	cmp big out
}

@test "ssh_config: ProxyJump" {
	printf '%s\n' "Host jump" " HostName 127.0.0.1" " Port $ssh_port" " User root" " IdentityFile $ssh_key" \
		" UserKnownHostsFile $ssh_known" >>"$ssh_config"
	sed -i "/^Host far/a\\ ProxyJump jump" "$ssh_config"
	capture by_config "echo hello"
	# The other ssh reads the user's files, not ours: it does not know the jump. Nothing went past it.
	ends 1
	says "jump"
	refute_output --partial hello
}

@test "a ProxyCommand that fails says why; one that hangs is given up and ended" {
	printf '%s\n' " ProxyCommand sh -c 'echo no way there >&2; exit 1'" >>"$ssh_config"
	capture by_config "true"
	ends 1
	says "no way there"
	sed -i 's/ ProxyCommand.*/ ProxyCommand sleep 987/' "$ssh_config"
	capture by_config --timeout 1 "true"
	ends 1
	says "took longer than 1 s"
	run -1 pgrep -fx "sleep 987"
}

@test "the user and the port of the source win over ssh_config's" {
	sed -i -e "s/ Port .*/ Port 1/" -e "s/ User .*/ User nobody/" "$ssh_config"
	capture timeout 60 feedtool --ssh-config "$ssh_config" "ssh://root@far:$ssh_port/x" "echo hello"
	ends 0
	assert_equal "$output" hello
}

@test "an ssh_config that is not there is not taken for an empty one" {
	capture timeout 60 feedtool --ssh-config nowhere "$ssh_source/x" true
	ends 1
	says nowhere
}

@test "nobody there; a name of nobody; one who accepts and says nothing" {
	ssh_source=ssh://root@127.0.0.1:$(free_port)
	capture far true
	ends 1
	says "$ssh_source" "refused"
	ssh_source=ssh://root@no-such-host.invalid
	capture far true
	ends 1
	says "no-such-host.invalid"
	begin_relay 0
	ssh_source=ssh://root@127.0.0.1:$relay_port
	began_at
	capture far --timeout 2 true
	ends 1
	says "took longer than 2 s"
	took_at_most 5
	in_background feedtool --known-hosts "$ssh_known" "$ssh_source/x" true
	wait_for accepted 2
	kill -TERM "$pid"
	collect
	ends 1
	says "interrupted by SIGTERM"
}

# Who is it

fingerprint() {
	ssh-keygen -lf "$ssh_dir/host.pub" | cut -d' ' -f2
}

# As a person would: all behind "it is right:".
follow_hint() {
	bash -ec "${stderr#*it is right: }" 2>/dev/null
}

@test "an unknown host is refused, with its fingerprint and the way to know it" {
	: >"$ssh_known"
	capture far "echo hello"
	ends 4
	assert_equal "$output" ""
	says "[127.0.0.1]:$ssh_port is not known" "$(fingerprint)"
	follow_hint
	capture far "echo hello"
	ends 0
}

@test "a known_hosts that is not there knows nobody" {
	rm "$ssh_known"
	capture far true
	ends 4
	says "$(fingerprint)"
}

@test "StrictHostKeyChecking no in ssh_config makes no difference" {
	: >"$ssh_known"
	printf '%s\n' " StrictHostKeyChecking no" >>"$ssh_config"
	capture by_config true
	ends 4
}

other_key() { # TYPE
	rm -f other other.pub
	ssh-keygen -q -t "$1" -N '' -f other
	printf '[127.0.0.1]:%s %s\n' "$ssh_port" "$(cut -d' ' -f1,2 other.pub)" >"$ssh_known"
}

@test "a host whose key has changed is refused, with the way to forget the old one" {
	local option

	for option in --accept-new --timeout=60; do
		other_key ed25519
		capture far "$option" "echo hello"
		ends 4
		says "has changed" "$(fingerprint)"
		follow_hint
		capture far "echo hello"
		ends 0
	done
}

@test "a host that is known by a key of another type is refused" {
	local option

	for option in --accept-new --timeout=60; do
		other_key ecdsa
		capture far "$option" true
		ends 4
		says "another type" "$(fingerprint)"
	done
}

@test "a hashed known_hosts" {
	ssh-keygen -q -H -f "$ssh_known" 2>/dev/null
	run -1 grep 127.0.0.1 "$ssh_known"
	capture far "echo hello"
	ends 0
}

@test "accept-new adds an unknown host, once, where the file's last line has no end too" {
	printf '# no end' >"$ssh_known"
	capture far --accept-new "echo hello"
	ends 0
	capture far "echo hello"
	ends 0
	cp "$ssh_known" before
	capture far --accept-new "echo hello"
	ends 0
	cmp before "$ssh_known"
	rm "$ssh_known"
	capture far --accept-new "echo hello"
	ends 0
	capture far "echo hello"
	ends 0
}

@test "accept-new does not accept what is marked as revoked, nor where the file cannot be read" {
	printf '@revoked * %s\n' "$(cut -d' ' -f1,2 "$ssh_dir/host.pub")" >"$ssh_known"
	capture far --accept-new true
	ends 4
	says revoked
	printf '[127.0.0.1]:%s broken\n' "$ssh_port" >"$ssh_known"
	capture far --accept-new true
	[ "$status" != 0 ]
}

# Who are we

with_agent() { # sets SSH_AUTH_SOCK
	eval "$(ssh-agent -s 3>&-)" >/dev/null
	started+=("$SSH_AGENT_PID")
}

@test "the agent's keys are tried" {
	with_agent
	ssh-add -q "$ssh_key" 2>/dev/null
	capture timeout 60 feedtool --known-hosts "$ssh_known" --ssh-config /dev/null "$ssh_source/x" "echo hello"
	ends 0
	assert_equal "$output" hello
}

@test "an identity is the only key that is tried" {
	with_agent
	ssh-add -q "$ssh_key" 2>/dev/null
	ssh-keygen -q -t ed25519 -N '' -f wrong
	capture timeout 60 feedtool --known-hosts "$ssh_known" --identity wrong "$ssh_source/x" "echo hello"
	ends 1
	says "root@127.0.0.1" wrong
	hints authorized_keys
}

@test "who is not let in is told so, and asked for nothing" {
	ssh-keygen -q -t ed25519 -N '' -f wrong
	# In a format that OpenSSL reads, which would ask.
	ssh-keygen -q -t ecdsa -m PEM -N secret -f locked
	cat locked.pub >>"$ssh_key.pub"
	unset SSH_AUTH_SOCK
	terminal "timeout 20 $ERA_BUILD/tools/feedtool --known-hosts $ssh_known --identity wrong $ssh_source/x true"
	assert_output --partial "does not let us in"
	refute_output --regexp 'Enter|assword:|pass phrase|assphrase for'
	terminal "timeout 20 $ERA_BUILD/tools/feedtool --known-hosts $ssh_known --identity locked $ssh_source/x true"
	assert_output --partial "has a passphrase"
	refute_output --regexp 'Enter|assword:|pass phrase|assphrase for'
	sed -i "s,IdentityFile .*,IdentityFile $PWD/locked," "$ssh_config"
	terminal "timeout 20 $ERA_BUILD/tools/feedtool --ssh-config $ssh_config ssh://far/x true"
	assert_output --partial "does not let us in"
	refute_output --regexp 'Enter|assword:|pass phrase|assphrase for'
}

@test "an identity that is not there" {
	capture timeout 60 feedtool --known-hosts "$ssh_known" --identity nowhere "$ssh_source/x" true
	ends 1
	says nowhere
}
