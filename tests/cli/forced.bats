#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_copy --forced-command: what the holder of a restricted key can get, and what not; then the same through a
# real sshd. Images stand for devices. Everything that may be refused runs with a /dev/log of its own.

# Helpers and run set stderr and others; what is in single quotes is for somebody else's shell.
# shellcheck disable=SC2016,SC2154
load helpers

setup() {
	prepare
	mkdir dir
	truncate -s 1M dir/a.img
	noise 1 200000 | put dir/a.img 70000
	seq 20000 | put dir/a.img 500000
	cp --sparse=always dir/a.img dir/b.img
	ln -s a.img dir/link.img
	truncate -s 1M dir/cow.img
	dir=$PWD/dir
	a=$dir/a.img
	token=era1.$(printf %032d 1).$(printf %032d 2).5.1048576
	refusal="era_copy: this key may only be used by erabackup"
	export SSH_CONNECTION="192.0.2.7 4242 192.0.2.1 22"
}

teardown() {
	close_private
	undo_all
}

# A machine within the machine

# A /dev of its own, whose log is written to the file log, a line each; and an empty /run. Sets inside: what to
# put before a command that is to be run there.
open_private() {
	needs_root "a /dev of its own"
	unshare --mount true 2>/dev/null || skip "mount namespaces are not allowed here"
	cat >private <<-'END'
		set -euo pipefail
		mkdir dev
		mount -t tmpfs none dev
		for node in null zero full random urandom tty; do
			touch dev/$node
			mount --bind /dev/$node dev/$node
		done
		mkdir dev/pts
		mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
		ln -s pts/ptmx dev/ptmx
		ln -s /proc/self/fd dev/fd
		mount --rbind dev /dev
		mount -t tmpfs none /run
		mkdir -m 755 /run/sshd
		exec python3 -c '
		import os, socket
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("/dev/log")
		os.chmod("/dev/log", 0o666)
		with open("log", "w") as log:
		    while True:
		        log.write(repr(s.recv(65536))[2:-1] + "\n")
		        log.flush()
		'
	END
	unshare --mount bash private 3>&- &
	holder=$!
	wait_for test -e log
	inside=(nsenter --target="$holder" --mount --wd)
}

close_private() {
	[ -z "${sshd:-}" ] || kill "$sshd"
	[ -z "${holder:-}" ] || kill "$holder"
}

logged() { # COUNT: so many lines are in the log
	[ "$(grep -c . log)" -eq "$1" ]
}

# Asking

# asks TEXT [OPTION...]: of a key for a.img, whose line has these options too
asks() {
	SSH_ORIGINAL_COMMAND=$1 capture_raw "$ERA_BUILD/era_copy" --forced-command --allow "$a" "${@:2}"
}

capture_raw() { # COMMAND...: streams are no text
	status=0
	"$@" >out 2>err || status=$?
	stderr=$(<err)
}

gets_stream() { # of the whole of a.img
	assert_equal "$status: $stderr" "0: "
	rm -f m.img*
	era_apply -i out m.img
	cmp m.img "$a"
}

is_refused() {
	assert_equal "$status: $stderr" "2: $refusal"
	[ ! -s out ] || fail "something on standard output"
}

