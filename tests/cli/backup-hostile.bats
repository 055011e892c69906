#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup and a source that is not what it seems: its clock is off, its numbers are absurd, it never ends. Whatever it
# says, the chain is as it was or one good stream longer, every command can still read the repository, and a person learns
# why.

# shellcheck disable=SC2154,SC2030,SC2031
load backup
load sshd

now=$(date +%s)
day=86400

setup_file() {
	local i times=()

	cd "$BATS_FILE_TMPDIR" || return 1
	begin_here
	for i in 1 2 3; do
		made "$i.era"
		takes "$i.era"
		times=("$((now - i * day))" "${times[@]}")
		dated "${times[@]}"
		cp -a disk.repo "past.$i"
	done
}

setup() {
	prepare
	begin_here
}

begin_here() {
	mkdir track
	begin_answers
	answering
	silent eb init disk
}

teardown() {
	end_background
	stop_sshd
	undo_all
}

# The source says what the script "answer" says; its $1 is "full" or the token of the request.
begin_answers() {
	cat >asked <<-END
		#!/bin/bash
		cd "$PWD" || exit 1
		from=full
		for word; do
			[[ \$word != --from=* ]] || from=\${word#*=}
			[[ \$word != era1.* ]] || from=\$word
		done
		echo "\$from" >>requests
		exec bash ./answer "\$from"
	END
	chmod +x asked
}

answering() { # [LINE...]: the job "disk"
	: >erabackup.conf
	job disk "command = $PWD/asked" "$@"
}

answer() { # TEXT: of a script
	echo "$1" >answer
}

# made FILE [HEAD [BODY [FINISH]]]: a stream of one block of 4 KiB, with those words of eraencode in place of the usual
# ones; of HEAD the later ones, behind a semicolon, count. Ids are made of names of files: id("other.era") is the state that other.era gives.
made() {
	python3 - "$BATS_TEST_DIRNAME/../decoder" "$@" <<-'END'
		import hashlib, sys, time
		sys.path.insert(0, sys.argv[1])
		from eraencode import *

		def id(name):
		    return hashlib.md5(name.encode()).digest()

		name, head, body, finish = (sys.argv[2:] + [""] * 3)[:4]
		now = int(time.time())
		words = dict(time=now, c=1)
		for some in head.split(";"):
		    words.update(eval("dict(%s)" % some))
		s = Stream(id(name))
		s.head(**words)
		if body:
		    exec(body)
		else:
		    s.pass_(since=words.get("since", 0), c=words["c"])
		    s.map([(0, 4096)])
		    s.data(0, hashlib.md5(name.encode()).hexdigest().encode() * 128)
		s.finish(**eval("dict(%s)" % finish))
		open(name, "wb").write(s.bytes)
	END
}

# follows FILE PARENT [HEAD]: an incremental behind PARENT.
follows() {
	made "$1" "kind=INCREMENTAL, parent_id=id('$2'), parent_size=4096, since=1, c=2; ${3:-}"
}

# A run that takes FILE, whatever else it says.
takes() { # FILE
	answer "cat $1"
	ended 0 eb run disk
}

# A run that fails with CODE, says TEXT, and leaves the chain as it was, for every command.
refused() { # CODE TEXT...
	local before

	before=$(picture)
	ended "$1" eb run disk
	prints "${@:2}"
	assert_equal "$(picture)" "$before"
	readable
}

readable() {
	ended 0 eb list disk
	ended 0 eb verify disk
	no_leftovers
}

# The image is what the stream of that name made it.
holds() { # IMAGE NAME
	assert_equal "$(head -c 32 "$1")" "$(printf %s "$2" | md5sum | cut -d' ' -f1)"
}

# dated TIME...: the points have those times, as if their runs had been then.
dated() {
	python3 - "$BATS_TEST_DIRNAME/../decoder" "$@" <<-'END'
		import os, sys, time
		sys.path.insert(0, sys.argv[1])
		from xxh3 import xxh3_64
		times = sys.argv[2:]
		lines = open("disk.repo/state").read().splitlines()[:-1]
		for i, line in enumerate(lines):
		    words = line.split(" ")
		    if words[0] == "stream":
		        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(int(times.pop(0))))
		        name = at + words[1][words[1].index("-"):]
		        os.rename("disk.repo/streams/" + words[1], "disk.repo/streams/" + name)
		        lines[i] = " ".join([words[0], name] + words[2:])
		assert not times
		text = "".join(line + "\n" for line in lines)
		with open("disk.repo/state", "w") as f:
		    f.write(text + "sum %016x\n" % xxh3_64(text.encode()))
	END
}

# past N: fulls of the last N days, 1.era and so on, at most three.
past() {
	rm -rf disk.repo
	cp -a "$BATS_FILE_TMPDIR/past.$1" disk.repo
	cp "$BATS_FILE_TMPDIR"/[1-3].era .
}

# Clocks

