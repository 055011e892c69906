#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The main job: a full and ten incrementals of a filesystem that is being written to, over a real sshd
# and by pipe; at the end, when all is quiet, the mirror is the device, byte for byte.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

root=$(cd "$vm_dir/../.." && pwd)
device=/dev/mapper/data
mirror=/share/m.img

# A filesystem at work: new files, appends, overwrites in place, direct writes, removals, renames.
writer() { # DIRECTORY
	local dir=$1 i=0

	trap 'exit 0' TERM
	while :; do
		i=$((i + 1))
		head -c $((RANDOM * 8)) /dev/urandom >"$dir/new.$((i % 40))"
		echo "line $i" >>"$dir/log"
		dd if=/dev/urandom of="$dir/base" bs=4k count=$((RANDOM % 8 + 1)) seek=$((RANDOM % 2000)) \
			conv=notrunc oflag=direct status=none
		[ $((i % 3)) != 0 ] || rm -f "$dir/new.$((RANDOM % 40))"
		# What is to be moved may be what was just removed.
		[ $((i % 5)) != 0 ] || [ ! -e "$dir/new.$((i % 40))" ] ||
			mv -f "$dir/new.$((i % 40))" "$dir/moved.$((i % 7))"
		[ $((i % 4)) != 0 ] || sync -f "$dir"
		echo "$i" >/run/writer.count
	done
}

# At least a few more rounds than there were.
wrote_more() {
	[ "$(cat /run/writer.count)" -ge $((before + 3)) ]
}

start_sshd() {
	mkdir -p /run/sshd /run/ssh
	ssh-keygen -q -t ed25519 -N '' -f /run/ssh/host
	ssh-keygen -q -t ed25519 -N '' -f /run/ssh/key
	cat >/run/ssh/sshd_config <<-END
		ListenAddress 127.0.0.1
		Port 2222
		HostKey /run/ssh/host
		AuthorizedKeysFile /run/ssh/key.pub
		StrictModes no
		PasswordAuthentication no
		PermitRootLogin yes
		PidFile /run/ssh/pid
	END
	/usr/sbin/sshd -f /run/ssh/sshd_config
	printf '[127.0.0.1]:2222 %s\n' "$(cut -d' ' -f1,2 /run/ssh/host.pub)" >/run/ssh/known
	printf 'Host host\n Hostname 127.0.0.1\n Port 2222\n User root\n IdentityFile /run/ssh/key\n UserKnownHostsFile /run/ssh/known\n' \
		>/run/ssh/config
	wait_for 60 test -e /run/ssh/pid
}

# The line the whole project is about. tee only keeps a copy of the stream.
over_ssh() { # NUMBER
	ssh -F /run/ssh/config host "$ERA_BUILD/era_copy" --from "$(era_apply --token "$mirror")" "$device" |
		tee "/share/$1.era" | era_apply "$mirror"
}

by_pipe() { # NUMBER
	era_copy --from "$(era_apply --token "$mirror")" "$device" | tee "/share/$1.era" | era_apply "$mirror"
}

not_suspended() {
	[ "$(dmsetup info -c --noheadings -o suspended data)" = Active ]
}

no_snapshot_held() {
	[ "$(dmsetup status data | awk '{ print $7 }')" = - ]
}

identical() {
	cmp "$mirror" <(dd if="$device" bs=1M iflag=direct status=none)
}

kind_is() { # NUMBER KIND
	[ "$(era_apply --dump --json -i "/share/$1.era" | jq -r .head.kind)" = "$2" ]
}

small() { # NUMBER
	[ "$(stat -c %s "/share/$1.era")" -lt "$(stat -c %s /share/0.era)" ]
}

guest_backup() { # FILESYSTEM
	local i before

	PATH=$ERA_BUILD:$PATH
	rm -f /share/*.era "$mirror"*
	dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct status=none
	era_create data /dev/vdb /dev/vda 128
	"mkfs.$1" -q "$device"
	mkdir -p /tmp/mnt
	mount "$device" /tmp/mnt
	head -c 16M /dev/urandom >/tmp/mnt/base
	echo 0 >/run/writer.count
	writer /tmp/mnt &
	writer=$!
	check "$1: an sshd of our own" start_sshd
	check "$1: the first stream, over ssh" over_ssh 0
	check "$1: is a full" kind_is 0 full
	for i in 1 2 3 4 5 6 7 8 9 10; do
		before=$(cat /run/writer.count)
		check "$1: the writer goes on" wait_for 60 wrote_more
		if [ $((i % 5)) = 0 ]; then
			check "$1: incremental $i, over ssh" over_ssh "$i"
		else
			check "$1: incremental $i" by_pipe "$i"
		fi
	done
	check "$1: incrementals are incrementals" kind_is 10 incremental
	check "$1: and smaller than the full" small 10
	kill "$writer"
	wait "$writer" || true
	umount /tmp/mnt
	check "$1: the last one, all quiet" by_pipe 11
	check "$1: the mirror is the device" identical
	check "$1: the device is not suspended" not_suspended
	check "$1: no metadata snapshot is held" no_snapshot_held
	check "$1: nothing was left below /var/lib/era" sh -c '! ls /var/lib/era/held-* 2>/dev/null'
	dmsetup remove data
}

# On the host: the kept streams alone give the same image, through both decoders.
rebuild() {
	local i inputs=()

	for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
		inputs+=(-i "$work/share/$i.era")
	done
	"$ERA_BUILD/era_apply" --verify "${inputs[@]}"
	"$ERA_BUILD/era_apply" "${inputs[@]}" "$work/again.img"
	cmp "$work/again.img" "$work/share/m.img"
}

rebuild_independently() {
	local i

	for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
		"$root/tests/decoder/eradecode.py" "$work/share/$i.era" --onto "$work/python.img" >/dev/null
	done
	cmp "$work/python.img" "$work/share/m.img"
}

main() {
	make_disk "$work/data" 512M
	make_disk "$work/meta" 8M
	boot 0 "ext4 ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_backup ext4
	check "the kept chain gives the mirror again" rebuild
	check "the independent decoder agrees" rebuild_independently
	rm -f "$work"/*.img
	make_disk "$work/data" 512M
	boot 0 "xfs ends well" --timeout 900 --disk "$work/data" --disk "$work/meta" -- guest_backup xfs
	check "the kept chain gives the mirror again (xfs)" rebuild
}

scenario "$@"
