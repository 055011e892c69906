#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What runs erabackup each night: the units and the example for cron, as they are installed.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

setup() {
	top=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR" || return 1
}

# LIBEXECDIR is compiled in: another one than the build has would be built into it.
install_into() { # DIRECTORY [VARIABLE=VALUE]...
	make -s -C "$top" B="${ERA_BUILD:?}" LIBEXECDIR="$(cat "$ERA_BUILD/libexecdir")" DESTDIR="$PWD/$1" "${@:2}" install
}

# The units of root, as a machine would have them: systemd looks for the programs they name, so these have to be there.
prepare_units() { # PREFIX
	install_into root PREFIX="$1"
	bin=$PWD/root$1/bin
	[ -x "$bin/erabackup" ] || install -m 755 /bin/true "$bin/erabackup"
	mkdir units
	cp "root$1/lib/systemd/system/"erabackup@* units/
	sed -i "s|^ExecStart=$1/bin/|ExecStart=$bin/|" units/*
}

@test "units and the example for cron are installed, and name the erabackup of this installation" {
	install_into root
	for file in usr/local/lib/systemd/system/erabackup@.service usr/local/share/doc/erabackup/erabackup.cron.example; do
		assert_exist "root/$file"
		run -0 grep -c '[ =]/usr/local/bin/erabackup run ' "root/$file"
		assert_output 1
	done
	assert_exist root/usr/local/lib/systemd/system/erabackup@.timer
	assert_exist root/usr/local/share/doc/erabackup/erabackup.conf.example
	run -1 grep -rE '@[A-Z]+@' root/usr/local/lib/systemd root/usr/local/share/doc
}

@test "PREFIX, BINDIR and UNITDIR are respected" {
	install_into root PREFIX=/usr BINDIR=/opt/bin UNITDIR=/etc/systemd/system
	assert_exist root/etc/systemd/system/erabackup@.timer
	run -0 grep -x 'ExecStart=/opt/bin/erabackup run %i' root/etc/systemd/system/erabackup@.service
	run -0 grep -E ' /opt/bin/erabackup run ' root/usr/share/doc/erabackup/erabackup.cron.example
	assert_not_exist root/usr/bin
	assert_not_exist root/usr/lib/systemd/system
	run -1 grep -r /usr/local root/etc/systemd root/usr/share/doc
}

@test "systemd finds nothing wrong with service and timer of a job" {
	prepare_units /usr
	# Unknown keys are only warned of, so it may print nothing.
	for unit in erabackup@db-1.service erabackup@db-1.timer; do
		run -0 systemd-analyze verify --man=no --recursive-errors=no "units/$unit"
		assert_output ''
	done
}

@test "what systemd would say of a wrong key is seen by these tests" {
	prepare_units /usr
	sed -i 's/^Nice=/Nise=/' units/erabackup@.service
	run systemd-analyze verify --man=no --recursive-errors=no units/erabackup@a.service
	assert_output --partial Nise
}

@test "the service runs the job that its name says" {
	install_into root
	run -0 grep -E '^(Type|ExecStart)=' root/usr/local/lib/systemd/system/erabackup@.service
	assert_line Type=oneshot
	assert_line 'ExecStart=/usr/local/bin/erabackup run %i'
	# %I would make the "-" of a name a "/".
	refute_output --partial %I
}

# Each zone that puts its clocks forward has an hour that is missing on one day.
@test "the timer elapses on each day of the year, wherever" {
	when=$(sed -n 's/^OnCalendar=//p' "$top/systemd/erabackup@.timer")
	for zone in Europe/Berlin Europe/London Europe/Helsinki America/New_York Atlantic/Azores Africa/Cairo \
		America/Nuuk Antarctica/Troll UTC; do
		TZ=$zone systemd-analyze calendar --base-time='2026-01-01 00:00:00' --iterations=365 "$when" |
			sed -nE 's/^ *(Next elapse|Iter[^:]*): ... ([0-9-]+) .*/\2/p' | sort -u >days
		run -0 wc -l <days
		assert_output 365
		run -0 tail -n 1 days
		assert_output 2026-12-31
	done
}

@test "the line for cron has five fields of time, root, and is quiet where all is well" {
	run -0 grep -v '^#' "$top/docs/erabackup.cron.example"
	assert_output --regexp '^([0-9*]+ ){5}root @BINDIR@/erabackup run --all$'
}
