#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completions of bash: the words that are offered, asked of the functions as readline would. bash-completion is not needed.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

setup() {
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	cd "$BATS_TEST_TMPDIR" || return 1
	programs=$(cd "${ERA_BUILD:?}" && find . -maxdepth 1 -type f -perm -u+x -name 'era*' | sed 's|^./||' | sort)
	cat >jobs.conf <<-'END'
		# [comment]
		[defaults]
		repository = /backup/%j
		[web1]
		source = /dev/x
		[web-2.example]
		[db1]
	END
	printf '# no\nroot /dev/a /dev/b\n  data\t/dev/c /dev/d noauto\n' >tab
}

# The words that a tab behind the last of WORD... offers, one a line. "=" is a word of its own, as it is for readline.
offers() { # PROGRAM WORD...
	bash -uo pipefail -c '
		source "$1/completions/$2.bash"
		function=$(complete -p "$2" | sed "s/.* -F \([^ ]*\) .*/\1/")
		COMP_WORDS=("${@:2}")
		COMP_CWORD=$(($# - 2))
		COMPREPLY=()
		"$function" "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"
	' offers "$top" "$@"
}

commands_of() { # PROGRAM: with an empty one in front
	echo
	case $1 in
	era_setup | erabackup) offers "$1" '' ;;
	esac
}

all_options() { # PROGRAM: whatever the command
	commands_of "$1" | while read -r command; do
		if [ -n "$command" ]; then
			offers "$1" "$command" --
		else
			offers "$1" --
		fi
	done | sort -u
}

@test "each program has a completion, and each completion a manual" {
	for program in $programs; do
		assert_exist "$top/completions/$program.bash"
	done
	for file in "$top"/completions/*.bash; do
		run -0 bash -c "ls $top/docs/$(basename "$file" .bash).[18].scd"
	done
}

@test "every long option of --help is offered, and no other" {
	[ "$(wc -l <<<"$programs")" -ge 3 ]
	for program in $programs; do
		"$ERA_BUILD/$program" --help | sed -nE 's/^  (-[A-Za-z],|   ) --([a-z-]+).*/--\2/p' | sort -u >help
		[ -s help ]
		all_options "$program" >offered
		run -0 diff help offered
	done
}

@test "every long option of the manual is offered, and no other" {
	for file in "$top"/completions/*.bash; do
		program=$(basename "$file" .bash)
		sed -nE '/^# OPTIONS/,/^# (EXIT STATUS|TIMES)/p' "$top/docs/$program".[18].scd |
			grep -E '^\*-' | grep -oE -e '\*--[a-z-]+\*' | tr -d '*' | sort -u >manual
		[ -s manual ]
		all_options "$program" >offered
		run -0 diff manual offered
	done
}

@test "every command of the manual is offered, and no other" {
	sed -nE '/^# COMMANDS/,/^# OPTIONS/s/^\*([a-z-]+)\*$/\1/p' "$top/docs/erabackup.1.scd" | sort >manual
	[ -s manual ]
	offers erabackup '' | sort >offered
	run -0 diff manual offered
	"$ERA_BUILD/era_setup" --help | sed -nE 's/^(Usage:|  {5}) era_setup ([a-z-]+).*/\2/p' >help
	echo disable-root >>help
	sort -u -o help help
	offers era_setup '' | sort >offered
	run -0 diff help offered
}

@test "what has begun to be written is completed" {
	run -0 offers era_copy --fr
	assert_output "$(printf '%s\n' --from --freeze-limit --freeze-timeout | grep '^--fr')"
	run -0 offers era_copy --allow-k
	assert_output --allow-kernel
	run -0 offers erabackup ver
	assert_output verify
	run -0 offers era_setup enable
	assert_output enable-root
}

@test "values are offered behind their options, with and without =" {
	run -0 offers era_copy --cut f
	assert_output "$(printf 'freeze\nfence')"
	run -0 offers era_copy --cut = f
	assert_output "$(printf 'freeze\nfence')"
	run -0 offers era_copy --cut =
	assert_line snapshot
	assert_line none
	run -0 offers era_copy --list = x
	assert_output xml
	run -0 offers era_apply --verify = s
	assert_output stored
	run -0 offers era_copy --ionice = b
	assert_output best-effort
	run -0 offers era_apply --ionice i
	assert_output idle
	run -0 offers era_apply --progress j
	assert_output json
	run -0 offers era_setup --discard ''
	assert_output "$(printf 'off\npass')"
	run -0 offers erabackup restore --at l
	assert_output latest
}

@test "where nothing is offered readline offers names of files" {
	for program in era_copy era_apply era_setup; do
		run -0 bash -c "source '$top/completions/$program.bash'; complete -p $program"
		assert_output --partial '-o default'
		run -0 offers "$program" dump ''
		assert_output ''
	done
	run -0 offers erabackup -c ''
	assert_output ''
	run -0 offers erabackup restore --to ''
	assert_output ''
}

@test "jobs are those of the configuration" {
	run -0 offers erabackup -c jobs.conf run ''
	assert_output "$(printf 'web1\nweb-2.example\ndb1')"
	run -0 offers erabackup --config = jobs.conf run web1 w
	assert_output "$(printf 'web1\nweb-2.example')"
	run -0 offers erabackup -c none.conf run ''
	assert_output ''
	run -0 offers erabackup -c jobs.conf check-config ''
	assert_output ''
	run -0 offers erabackup -c jobs.conf -r /backup/x list ''
	assert_output ''
	run -0 offers erabackup -c jobs.conf verify --threads 4 d
	assert_output db1
}

@test "the value of an option is not taken for a command" {
	run -0 offers erabackup -c run ver
	assert_output verify
	run -0 offers erabackup -c = run ver
	assert_output verify
	run -0 offers era_setup --eratab = open cl
	assert_output close
}

@test "volumes are those of the eratab" {
	run -0 offers era_setup --eratab tab open ''
	assert_output "$(printf 'root\ndata')"
	run -0 offers era_setup --eratab = tab close d
	assert_output data
	run -0 offers era_setup --eratab none open ''
	assert_output ''
}

@test "completions are installed where bash-completion looks for them" {
	# What is compiled in stays as it is in the build.
	make -s -C "$top" B="${ERA_BUILD:?}" LIBEXECDIR="$(cat "$ERA_BUILD/libexecdir")" DESTDIR="$PWD/root" PREFIX=/usr install
	for file in "$top"/completions/*.bash; do
		run -0 cmp "$file" "root/usr/share/bash-completion/completions/$(basename "$file" .bash)"
	done
}

@test "completions are clean under shellcheck" {
	run -0 shellcheck "$top"/completions/*.bash
}