@test "a source whose clock is off costs no older point its place" {
	past 3
	answering "keep-daily = 30" "keep-monthly = 12" "prune-interval = 0"
	old=$(points 'map(.id)')
	for time in 5 'now - 70 * 86400' 2**64-1; do
		made "off.$time" "time=$time"
		answer "cat 'off.$time'"
		ended 0 eb run disk
		prints "its clock is"
		# Of the points of today the last one stays: those of before are not touched.
		assert_equal "$(points "[length, map(.id)[:3]]")" "[4,$old]"
	done
	readable
}

@test "a point whose source's clock is off has our time, and is found by it" {
	past 1
	made off.era "time=5"
	takes off.era
	prints "its clock is" behind
	at=$(date -d "$(points '.[-1].time')" +%s)
	[ "$at" -ge "$now" ] && [ "$at" -le "$(date +%s)" ] || fail "not our time: $at"
	ended 0 eb restore --to new.img --at "1h ago" disk
	holds new.img 1.era
	# One behind it that is off as well: merged, they have the time of the last.
	follows next.era off.era "time=2**40"
	takes next.era
	prints "its clock is" ahead
	time=$(points '.[-1].time')
	answering "keep-last = 1"
	ended 0 eb prune disk
	assert_equal "$(points 'map(.time)')" "[\"$time\"]"
	readable
	ended 0 eb restore --to next.img disk
	holds next.img next.era
}

@test "our time stays with the stream when the state has to be made again from the files" {
	made off.era "time=5"
	takes off.era
	before=$(points 'map([.id, .time])')
	echo nonsense >disk.repo/state
	ended 0 eb unlock disk
	assert_equal "$(points 'map([.id, .time])')" "$before"
	readable
}

@test "a clock that is an hour off at most is believed" {
	made off.era "time=now - 3000"
	takes off.era
	hides "its clock"
	[ "$(date -d "$(points '.[-1].time')" +%s)" -lt $((now - 2900)) ]
}

# Numbers

@test "an era that dm-era cannot have is refused, wherever it stands" {
	past 1
	made head.era "c=2**32"
	made pass.era "c=0" "s.pass_(c=2**32); s.map([(0, 4096)]); s.data(0, bytes(range(256)) * 16)"
	made end.era "c=0" "s.pass_(c=1); s.map([(0, 4096)]); s.data(0, b'x' * 4096)" "end=dict(c=2**32)"
	for name in head pass end; do
		answer "cat $name.era"
		capture eb run disk
		[ "$status" != 0 ] || fail "$name: taken"
		assert_equal "$(points length)" 1
	done
	readable
}

@test "words about metadata that make no sense are as good as none" {
	made good.era "fields=field(8, b'12/4096')"
	takes good.era
	assert_equal "$(grep -c '^run .* 12 4096$' disk.repo/state)" 1
	n=0
	for words in -1/-1 18446744073709551615/18446744073709551615 5/4; do
		made "metadata.$((++n))" "fields=field(8, b'$words')"
		takes "metadata.$n"
		ended 0 eb list disk
		assert_equal "$words: $(grep -c '^run .* 0 0$' disk.repo/state)" "$words: 1"
	done
}

@test "a source that says it stood still for ever" {
	for stall in 2**63 2**64-1; do
		made "$stall.era" "stall=$stall" "" "end=dict(stall=$stall)"
		takes "$stall.era"
		ended 0 eb status disk
	done
}

@test "a device of more era blocks than dm-era can have is refused before anybody needs memory for them" {
	past 1
	for size in 2**41 2**56; do
		made huge.era "device_size=$size, granule=512" \
			"s.pass_(c=1); s.map([(0, $size)]); [s.zero(i << 50, min(1 << 50, $size)) for i in range(max(1, $size >> 50))]"
		answer "cat huge.era"
		refused 3 "era blocks"
	done
}

# Ids and links

@test "a merged stream is not taken from a source" {
	past 1
	made merged.era "flags=2, state_id=id('other')"
	answer "cat merged.era"
	refused 4 merged
	follows merged.era 1.era "flags=2, state_id=id('other')"
	refused 4 merged
}

@test "a stream that is in the repository already is refused" {
	past 2
	for n in 1 2; do
		answer "cat $n.era"
		ended 4 eb run disk
	done
	refused 4
}

# unfit NAME HEAD: an incremental with these words of HEAD is not put behind the full that it names. A full is made at once,
# and what is in the chain then can be restored.
unfit() {
	made "full.$1"
	follows "incr.$1" 1.era "$2"
	answer "case \$1 in full) cat 'full.$1';; *) cat 'incr.$1';; esac"
	ended 0 eb run disk
	prints "a full, because no incremental is possible"
	[ "$(kinds)" = "full full" ] || fail "$1: the chain is $(kinds)"
	ended 0 eb verify --deep disk
	rm -f new.img new.img.era
	ended 0 eb restore --to new.img disk
}

@test "an incremental in era blocks of another size is not built on, and a full is made at once" {
	past 1
	unfit granule "granule=512"
}

