#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup: making backups, and what is said of them.

# Helpers set output, stderr, status; each test is a process; for the inner shell.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2016
load backup

setup() {
	prepare
}

teardown() {
	end_background
	undo_all
}

# What is typed

@test "an unknown command, option or job, and none, are usage errors" {
	begin
	for words in "" nonsense "run" "run nobody" "run disk nobody" "run --nonsense disk" "list" "list nobody" \
		"init" "verify" "restore disk" "restore --to x" "unlock" "explain nobody" "status nobody" "prune nobody" \
		"mirror nobody" "run --all disk" "run --interval x disk" "run --interval 1 disk extra" "list --dry-run disk" \
		"restore --at nonsense --to x disk" "run --full --full disk"; do
		# shellcheck disable=SC2086 # several words
		fails 2 erabackup -c erabackup.conf $words
	done
	assert [ ! -e x ]
	refute [ -s track/requests ]
}

@test "--help and --version speak to standard output" {
	run -0 --separate-stderr erabackup --help
	assert_output --partial "restore"
	run -0 --separate-stderr erabackup --version
	assert_output --partial "erabackup"
}

@test "a configuration that is not there is named" {
	for words in "run disk" check-config status "list disk"; do
		# shellcheck disable=SC2086 # several words
		fails 2 erabackup -c missing.conf $words
		says "missing.conf"
	done
}

@test "a command for a job that has no repository yet says what makes one" {
	begin_source
	job disk
	for words in "run" "list" "verify" "prune" "restore --to x.img"; do
		# shellcheck disable=SC2086 # several words
		capture erabackup -c erabackup.conf $words disk
		refute [ "$status" = 0 ]
		says disk.repo
		hints "erabackup init"
	done
	assert [ ! -e x.img ]
	assert [ ! -e disk.repo ]
}

# init

@test "init makes a repository, which is empty" {
	begin_source
	job disk
	silent eb init disk
	assert [ -e disk.repo/repository ]
	assert [ -d disk.repo/streams ]
	assert_equal "$(eb list --json disk)" "[]"
}

@test "init does not make the directory above, for a disk may not be mounted there" {
	begin_source
	job disk "repository = $PWD/backups/disk.repo"
	capture eb init disk
	assert_equal "$status" 1
	says backups
	assert [ ! -e backups ]
}

@test "init of a repository that is there does no harm" {
	begin
	nights 2
	before=$(picture)
	silent eb init disk
	silent eb init --all
	assert_equal "$(picture)" "$before"
	chain_is_good
}

@test "init does not take a directory with something else in it" {
	begin_source
	job disk
	mkdir disk.repo
	echo precious >disk.repo/file
	capture eb init disk
	refute [ "$status" = 0 ]
	says disk.repo
	assert_equal "$(ls disk.repo)" file
}

@test "a repository is for its owner alone" {
	begin
	nights 1
	assert_equal "$(stat -c %a disk.repo)" 700
	for name in $(streams); do
		[[ $(stat -c %a "disk.repo/streams/$name") == ?00 ]] || fail "$name: $(stat -c %a "disk.repo/streams/$name")"
	done
}

# run

@test "the first run is a full, the next ones are incrementals, and each restores" {
	begin
	nights 4
	assert_equal "$(kinds)" "full incremental incremental incremental"
	assert_equal "$(nr_streams)" 4
	chain_is_good
	all_restore
	no_leftovers
}

@test "run is silent where all is well, and says with -v what it did and why, in one line" {
	begin
	silent eb run disk
	write_blocks 5 7
	capture eb run -v disk
	assert_equal "$status,$output" 0,
	says disk incremental
	capture eb run -v --full disk
	says full
	assert_equal "$(grep -c 'disk: full' <<<"$stderr")" 1
}

@test "run asks the source for what is new since the head of the chain" {
	begin
	nights 2
	head=$(era_apply --dump --json -i "$(stream 2)" | jq -r .end.token)
	run_well
	run -0 tail -n 1 track/requests
	assert_output --partial -- "--from $head"
	assert_output --partial "$PWD/disk.img"
}

