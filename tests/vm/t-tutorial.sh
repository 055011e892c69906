#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docs/tutorial.md, done as it says: its commands are taken from it and run in order, and what they print is compared with
# what it shows. Both of its machines, and the rescue system, are the one guest. What follows ``` in the tutorial:
#
#   sh source, sh backup, sh rescue     commands; "exit N" behind it: the last of them fails so
#   WORD MACHINE /PATH                  a file
#   ... not-run                         cannot run here; stand_in does what it amounts to
#   console                             what the commands before it print, among other things; figures may differ
#
# At the end the device that was restored is the source's, byte for byte, at its last cut.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"

tutorial=$(realpath "$vm_dir/../../docs/tutorial.md")

# The day the tutorial begins, and the last of its nights.
first_day=2026-12-01
last_night=9

day() { # N
	date -u -d "$first_day + $(($1 - 1)) days" +%F
}

# The machines, as they are before the first line

install_programs() {
	cp "$ERA_BUILD"/era_copy "$ERA_BUILD"/era_apply "$ERA_BUILD"/erabackup /usr/local/bin
	cp "$ERA_BUILD"/era_setup /usr/local/sbin
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

one_partition() { # DISK MOUNTPOINT
	printf 'label: gpt\n;\n' | sfdisk -q "$1"
	mkfs.ext4 -q "${1}1"
	mkdir -p "$2"
	mount "${1}1" "$2"
}

a_source() {
	one_partition /dev/vdb /srv
	echo "UUID=$(blkid -s UUID -o value /dev/vdb1) /srv ext4 defaults 0 2" >/etc/fstab
	rm -f /etc/eratab
	mkdir -p /srv/www /srv/photos
	echo '<h1>It works</h1>' >/srv/www/index.html
	head -c 60M /dev/urandom >/srv/photos/all
	sync -f /srv
}

start_sshd() {
	# And a shell that does nothing of its own.
	rm -rf /root/.ssh /root/.bashrc /etc/ssh/ssh_host_* /etc/ssh/ssh_known_hosts
	mkdir -m 700 /root/.ssh
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
	cat >/run/sshd_config <<-END
		ListenAddress 127.0.0.1
		HostKey /etc/ssh/ssh_host_ed25519_key
		PasswordAuthentication no
		PidFile /run/sshd.pid
	END
	/usr/sbin/sshd -f /run/sshd_config
	wait_for 60 test -e /run/sshd.pid
}

two_machines() {
	date -s "$(day 1) 15:00" >/dev/null
	echo web1 >/proc/sys/kernel/hostname
	install_programs
	echo 127.0.0.1 web1.example.org web1 >>/etc/hosts
	a_source
	one_partition /dev/vdd /backup
	start_sshd
}

# What happens between its lines

life_goes_on() { # N
	echo "<p>It is $(date -u -d "$(day "$1")" +%A)</p>" >>/srv/www/index.html
	head -c 2M /dev/urandom >"/srv/photos/$1"
	sync -f /srv
}

one_night() { # N
	life_goes_on "$1"
	date -s "$(day "$1") 04:11" >/dev/null
	erabackup run --quiet web1
}

nights_pass() {
	local n

	for ((n = 2; n <= last_night; n++)); do
		one_night "$n"
	done
	date -s "$(day $last_night) 10:00" >/dev/null
}

# The night before, with the filesystem quiet, so that the disk can be asked afterwards what was on it.
disk_dies() {
	life_goes_on 10
	mount -o remount,ro /srv
	contents /dev/mapper/srv | sha256sum >/run/last
	date -s "$(day 10) 04:11" >/dev/null
	erabackup run --quiet web1
	umount /srv
	era_setup close srv
	dd if=/dev/urandom of=/dev/vdb bs=1M count=64 oflag=direct status=none
	umount /backup
	rm /etc/eratab
	mv /etc/erabackup.conf /run
}

# Out of the rescue system: web1 with its new disk, and the backup host.
machines_are_back() {
	contents /dev/vde1 | sha256sum | cmp - /run/last
	rm -rf /var/lib/era
	mv /run/erabackup.conf /etc
	mount /dev/vdd1 /backup
}

# For what the tutorial has and cannot run here, by its first line.
stand_in() { # LINE
	case $1 in
	"scripts/deps "* | "systemctl enable era-volumes"* | "scp /mnt/"* | "groups:") ;;
	"scp /root/.ssh/id_erabackup.pub "*) cp /root/.ssh/id_erabackup.pub /tmp ;;
	"systemctl enable --now erabackup@"*) nights_pass ;;
	"reboot"*) machines_are_back ;;
	*)
		echo "nothing stands in for: $1"
		return 1
		;;
	esac
}

