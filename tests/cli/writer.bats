#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/vm/writer: what its checks accept and what they find. A proof of consistency that cannot fail is none.

bats_require_minimum_version 1.5.0

setup() {
	bats_load_library bats-support
	bats_load_library bats-assert
	cd "$BATS_TEST_TMPDIR" || return 1
	writer=$BATS_TEST_DIRNAME/../vm/writer
}

# Runs until N are durable, and is killed, or ended by $signal.
written() { # N ARG...
	local n=$1 i pid
	shift

	"$writer" "$@" ack 3>&- &
	pid=$!
	for ((i = 0; i < 1000; i++)); do
		[ "$(cat ack 2>/dev/null || echo 0)" -lt "$n" ] || break
		sleep 0.01
	done
	kill -"${signal:-KILL}" $pid
	wait $pid 2>/dev/null || true
	n=$(cat ack)
	least=$n
	most=$((n + 1))
}

check_log() {
	run "$writer" check-log log "$least" "$most"
}

@test "a log that was killed at any moment is good" {
	local i

	for i in 1 20 50; do
		rm -f log* ack
		written $i log log
		check_log
		assert_success
	done
}

@test "a log that was begun anew is good" {
	sed 's/^ROTATE = .*/ROTATE = 5000/' "$writer" >copy
	chmod +x copy
	writer=./copy written 60 log log
	check_log
	assert_success
	refute_output --partial "records 1 to"
}

@test "SIGTERM ends a writer with a whole record" {
	signal=TERM written 5 log log
	most=$least check_log
	assert_success
	assert_output --partial "and 0 bytes"
}

@test "a torn record at the end is good, and so are zeros for it" {
	# Whole in both, so that only one record is missing in the second then.
	signal=TERM written 5 log log
	least=3
	truncate -s -3 log.2
	check_log
	assert_success
	truncate -s -20 log.2
	truncate -s +20 log.2
	check_log
	assert_success
}

@test "a record that was durable and is missing is found" {
	written 5 log log
	truncate -s -3 log.2
	least=$((most + 5)) most=$((most + 9)) check_log
	assert_failure
	assert_output --partial "was durable before"
}

@test "a record from later is found" {
	written 9 log log
	least=1 most=5 check_log
	assert_failure
	assert_output --partial "no more than 5"
}

@test "a hole in the middle, a flipped bit and a strange tail are found" {
	written 20 log log
	cp log good
	dd if=/dev/zero of=log bs=1 seek=600 count=200 conv=notrunc status=none
	check_log
	assert_failure
	cp good log
	printf '\377' | dd of=log bs=1 seek=900 conv=notrunc status=none
	check_log
	assert_failure
	cp good log
	echo "strange" >>log
	check_log
	assert_failure
	: >log
	check_log
	assert_failure
}

@test "two logs of different moments are found" {
	written 5 log log
	cp log.2 early
	rm ack
	written 30 log log
	cp early log.2
	least=1 check_log
	assert_failure
	assert_output --partial "not one moment"
}

@test "a database that was killed is good, with both kinds of journal" {
	local mode

	for mode in wal delete; do
		rm -f db* ack
		written 30 sqlite $mode db
		run "$writer" check-sqlite db "$least" "$most"
		assert_success
	done
}

@test "a database without its last transactions, with a missing row or a changed one is found" {
	written 30 sqlite delete db
	run "$writer" check-sqlite db $((most + 1)) $((most + 2))
	assert_failure
	assert_output --partial "was durable before"
	cp db good
	python3 -c 'import sqlite3
d = sqlite3.connect("db"); d.execute("DELETE FROM rows WHERE id = 7"); d.commit()'
	run "$writer" check-sqlite db "$least" "$most"
	assert_failure
	rm -f db db-*
	cp good db
	python3 -c 'import sqlite3
d = sqlite3.connect("db"); d.execute("UPDATE rows SET body = 0 WHERE id = 7"); d.commit()'
	run "$writer" check-sqlite db "$least" "$most"
	assert_failure
}

@test "a database whose pages are of two moments is found" {
	signal=TERM written 60 sqlite delete db
	cp db early
	rm -f db* ack
	signal=TERM written 120 sqlite delete db
	cp db good
	run "$writer" check-sqlite db "$least" "$most"
	assert_success
	dd if=early of=db bs=4096 seek=1 skip=1 count=1 conv=notrunc status=none
	run "$writer" check-sqlite db "$least" "$most"
	assert_failure
	cp good db
	dd if=early of=db bs=4096 seek=2 skip=2 count=1 conv=notrunc status=none
	run "$writer" check-sqlite db "$least" "$most"
	assert_failure
}