@test "options of the job go to the source" {
	begin "cut = snapshot" "cow = /dev/spare" "freeze-timeout = 7" "level = 9" "threads = 2" "limit-rate = 50M" \
		"nice = 10" "ionice = best-effort"
	run_well
	run -0 cat track/requests
	assert_output --partial -- "--cut=snapshot"
	assert_output --partial "/dev/spare"
	assert_output --regexp "--freeze-timeout[ =]7"
	assert_output --regexp "--level[ =]9"
	assert_output --regexp "--limit-rate[ =]52428800"
	assert_output --partial -- "--nice=10 --ionice=best-effort:4 "
}

@test "nothing changed: an incremental that is nearly empty, and a point" {
	begin
	nights 1
	run_well
	assert_equal "$(kinds)" "full incremental"
	restores 2 at.1.img
}

@test "run --full makes a full, and the chain goes on from there" {
	begin
	nights 2
	silent eb run --full disk
	cp disk.img at.3.img
	nights 1
	assert_equal "$(kinds)" "full incremental full incremental"
	all_restore
}

@test "a device that grew is followed by an incremental" {
	begin
	nights 2
	truncate -s 1300000 disk.img
	noise 9 251424 | put disk.img 1048576
	nights 1
	assert_equal "$(kinds)" "full incremental incremental"
	all_restore
	restores 1
	assert_equal "$(stat -c %s restored.img)" 1048576
}

@test "a device that shrank costs a full by itself, and run says why" {
	begin
	nights 2
	truncate -s 900K disk.img
	capture eb run disk
	assert_equal "$status" 0
	cp disk.img at.3.img
	assert_equal "$(kinds)" "full incremental full"
	all_restore
}

@test "tracking that was lost costs a full by itself: explain says so before, and run why" {
	begin
	nights 2
	echo "the volume came up without tracking on Monday" >track/lost
	ended 0 eb explain disk
	prints full "came up without tracking on Monday"
	assert_equal "$(eb explain --json disk | jq -rc '.[0] | [.job, .kind, .bytes, .size]')" '["disk","full",1048576,1048576]'
	capture eb run -v disk
	assert_equal "$status" 0
	says full "came up without tracking on Monday"
	cp disk.img at.3.img
	nights 1
	assert_equal "$(kinds)" "full incremental full incremental"
	all_restore
	chain_is_good
}

@test "explain says what run then does, and changes nothing" {
	begin
	ended 0 eb explain disk
	prints full
	assert_equal "$(eb explain --json disk | jq -r '.[0].kind')" full
	nights 2
	write_blocks 7 200 5
	before=$(picture)
	assert_equal "$(eb explain --json disk | jq -rc '.[0] | [.kind, .bytes, .size]')" '["incremental",20480,1048576]'
	assert_equal "$(picture)" "$before"
	ended 0 eb explain disk
	prints incremental
	capture eb run -v disk
	says incremental
}

# What is said of a repository

@test "list has a line for each point, oldest first" {
	begin
	nights 3
	run -0 --separate-stderr eb list disk
	assert_equal "$stderr" ""
	for n in 1 2 3; do
		assert_output --partial "$(point $n | head -c 8)"
	done
	first=$(grep -n "$(point 1 | head -c 8)" <<<"$output" | cut -d: -f1)
	last=$(grep -n "$(point 3 | head -c 8)" <<<"$output" | cut -d: -f1)
	assert [ "$first" -lt "$last" ]
}