# Everything here differs from what erabackup sends.
hostile_requests() {
	local f="era_copy --from full"

	hostile=(
		'' ' ' $'\n' '-' '--' '-h' '--help' '-V' '--version' 'era_copy' 'era_copy ' 'era_copy --help' 'era_copy -V'
		'era_copy -h' 'era_copy --version' "$a" "era_copy $a" "era_copy --full $a" "era_copy --since 1 $a"
		# The shell's
		"$f $a;id" "$f $a; id" "$f $a ;id" "$f $a&&id" "$f $a && id" "$f $a||id" "$f $a | sh" "$f $a|sh" "$f $a &"
		"$f $a & id" "$f $a >$dir/x" "$f $a > $dir/x" "$f $a 2>$dir/x" "$f $a <$dir/b.img" "$f \$(touch $dir/x)"
		"$f \`touch $dir/x\`" "\$(touch $dir/x)" "\`touch $dir/x\`" "$f $a \$(id)" "$f \${HOME}" "$f \$HOME/a.img"
		"$f '$a'" "$f \"$a\"" "$f \\$a" "'era_copy' --from full $a" "($f $a)" "{ $f $a; }" "! $f $a" "exec $f $a"
		"$f $a #" "#$f $a" "$f $dir/*.img" "$f $dir/?.img" "$f $dir/[a].img" "$f $dir/{a,b}.img" "$f ~/a.img"
		"eval $f $a" "time $f $a" "env $f $a" "sudo $f $a" "sh -c '$f $a'" "bash" "/bin/bash" "sh -i" "bash -li"
		"PATH=$dir $f $a" "LD_PRELOAD=$dir/x.so $f $a" "DM_DEV_DIR=$dir $f $a" "TZ=/dev/zero $f $a"
		# Blanks and the like
		" $f $a" "$f $a " "$f  $a" "era_copy  --from full $a" $'\t'"$f $a" "$f"$'\t'"$a" "era_copy"$'\t'"--from full $a"
		"$f $a"$'\n' $'\n'"$f $a" "$f"$'\n'"$a" "$f $a"$'\n'"id" "$f $a"$'\r' "$f $a"$'\r\n' "$f $a"$'\v' "$f $a"$'\f'
		"$f $a"$'\e[2J' "$f $a"$'\x7f' "$f"$'\xc2\xa0'"$a" "$f $a"$'\xe2\x80\xa8' $'\xef\xbb\xbf'"$f $a"
		# Bytes that look like others, or like nothing
		$'\xd0\xb5ra_copy --from full '"$a" "era_copy"$' \xe2\x88\x92\xe2\x88\x92from full '"$a" "$f $dir/"$'\xd0\xb0.img'
		"$f $a"$'\xff' $'\x01\x02\x03\xfe\xff' "$f $a"$'\xcc\x81' $'\x80'
		# Other programs
		"ls" "ls -l /" "cat /etc/shadow" "cat $a" "dd if=$a" "scp -f $a" "scp -t $dir" "sftp-server" "internal-sftp"
		"/usr/lib/openssh/sftp-server" "rsync --server --sender -e.LsfxC . $a" "rsync --server . $dir" "git-upload-pack"
		"/bin/sh --from full $a" "sh --from full $a" "era_apply --from full $a" "era_setup --from full $a"
		"erabackup --from full $a" "/era_copyx --from full $a" "./era_copy --from full $a" "../era_copy --from full $a"
		"bin/era_copy --from full $a" "/usr/../era_copy --from full $a" "//era_copy --from full $a" "-era_copy --from full $a"
		# Options that are not for those outside
		"$f -o /etc/x $a" "$f --output /etc/x $a" "$f --output=$dir/x $a" "$f -o$dir/x $a" "era_copy -o /etc/x --full $a"
		"$f --pre-cut id $a" "$f --pre-cut='touch $dir/x' $a" "$f --pre-cut=id $a" "$f --post-cut='id' $a"
		"$f --hook-timeout=5 $a" "$f --metadata /etc/shadow $a" "$f --metadata=/etc/shadow $a" "$f --held $a"
		"$f --ranges - $a" "$f --ranges=- $a" "$f --ranges=/etc/shadow $a" "era_copy --list --since 1 --metadata=$dir/b.img"
		"era_copy --list=json --from $token $a" "$f --allow-kernel $a" "$f --block-size=8 $a" "$f --era=1 $a"
		"$f --before=1 $a" "$f --quiet $a" "$f -q $a" "$f -v $a" "$f --verbose $a" "$f --progress=json $a"
		"$f --forced-command $a" "$f --allow $dir/b.img $dir/b.img" "$f --allow=$dir/b.img $dir/b.img"
		"$f --forced-command --allow=$dir/b.img $dir/b.img" "$f -T 2 $a" "$f --help $a" "$f --version $a" "$f -- $a"
		# Devices
		"$f" "$f $dir/b.img" "$f $dir/link.img" "$f $dir/../dir/a.img" "$f $dir/./a.img" "$f /$a" "$f $a/" "$f ${a#/}"
		"$f a.img" "$f ./a.img" "$f $dir//a.img" "$f $dir" "$f /" "$f -" "$f /dev/stdin" "$f /proc/self/fd/0" "$f /dev/sda"
		"$f ${a%?}" "${f} ${a}g" "$f $a $a" "$f $a $dir/b.img" "$f $dir/b.img $a" "$f ${a^^}" "$f /proc/self/root$a"
		# A cut on somebody's disk
		"$f --cow=$dir/cow.img $a" "$f --cut=snapshot --cow=$dir/cow.img $a" "$f --cow=$a $a" "$f --cow $dir/cow.img $a"
		"$f --cow= $a" "$f --cow=cow.img $a"
		# Shortened, repeated, out of order
		"era_copy --fro full $a" "era_copy --f full $a" "era_copy --est --json --from full $a"
		"era_copy --estimate --js --from full $a" "era_copy --from=full $a" "era_copy --from= $a" "era_copy --from $a"
		"era_copy --from '' $a" "era_copy --from full --from full $a" "$f --level=1 --level=1 $a"
		"era_copy --estimate --estimate --json --from full $a" "era_copy --json --estimate --from full $a"
		"era_copy --estimate --from full $a" "era_copy --json --from full $a" "era_copy --from full --estimate --json $a"
		"era_copy --estimate --json --from full --level=1 $a" "era_copy --level=1 --from full $a" "$f $a --level=1"
		"era_copy $a --from full" "$f --threads=1 --level=1 $a" "$f --compress=none --level=1 $a" "$f --level 1 $a"
		# Values
		"$f --level=01 $a" "$f --level=+1 $a" "$f --level=-1 $a" "$f --level=0 $a" "$f --level= $a" "$f --level=1.0 $a"
		"$f --level=0x1 $a" "$f --level=1e1 $a" "$f --level=99999999999999999999 $a" "$f --limit-rate=1M $a"
		"$f --limit-rate=1KiB $a" "$f --freeze-limit=1M $a" "$f --freeze-limit=01s $a" "$f --freeze-limit=1S $a"
		"$f --cut=auto $a" "$f --cut=NONE $a" "$f --cut= $a" "$f --compress=zstd $a" "$f --compress=none,id $a"
		"$f --threads=1;id $a" "$f --threads=\$(id) $a"
		"$f --nice -20 $a" "$f --nice=-20 $a" "$f --nice=-1 $a" "$f --nice 5;x $a" "$f --nice=5;x $a" "$f --nice=5 x $a"
		"$f --nice=\$(id) $a" "$f --nice=0 $a" "$f --nice=05 $a" "$f --nice=+5 $a" "$f --nice $a" "$f --nice= $a"
		"$f --nice 5 $a" "$f --nice=4294967301 $a" "$f --nice=5 --nice=5 $a" "$f --nice=5 --limit-rate=1000000 $a"
		"$f --ionice realtime $a" "$f --ionice=realtime $a" "$f --ionice=realtime:0 $a" "$f --ionice=none $a"
		"$f --ionice=1 $a" "$f --ionice=best-effort $a" "$f --ionice=best-effort:8 $a" "$f --ionice=best-effort:-1 $a"
		"$f --ionice=best-effort:4;id $a" "$f --ionice=idle:0 $a" "$f --ionice=IDLE $a" "$f --ionice= $a" "$f --ionice idle $a"
		"$f --ionice=idle --nice=5 $a" "nice -n -20 $f $a" "ionice -c 1 $f $a" "chrt 99 $f $a"
		"era_copy --estimate --json --from full --nice=5 $a"
		# Tokens
		"era_copy --from FULL $a" "era_copy --from fullx $a" "era_copy --from era1 $a" "era_copy --from ${token}x $a"
		"era_copy --from ${token%.*} $a" "era_copy --from ${token/.5./.05.} $a" "era_copy --from ${token/era1/era2} $a"
		"era_copy --from ${token/.5./.-5.} $a" "era_copy --from ${token%.*}.0 $a" "era_copy --from ${token/000/00A} $a"
		# Long
		"$f $a$(printf '%0130000d' 0)" "$f $(printf '%04096d' 0) $a" "$(printf 'era_copy %.0s' {1..12000})"
		"$(printf '%0130000d' 0)"
	)
}

