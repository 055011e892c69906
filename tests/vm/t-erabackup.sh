#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fifteen nights of erabackup: cron calls it, it calls era_copy over ssh with a key that can do no more, a filesystem is being
# written to all the time. Of each night the mirror is kept. Then retention; and each point that is left restores to the bytes of
# its night, is a whole filesystem, and has the writers' files as they were at one moment.

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/eradev.sh
. "$(dirname "$0")/eradev.sh"
# shellcheck source=tests/vm/cuts.sh
. "$(dirname "$0")/cuts.sh"
# shellcheck source=tests/vm/backups.sh
. "$(dirname "$0")/backups.sh"

# A Friday. So of fifteen nights the last of a week are the 3rd and the 10th.
first="2027-03-05"
nights=15
kept=(10 13 14 15)

cut_of() { # NIGHT
	case $1 in
	4 | 9 | 14) echo freeze ;;
	*) echo snapshot ;;
	esac
}

consistency_of() { # NIGHT
	case $(cut_of "$1") in
	freeze) echo filesystem-consistent ;;
	*) echo crash-consistent ;;
	esac
}

day_of() { # NIGHT
	date -u -d "$first + $(($1 - 1)) days" +%F
}

# Mail of cron, for a person.
take_mail() {
	rm -f /usr/sbin/sendmail
	printf '#!/bin/sh\ncat >>/tmp/mail\n' >/usr/sbin/sendmail
	chmod 755 /usr/sbin/sendmail
	: >/tmp/mail
	rm -f /etc/cron.d/* /etc/crontab /var/spool/cron/crontabs/*
	cat >/etc/cron.d/erabackup <<-END
		PATH=$PATH
		MAILTO=root
		30 2 * * * root erabackup -c $conf run --all; echo \$? >/tmp/night
	END
	chmod 644 /etc/cron.d/erabackup
}

# Three seconds before half past two; what cron starts has ended when this ends.
night_falls() { # NIGHT
	rm -f /tmp/night
	date -s "$(day_of "$1") 02:29:57" >/dev/null
	cron -f &
	cron=$!
	wait_for 300 test -s /tmp/night
	kill "$cron"
	wait "$cron" || true
	cat /tmp/mail
}

one_night() { # NIGHT
	local before

	sed -i "s/^cut = .*/cut = $(cut_of "$1")/" $conf
	before=$(acknowledged)
	wait_for 60 past "$before"
	acknowledged >"/share/$1.before"
	night_falls "$1"
	acknowledged >"/share/$1.after"
	is "$(cat /tmp/night)" 0
	# Nothing to say, so no mail.
	is "$(cat /tmp/mail)" ""
	stack_is_as_before
	cp --sparse=always $image "/share/night.$1.img"
	is "$(points "map([.cut, .consistency]) | .[-1] | join(\" \")")" "$(cut_of "$1") $(consistency_of "$1")"
}

begins() {
	start_sshd
	ssh_job 2222 "cut = snapshot" "keep-last = 3" "keep-weekly = 2" "prune-interval = never" \
		"command = $ERA_BUILD/era_copy"
	eb check-config
	eb init disk
	take_mail
}

kinds_are() {
	is "$(points 'map(.kind) | join(" ")')" "full$(printf ' incremental%.0s' $(seq 2 $nights))"
	is "$(points "map(.time[0:10]) | join(\" \")")" "$(for ((n = 1; n <= nights; n++)); do day_of $n; done | xargs)"
}

smaller() {
	is "$(points '[.[0].bytes > .[1:][].bytes * 2] | all')" true
}

each_restores() { # NIGHT...
	local n i=0

	is "$(points length)" $#
	for n; do
		restore_point $i
		cmp "$restored" "/share/night.$n.img"
		i=$((i + 1))
	done
}

by_time() { # NIGHT: what was yesterday noon
	rm -f "$restored" "$restored.era"
	eb restore -q --to "$restored" --at "$(day_of "$1") 12:00" disk
	cmp "$restored" "/share/night.$1.img"
}