@test "list --json has what a program needs" {
	begin
	clock=1600000000
	nights 1
	clock=1600086400
	echo "- 2 2" >track/stamp
	nights 1
	run -0 --separate-stderr eb list --json disk
	assert_equal "$(jq -rc '["id","stream","kind","time","consistency","cut","size","bytes","damaged","merged"] - (.[0] | keys)' \
		<<<"$output")" "[]"
	assert_equal "$(jq -rc 'map([.kind, .cut, .consistency, .size, .damaged, .merged])' <<<"$output")" \
		'[["full","none","caller",1048576,false,false],["incremental","fence","converging",1048576,false,false]]'
	assert_equal "$(date -d "$(jq -r '.[0].time' <<<"$output")" +%s)" 1600000000
	assert_equal "$(jq -r '.[0].bytes' <<<"$output")" "$(stat -c %s "$(stream 1)")"
}

@test "times are printed in local time" {
	begin
	clock=1600000000
	nights 1
	TZ=Asia/Tokyo run -0 eb list disk
	assert_output --partial "2020-09-13 21:26"
	TZ=Asia/Tokyo run -0 eb list --json disk
	assert_output --partial "2020-09-13T21:26:40+09:00"
}

@test "a source whose clock is off is named" {
	begin
	echo $(($(date +%s) - 10 * 86400)) >track/stamp
	capture eb run disk
	assert_equal "$status" 0
	says clock "10 d"
	echo $(($(date +%s) - 20)) >track/stamp
	silent eb run disk
}

@test "info tells of a repository, and of one stream by its id" {
	begin
	nights 2
	ended 0 eb info disk
	prints "disk.repo"
	ended 0 eb info disk "$(point 2 | head -c 6)"
	prints incremental 1048576
	ended 0 eb info --json disk
	jq -e . <<<"$output" >/dev/null
	ended 2 eb info disk ffffffffffff
}

@test "list, info and verify of a repository without any configuration" {
	begin
	nights 3
	mv disk.repo moved
	rm erabackup.conf
	assert_equal "$(erabackup list --json -r moved | jq length)" 3
	silent_or_lines erabackup info --repository moved
	silent_or_lines erabackup verify -r moved
	silent_or_lines erabackup restore -r moved --to x.img
	cmp x.img at.3.img
}

silent_or_lines() { # COMMAND...: succeeds, and has no complaint
	capture "$@"
	assert_equal "$status,$stderr" "0,"
}

@test "status: never run, then well, then late" {
	begin "every = 1h"
	ended 1 eb status
	assert_equal "$(eb status --json | jq -rc '.[0] | [.job, .ok, .last_success, .points]')" '["disk",false,null,0]'
	nights 2
	ended 0 eb status
	prints disk
	ended 0 eb status disk
	assert_equal "$(eb status --json | jq -rc '.[0] | [.job, .ok, .points, .streams, .size, .problems]')" \
		'["disk",true,2,2,1048576,[]]'
	run -0 bash -c 'erabackup -c erabackup.conf status --json | jq -r ".[0] | .last_success, .next, .verified"'
	assert [ "$(date -d "${lines[0]}" +%s)" -ge $(($(date +%s) - 100)) ]
	later 5000
	ended 0 eb status
	later 1000
	ended 1 eb status
	prints late
	assert_equal "$(eb status --json | jq -r '.[0].problems | length')" 1
	run_well
	ended 0 eb status
}

@test "status contacts nobody" {
	begin
	nights 1
	: >track/requests
	ended 0 eb status
	ended 0 eb list disk
	ended 0 eb info disk
	ended 0 eb verify disk
	refute [ -s track/requests ]
}

@test "run --json says what became of each job" {
	begin
	run -0 --separate-stderr eb run --json disk
	assert_equal "$(jq -rc '.[0] | [.job, .outcome, .kind, .exit]' <<<"$output")" '["disk","success","full",0]'
	name=$(basename "$(jq -r '.[0].stream' <<<"$output")")
	assert_equal "$(streams)" "$name"
	assert_equal "$(jq -r '.[0].bytes' <<<"$output")" "$(stat -c %s "disk.repo/streams/$name")"
	assert_equal "$(jq -r '.[0].reason | length > 0' <<<"$output")" true
	echo "refuse 1" >track/fault
	capture eb run --json disk
	assert_equal "$status" 1
	assert_equal "$(jq -rc '.[0] | [.job, .outcome, .exit]' <<<"$output")" '["disk","failure",1]'
}

