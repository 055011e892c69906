# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154 # capture sets output, stderr and status
#
# backup: what the tests of erabackup share. The source is disk.img, through tests/tools/source: streams are era_copy's, and
# which blocks were written is told to it by the test. Jobs are sections of erabackup.conf, their repositories are
# directories beside it.

load helpers

# A source of 1 MiB, in blocks of 4 KiB, and a configuration without a job. Called behind prepare.
begin_source() {
	truncate -s 1M disk.img
	noise 1 300000 | put disk.img 0
	seq 40000 | head -c 200000 | put disk.img 600000
	mkdir track
	echo 1 >track/era
	: >track/writes
	: >track/requests
	echo "$ERA_BUILD" >track/build
	ln -s "$BATS_TEST_DIRNAME/../tools/source" source
	: >erabackup.conf
}

# job NAME [LINE...]: a job, with those lines in place of the usual ones.
job() {
	local name=$1 line key
	local -A lines=(
		[source]="$PWD/disk.img"
		[command]="$PWD/source"
		[repository]="$PWD/$1.repo"
	)
	shift

	for line; do
		unset "lines[${line%% *}]"
	done
	{
		echo "[$name]"
		for key in "${!lines[@]}"; do
			echo "$key = ${lines[$key]}"
		done
		printf '%s\n' "$@"
		echo
	} >>erabackup.conf
}

# The job "disk", with its repository made.
begin() { # [LINE...]
	begin_source
	job disk "$@"
	silent eb init disk
}

# Where clock is set, seconds since 1970, it stands at that time, here and on the source.
clock=

eb() { # COMMAND ARG...
	if [ -z "$clock" ]; then
		erabackup -c "$PWD/erabackup.conf" "$@"
	else
		# Only the time of day: what waits, and the times of files, are left alone.
		FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 \
			faketime -f "$(date -d "@$clock" '+%F %T')" erabackup -c "$PWD/erabackup.conf" "$@"
	fi
}

# write_blocks SEED BLOCK [COUNT]: noise into blocks of disk.img, and into the book.
write_blocks() {
	local i count=${3:-1}

	noise "$1" $((count * 4096)) | put disk.img $(($2 * 4096))
	wrote "$2" "$count"
}

zero_blocks() { # BLOCK [COUNT]
	head -c $((${2:-1} * 4096)) /dev/zero | put disk.img $(($1 * 4096))
	wrote "$1" "${2:-1}"
}

wrote() { # BLOCK COUNT
	local i

	for ((i = $1; i < $1 + $2; i++)); do
		echo "$(cat track/era) $i"
	done >>track/writes
}

# nights N: a full and N - 1 incrementals of the job "disk", the first of which writes what no later one does. at.1.img and so
# on are what the disk was at each of them, from the first one that is not there yet.
nights() {
	local i n=1 clock=$clock

	while [ -e "at.$n.img" ]; do
		n=$((n + 1))
	done
	for ((i = n; i < n + $1; i++)); do
		if [ "$i" != 1 ]; then
			# New blocks, some of the night before, zeros, and some that are in every night.
			write_blocks "$i" $((i * 6)) 4
			write_blocks "$((i + 1000))" $((i * 6 - 4)) 2
			zero_blocks $((150 + i)) 1
			write_blocks "$((i + 2000))" 3 1
		fi
		clock=${times[i]:-$clock}
		run_well
		cp --sparse=always disk.img "at.$i.img"
	done
}

# A run that succeeds without a word.
# shellcheck disable=SC2120 # in some files it has one
run_well() { # [JOB]
	silent eb run "${1:-disk}"
}

# ended CODE COMMAND...: what it prints does not matter, the code does.
ended() {
	capture "${@:2}"
	[ "$status" = "$1" ] || fail "exit $status where $1 is due: $output $stderr"
}

# Of the last capture, in either.
prints() { # TEXT...
	local text

	for text; do
		[[ $output$stderr == *"$text"* ]] || fail "does not say \"$text\": $output"$'\n'"$stderr"
	done
}

