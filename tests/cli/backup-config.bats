#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# erabackup check-config: what may stand in erabackup.conf, and where it says that something does not.

# shellcheck disable=SC2154,SC2030,SC2031
load backup

setup() {
	prepare
}

conf() { # LINE...
	printf '%s\n' "$@" >erabackup.conf
}

accepted() { # LINE...
	conf "$@"
	ended 0 erabackup -c erabackup.conf check-config
	assert_equal "$stderr" ""
}

# rejected LINE TEXT LINE...: exit 2, with the file and the number of that line, and TEXT.
rejected() {
	conf "${@:3}"
	fails 2 erabackup -c erabackup.conf check-config
	says "erabackup.conf:$1" "$2"
}

# key_rejected TEXT "KEY = VALUE"...: each of them alone, in the third line of a job that is right otherwise.
key_rejected() {
	local line

	for line in "${@:2}"; do
		rejected 3 "$1" "[a]" "repository = /r/a" "$line" "source = /dev/null"
	done
}

key_accepted() { # "KEY = VALUE"...
	local line

	for line; do
		accepted "[a]" "source = /dev/null" "repository = /r/a" "$line"
	done
}

@test "the manual's own example is right" {
	# Each block that has a section.
	awk '/^```$/ { if (open && block ~ /\n\[/) printf "%s", block; open = !open; block = "\n"; next } open { block = block $0 "\n" }' \
		"$BATS_TEST_DIRNAME/../../docs/erabackup.conf.5.scd" >erabackup.conf
	grep -q '^\[db1\]' erabackup.conf
	ended 0 erabackup -c erabackup.conf check-config
}

@test "a good configuration contacts nobody, and makes nothing" {
	begin_source
	job a
	ended 0 erabackup -c erabackup.conf check-config
	refute [ -s track/requests ]
	refute [ -e a.repo ]
}

@test "[defaults] holds for every job that does not say otherwise" {
	accepted "[defaults]" "repository = /r/%j" "keep-last = 3" "" "[a]" "source = /dev/null" "" "[b]" \
		"source = ssh://host/dev/x" "keep-last = 4"
	rejected 1 repository "[a]" "source = /dev/null"
}

@test "comments have lines of their own; blank lines and blanks do not matter" {
	accepted "# one" "; two" "" "[a]" "  # three" "source=/dev/null" "repository   =   /r/a  "
}

@test "a source that is missing is reported with the job's line" {
	rejected 3 source "# a job" "" "[a]" "repository = /r/a"
}

@test "sources: good ones" {
	for source in ssh://host/dev/x ssh://root@host/dev/mapper/root_era ssh://u@h.example.org:2222/dev/x \
		'ssh://[::1]/dev/x' 'ssh://u@[fe80::1]:22/dev/x' /dev/x /var/lib/images/a-b_c.img; do
		accepted "[a]" "source = $source" "repository = /r/a"
	done
}

@test "sources: bad ones" {
	for source in '' host ssh://host ssh:///dev/x ssh://host:0/dev/x ssh://host:70000/dev/x ssh://host:x/dev/x \
		'ssh://host/dev/x y' "ssh://host/dev/x'y" 'ssh://host/dev/$x' 'ssh://host/dev/x;y' http://host/dev/x \
		relative/path ssh://@host/dev/x 'ssh://[::1/dev/x' ssh://-oProxyCommand=x/dev/x ssh://-l@host/dev/x \
		/dev/../x /dev//x 'ssh://host/dev/x`id`'; do
		rejected 2 source "[a]" "source = $source" "repository = /r/a"
	done
}

@test "names of jobs: good and bad ones" {
	for name in a web1 db-1.example_org 9; do
		accepted "[$name]" "source = /dev/null" "repository = /r/a"
	done
	for name in -a .a 'a b' a/b '' ..; do
		rejected 1 "" "[$name]" "source = /dev/null" "repository = /r/a"
	done
}

@test "a key that is unknown, stands twice or in no section, and a section twice" {
	rejected 4 kep-last "[a]" "source = /dev/null" "repository = /r/a" "kep-last = 3"
	rejected 4 keep-last "[a]" "source = /dev/null" "keep-last = 3" "keep-last = 3" "repository = /r/a"
	rejected 1 section "source = /dev/null"
	rejected 4 a "[a]" "source = /dev/null" "repository = /r/a" "[a]" "source = /dev/null" "repository = /r/b"
	rejected 3 "" "[a]" "source = /dev/null" "nonsense" "repository = /r/a"
	rejected 1 "" "[a" "source = /dev/null" "repository = /r/a"
}

