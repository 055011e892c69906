# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# era_apply: completion for bash. Where it offers nothing, names of files are offered.

_era_apply() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=''
	# "--progress=json" is three words to readline.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--verify) [ "${COMP_WORDS[COMP_CWORD]}" = --verify ] || words='content stored' ;;
	--ionice) words='idle best-effort' ;;
	--progress) words='auto always never json' ;;
	esac
	case $cur in
	-*) words='--input --verify --dump --json --token --undo --state --force --threads --nice --ionice --progress --quiet
		--verbose --help --version' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _era_apply era_apply