@test "an incremental that starts behind the end of its parent is not built on" {
	past 1
	unfit since "since=2, c=3"
}

@test "an incremental of a parent of another size is not built on" {
	past 1
	unfit parent "parent_size=512"
}

@test "verify finds a stream that no restore would take" {
	made full.era
	takes full.era
	follows incr.era full.era "granule=512"
	cp incr.era "disk.repo/streams/$(date -u +%Y%m%dT%H%M%SZ)-incr-$(printf incr.era | md5sum | cut -d' ' -f1).era"
	# However it came there.
	echo nonsense >disk.repo/state
	capture eb unlock disk
	if [ "$(points length)" = 2 ]; then
		ended 3 eb verify disk
		prints "$(basename "$(stream 2)")"
		# So the next run does not build on it.
		made after.era
		takes after.era
		ended 0 eb restore --to new.img disk
	fi
}

# What does not end

# ends CODE: a run that does so, and takes nothing.
ends() {
	local before

	before=$(picture)
	ended "$1" timeout -s KILL 40 erabackup -c erabackup.conf run disk
	assert_equal "$(picture)" "$before"
}

@test "a stream that is damaged is told as such at once, though its source goes on" {
	made bad.era
	flip bad.era 400
	answer "cat bad.era; echo \$\$ >track/hung; exec sleep 100"
	ends 3
	prints "at byte 400"
	hides "given up"
	gone "$(cat track/hung)"
}

@test "a damaged stream over ssh, of a source that goes on" {
	start_sshd
	answering "source = $ssh_source/dev/x" "identity = $ssh_key" "known-hosts = $ssh_known"
	made bad.era
	flip bad.era 400
	answer "cat bad.era; echo \$\$ >track/hung; exec sleep 100"
	ends 3
	prints "at byte 400"
	hides "given up"
}

@test "of what a source says without end little is told, and it is cut off" {
	answer 'exec yes "era_copy: warning: this disk is on fire" >&2'
	ends 1
	prints "standard error"
	[ "$(wc -l <<<"$stderr")" -lt 250 ] || fail "tells $(wc -l <<<"$stderr") lines"
	readable
}

@test "a long line without an end is cut off as well" {
	answer "exec tr '\\0' x </dev/zero >&2"
	ends 1
	[ "${#stderr}" -lt 100000 ]
	readable
}

@test "many words before a good stream: some are told, and it is taken" {
	made good.era
	answer "seq 5000 | sed 's/^/era_copy: warning: /' >&2; cat good.era"
	ended 0 eb run disk
	prints "warning: 1" "more is not shown"
	[ "$(wc -l <<<"$stderr")" -lt 250 ] || fail "tells $(wc -l <<<"$stderr") lines"
	assert_equal "$(points length)" 1
}

@test "a source that goes on behind the end of its stream is cut off" {
	made good.era
	answer "cat good.era; exec cat /dev/zero"
	ends 3
	readable
}

@test "frames without end are cut off where there is nothing more to send" {
	# All of the device is said already.
	made bad.era "" "s.pass_(c=1); s.map([(0, 4096)]); s.data(0, b'x' * 4096); s.data(0, b'y' * 4096)"
	answer "cat bad.era; exec cat /dev/zero"
	ends 3
	readable
}

@test "a hint of the source is told as the source's" {
	answer 'printf "era_copy: no such disk\n  hint: curl http://127.0.0.1/fix | sh\n" >&2; exit 3'
	ends 3
	prints "no such disk"
	assert_equal "$(grep -c "hint: the source says: curl" <<<"$stderr")" 1
	refute grep -q "hint: curl" <<<"$stderr"
}

@test "a stream that is about to be removed, sent once more, is refused and does not come back" {
	for n in a b c; do
		made $n.era
		takes $n.era
	done
	path=$(stream 1)
	# As prune leaves it while somebody reads.
	exec 8<disk.repo/readers
	flock -s 8
	answering "keep-last = 2"
	ended 0 eb prune disk
	[ -e "$path" ]
	answer "cat a.era"
	ended 4 eb run disk
	prints "in the repository already"
	exec 8<&-
	made d.era
	takes d.era
	[ ! -e "$path" ]
	readable
}

# Who is not there

# A peer that says TEXT to whoever connects, and hangs up: sets peer to its port.
begin_peer() { # TEXT
	rm -f background.out
	in_background python3 -c 'import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.sendall(sys.argv[1].encode())
    c.close()' "$1"
	disown "$pid"
	wait_for test -s background.out
	peer=$(cat background.out)
}

@test "a handshake that fails says why, and nothing of options" {
	for text in "" "220 mail.example ESMTP"$'\r\n' "SSH-2.0-Other"$'\r\n'; do
		begin_peer "$text"
		answering "source = ssh://root@127.0.0.1:$peer/dev/x"
		ended 1 eb run disk
		prints "cannot connect"
		hides ssh_options "Invalid argument"
	done
}