@test "verify --json says what is with each stream" {
	begin
	nights 2
	run -0 --separate-stderr eb verify --json disk
	assert_equal "$(jq -rc '.[0] | [.job, (.streams | length), (.streams | map(.ok) | all), (.streams | map(.lost) | add)]' \
		<<<"$output")" '["disk",2,true,[]]'
}

@test "verify --stored finds a flipped bit and marks the stream, and takes the mark back" {
	begin
	nights 3
	ended 0 eb verify --stored disk
	prints "$(basename "$(stream 2)"): ok"
	size=$(stat -c %s "$(stream 2)")
	flip "$(stream 2)" $((size / 2))
	ended 3 eb verify --stored disk
	prints "$(basename "$(stream 2)"): " "$(basename "$(stream 1)"): ok"
	assert_equal "$(points '.[1].restorable')" false
	flip "$(stream 2)" $((size / 2))
	ended 0 eb verify --stored disk
	assert_equal "$(points 'map(.restorable) | all')" true
	fails 2 erabackup -c erabackup.conf list --stored disk
}

@test "verify --stored is not the verification that is due" {
	verified() { erabackup -c erabackup.conf status --json | jq -r '.[0].verified'; }
	begin
	nights 1
	before=$(verified)
	run -0 faketime -f +1h erabackup -c erabackup.conf verify --stored disk
	assert_equal "$(verified)" "$before"
	run -0 faketime -f +1h erabackup -c erabackup.conf verify disk
	refute [ "$(verified)" = "$before" ]
}

# Several jobs

@test "--all: one fails, the others run all the same, and the first failure decides" {
	begin
	cp -r track track.b
	mkdir b c
	cp -r track b/track
	cp -r track c/track
	ln -s "$(realpath source)" b/source
	ln -s "$(realpath source)" c/source
	job b "command = $PWD/b/source"
	job c "command = $PWD/c/source"
	silent eb init --all
	echo "garbage" >track/fault
	echo "refuse 1" >b/track/fault
	capture eb run --all
	assert_equal "$status" 3
	says disk b
	assert_equal "$(nr_streams disk),$(nr_streams b),$(nr_streams c)" "0,0,1"
	rm track/fault b/track/fault
	silent eb run --all
	assert_equal "$(nr_streams disk),$(nr_streams b),$(nr_streams c)" "1,1,2"
	assert_equal "$(eb status --json | jq -rc 'map(.job)')" '["disk","b","c"]'
	silent eb run c disk
	assert_equal "$(nr_streams disk),$(nr_streams b),$(nr_streams c)" "2,1,3"
}

# Around a run

@test "before and after a run commands are called, with what they need to know" {
	begin "before = env | grep ^ERA_ | sort >before.env" "after = env | grep ^ERA_ | sort >after.env"
	run_well
	run -0 cat before.env
	assert_output --partial "ERA_JOB=disk"
	assert_output --partial "ERA_SOURCE=$PWD/disk.img"
	assert_output --partial "ERA_REPOSITORY=$PWD/disk.repo"
	run -0 cat after.env
	assert_output --partial "ERA_JOB=disk"
	assert_output --partial "ERA_OUTCOME=success"
	assert_output --partial "ERA_EXIT=0"
	assert_output --partial "ERA_KIND=full"
	assert_output --partial "$(streams)"
	assert_output --partial "ERA_BYTES=$(stat -c %s "$(stream 1)")"
}

@test "after a run that failed the command knows that, and why" {
	begin "after = env | grep ^ERA_ >after.env"
	echo "refuse 3" >track/fault
	ended 3 eb run disk
	run -0 cat after.env
	assert_output --partial "ERA_OUTCOME=failure"
	assert_output --partial "ERA_EXIT=3"
	assert_output --partial "ERA_MESSAGE="
	assert_output --partial "as it was told to"
}

