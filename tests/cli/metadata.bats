#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# era_copy --metadata and --list: lists and streams from dm-era metadata that is not in use. That lists are
# those of era_invalidate is tested in metadata-list.bats.

# Helpers and run set loop, stderr and others.
# shellcheck disable=SC2154
load helpers

setup() {
	prepare
	# 16 blocks of 64 KiB. Since 2: 0, 2, 3, 5; since 3: 0, 5; since 4: 5.
	echo '<superblock uuid="" block_size="128" nr_blocks="16" current_era="5">
		<writeset era="3" nr_bits="16"><bit block="0" value="true"/></writeset>
		<writeset era="4" nr_bits="16"><bit block="5" value="true"/></writeset>
		<era_array><era block="2" era="2"/><era block="3" era="2"/><era block="9" era="1"/></era_array>
		</superblock>' >a.xml
	restore a.xml meta
	truncate -s 1M src.img
	noise 1 500000 | put src.img 0
	gen=$(printf %032d 1)
	id=$(printf %032d 2)
}

teardown() {
	undo_all
}

restore() { # XML FILE
	truncate -s 1M "$2"
	era_restore -q -i "$1" -o "$2"
}

# hold FILE: as after take_metadata_snap: a copy of the superblock in block 200, and the era moves on.
hold() {
	python3 - "$1" <<'END'
import struct, sys

table = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    table.append(n)

def seal(b):
    c = 0xffffffff
    for x in b[4:]:
        c = c >> 8 ^ table[(c ^ x) & 255]
    b[0:4] = struct.pack("<I", c ^ 146538381)
    return b

with open(sys.argv[1], "r+b") as f:
    own = bytearray(f.read(4096))
    held = bytearray(own)
    held[8:16] = struct.pack("<Q", 200)
    held[216:224] = struct.pack("<Q", 0)
    own[216:224] = struct.pack("<Q", 200)
    own[184:188] = struct.pack("<I", struct.unpack("<I", own[184:188])[0] + 1)
    f.seek(200 * 4096)
    f.write(seal(held))
    f.seek(0)
    f.write(seal(own))
END
}

list() { # ARG...
	capture era_copy --list --metadata meta "$@"
	assert_equal "$status: $stderr" "0: "
}

# Lists

@test "text: begin and end of each range" {
	list --since 2
	assert_equal "$output" $'0 1\n2 4\n5 6'
	list --since 3
	assert_equal "$output" $'0 1\n5 6'
	list --since 4
	assert_equal "$output" "5 6"
	list --since 5
	assert_equal "$output" ""
	run -0 era_copy --list=text --metadata meta --since 4
	assert_output "5 6"
}

@test "XML: what era_invalidate prints" {
	run -0 era_copy --list=xml --metadata meta --since 2
	assert_output $'<blocks>\n  <block block="0"/>\n  <range begin="2" end="4"/>\n  <block block="5"/>\n</blocks>'
	run -0 era_copy --list=xml --metadata meta --since 5
	assert_output $'<blocks>\n</blocks>'
}

@test "JSON: with block size, eras and count" {
	run -0 era_copy --list=json --metadata meta --since 3
	assert_equal "$(jq -c . <<<"$output")" \
		'{"block_size":128,"nr_blocks":16,"since":3,"era":6,"changed_blocks":2,"ranges":[[0,1],[5,6]]}'
}

@test "--before bounds the list: what a rollback of the vendor's snapshot must invalidate" {
	list --since 2 --before 3
	assert_equal "$output" "2 4"
	list --since 2 --before 4
	assert_equal "$output" $'0 1\n2 4'
	list --since 3 --before 4
	assert_equal "$output" "0 1"
	list --since 4 --before 4
	assert_equal "$output" ""
}

@test "--from TOKEN lists since the token's era" {
	list --from "era1.$gen.$id.4.1048576"
	assert_equal "$output" "5 6"
}

@test "an era that has not come yet lists nothing" {
	list --since 4000000000
	assert_equal "$output" ""
}

@test "a device is not needed for a list, and gives the same with one" {
	list --since 3 src.img
	assert_equal "$output" $'0 1\n5 6'
}

@test "a list onto a full disk or into a pipe nobody reads is a failure" {
	run -1 bash -c 'era_copy --list --metadata meta --since 2 >/dev/full'
	assert_output --partial "writing the list of blocks"
	mkfifo fifo
	run --separate-stderr -1 bash -c 'exec 3<>fifo 4>fifo 3<&-; era_copy --list --metadata meta --since 2 >&4'
	says "writing the list of blocks: Broken pipe"
}

@test "--held lists the held snapshot, which has not the era that runs now" {
	fails 2 era_copy --list --held --metadata meta --since 2
	says "meta: no metadata snapshot is held"
	hints
	hold meta
	run -0 era_copy --list=json --held --metadata meta --since 3
	assert_equal "$(jq -c '[.era, .ranges]' <<<"$output")" '[5,[[0,1],[5,6]]]'
	run -0 era_copy --list=json --metadata meta --since 3
	assert_equal "$(jq -c '.era' <<<"$output")" 7
}

