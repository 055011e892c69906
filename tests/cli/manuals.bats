#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Help and manual pages say what the programs do: no option in one that is not in the other, and what is
# printed fits a terminal. The pages are built from docs/ here, because a test build need not have them.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	programs='era_copy era_apply era_setup erabackup'
	pages='era_copy.1 era_apply.1 era_setup.8 era-stream.5 eratab.5 erabackup.1 erabackup.conf.5 erabackup-repository.5'
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	cd "$BATS_TEST_TMPDIR" || return 1
}

page() { # PROGRAM
	case $1 in
	era_setup) echo era_setup.8 ;;
	*) echo "$1.1" ;;
	esac
}

# "-o --output" for each option: of the table in --help, and of the manual's OPTIONS.
help_options() { # PROGRAM
	"${ERA_BUILD:?}/$1" --help |
		sed -nE 's/^  (-[A-Za-z])?,? +--([a-z-]+).*/\1 --\2/p' | sed 's/^ //' | sort
}

manual_options() { # PROGRAM
	sed -nE '/^# OPTIONS/,/^# EXIT STATUS/s/^(\*(-[A-Za-z])\*, )?\*--([a-z-]+)\*.*/\2 --\3/p' \
		"$top/docs/$(page "$1").scd" | sed 's/^ //' | sort
}

build() { # PAGE
	scdoc <"$top/docs/$1.scd" >"$1"
}

@test "every option of --help is in the manual, and every option of the manual in --help" {
	for program in $programs; do
		help_options "$program" >help
		manual_options "$program" >manual
		[ "$(wc -l <help)" -gt 10 ] || fail "$program --help has few options: $(cat help)"
		run -0 diff help manual
	done
}

@test "whatever the manual calls an option anywhere, the program or its neighbour has" {
	# era_invalidate's is used in an example.
	echo --written-since >known
	# Of the script that era_setup enable-root is.
	echo --name >>known
	# Of systemctl.
	echo --now >>known
	for program in $programs; do
		help_options "$program" | grep -o -e '--.*' >>known
	done
	for page in $pages; do
		grep -oE -e '(^|[^a-z-])--[a-z][a-z-]*' "$top/docs/$page.scd" | grep -oE -e '--.*' | sort -u >used
		run -1 grep -vxFf known used
		assert_output ''
	done
}

@test "the program takes every option of its manual" {
	for program in $programs; do
		for option in $(manual_options "$program"); do
			# What is tried may well be wrong usage, but never an unknown option.
			run "$ERA_BUILD/$program" "$option" </dev/null
			refute_output --partial "unknown option"
		done
	done
}

@test "the values that --help offers are in the manual" {
	for program in $programs; do
		"$ERA_BUILD/$program" --help |
			sed -nE 's/^  .{4}--([a-z-]+)(=| |\[=)([A-Z]+).*/\1 \3/p' >values
		while read -r option value; do
			grep -qE -e "^(\*-[A-Za-z]\*, )?\*--$option\*(\[=| )_${value}_" "$top/docs/$(page "$program").scd" ||
				fail "$program: --$option $value is not in its manual"
		done <values
	done
}

@test "help fits 80 columns" {
	for program in $programs; do
		run -0 "$ERA_BUILD/$program" --help
		run -1 grep -nE '.{81}' <<<"$output"
		assert_output ''
	done
}

@test "help fits 50 lines and goes to standard output" {
	for program in $programs; do
		"$ERA_BUILD/$program" -h >out 2>err
		assert [ "$(wc -l <out)" -le 50 ]
		assert [ ! -s err ]
	done
}

@test "help names the manual and says what each exit status means" {
	for program in $programs; do
		run -0 "$ERA_BUILD/$program" --help
		assert_output --partial "$(page "$program" | sed "s/\\.\\(.\\)/(\\1)/")"
		exits=$(sed -n '/^Exit:/,$p' <<<"$output" | tr '\n' ' ')
		for code in 0 1 2 3 4 5; do
			assert_regex "$exits" "[ ,:]$code [a-z]"
			grep -qx "\*$code\*" "$top/docs/$(page "$program").scd" || fail "$program does not say what $code means"
		done
	done
}

@test "--version prints the version of the Makefile" {
	version=$(sed -n 's/^VERSION := //p' "$top/Makefile")
	for program in $programs; do
		run -0 "$ERA_BUILD/$program" --version
		assert_output "$(sed "s/^erabackup (erabackup)/erabackup/" <<<"$program (erabackup) $version")"
		run -0 "$ERA_BUILD/$program" -V
		assert_output "$(sed "s/^erabackup (erabackup)/erabackup/" <<<"$program (erabackup) $version")"
	done
}

@test "mandoc finds nothing in the manual pages" {
	for page in $pages; do
		build "$page"
		# scdoc begins a paragraph before each heading and list item, which does no harm.
		mandoc -T lint -W warning "$page" | grep -v 'skipping paragraph macro' >found || true
		run -0 cat found
		assert_output ''
	done
}

@test "pages refer to pages that are there" {
	for page in $pages; do
		for other in $(grep -oE '\*era[_-][a-z]+\*\([0-9]\)' "$top/docs/$page.scd" | tr -d '*' | sort -u); do
			[ "$other" != 'era_invalidate(8)' ] || continue
			assert [ -e "$top/docs/$(sed 's/(\(.\))/.\1/' <<<"$other").scd" ]
		done
	done
}

@test "the structure tables of era-stream(5) have the sizes and types of docs/format.md" {
	for section in '## Preamble' '## Frame header' '## Footer'; do
		name=${section#\#\# }
		sed -n "/^$section/,/^#/p" "$top/docs/era-stream.5.scd" |
			sed -nE '/^\|  [0-9]/{s/^\|  //;N;s/\n:  / /;p}' >summary
		sed -n "/^## [0-9]* $name/,/^## /p" "$top/docs/format.md" |
			sed -nE 's/^\| ([0-9]+) \| ([^|]+) \|.*/\1 \2/p' | sed -n '1,/^$/p' |
			sed 's/b16$/16 bytes/' >contract
		[ -s contract ] || fail "docs/format.md has no table in $name"
		run -0 diff contract summary
	done
}