dry_run_says_so() {
	eb prune --dry-run --json disk >/tmp/dry
	is "$(jq -r '.[0].kept | length' /tmp/dry)" ${#kept[@]}
	is "$(points length)" $nights
	eb prune --json disk >/tmp/done
	is "$(jq -Sc '.[0] | [(.kept | map(.id) | sort), (.removed | sort)]' /tmp/done)" \
		"$(jq -Sc '.[0] | [(.kept | map(.id) | sort), (.removed | sort)]' /tmp/dry)"
}

expected_points() { # NIGHT...
	is "$(points "map(.time[0:10]) | join(\" \")")" "$(for n; do day_of "$n"; done | xargs)"
}

# Nobody answers: cron's mail says what and why.
bad_night() { # NIGHT
	stop_sshd
	night_falls "$1"
	is "$(cat /tmp/night)" 1
	grep -q 'erabackup: ' /tmp/mail
	grep -q 127.0.0.1 /tmp/mail
	: >/tmp/mail
	/usr/sbin/sshd -f /run/ssh/sshd_config
	wait_for 60 test -e /run/ssh/pid
}

status_is() { # EXIT
	local status=0

	eb status || status=$?
	is "$status" "$1"
}

guest_nights() {
	local n

	check "a volume with a filesystem" cut_volume data /dev/vdb /dev/vda mkfs.ext4 -q
	# So that a full is more than a night.
	dd if=/dev/urandom of=/tmp/mnt/base bs=1M count=12 conv=fsync status=none
	check "a disk for backups" backup_disk /dev/vdc
	check "writers at work" begin_writers /tmp/mnt/files
	remember_stack
	check "a job, its key restricted, called by cron" begins
	check "the key runs no command" key_does_no_more id
	check "nor one behind the right one" key_does_no_more "era_copy --from full $dev; touch /tmp/intruded"
	check "nor the right one for another device" key_does_no_more "era_copy --from full /dev/vdc"
	check "nor one that writes here" key_does_no_more "era_copy --from full -o /tmp/intruded $dev"
	for ((n = 1; n <= nights; n++)); do
		check "night $n: $(cut_of $n), without a word" one_night $n
	done
	check "a full and incrementals, one a night" kinds_are
	check "which are smaller" smaller
	check "each restores to its night" each_restores $(seq $nights)
	check "the chain and the mirror, every byte" eb verify --deep disk
	check "prune does what its dry run said" dry_run_says_so
	check "the points that retention keeps are left" expected_points "${kept[@]}"
	check "each of them restores to its night" each_restores "${kept[@]}"
	check "the day after is the point of that night" by_time 13
	check "the chain and the mirror, every byte, again" eb verify --deep disk
	check "a night without an sshd: cron's mail says so" bad_night 16
	check "and so does status" status_is 1
	sed -i 's/^prune-interval = .*/prune-interval = 0/' $conf
	check "the night after all is well, and prunes by itself" one_night 17
	check "and status is well again" status_is 0
	check "the points that are left then" expected_points 10 14 15 17
	check "each of them restores to its night" each_restores 10 14 15 17
	check "the chain and the mirror, every byte, at last" eb verify --deep disk
	check "the writers end" end_writers
	umount /tmp/mnt
	era_setup close data
	cp -a $repo /share/repo
	umount /backup
}

# The host has the repository, and nothing else.
restore_here() { # N NIGHT
	local id

	id=$("$ERA_BUILD/erabackup" list --json -r "$work/share/repo" | jq -r ".[$1].id")
	rm -f "$work/mirror.img" "$work/mirror.img.era"
	"$ERA_BUILD/erabackup" restore -q -r "$work/share/repo" --at "$id" --to "$work/mirror.img"
	cmp "$work/mirror.img" "$work/share/night.$2.img"
}

main() {
	local n i=0

	make_disk "$work/data" 48M
	make_disk "$work/meta" 48M
	make_disk "$work/backup" 1G
	boot 0 "the guest ends well" --timeout 1700 --disk "$work/data" --disk "$work/meta" --disk "$work/backup" -- \
		guest_nights
	for n in 10 14 15 17; do
		check "night $n: the repository alone gives it back on another machine" restore_here $i $n
		check "night $n: the filesystem is whole" ext4_is_good
		check "night $n: so are the files, of one moment" writers_files_are_good $n files
		i=$((i + 1))
	done
}

scenario "$@"