@test "metadata that is damaged, empty, cut off or none is corrupt, and named" {
	truncate -s 1M zeros
	fails 3 era_copy --list --metadata zeros --since 1
	says "zeros: "
	truncate -s 5000 short
	cp meta short && truncate -s 4096 short
	fails 3 era_copy --list --metadata short --since 1
	says "short: "
	: >empty
	fails 3 era_copy --list --metadata empty --since 1
	says "empty: "
	noise 1 100000 >noise
	fails 3 era_copy --list --metadata noise --since 1
	says "noise: "
	fails 1 era_copy --list --metadata missing --since 1
	says "missing: "
	fails 2 era_copy --list --metadata . --since 1
	printf x | put meta 700
	fails 3 era_copy --list --metadata meta --since 1
	says "meta: " "checksum"
}

# Streams

@test "a stream from metadata beside an image: what was written since the token's era" {
	cp src.img m0.img
	era_copy --full --era 3 src.img | era_apply m.img
	for block in 0 5; do
		noise $block 65536 | put src.img $((block * 65536))
	done
	era_copy --from "$(token m.img)" --metadata meta src.img >s.era
	assert_equal "$(frames s.era '[.head.since, .head.era, .head.era_block]')" "[3,6,65536]"
	assert_equal "$(frames s.era '[.frames[] | select(.type == "MAP") | .offset / 65536]')" "[0,5]"
	era_apply m.img <s.era
	cmp src.img m.img
	[[ $(token m.img) == *.6.1048576 ]] || fail "$(token m.img)"
}

@test "the era after a held snapshot is the snapshot's own, after metadata at rest the next" {
	hold meta
	token=era1.$gen.$id.3.1048576
	era_copy --from "$token" --held --metadata meta src.img >s.era
	assert_equal "$(frames s.era .head.era)" 5
	era_copy --from "$token" --metadata meta src.img >s.era
	assert_equal "$(frames s.era .head.era)" 7
}

@test "a full from metadata has everything, and the era for the next token" {
	era_copy --full --metadata meta src.img >s.era
	assert_equal "$(frames s.era '[.head.kind, .head.era, .end.zero_bytes + .end.data_bytes]')" \
		'["full",6,1048576]'
	era_apply m.img <s.era
	cmp src.img m.img
	era_copy --from full --metadata meta src.img >s.era
	assert_equal "$(frames s.era '[.head.kind, .head.era]')" '["full",6]'
}

@test "an estimate from metadata" {
	run -0 era_copy --since 3 --metadata meta --estimate src.img
	assert_output "incremental: 128 KiB of 1.00 MiB to copy"
	run -0 era_copy --from "era1.$gen.$id.4.1048576" --metadata meta --estimate --json src.img
	assert_equal "$(jq -c . <<<"$output")" \
		'{"kind":"incremental","bytes":65536,"size":1048576,"since":4,"era":6}'
}

@test "a token without an era, or of one that has not come yet, needs a full" {
	fails 4 era_copy --from "era1.$gen.$id.0.1048576" --metadata meta src.img
	says "src.img: the token names no era"
	hints "era_copy --full src.img"
	fails 4 era_copy --from "era1.$gen.$id.7.1048576" --metadata meta src.img
	says "meta: has the eras below 6, and the token is of era 7"
	hints "era_copy --full src.img"
	era_copy --from "era1.$gen.$id.6.1048576" --metadata meta src.img | era_apply --verify
}

@test "metadata of a larger device is refused" {
	truncate -s 900000 src.img
	fails 3 era_copy --from "era1.$gen.$id.3.900000" --metadata meta src.img
	says "meta: is for 16 era blocks, the device has 14"
	hints
}

@test "metadata of a smaller device is refused: changes behind its end were not tracked" {
	truncate -s 2M src.img
	fails 3 era_copy --from "era1.$gen.$id.3.2097152" --metadata meta src.img
	says "meta: is for 16 era blocks, the device has 32"
	hints
}

@test "a device that grew since: the new space is in though the metadata has it not" {
	era_copy --full --era 3 src.img | era_apply m.img
	truncate -s 1500000 src.img
	noise 9 400000 | put src.img 1100000
	era_copy --from "$(token m.img)" --metadata meta src.img | era_apply m.img
	cmp src.img m.img
}

@test "damaged metadata gives no stream at all" {
	printf x | put meta 700
	fails 3 era_copy --from "era1.$gen.$id.3.1048576" --metadata meta src.img
	fails 3 era_copy --from "era1.$gen.$id.3.1048576" --metadata meta -o out.era src.img
	assert [ ! -e out.era ]
}
