#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Our reader of dm-era's metadata against era_invalidate, on metadata that era_restore wrote from XML,
# and on what a file system or a device can do to it. Programs are taken from $ERA_BUILD.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	tools=${ERA_BUILD:?}/tools
	# 1.x before 1.3.3 prints an empty list where nothing awaits digestion, so these tests need 0.9.
	if [[ $(era_invalidate -V) != 0.9* ]]; then
		PATH=$BATS_TEST_DIRNAME/../../build/vm/tpt0/usr/sbin:$PATH
	fi
	[[ $(era_invalidate -V) == 0.9* ]] || skip "needs era_invalidate 0.9: run tests/vm/tpt1"
	cd "$BATS_TEST_TMPDIR" || return 1
}

# restore SEED: a.bin of random blocks, writesets and eras; sets nr and era.
restore() {
	RANDOM=$1
	nr=$((RANDOM % 3000 + 1))
	era=$((RANDOM % 12 + 2))
	local sets=$((RANDOM % 4)) block first i
	[ "$sets" -lt "$era" ] || sets=$((era - 1))
	first=$((era - sets))
	{
		echo "<superblock uuid=\"\" block_size=\"$((8 * (RANDOM % 64 + 1)))\"" \
			"nr_blocks=\"$nr\" current_era=\"$era\">"
		for ((i = first; i < era; i++)); do
			echo "<writeset era=\"$i\" nr_bits=\"$nr\">"
			for ((block = RANDOM % 50; block < nr; block += RANDOM % 200 + 1)); do
				echo "<bit block=\"$block\" value=\"true\"/>"
			done
			echo "</writeset>"
		done
		echo "<era_array>"
		for ((block = RANDOM % 5; block < nr; block += RANDOM % 7 + 1)); do
			echo "<era block=\"$block\" era=\"$((RANDOM % first))\"/>"
		done
		echo "</era_array></superblock>"
	} > a.xml
	truncate -s 0 a.bin
	truncate -s 1M a.bin
	era_restore -q -i a.xml -o a.bin
}

# Without spaces around "=" and with no newline behind the end, 0.9 prints what 1.x does.
normal() {
	sed 's/ = /=/' | head -c -1
}

@test "the same list as era_invalidate on 60 random devices, since every era, to the byte" {
	for seed in $(seq 60); do
		restore "$seed"
		for ((since = 1; since <= era + 1; since++)); do
			era_invalidate --written-since "$since" a.bin | normal > theirs
			"$tools/metalist" --xml "$since" a.bin > ours
			cmp theirs ours || fail "seed $seed, since $since"
		done
	done
}

@test "era_invalidate's output, parsed, is the list" {
	restore 7
	era_invalidate --written-since 1 a.bin > theirs
	"$tools/metalist" --text 1 a.bin > ours
	"$tools/metalist" --parse --text "$nr" theirs > parsed
	cmp ours parsed
}

@test "metadata our generator wrote passes era_check, and both list the same" {
	for scatter in 0 1; do
		"$tools/mkmeta" 200000 128 9 4 100000 2 "$scatter" 3 m.bin
		run -0 era_check m.bin
		era_invalidate --written-since 4 m.bin | normal > theirs
		"$tools/metalist" --xml 4 m.bin > ours
		cmp theirs ours
	done
}

@test "JSON says the sizes, the eras and the count" {
	echo '<superblock uuid="" block_size="128" nr_blocks="16" current_era="5">
		<writeset era="3" nr_bits="16"><bit block="0" value="true"/></writeset>
		<era_array><era block="2" era="2"/><era block="3" era="2"/></era_array>
		</superblock>' > a.xml
	truncate -s 1M a.bin
	era_restore -q -i a.xml -o a.bin
	run -0 "$tools/metalist" --json 2 a.bin
	assert_output '{"block_size":128,"nr_blocks":16,"since":2,"era":5,"changed_blocks":3,"ranges":[[0,1],[2,4]]}'
}

@test "without a held snapshot, reading one is a usage error with a hint" {
	restore 1
	run -2 "$tools/metalist" --held 1 a.bin
	assert_output --partial "no metadata snapshot is held"
	assert_output --partial "hint: "
}

@test "a file that ends before its blocks is corrupt" {
	"$tools/mkmeta" 200000 128 9 4 100000 2 0 3 m.bin
	truncate -s 400000 m.bin
	run -3 "$tools/metalist" 1 m.bin
	assert_output --partial "of a device of 97"
	truncate -s 4095 m.bin
	run -3 "$tools/metalist" 1 m.bin
	assert_output --partial "no room for a superblock"
	truncate -s 0 m.bin
	run -3 "$tools/metalist" 1 m.bin
}

@test "an all-zero device is corrupt, and the message says what that means" {
	truncate -s 1M z.bin
	run -3 "$tools/metalist" 1 z.bin
	assert_output --partial "all zero"
}

@test "what is neither a device nor a file is a usage error" {
	mkfifo fifo
	run -2 "$tools/metalist" 1 fifo
	run -2 "$tools/metalist" 1 .
	run -1 "$tools/metalist" 1 missing
	assert_output --partial "missing: No such file"
}

@test "a file on tmpfs" {
	restore 2
	"$tools/metalist" 1 a.bin > want
	dir=$(mktemp -d /dev/shm/metadata-list.XXXXXX)
	cp a.bin "$dir/a.bin"
	run -0 "$tools/metalist" 1 "$dir/a.bin"
	rm -r "$dir"
	assert_output "$(cat want)"
}

@test "a device of 4096-byte sectors" {
	restore 2
	"$tools/metalist" 1 a.bin > want
	loop=$(losetup --show --find --sector-size 4096 --read-only a.bin)
	run "$tools/metalist" 1 "$loop"
	losetup --detach "$loop"
	assert_success
	assert_output "$(cat want)"
}

@test "a list for a larger device does not fit" {
	restore 2
	era_invalidate --written-since 1 a.bin > theirs
	run -3 "$tools/metalist" --parse 1 theirs
	assert_output --partial "does not fit the device"
}

@test "a full disk is an error" {
	restore 2
	run -1 bash -c '"$1" --xml 1 a.bin > /dev/full' - "$tools/metalist"
	assert_output --partial "writing the list of blocks"
}

@test "two readers at once list what one lists and what era_invalidate lists, with and without order on disk" {
	local seed nr

	for seed in 1 2 3 4; do
		# Fewer blocks than parts, some parts, many; never a whole number of them.
		nr=$((seed * seed * 60000 + 77))
		"$tools/mkmeta" "$nr" 128 12 5 20000 3 $((seed % 2)) "$seed" meta.bin
		"$tools/metalist" --text 5 meta.bin >one.txt
		"$ERA_BUILD/era_copy" --list --since 5 --metadata meta.bin >two.txt
		cmp one.txt two.txt
		era_invalidate --written-since 5 meta.bin >theirs.xml
		"$tools/metalist" --parse --text "$nr" theirs.xml >theirs.txt
		cmp two.txt theirs.txt
		[ -s two.txt ]
	done
}