@test "two jobs with one repository" {
	rejected 4 repository "[a]" "source = /dev/null" "repository = /r/a" "[b]" "source = /dev/null" "repository = /r/a"
}

@test "a line that is too long, and a comment behind a value, are no surprise later" {
	rejected 4 "" "[a]" "source = /dev/null" "repository = /r/a" "before = $(printf 'x%.0s' {1..300})"
	key_accepted "before = $(printf 'x%.0s' {1..150})"
	key_rejected "" "keep-last = 3 ; and a word"
}

@test "values that make sense" {
	key_accepted "cut = auto" "cut = snapshot" "cut = freeze" "cut = fence" "cut = none" "cow = /dev/sdc1" \
		"freeze-limit = 64M" "freeze-limit = 2s" "max-passes = 5" "freeze-timeout = 10" "pre-cut = mysql -e flush" \
		"post-cut = true" "hook-timeout = 5" "level = 19" "compress = none" "compress = zstd" "threads = 4" \
		"limit-rate = 50M" "nice = 0" "nice = 19" "ionice = idle" "ionice = best-effort" "ionice = best-effort:7" "keep-last = 7" "keep-daily = 7" "keep-weekly = 4" "keep-monthly = 12" "keep-yearly = 3" \
		"prune-interval = 0" "prune-interval = never" "prune-interval = 12h" "verify-interval = 2w" \
		"verify-interval = never" "identity = /root/key" "known-hosts = /x" "ssh-config = /x" "host-key = strict" \
		"host-key = accept-new" "timeout = 5s" "timeout = 2m" "command = /usr/local/bin/era_copy" "before = true" \
		"after = true" "every = 1h" "metrics = /x/%j.prom" "mirror = /x/%j.img"
}

@test "values that make none" {
	key_rejected cut "cut = sharp" "cut ="
	key_rejected cow "cow = relative" "cow = /dev/a b"
	key_rejected freeze-limit "freeze-limit = much" "freeze-limit = -1s"
	key_rejected max-passes "max-passes = 0" "max-passes = 64" "max-passes = x"
	key_rejected freeze-timeout "freeze-timeout = 0" "freeze-timeout = x"
	key_rejected hook-timeout "hook-timeout = x"
	key_rejected level "level = 0" "level = 20" "level = 3x"
	key_rejected compress "compress = gzip"
	key_rejected threads "threads = 0" "threads = 1000" "threads = -1"
	key_rejected limit-rate "limit-rate = fast" "limit-rate = -5" "limit-rate = 99999999999999999999"
	key_rejected nice "nice = -1" "nice = 20" "nice = +5" "nice = high" "nice = 5 x"
	key_rejected ionice "ionice = realtime" "ionice = best-effort:8" "ionice = idle:1" "ionice = 3" "ionice = Idle"
	key_rejected keep-last "keep-last = -1" "keep-last = many" "keep-last = 99999999999"
	key_rejected keep-weekly "keep-weekly = 1w"
	key_rejected prune-interval "prune-interval = 5" "prune-interval = -1h" "prune-interval = soon"
	key_rejected verify-interval "verify-interval = 7x"
	key_rejected host-key "host-key = no"
	key_rejected timeout "timeout = 0" "timeout = 0s" "timeout = never" "timeout = x"
	key_rejected every "every = 0" "every = x"
	key_rejected command "command = era copy; rm" "command = \$(x)" "command ="
	key_rejected mirror "mirror = relative.img"
	key_rejected repository "repository = relative"
}

@test "commands of the source are refused where quoting could not be trusted" {
	# A value may have any printable character; those that a shell takes for something are quoted on their way.
	key_accepted "pre-cut = psql -c 'select 1'; sync && echo \"done\""
}

@test "the first mistake is reported, and any other command reports it as well" {
	begin_source
	job a "keep-last = x"
	fails 2 erabackup -c erabackup.conf run a
	says "erabackup.conf:"
	says keep-last
	fails 2 erabackup -c erabackup.conf status
}

@test "a configuration with nothing in it has no job" {
	conf ""
	capture erabackup -c erabackup.conf run --all
	[ "$status" = 2 ] || [ "$status" = 0 ]
	fails 2 erabackup -c erabackup.conf run a
	says a
}

@test "bytes that no text has are refused" {
	printf '[a]\nsource = /dev/null\nrepository = /r/a\0b\n' >erabackup.conf
	fails 2 erabackup -c erabackup.conf check-config
	noise 1 10000 >erabackup.conf
	fails 2 erabackup -c erabackup.conf check-config
}