# The page

# What may differ: figures, ids, keys.
blurred() {
	sed -E -e 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/#/g' -e 's/SHA256:[^ ]+/SHA256:#/g' \
		-e 's/AAAA[A-Za-z0-9+/=.]+/#/g' -e 's/[0-9]+\.[0-9]+/0/g' -e 's/[0-9a-f]{8,}/#/g' \
		-e 's/[0-9]+([.:-][0-9]+)*/#/g' -e 's/# ?([KMGT]?i?B|bytes|m?s|blocks?|points?)\>/# U/g' \
		-e 's/[[:space:]]+/ /g' -e 's/^ //; s/ $//'
}

# Each line of the page's is there, in this order; "..." stands for others.
printed() { # SHOWN GOT
	local line

	exec 3< <(blurred <"$2")
	while IFS= read -r line; do
		[ "$line" != ... ] || continue
		while IFS= read -r got <&3 || {
			echo "not printed: $line"
			cat "$2"
			return 1
		}; do
			[ "$got" != "$line" ] || break
		done
	done < <(blurred <"$1")
}

run_commands() { # STATUS
	local status=0

	bash -euo pipefail /run/block >/run/printed 2>&1 </dev/null || status=$?
	cat /run/printed
	is "$status" "$1"
}

write_file() { # PATH
	mkdir -p "$(dirname "$1")"
	cp /run/block "$1"
}

block() { # NUMBER INFO
	local info=$2 words first

	read -r -a words <<<"$info"
	first=$(head -n 1 /run/block)
	case $info in
	*not-run) check "line $1: in place of $first" stand_in "$first" ;;
	console) check "line $1: that is what it prints" printed /run/block /run/printed ;;
	"sh source" | "sh backup" | "sh rescue") check "line $1, ${words[1]}: $first" run_commands 0 ;;
	"sh "*" exit "*) check "line $1, ${words[1]}: $first" run_commands "${words[3]}" ;;
	*" "*" /"*) check "line $1, ${words[1]}: ${words[2]}" write_file "${words[2]}" ;;
	*) check "line $1: what is to be done with '$info' is known" false ;;
	esac
	if [ "${ERA_TUTORIAL_SHOW:-}" = 1 ]; then
		echo "line $1: $info: $first"
		[[ $info = *not-run ]] || cat /run/printed
	fi
}

follow() {
	local line number=0 info=

	while IFS= read -r line; do
		number=$((number + 1))
		if [ -n "$info" ] && [ "$line" = '```' ]; then
			block "$number" "$info"
			info=
		elif [ -n "$info" ]; then
			printf '%s\n' "$line" >>/run/block
		elif [[ $line = '```'* ]]; then
			info=${line#'```'}
			: >/run/block
		elif [ "$line" = "## The day the disk dies" ]; then
			check "the disk of web1 dies" disk_dies
		fi
	done <"$tutorial"
	[ -z "$info" ]
}

guest_follows() {
	check "two machines" two_machines
	follow
	check "nothing of a backup is left on the source" calm srv
	umount /srv
	era_setup close srv
	umount /backup
}

main() {
	make_disk "$work/system" 1M
	make_disk "$work/data" 512M
	make_disk "$work/meta" 64M
	make_disk "$work/backup" 2G
	make_disk "$work/new" 512M
	boot 0 "the guest ends well" --timeout 1800 --disk "$work/system" --disk "$work/data" --disk "$work/meta" \
		--disk "$work/backup" --disk "$work/new" -- guest_follows
}

scenario "$@"
