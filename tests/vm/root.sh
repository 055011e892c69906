# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# root: for scenarios whose machine boots a Debian of its own (tests/vm/rootfs) with its root on dm-era. Sourced
# behind lib.sh.
#
# Disks, in $work:
#   root.img     /dev/vda  GPT: 1 the root, 2 the data of a second volume
#   meta.img     /dev/vdb  GPT: 1 the metadata of the root, 2 that of the second volume
#   backup.img   /dev/vdc  ext4, empty: for mirrors
#
# The host is the boot loader: it takes initrd and arguments from the root's own /boot, as grub would.

root_uuid=11111111-2222-3333-4444-555555555555
root_bytes=$((384 << 20))
root_offset=$((1 << 20))
data_bytes=$((64 << 20))
meta_bytes=$((16 << 20))
backup_bytes=$((1 << 30))

is() { # GOT EXPECTED
	[ "$1" = "$2" ] || {
		echo "got '$1' instead of '$2'"
		return 1
	}
}

# Where machine runs something, the loop devices.
: "${root_disk:=}" "${meta_disk:=}"

# The host.

# A disk with partitions of these sizes, the first at 1 MiB; the PARTUUID of the first ends in TAG1 and so on.
gpt_disk() { # FILE TAG BYTES...
	local file=$1 tag=$2 nr=0 start=2048 total=2048 bytes
	shift 2

	for bytes; do
		total=$((total + bytes / 512))
	done
	make_disk "$file" $(((total + 2048) * 512))
	{
		for bytes; do
			nr=$((nr + 1))
			echo "start=$start, size=$((bytes / 512)), type=linux, uuid=aaaaaaaa-0000-4000-8000-${tag}$nr"
			start=$((start + bytes / 512))
		done
	} | sfdisk -q --label gpt "$file"
}