@test "a command before that fails calls the run off, and the one after is told" {
	begin "before = echo not today >&2; exit 3" 'after = echo "$ERA_OUTCOME" >after.txt'
	capture eb run disk
	assert_equal "$status" 1
	says before
	refute [ -s track/requests ]
	assert_equal "$(nr_streams)" 0
	assert_equal "$(cat after.txt)" failure
}

@test "a command after that fails is a failure of the run, and what it made stays" {
	begin "after = exit 1"
	capture eb run disk
	assert_equal "$status" 1
	says after
	assert_equal "$(nr_streams)" 1
	chain_is_good
}

@test "metrics are written by a run that succeeds, whole, and left alone by one that fails" {
	begin "metrics = $PWD/%j.prom"
	run_well
	# A line of the format: a comment, or a name, labels and a number.
	run -1 grep -vE '^(#.*|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+]+)$' disk.prom
	assert_output ""
	grep -q 'backup="disk"' disk.prom
	before=$(cat disk.prom; stat -c %i disk.prom)
	echo "refuse 1" >track/fault
	ended 1 eb run disk
	assert_equal "$(cat disk.prom; stat -c %i disk.prom)" "$before"
	rm track/fault
	ino=$(stat -c %i disk.prom)
	run_well
	# Replaced, not written over, for who reads it meanwhile.
	refute [ "$(stat -c %i disk.prom)" = "$ino" ]
	assert_equal "$(ls disk.prom*)" disk.prom
	[[ $(stat -c %a disk.prom) == *4 ]] || fail "the node exporter cannot read it: $(stat -c %a disk.prom)"
}

# Again and again

@test "--interval runs again and again, over a round that fails, until it is told to stop" {
	begin
	in_background erabackup -c erabackup.conf run --interval 1s disk
	wait_for has_streams 2
	echo "refuse 1" >track/fault
	wait_for failed_in_background
	n=$(nr_streams)
	rm track/fault
	wait_for has_streams $((n + 1))
	kill -TERM "$pid"
	background_ended 0
	no_leftovers
	chain_is_good
}

has_streams() { # N
	[ "$(nr_streams)" -ge "$1" ]
}

failed_in_background() {
	grep -q 'as it was told to' background.err
}

@test "--interval that is told to stop in the middle of a run leaves nothing behind" {
	begin
	nights 1
	echo "hang 5000" >track/fault
	in_background erabackup -c erabackup.conf run --interval 1h disk
	wait_for test -s track/hung
	kill -TERM "$pid"
	wait_for gone "$pid"
	rm track/fault
	no_leftovers
	assert_equal "$(nr_streams)" 1
	nights 1
	all_restore
}

# One at a time

@test "a second run at the same time is refused, and names who is at work" {
	begin "mirror = $PWD/mirror.img" "keep-last = 3"
	nights 1
	echo "hang 300" >track/fault
	in_background erabackup -c erabackup.conf run disk
	wait_for test -s track/hung
	for words in run prune mirror; do
		# One that is not refused would wait for the same source.
		capture timeout 10 erabackup -c erabackup.conf $words disk
		assert_equal "$words: $status" "$words: 5"
		says "$pid"
	done
	# Who only reads need not wait.
	ended 0 eb list disk
	ended 0 eb status disk
	kill -TERM "$pid"
	background_ended 1
}

@test "SIGTERM in the middle of a run ends it, the source too, and leaves the chain as it was" {
	begin
	nights 2
	before=$(picture)
	echo "hang 3000" >track/fault
	in_background erabackup -c erabackup.conf run disk
	wait_for test -s track/hung
	kill -TERM "$pid"
	background_ended 1
	wait_for gone "$(cat track/hung)"
	assert_equal "$(picture)" "$before"
	rm track/fault
	nights 1
	all_restore
	no_leftovers
}