watch() { # COMMAND...: of the private machine; what it starts and opens is in trace
	"${inside[@]}" strace -f -qq -o "$PWD/trace" \
		-e trace=execve,execveat,fork,vfork,clone,clone3,open,openat,creat,unlink,rename,mkdir,mknod "$@"
}

listing() {
	find dir -printf '%p %s %T@ %C@ %m %i %l\n' | sort
	find /etc -maxdepth 1 -name x
}

@test "whatever is not a request gets the refusal, touches nothing, starts nothing, and is noted" {
	strace -o /dev/null true 2>/dev/null || skip "strace is not allowed here"
	open_private
	hostile_requests
	listing >before
	for text in "${hostile[@]}"; do
		words=$(printf '%.120q' "$text")
		SSH_ORIGINAL_COMMAND=$text capture_raw watch "$ERA_BUILD/era_copy" --forced-command --allow "$a"
		[ "$status: $stderr" = "2: $refusal" ] || fail "$words: $status: $stderr"
		[ ! -s out ] || fail "$words: something on standard output"
		[ "$(grep -cE '(exec|fork|clone)' trace)" = 1 ] || fail "$words: started something: $(<trace)"
		run -1 grep -E '(creat|unlink|rename|mkdir|mknod)\(|O_(WRONLY|RDWR|CREAT)' trace
		run -1 grep -E "open.*$dir" trace
	done
	listing | diff before -
	wait_for logged "${#hostile[@]}"
	# 36: auth, warning.
	run -1 grep -vE '^<36>[A-Z][a-z]{2} [ 0-9:]+ era_copy\[[0-9]+\]: refused: 192\.0\.2\.7 asked for [0-9]+ bytes: .' log
	run -1 grep -E '.{450}' log
	grep -qF "bytes: era_copy --from full \$(touch $dir/x)" log
	[ "${#hostile[@]}" -ge 200 ]
}

