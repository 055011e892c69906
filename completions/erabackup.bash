# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# erabackup: completion for bash. Names of jobs are the sections of the configuration.

# The command among the words before the one that is written, or nothing.
_erabackup_command() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config | -r | --repository | --at | --to | --interval | -T | --threads | --progress)
			[ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
			i=$((i + 1))
			;;
		-*) ;;
		*)
			echo "${COMP_WORDS[i]}"
			return
			;;
		esac
	done
}

_erabackup_jobs() {
	local i conf=/etc/erabackup.conf
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config)
			conf=${COMP_WORDS[i + 1]}
			[ "$conf" != = ] || conf=${COMP_WORDS[i + 2]}
			;;
		-r | --repository) return ;;
		esac
	done
	sed -nE '/^\[defaults\]/d; s/^\[([A-Za-z0-9_.-]+)\].*/\1/p' "$conf" 2>/dev/null
}

# COMMAND: what goes with it, beside what goes with all.
_erabackup_options() {
	echo --config --quiet --verbose --help --version
	case $1 in
	init | explain) echo --all ;;
	run) echo --all --full --interval --progress ;;
	list | info) echo --repository ;;
	verify) echo --all --repository --deep --stored --threads --progress ;;
	restore)
		echo --repository --to --at --differences --allow-inconsistent --force --threads --progress
		;;
	prune) echo --all --dry-run --threads --progress ;;
	mirror) echo --all --force --threads --progress ;;
	unlock) echo --repository ;;
	esac
	case $1 in
	explain | status | list | info | verify | prune) echo --json ;;
	esac
}

_erabackup() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' command
	# "--at=today" is three words to readline.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	command=$(_erabackup_command)
	case $prev in
	-c | --config | -r | --repository | --to)
		compopt -o default 2>/dev/null
		;;
	--at) words='latest now today yesterday' ;;
	--progress) words='auto always never json' ;;
	--interval | -T | --threads) ;;
	*)
		if [[ $cur == -* ]]; then
			words=$(_erabackup_options "$command")
		elif [ -z "$command" ]; then
			words='check-config init run explain status list info verify restore prune mirror unlock'
		elif [ "$command" != check-config ]; then
			words=$(_erabackup_jobs)
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _erabackup erabackup
