# shellcheck shell=bash disable=SC2154 # dev is eradev.sh's
# SPDX-License-Identifier: GPL-3.0-or-later
#
# backups: for scenarios with erabackup in the guest: an sshd with a restricted key, the job "disk" of the device $dev, and
# what is asked of its chain. Sourced behind lib.sh and eradev.sh. The backup host and the source are one machine.

conf=/tmp/erabackup.conf
repo=/backup/repo
image=/backup/mirror.img

# A key that can do no more than to have the device backed up.
start_sshd() {
	mkdir -p /run/sshd /run/ssh
	ssh-keygen -q -t ed25519 -N '' -f /run/ssh/host
	ssh-keygen -q -t ed25519 -N '' -f /run/ssh/key
	printf 'restrict,command="%s/era_copy --forced-command --allow %s" %s\n' "$ERA_BUILD" "$dev" \
		"$(cat /run/ssh/key.pub)" >/run/ssh/authorized
	# What is behind a network that is gone ends by itself: else it would hold the device for hours.
	cat >/run/ssh/sshd_config <<-END
		ListenAddress 127.0.0.1
		Port 2222
		HostKey /run/ssh/host
		AuthorizedKeysFile /run/ssh/authorized
		StrictModes no
		PasswordAuthentication no
		PermitRootLogin yes
		PidFile /run/ssh/pid
		ClientAliveInterval 2
		ClientAliveCountMax 2
	END
	/usr/sbin/sshd -f /run/ssh/sshd_config
	wait_for 60 test -e /run/ssh/pid
	known_hosts 2222
}

known_hosts() { # PORT...
	local port

	for port; do
		printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 /run/ssh/host.pub)"
	done >/run/ssh/known
}

stop_sshd() {
	kill "$(cat /run/ssh/pid)"
	wait_for 60 test ! -e /run/ssh/pid
}

# What an intruder could do with it.
key_does_no_more() { # COMMAND...
	local status=0

	ssh -o BatchMode=yes -o UserKnownHostsFile=/run/ssh/known -i /run/ssh/key -p 2222 root@127.0.0.1 "$@" \
		>/tmp/intruder 2>&1 || status=$?
	cat /tmp/intruder
	[ "$status" != 0 ]
	! grep -q uid= /tmp/intruder
	test ! -e /tmp/intruded
}

# The disk that backups are kept on.
backup_disk() { # DEVICE
	mkfs.ext4 -q "$1"
	mkdir -p /backup
	mount "$1" /backup
}

ssh_job() { # PORT [LINE...]
	local port=$1
	shift

	cat >$conf <<-END
		[disk]
		source = ssh://root@127.0.0.1:$port$dev
		repository = $repo
		mirror = $image
		identity = /run/ssh/key
		known-hosts = /run/ssh/known
		timeout = 5s
	END
	[ $# = 0 ] || printf '%s\n' "$@" >>$conf
}

# Without ssh: the device is of this machine.
local_job() { # [LINE...]
	cat >$conf <<-END
		[disk]
		source = $dev
		repository = $repo
		mirror = $image
		command = $ERA_BUILD/era_copy
	END
	[ $# = 0 ] || printf '%s\n' "$@" >>$conf
}

eb() { # COMMAND ARG...
	erabackup -c $conf "$@"
}

points() { # JQ
	eb list --json disk | jq -rc "$1"
}

last_kind_is() { # KIND
	is "$(points '.[-1].kind')" "$1"
}

hash_of() { # IMAGE|DEVICE
	if [ -b "$1" ]; then
		contents "$1" | sha256sum
	else
		sha256sum <"$1"
	fi | cut -d' ' -f1
}

# The Nth point, counted from the end with -1 for the last, to $restored.
restored=/backup/restored.img
restore_point() { # N [OPTION...]
	local id n=$1
	shift

	id=$(points ".[$n].id")
	rm -f "$restored" "$restored.era"
	eb restore -q "$@" --to "$restored" --at "$id" disk
}

# The head restored is the mirror.
mirror_is_head() {
	restore_point -1 --allow-inconsistent
	cmp "$restored" "$image"
	rm -f "$restored"
}

chain_is_whole() {
	eb verify disk
	is "$(find $repo/streams -type f | wc -l)" "$(points length)"
}

no_copy() {
	! pgrep -x era_copy >/dev/null
}