@test "who asks for nothing at all is refused" {
	open_private
	unset SSH_ORIGINAL_COMMAND
	capture_raw "${inside[@]}" "$ERA_BUILD/era_copy" --forced-command --allow "$a"
	is_refused
	wait_for logged 1
	grep -q 'refused: 192.0.2.7 asked for 0 bytes: nothing' log
}

@test "a refusal is the same where there is no log" {
	open_private
	"${inside[@]}" rm /dev/log
	SSH_ORIGINAL_COMMAND=id capture_raw "${inside[@]}" "$ERA_BUILD/era_copy" --forced-command --allow "$a"
	is_refused
}

# What is had

@test "what erabackup asks for is had" {
	asks "era_copy --from full $a"
	gets_stream
	asks "/usr/local/bin/era_copy --from full $a"
	gets_stream
	asks "era_copy --from full --cut=none --freeze-timeout=30 --level=19 --threads=2 --limit-rate=100000000 $a"
	gets_stream
	asks "era_copy --from full --limit-rate=100000000 --nice=19 --ionice=best-effort:7 $a"
	gets_stream
	asks "era_copy --from full --nice=1 --ionice=idle $a"
	gets_stream
	asks "era_copy --from full --compress=none $a"
	gets_stream
	assert [ "$(stat -c %s out)" -gt 300000 ]
	asks "era_copy --estimate --json --from full $a"
	assert_equal "$status: $stderr" "0: "
	assert_equal "$(jq -c '[.kind, .bytes, has("metadata_used")]' out)" '["full",1048576,false]'
}

@test "of each device that the line lists, and of those only" {
	asks "era_copy --from full $dir/b.img" --allow "$dir/b.img"
	gets_stream
	asks "era_copy --from full $a" --allow "$dir/b.img"
	gets_stream
	# A name may be a link: the line says so.
	asks "era_copy --from full $dir/link.img" --allow "$dir/link.img"
	gets_stream
}

@test "what cannot be done is said by era_copy itself" {
	asks "era_copy --from $token $a"
	assert_equal "$status" 4
	says "$a: is not a dm-era device"
	asks "era_copy --estimate --json --from $token $a"
	assert_equal "$status" 4
	asks "era_copy --from full --cut=fence $a"
	assert_equal "$status" 2
	says "--cut=fence cannot be done"
	asks "era_copy --from full --threads=100000 $a"
	assert_equal "$status" 2
	says "--threads is a number from 1 to 256"
	asks "era_copy --from full --nice=20 $a"
	assert_equal "$status" 2
	says "--nice is a number from 0 to 19"
	asks "era_copy --from full --freeze-timeout=31 $a"
	assert_equal "$status" 2
	says "--freeze-timeout: more than 30 has to stand in the line"
	asks "era_copy --from full --freeze-timeout=31 $a" --freeze-timeout 31
	gets_stream
	asks "era_copy --from full --level=3 --compress=none $a"
	assert_equal "$status" 2
	says "--level does not go with --compress=none"
	rm "$a"
	asks "era_copy --from full $a"
	assert_equal "$status" 1
	says "$a: "
}

