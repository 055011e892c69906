# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# era_setup: completion for bash. Names of volumes are those of the eratab. Where it offers nothing, names of files are
# offered.

# The command among the words before the one that is written, or nothing.
_era_setup_command() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-b | --block-size | --cow-size | --discard | --eratab | --fallback | --reason | -t | --timeout)
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

_era_setup_names() {
	local i tab=/etc/eratab
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = --eratab ]; then
			tab=${COMP_WORDS[i + 1]}
			[ "$tab" != = ] || tab=${COMP_WORDS[i + 2]}
		fi
	done
	sed -nE 's/^[[:blank:]]*([^#[:blank:]][^[:blank:]]*).*/\1/p' "$tab" 2>/dev/null
}

_era_setup() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' value=''
	# "--discard=off" is three words to readline.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--discard) value='off pass' ;;
	--fallback) value='linear fail' ;;
	-b | --block-size | --cow-size | --eratab | --reason | -t | --timeout) value=' ' ;;
	esac
	if [ -n "$value" ]; then
		words=$value
	elif [[ $cur == -* ]]; then
		words='--all --allow-kernel --block-size --cow-size --discard --eratab --fallback --final --force --initramfs
			--json --reason --timeout --quiet --help --version'
	else
		case $(_era_setup_command) in
		'') words='size format open close status resize dump check reset tab note enable-root disable-root' ;;
		open | close | status | resize) words=$(_era_setup_names) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _era_setup era_setup
