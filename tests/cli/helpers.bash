# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154 # run sets output, stderr and status
#
# helpers: what the tests of era_copy and era_apply share. Programs are taken from $ERA_BUILD.
#
# A test works in a directory of its own. What it attaches or mounts it does through attach and put_fs, so
# that undo_all, in teardown, takes back exactly that.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

PATH=${ERA_BUILD:?}:$PATH

loops=()
mounts=()

prepare() {
	cd "$BATS_TEST_TMPDIR" || return 1
	exec </dev/null
}

undo_all() {
	local x

	cd /
	for x in "${mounts[@]}"; do
		umount "$x"
	done
	for x in "${loops[@]}"; do
		rm -f "/var/lib/era/dev-${x#/dev/}.era"
		losetup --detach "$x"
	done
}

# Running

# What a test began, if it is still there; and its end of the pipe, which is descriptor 9.
end_pid() {
	if [ -n "${pid:-}" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" || true
	fi
	exec 9<&- 9>&-
}

# Like run --separate-stderr, without its cost: some tests run a program a hundred times.
capture() { # COMMAND...: sets output, stderr, status
	status=0
	output=$("$@" 2>"$BATS_FILE_TMPDIR/stderr") || status=$?
	stderr=$(<"$BATS_FILE_TMPDIR/stderr")
}

# fails CODE PROGRAM ARG...: exits with CODE, prints nothing to standard output, and says who speaks.
fails() {
	capture "${@:2}"
	failed_by "$1" "$2"
}

# As fails, for a command line of the shell; PROGRAM is who must speak.
fails_sh() { # CODE PROGRAM TEXT
	capture bash -c "set -o pipefail; $3"
	failed_by "$1" "$2"
}

failed_by() { # CODE PROGRAM
	[ "$status" = "$1" ] || fail "exit $status where $1 is due: $stderr"
	assert_equal "$output" ""
	[[ $stderr == "$2: "* ]] || fail "does not begin with \"$2: \": $stderr"
}

says() { # TEXT...: standard error has each
	local text

	for text; do
		[[ $stderr == *"$text"* ]] || fail "does not say \"$text\": $stderr"
	done
}

hints() { # [TEXT]: there is a line for a person, with TEXT
	[[ $stderr == *$'\n  hint: '*"${1:-}"* ]] || fail "no hint ${1:-}: $stderr"
}

# silent PROGRAM ARG...: exits with 0, and has nothing to say at all.
silent() {
	capture "$@"
	assert_equal "$status: $output$stderr" "0: "
}

# Images

noise() { # SEED BYTES: what no compressor makes smaller, the same every time
	python3 -c 'import random, sys
sys.stdout.buffer.write(random.Random(int(sys.argv[1])).randbytes(int(sys.argv[2])))' "$1" "$2"
}

put() { # FILE OFFSET: standard input into the file, in place
	dd of="$1" bs=64K oflag=seek_bytes seek="$2" conv=notrunc status=none
}

# src.img: 4 MiB with data, a hole and a piece that compresses.
make_source() {
	truncate -s 4M src.img
	noise 1 1200000 | put src.img 0
	seq 60000 | put src.img 2500000
}

used() { # FILE: bytes it takes on disk
	echo $(($(stat -c '%b * %B' "$1")))
}

used_at_most() { # FILE BYTES
	local is
	sync "$1"
	is=$(used "$1")
	[ "$is" -le "$2" ] || fail "$1 takes $is bytes on disk, more than $2"
}

# Streams

frames() { # FILE JQ-FILTER: of the dump
	era_apply --dump --json -i "$1" | jq -rc "$2"
}

token() { # TARGET
	era_apply --token "$1"
}

ranges() { # BEGIN-END | BLOCK ...: as era_invalidate prints them
	local r

	echo "<blocks>"
	for r; do
		case $r in
		*-*) echo "  <range begin=\"${r%-*}\" end=\"${r#*-}\"/>" ;;
		*) echo "  <block block=\"$r\"/>" ;;
		esac
	done
	echo "</blocks>"
}

# full: src.img, full.era, and m.img at it.
full() {
	make_source
	era_copy --full src.img >full.era
	era_apply m.img <full.era
}

# incr NAME RANGE...: NAME from what m.img or $from is at, of 4 KiB blocks of src.img.
incr() {
	ranges "${@:2}" | era_copy --from "${from:-$(token m.img)}" --ranges - --block-size 8 src.img >"$1"
}

# chain: full, and one.era and two.era after it; m.img stays at the full; at0, at1, at2.img are the states.
chain() {
	full
	cp --sparse=always src.img at0.img
	noise 2 8192 | put src.img 40960
	incr one.era 10-12
	cp --sparse=always src.img at1.img
	noise 3 4096 | put src.img 3145728
	from=$(frames one.era .end.token) incr two.era 768
	cp --sparse=always src.img at2.img
}

# Where things can be put

needs_root() { # WHAT-FOR
	[ "$(id -u)" = 0 ] || skip "needs root, for $1"
}

attach() { # FILE [LOSETUP-OPTION...]: sets loop
	needs_root "a loop device"
	loop=$(losetup --show --find "${@:2}" "$1")
	loops+=("$loop")
}

detach() { # the last one, before the test ends
	losetup --detach "$loop"
	unset 'loops[-1]'
}

put_fs() { # DIR BYTES: a small tmpfs
	needs_root "a mount"
	mkdir "$1"
	mount -t tmpfs -o "size=$2" era-test "$1"
	mounts+=("$PWD/$1")
}

# as_nobody PROGRAM ARG...: sets output, stderr, status.
as_nobody() {
	needs_root "becoming nobody"
	capture setpriv --reuid=65534 --clear-groups "$(command -v "$1")" "${@:2}"
}

terminal() { # COMMAND: of the shell, on a terminal; output has both streams, without returns
	run script -qec "$1" /dev/null
	output=${output//$'\r'/}
}

wait_for() { # COMMAND...: at most ten seconds
	local i

	for ((i = 0; i < 1000; i++)); do
		! "$@" || return 0
		sleep 0.01
	done
	fail "never: $*"
}
