# SPDX-License-Identifier: GPL-3.0-or-later
"""XXH3 for the independent decoder and encoder.

Inputs up to 4 KiB (frame headers, most control frames) are hashed here, which is faster than a process; longer
ones go to the xxhsum command, many in one call. `python3 xxh3.py` compares the two.
"""

import os
import struct
import subprocess
import tempfile

M64 = (1 << 64) - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
ACC = (0xC2B2AE3D, P1, P2, P3, 0x85EBCA77C2B2AE63, 0x85EBCA77, 0x27D4EB2F165667C5, 0x9E3779B1)
HERE = 4096

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")

PAIRS = [struct.unpack_from("<QQ", SECRET, i) for i in range(0, 177)]
EMPTY = 0x2D06800538D394C2


def _u32(b, at):
    return int.from_bytes(b[at:at + 4], "little")


def _u64(b, at):
    return int.from_bytes(b[at:at + 8], "little")


def _avalanche64(h):
    h = (h ^ (h >> 33)) * P2 & M64
    h = (h ^ (h >> 29)) * P3 & M64
    return h ^ (h >> 32)


def _avalanche(h):
    h = (h ^ (h >> 37)) * 0x165667919E3779F9 & M64
    return h ^ (h >> 32)


def _rotl(h, n):
    return (h << n | h >> (64 - n)) & M64


def _mix16(b, at, secret_at):
    lo, hi = struct.unpack_from("<QQ", b, at)
    k0, k1 = PAIRS[secret_at]
    p = (lo ^ k0) * (hi ^ k1)
    return (p ^ (p >> 64)) & M64


def _short(b):
    """XXH3-64 of 0 to 240 bytes."""
    n = len(b)
    if n == 0:
        return EMPTY
    if n <= 3:
        word = b[0] << 16 | b[n >> 1] << 24 | b[-1] | n << 8
        return _avalanche64(word ^ _u32(SECRET, 0) ^ _u32(SECRET, 4))
    if n <= 8:
        h = _u32(b, n - 4) + (_u32(b, 0) << 32) ^ _u64(SECRET, 8) ^ _u64(SECRET, 16)
        h ^= _rotl(h, 49) ^ _rotl(h, 24)
        h = h * 0x9FB21C651E98DF25 & M64
        h ^= (h >> 35) + n
        h = h * 0x9FB21C651E98DF25 & M64
        return h ^ (h >> 28)
    if n <= 16:
        lo = _u64(b, 0) ^ _u64(SECRET, 24) ^ _u64(SECRET, 32)
        hi = _u64(b, n - 8) ^ _u64(SECRET, 40) ^ _u64(SECRET, 48)
        p = lo * hi
        swapped = int.from_bytes(lo.to_bytes(8, "little"), "big")
        return _avalanche(n + swapped + hi + ((p ^ (p >> 64)) & M64) & M64)
    acc = n * P1
    if n <= 128:
        for i in range((n + 31) // 32):
            acc += _mix16(b, 16 * i, 32 * i) + _mix16(b, n - 16 * (i + 1), 32 * i + 16)
        return _avalanche(acc & M64)
    for i in range(8):
        acc += _mix16(b, 16 * i, 16 * i)
    acc = _avalanche(acc & M64)
    for i in range(8, n // 16):
        acc += _mix16(b, 16 * i, 16 * (i - 8) + 3)
    return _avalanche(acc + _mix16(b, n - 16, 119) & M64)


def _accumulate(b):
    """The eight lanes after all of more than 240 bytes."""
    acc, n = list(ACC), len(b)
    stripes = (n - 1) // 64
    places = [(64 * i, 8 * (i % 16)) for i in range(stripes)] + [(n - 64, 121)]
    for i, (at, secret_at) in enumerate(places):
        lanes, keys = struct.unpack_from("<8Q", b, at), struct.unpack_from("<8Q", SECRET, secret_at)
        for j in range(8):
            mixed = lanes[j] ^ keys[j]
            acc[j ^ 1] = acc[j ^ 1] + lanes[j] & M64
            acc[j] = acc[j] + (mixed & 0xFFFFFFFF) * (mixed >> 32) & M64
        if i % 16 == 15 and i < stripes and (i + 1) * 64 <= (n - 1) // 1024 * 1024:
            keys = struct.unpack_from("<8Q", SECRET, 128)
            acc = [(a ^ a >> 47 ^ k) * 0x9E3779B1 & M64 for a, k in zip(acc, keys)]
    return acc


def _merge(acc, secret_at, h):
    for i in range(4):
        k0, k1 = PAIRS[secret_at + 16 * i]
        p = (acc[2 * i] ^ k0) * (acc[2 * i + 1] ^ k1)
        h += (p ^ (p >> 64)) & M64
    return _avalanche(h & M64)


def _here(b):
    return _short(b) if len(b) <= 240 else _merge(_accumulate(b), 11, len(b) * P1)


def _xxhsum(option, blobs):
    """The digests xxhsum prints for the blobs, in hex: one call for all of them."""
    with tempfile.TemporaryDirectory(prefix="xxh3.") as where:
        names = [str(i) for i in range(len(blobs))]
        for name, blob in zip(names, blobs):
            with open(os.path.join(where, name), "wb") as f:
                f.write(blob)
        out = subprocess.run(["xxhsum", option, "--tag"] + names, cwd=where, check=True, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    digests = {}
    for line in out.splitlines():           # XXH3 (NAME) = DIGEST
        _, name, _, digest = line.split()
        digests[name.strip("()")] = digest
    return [digests[name] for name in names]


def xxh3_64_all(blobs):
    """XXH3-64 of each of the blobs, of any length."""
    sums = [_here(b) if len(b) <= HERE else None for b in blobs]
    long_at = [i for i, s in enumerate(sums) if s is None]
    if long_at:
        for i, digest in zip(long_at, _xxhsum("-H3", [blobs[i] for i in long_at])):
            sums[i] = int(digest, 16)
    return sums


def xxh3_64(b):
    return _here(b) if len(b) <= HERE else xxh3_64_all([b])[0]


def xxh3_128(b):
    """XXH3-128 in canonical order: 16 bytes."""
    if not 240 < len(b) <= HERE:
        return bytes.fromhex(_xxhsum("-H2", [b])[0])
    acc = _accumulate(b)
    return struct.pack(">QQ", _merge(acc, 117, ~(len(b) * P2) & M64), _merge(acc, 11, len(b) * P1))


def _selftest():
    lengths = list(range(600)) + list(range(1000, 1100)) + list(range(2040, 2060)) + [3071, 3072, 3073, 4095, 4096]
    blobs = [bytes((i * 7 + n * 31 + i * i // 5) & 255 for i in range(n)) for n in lengths]
    wrong = [n for n, b, d in zip(lengths, blobs, _xxhsum("-H3", blobs)) if xxh3_64(b) != int(d, 16)]
    wrong += [n for n, b, d in zip(lengths, blobs, _xxhsum("-H2", blobs)) if xxh3_128(b).hex() != d]
    print("lengths that differ from xxhsum:", wrong or "none")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(_selftest())
