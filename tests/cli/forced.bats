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
		for node in null zero full random urandom tty ptmx; do
			touch dev/$node
			mount --bind /dev/$node dev/$node
		done
		mkdir dev/pts
		mount --rbind /dev/pts dev/pts
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