# With $kernel alone: each of the others costs an image at every turn.
one_kernel() { # TREE
	local file release

	for file in "$1"/boot/vmlinuz-*; do
		release=${file##*/vmlinuz-}
		[ "$release" = "$(cat "$kernel/release")" ] ||
			rm -rf "$1/boot/"*"-$release" "$1/usr/lib/modules/$release" "$1/var/lib/initramfs-tools/$release"
	done
}

# It makes what is missing, such as manuals, in the build: one after the other.
install_in() { # SOURCES TREE
	flock "${ERA_BUILD:-$1/build}" make -s -C "$1" B="${ERA_BUILD:-build}" DESTDIR="$2" install
}

# The disks of a machine on which erabackup has been installed but nothing set up. With `one` it has one kernel.
root_disks() { # [one]
	local top tree=$work/tree

	top=$(realpath "$vm_dir/../..")
	[ -n "${ERA_VM_ROOTFS:-}" ] || "$vm_dir/rootfs"
	cp -a "${ERA_VM_ROOTFS:-$top/build/vm/rootfs}/tree" "$tree"
	install_in "$top" "$tree" >"$work/install" 2>&1 || {
		cat "$work/install"
		return 1
	}
	[ "${1:-}" != one ] || one_kernel "$tree"
	gpt_disk "$work/root.img" 00000000000 "$root_bytes" "$data_bytes"
	mkfs.ext4 -q -U "$root_uuid" -E "offset=$root_offset" -d "$tree" "$work/root.img" "$((root_bytes / 1024))"
	rm -rf "$tree"
	gpt_disk "$work/meta.img" 10000000000 "$meta_bytes" "$meta_bytes"
	make_disk "$work/backup.img" "$backup_bytes"
	mkfs.ext4 -q "$work/backup.img"
}

# machine STATUS NAME FUNCTION [ARG...]: FUNCTION of this file, as root of that machine while it is off: in a chroot on
# its disk, as an installer would. It finds the disks in $root_disk and $meta_disk, their partitions in ${...}p1.
machine() {
	local expected=$1 name=$2 status=0
	shift 2

	relay "$vm_dir/root-chroot" "$work/root.img" "$work/meta.img" "$(realpath "$0")" --in-guest "$@" || status=$?
	if [ "$status" = "$expected" ]; then
		ok 0 "$name"
	else
		ok 1 "$name"
		echo "# exit status $status instead of $expected"
	fi
}

on_root() { # COMMAND of debugfs
	debugfs -R "$1" "$work/root.img?offset=$root_offset" 2>/dev/null
}

# What grub would give this kernel: the arguments of its first menu entry. Where there is no grub.cfg yet it is a
# machine fresh from the installer.
boot_arguments() { # RELEASE
	local line

	on_root "cat /boot/grub/grub.cfg" >"$work/grub.cfg"
	line=$(grep -m 1 "^[[:space:]]*linux[[:space:]]*/boot/vmlinuz-$1 " "$work/grub.cfg" || true)
	if [ -n "$line" ]; then
		echo "${line#*"/boot/vmlinuz-$1 "}"
	else
		echo "root=UUID=$root_uuid ro"
	fi
}

# boot_root STATUS NAME [OPTION...] -- FUNCTION [ARG...]: as boot of lib.sh, on the root's own disks. $kernel is
# the directory of the kernel, $extra are further arguments for it, and $no_meta leaves the disk of the metadata out.
kernel=$vm_dir/../../build/vm/kernel
extra=
no_meta=
boot_root() {
	local status=$1 name=$2 release disks
	shift 2

	release=$(cat "$kernel/release")
	: "${initrd:=/boot/initrd.img-$release}"
	rm -f "$work/initrd"
	on_root "dump $initrd $work/initrd"
	disks=(--disk "$work/root.img")
	# Whoever is not there has no letter: the others keep theirs.
	[ -n "$no_meta" ] && disks+=(--disk "$work/nothing.img") || disks+=(--disk "$work/meta.img")
	disks+=(--disk "$work/backup.img")
	[ -e "$work/nothing.img" ] || make_disk "$work/nothing.img" 1M
	boot "$status" "$name" --timeout 900 --kernel "$kernel" --initrd "$work/initrd" \
		--append "$(boot_arguments "$release") systemd.show_status=false${extra:+ $extra}" "${disks[@]}" "$@"
	initrd=
}

# The metadata of volume NR (1: the root) as the host sees it; the machine is off.
meta_image() { # NR FILE
	dd if="$work/meta.img" of="$2" bs=1M skip="$((1 + ($1 - 1) * meta_bytes / 1048576))" \
		count="$((meta_bytes / 1048576))" status=none
}

# One value of a label.
label() { # NR KEY
	local loop

	meta_image "$1" "$work/label"
	loop=$(losetup -f --show "$work/label")
	"${ERA_BUILD:-$vm_dir/../../build}/era_setup" dump --json "$loop" | jq -r ".$2"
	losetup -d "$loop"
}

# Does the mirror m.img on the disk for backups equal the root's partition, byte for byte?
mirror_is_root() {
	rm -f "$work/mirror"
	debugfs -R "dump /m.img $work/mirror" "$work/backup.img" 2>/dev/null
	is "$(stat -c %s "$work/mirror")" "$root_bytes"
	cmp -n "$root_bytes" "$work/mirror" "$work/root.img" 0 "$root_offset"
}

# Ends the boot at hand without a shutdown, when the guest has left a file `ready` in the share.
cut_power() {
	wait_for 600 test -e "$work/share/ready" || return
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"
	kill -9 "$(cat "$work/pid")"
	# Not before: the guest may not be through with making it.
	rm -f "$work/share/ready"
}

# The guest.

root_dev=/dev/mapper/root_era
mirror=/mnt/m.img

off_hard() {
	touch /run/eravm/off
}

mount_backup() {
	mountpoint -q /mnt || mount /dev/vdc /mnt
}

# The one-liner; options are for era_copy.
backup() {
	local status=0

	mount_backup
	era_copy --compress none "$@" --from "$(era_apply --token "$mirror")" "$root_dev" | era_apply "$mirror" ||
		status=1
	sync -f /mnt
	return $status
}

# With the root read-only, so that nothing changes any more. era_copy needs a place for its notes.
last_backup() {
	mount_backup
	mkdir -p /var/lib/era
	mount -t tmpfs notes /var/lib/era
	mount -o remount,ro /
	incremental
	cmp "$mirror" <(dd if="$root_dev" bs=1M iflag=direct status=none)
	umount /mnt
	# As the end of a shutdown would.
	era_setup close --all --final
}

# Of a full there would be all of it.
incremental() {
	mount_backup
	is "$(cut -d . -f 1 <<<"$(era_apply --token "$mirror")")" era1
	era_copy --compress none --from "$(era_apply --token "$mirror")" "$root_dev" >/tmp/incremental.era
	[ "$(stat -c %s /tmp/incremental.era)" -lt $((root_bytes / 4)) ]
	era_apply -i /tmp/incremental.era "$mirror"
	sync -f /mnt
}

tracked() {
	is "$(findmnt -nro SOURCE /)" "$root_dev"
	dmsetup table root_era | grep ' era '
	is "$(cat "/sys/block/$(basename "$(readlink -f "$root_dev")")/queue/discard_max_bytes")" 0
}

untracked() {
	is "$(findmnt -nro SOURCE /)" "$root_dev"
	dmsetup table root_era | grep ' linear '
}

# An incremental from what the mirror has is refused, for that reason.
history_gone() { # WORDS
	local status=0

	mount_backup
	era_copy --from "$(era_apply --token "$mirror")" "$root_dev" >/dev/null 2>/tmp/gone || status=$?
	cat /tmp/gone
	is "$status" 4
	grep -q "$1" /tmp/gone
}

multi_user() {
	systemctl is-active multi-user.target
	is "$(systemctl list-units --failed --no-legend --plain)" ""
}

write_files() { # DIRECTORY
	local i

	mkdir -p "$1"
	for ((i = 0; i < 40; i++)); do
		head -c $((RANDOM * 2)) /dev/urandom >"$1/$((RANDOM % 100))"
	done
	sync -f "$1"
}
