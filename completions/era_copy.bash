# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# era_copy: completion for bash. Where it offers nothing, names of files are offered.

_era_copy() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=''
	# "--cut=fence" is three words to readline.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--cut) words='auto snapshot freeze fence none' ;;
	--compress) words='zstd none' ;;
	--ionice) words='idle best-effort' ;;
	--progress) words='auto always never json' ;;
	--list) [ "${COMP_WORDS[COMP_CWORD]}" = --list ] || words='text xml json' ;;
	esac
	case $cur in
	-*) words='--full --from --since --before --ranges --block-size --era --metadata --held --cut --cow --freeze-limit
		--max-passes --freeze-timeout --pre-cut --post-cut --hook-timeout --list --estimate --json --output --level
		--compress --threads --limit-rate --nice --ionice --allow-kernel --forced-command --allow --progress --quiet --verbose --help
		--version' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _era_copy era_copy