hides() { # TEXT...
	local text

	for text; do
		[[ $output$stderr != *"$text"* ]] || fail "says \"$text\": $output"$'\n'"$stderr"
	done
}

# Streams and points

streams() { # [JOB]: their names
	ls "${1:-disk}.repo/streams"
}

nr_streams() { # [JOB]
	streams "$@" | wc -l
}

# stream N: the path of the Nth stream, as the chain has them.
stream() {
	echo "disk.repo/streams/$(eb list --json disk | jq -r ".[$1 - 1].stream")"
}

points() { # JQ: of the list of points
	eb list --json disk | jq -rc "$1"
}

point() { # N: of the Nth point
	points ".[$1 - 1].id"
}

kinds() {
	points 'map(.kind) | join(" ")'
}

# The directory holds nothing but whole streams of the chain.
no_leftovers() { # [JOB]
	local job=${1:-disk} name

	for name in $(streams "$job"); do
		silent era_apply -q --verify -i "$job.repo/streams/$name"
	done
	assert_equal "$(streams "$job" | wc -l)" "$(eb list --json "$job" | jq length)"
}

# chain_is_good: verify says so, and the chain is where the disk is.
chain_is_good() { # [JOB]
	ended 0 eb verify "${1:-disk}"
}

restores() { # N [IMAGE]: the Nth point to the image of that night, or to IMAGE
	rm -f restored.img restored.img.era
	ended 0 eb restore --to restored.img --at "$(point "$1")" disk
	cmp restored.img "${2:-at.$1.img}"
}

all_restore() { # of a chain from which nothing is missing
	local i n

	n=$(points length)
	for ((i = 1; i <= n; i++)); do
		restores "$i"
	done
}

# later SECONDS: the repository says that all that it remembers was so much earlier.
later() {
	python3 - "$1" "$BATS_TEST_DIRNAME/../decoder" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[2])
		from xxh3 import xxh3_64
		lines = open("disk.repo/state").read().splitlines()[:-1]
		for i, line in enumerate(lines):
		    words = line.split()
		    if words[0] in ("run", "verified", "pruned"):
		        n = len(words) if words[0] == "verified" else 2
		        words[1:n] = [str(int(w) - int(sys.argv[1])) if int(w) else w for w in words[1:n]]
		        lines[i] = " ".join(words)
		text = "".join(line + "\n" for line in lines)
		with open("disk.repo/state", "w") as f:
		    f.write(text + "sum %016x\n" % xxh3_64(text.encode()))
	END
}

# snapshot of the repository, for tests that break it: keep and put_back.
keep() {
	rm -rf kept
	mkdir kept
	cp -a --sparse=always disk.repo track disk.img kept
	[ ! -e mirror.img ] || cp -a --sparse=always mirror.img mirror.img.era kept
}

put_back() {
	rm -rf disk.repo track mirror.img mirror.img.era
	cp -a --sparse=always kept/. .
}

# What a run that failed must not have changed: names and bytes of the streams.
picture() { # [JOB]
	(cd "${1:-disk}.repo/streams" && find . -type f -exec sha256sum {} + | sort)
}

flip() { # FILE OFFSET: one bit
	python3 - "$1" "$2" <<-'END'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(int(sys.argv[2]))
		    b = f.read(1)[0]
		    f.seek(int(sys.argv[2]))
		    f.write(bytes([b ^ 1]))
	END
}

# A source that stands still, and a program in the background; taken back by end_background in teardown.
in_background() { # COMMAND...: sets pid
	"$@" >background.out 2>background.err 3>&- &
	pid=$!
	background+=("$pid")
}

background=()

end_background() {
	local x

	for x in "${background[@]}" $(cat "$BATS_TEST_TMPDIR/track/hung" 2>/dev/null); do
		kill -KILL "$x" 2>/dev/null || true
	done
}

gone() { # PID
	[ ! -e "/proc/$1/exe" ]
}

# What became of the one in the background.
background_ended() { # CODE
	local code=0

	wait_for gone "$pid"
	wait "$pid" || code=$?
	[ "$code" = "$1" ] || fail "exit $code where $1 is due: $(cat background.out background.err)"
}
