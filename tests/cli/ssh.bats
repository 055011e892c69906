#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What erabackup hears of a source: over ssh, from an sshd of our own, or from a child. tests/tools/feedtool asks.

setup() {
	load helpers
	load sshd
	PATH=$ERA_BUILD/tools:$PATH
	prepare
	start_sshd
}

teardown() {
	stop_sshd
	undo_all
}

# feed [OPTION...] REQUEST: sets output, stderr, status. The key and the known host are given.
feed() {
	capture feedtool --identity "$ssh_key" --known-hosts "$ssh_known" "${@:1:$#-1}" "$ssh_source/dev/x" "${@: -1}"
}

ends() { # STATUS
	[ "$status" = "$1" ] || fail "exit $status where $1 is due: $stderr"
}

@test "200 MB are the same, to the byte" {
	noise 1 200000000 >big
	feedtool --identity "$ssh_key" --known-hosts "$ssh_known" --file copy "$ssh_source/dev/x" "cat $PWD/big" >out
	cmp big out
	cmp big copy
}

@test "a child here: the same" {
	noise 1 20000000 >big
	feedtool --file copy "$PWD/big" "cat $PWD/big" >out
	cmp big out
	cmp big copy
}