@test "a device may be overwritten for a snapshot where the line names it" {
	asks "era_copy --from full --cow=$dir/cow.img $a" --cow "$dir/cow.img"
	assert_equal "$status" 2
	says "is not a dm-era device, so there is no cut for --cow"
	asks "era_copy --from full --cow=$dir/b.img $a" --cow "$dir/cow.img"
	is_refused
	asks "era_copy --from full --cow=$dir/cow.img $a" --allow "$dir/cow.img"
	is_refused
}

# The line has the last word

size_for() { # TEXT [OPTION...]
	asks "$@"
	gets_stream
	frames out .end.stored_bytes >size
}

@test "what the line says of level and threads holds" {
	size_for "era_copy --from full --level=1 $a"
	mv size one
	size_for "era_copy --from full --level=19 $a"
	assert [ "$(<size)" -lt "$(<one)" ]
	mv size nineteen
	size_for "era_copy --from full --level=1 $a" --level=19
	cmp size nineteen
	size_for "era_copy --from full --compress=none $a" --level=19
	cmp size nineteen
	size_for "era_copy --from full $a" --level=19
	cmp size nineteen
	# It is not even looked at.
	size_for "era_copy --from full --threads=100000 $a" --threads=1
	size_for "era_copy --from full --freeze-timeout=100000 $a" --freeze-timeout=1
	size_for "era_copy --from full --nice=20 $a" --nice=1 --ionice=idle
}

@test "of two rates the smaller one holds" {
	local begin

	for rates in "100000 100000000" "100000000 100000"; do
		begin=${EPOCHREALTIME/[.,]/}
		asks "era_copy --from full --limit-rate=${rates% *} $a" "--limit-rate=${rates#* }"
		gets_stream
		[ $((${EPOCHREALTIME/[.,]/} - begin)) -gt 1000000 ] || fail "$rates was faster than it may be"
	done
}

@test "the line's commands are left out where nothing is cut" {
	local hooks=(--pre-cut "touch $dir/pre" --post-cut "touch $dir/post" --hook-timeout 5 --cow "$dir/cow.img" --allow-kernel)

	asks "era_copy --from full --cut=none $a" "${hooks[@]}"
	gets_stream
	asks "era_copy --estimate --json --from full $a" "${hooks[@]}"
	assert_equal "$status: $stderr" "0: "
	asks "era_copy --from full $a" "${hooks[@]}"
	assert_equal "$status" 2
	says "no cut for --cow, --pre-cut"
	assert [ ! -e dir/pre ] && assert [ ! -e dir/post ]
}

@test "a line that says what is not the source's to say gives nothing" {
	for more in --full "--from full" "--since 1" "--output $dir/x" "-o $dir/x" --estimate --json --list "--cut none" \
		"--ranges -" "--metadata $dir/b.img" "--era 1" "--compress none" "--max-passes 2" "--freeze-limit 1M" \
		"--progress never" --quiet --verbose "$a" "-- $a"; do
		# shellcheck disable=SC2086 # words
		asks "era_copy --from full $a" $more
		assert_equal "$status" 2
		says "does not go with it"
		hints "RESTRICTED KEYS in era_copy(1)"
		[ ! -s out ]
	done
	asks "era_copy --from full $a" --allow a.img
	assert_equal "$status" 2
	says "'a.img' is not a path that can be asked for"
	export SSH_ORIGINAL_COMMAND="era_copy --from full $a"
	fails 2 era_copy --forced-command
	says "needs --allow DEVICE"
	fails 2 era_copy --full --allow "$a" "$a"
	says "--allow goes with --forced-command"
	assert [ ! -e dir/x ]
}

