#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make install: what boots and shuts down is where those who run it look, and names the era_setup of this installation.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

setup() {
	top=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR" || return 1
}

# By file name: the same everywhere.
boot_files=(hooks/era scripts/local-top/era scripts/local-block/era scripts/local-bottom/era)

@test "the default prefix: /usr/local, and /etc for initramfs-tools" {
	run -0 make -s -C "$top" B="$ERA_BUILD" DESTDIR="$PWD/root" install
	for file in "${boot_files[@]}"; do
		assert_file_executable "root/etc/initramfs-tools/$file"
	done
	assert_file_executable root/usr/local/bin/era_copy
	assert_file_executable root/usr/local/sbin/era_setup
	assert_not_exist root/usr/local/bin/era_setup
	assert_file_executable root/usr/local/lib/era/enable-root
	assert_file_executable root/usr/lib/dracut/modules.d/90era/module-setup.sh
	assert_file_executable root/usr/lib/systemd/system-shutdown/era.shutdown
	assert_exist root/usr/local/lib/systemd/system/era-volumes.service
	assert_exist root/usr/local/share/man/man8/era_setup.8
	assert_exist root/usr/local/share/doc/erabackup/eratab.example

	run -1 grep -rlE '@[A-Z]+@' root/etc root/usr/lib root/usr/local/lib
	for file in etc/initramfs-tools/hooks/era usr/lib/dracut/modules.d/90era/module-setup.sh \
		usr/lib/systemd/system-shutdown/era.shutdown usr/local/lib/era/enable-root \
		usr/local/lib/systemd/system/era-volumes.service; do
		run -0 grep -q /usr/local/sbin/era_setup "root/$file"
	done
}

@test "PREFIX=/usr: all of it below /usr" {
	run -0 make -n -C "$top" B="$ERA_BUILD" PREFIX=/usr DESTDIR=/pkg install
	for file in "${boot_files[@]}"; do
		assert_line --partial "/pkg/usr/share/initramfs-tools/$file"
	done
	assert_line --partial /pkg/usr/lib/era/enable-root
	assert_line --partial /pkg/usr/lib/systemd/system/era-volumes.service
	assert_line --partial 's|@SBINDIR@|/usr/sbin|g'
	refute_output --partial /pkg/usr/local
	refute_output --partial /pkg/etc
}

@test "the example of an eratab is one" {
	run -0 "$ERA_BUILD/era_setup" tab --eratab "$top/docs/eratab.example"
	assert_output ""
	sed 's/^#\([a-z]\)/\1/' "$top/docs/eratab.example" >eratab
	run -0 "$ERA_BUILD/era_setup" tab --eratab eratab
	assert_line --partial root_era
	assert_line --partial data_era
}

@test "scripts of the initramfs are POSIX sh" {
	for file in "$top"/initramfs/hook "$top"/initramfs/local-* "$top"/dracut/90era/era-*.sh "$top"/systemd/era.shutdown; do
		run -0 shellcheck -s sh "$file"
	done
}