@test "nothing of the environment holds" {
	export LIBBLKID_DEBUG=all TZ=:/dev/zero
	capture_raw era_copy --full "$a"
	[ -n "$stderr" ] || skip "libblkid does not listen to its variable"
	asks "era_copy --from full $a"
	gets_stream
}

# Over ssh

start_sshd() {
	local port

	command -v ssh sshd >/dev/null || [ -x /usr/sbin/sshd ] || skip "there is no sshd"
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f key
	ssh-keygen -q -t ed25519 -N '' -f free
	{
		echo "restrict,command=\"$ERA_BUILD/era_copy --forced-command --allow $a\" $(<key.pub)"
		cat free.pub
	} >authorized
	cat >sshd_config <<-END
		ListenAddress 127.0.0.1
		Port $port
		HostKey $PWD/host
		AuthorizedKeysFile $PWD/authorized
		StrictModes no
		PasswordAuthentication no
		PermitRootLogin yes
		AcceptEnv *
		PidFile none
		Subsystem sftp internal-sftp
	END
	printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 host.pub)" >known
	cat >config <<-END
		Host *
		  Hostname 127.0.0.1
		  Port $port
		  User $(id -un)
		  BatchMode yes
		  IdentitiesOnly yes
		  IdentityAgent none
		  UserKnownHostsFile $PWD/known
		  GlobalKnownHostsFile /dev/null
		Host source
		  IdentityFile $PWD/key
		Host free
		  IdentityFile $PWD/free
	END
	"${inside[@]}" /usr/sbin/sshd -D -e -f "$PWD/sshd_config" 2>sshd.log 3>&- &
	sshd=$!
	wait_for grep -q "listening on" sshd.log
}

over_ssh() { # ARG...
	capture_raw timeout 60 ssh -F "$PWD/config" "$@"
}

@test "over ssh: a request is had, and no shell, terminal, file or port" {
	local refusals=0

	open_private
	start_sshd
	over_ssh source era_copy --from full "$a"
	gets_stream
	over_ssh -o SendEnv=LIBBLKID_DEBUG source era_copy --estimate --json --from full "$a"
	assert_equal "$status: $stderr" "0: "

	for text in '' id 'sh -c id' "era_copy --from full $a; id" "era_copy --from full $dir/b.img" "cat $a" \
		"era_copy --from full -o $dir/x $a" "SSH_ORIGINAL_COMMAND=id $a" 'internal-sftp' "touch $dir/x"; do
		over_ssh -T source ${text:+"$text"}
		is_refused
		refusals=$((refusals + 1))
	done
	SSH_ORIGINAL_COMMAND="era_copy --from full $dir/b.img" over_ssh -T -o SendEnv=SSH_ORIGINAL_COMMAND source
	is_refused
	# sshd has no standard error for subsystems.
	over_ssh -s source sftp
	assert_equal "$status" 2
	assert [ ! -s out ]
	capture_raw timeout 60 scp -O -F "$PWD/config" source:"$a" "$dir/x"
	assert [ "$status" != 0 ]
	capture_raw timeout 60 sftp -F "$PWD/config" source:"$a" "$dir/x"
	assert [ "$status" != 0 ]
	wait_for logged "$((refusals + 4))"

	# The other key shows that it would have been possible.
	over_ssh -tt free 'test -t 0'
	assert_equal "$status" 0
	# Whether era_copy is still asked for is between the two programs of ssh.
	over_ssh -tt source
	assert_equal "$status" 255
	says "PTY allocation request failed"
	assert [ ! -s out ]
	over_ssh -W "127.0.0.1:$(sed -n 's/^Port //p' sshd_config)" free
	grep -q ^SSH out
	over_ssh -W "127.0.0.1:$(sed -n 's/^Port //p' sshd_config)" source
	assert [ "$status" != 0 ]
	assert [ ! -s out ]
	over_ssh -o ExitOnForwardFailure=yes -R 127.0.0.1:0:127.0.0.1:9 free true
	assert_equal "$status" 0
	over_ssh -o ExitOnForwardFailure=yes -R 127.0.0.1:0:127.0.0.1:9 -N source
	assert [ "$status" = 255 ]

	assert [ ! -e dir/x ]
	run -1 grep -v 'refused: 127\.0\.0\.1 asked for ' log
}
