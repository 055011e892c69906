#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""eradecode: a second reader of era streams, written from docs/format.md alone.

    eradecode.py STREAM [--onto IMAGE] [--json]

Checks all that section 7 of docs/format.md demands of STREAM ("-": standard input) and, if nothing is wrong,
applies it to the file IMAGE: a full stream replaces it, others are written onto it. Exit code 0: well; 3: the
stream is refused, one line says where and why; 1: a file cannot be read or written.

It exists to disagree with era_apply: it shares no code with it, and takes no shortcut for speed but one.
Frames are read and hashed in batches, because checksums and zstd are commands here.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from xxh3 import EMPTY, xxh3_64, xxh3_64_all, xxh3_128  # noqa: E402

MIB = 1 << 20
HEAD, MAP, DATA, ZERO, PASS, END, INDEX = range(1, 8)
NAMES = {HEAD: "HEAD", MAP: "MAP", DATA: "DATA", ZERO: "ZERO", PASS: "PASS", END: "END", INDEX: "INDEX"}
FULL, INCREMENTAL, REVERSE = 1, 2, 3
MAP_EXTENTS, INDEX_ENTRIES = 65536, 4096
OPTIONAL_FROM, PASSES_MAX, DEVICE_MAX, GRANULE_MAX = 128, 64, 1 << 56, 1 << 40
NO_ID = bytes(16)
NOT_CONTENT = "the zstd frame does not decode to the content"


class Refused(Exception):
    """The stream departs from the page: byte position and reason."""

    def __init__(self, pos, reason):
        super().__init__(f"at byte {pos}: {reason}")


class Source:
    """A file read front to back, that knows its position."""

    def __init__(self, f):
        self.f, self.pos = f, 0

    def take(self, n, what):
        b = self.f.read(n)
        if len(b) != n:
            raise Refused(self.pos + len(b), f"truncated inside {what}")
        self.pos += n
        return b


# 3 Preamble

def read_preamble(src):
    """Returns the stream id and the 40 bytes."""
    raw = src.take(40, "the preamble")
    major, _minor, features = struct.unpack_from("<HHI", raw, 8)
    if raw[:8] != b"\x89ERA\r\n\x1a\n":
        raise Refused(0, "no era stream: wrong magic")
    if major != 1:
        raise Refused(8, f"major version {major} is not known")
    if struct.unpack_from("<Q", raw, 32)[0] != xxh3_64(raw[:32]):
        raise Refused(32, "wrong checksum of the preamble")
    if features:
        raise Refused(12, f"critical features {features:#x} are not known")
    if raw[16:32] == NO_ID:
        raise Refused(16, "the stream id is zero")
    return raw[16:32], raw


# 4 Frame header

class Frame:
    """A header of section 4, checked alone; later also its stored bytes and its content."""

    def __init__(self, pos, raw, sid, seq):
        (magic, self.type, self.codec, self.flags, self.seq, self.offset, self.logical, self.stored_len, zero,
         self.stored_sum, self.content_sum, head_sum) = struct.unpack("<4sBBHQQQIIQQQ", raw)
        self.pos, self.raw = pos, raw
        self.name = NAMES.get(self.type, f"type {self.type}")
        self.stored = self.content = b""
        self.problem = None                     # of the stored bytes, found when a batch was decoded
        self.need(magic == b"ERF1", "no frame: wrong magic")
        self.need(head_sum == xxh3_64(sid + raw[:56]), "wrong checksum of the frame header")
        self.need(self.seq == seq, f"sequence number {self.seq} instead of {seq}")
        self.need(self.flags & ~1 == 0, f"flags {self.flags:#x} are not known")
        self.need(self.codec in (0, 1), f"codec {self.codec} is not known")
        self.need(zero == 0, "bytes 36 to 39 are not zero")
        optional = self.type >= OPTIONAL_FROM
        self.need(optional or self.type in NAMES, "not known")
        self.need(optional == (self.flags & 1), "not optional" if optional else "this type is never optional")
        self.need(not optional or self.codec == 0, "optional, and compressed")
        self.need(self.stored_len <= MIB, f"stored length {self.stored_len} is over 1 MiB")
        if self.type == ZERO:
            self.need(self.codec == 0 and self.stored_len == 0, "a codec or stored bytes")
            self.need(self.stored_sum == EMPTY and self.content_sum == EMPTY, "a checksum not that of nothing")
        else:
            self.need(self.logical <= MIB, f"logical length {self.logical} is over 1 MiB")
        if self.type in (DATA, ZERO):
            self.need(self.logical > 0, "an empty extent")
        else:
            self.need(self.offset == 0, "a device offset")
        if self.type != ZERO and self.codec == 0:
            self.need(self.stored_len == self.logical, "stored length and logical length differ")
        if self.codec == 1:
            self.need(self.stored_len < self.logical, "compressed, yet not shorter")
        if self.type == DATA:
            self.need(self.offset // MIB == (self.offset + self.logical - 1) // MIB, "crosses a multiple of 1 MiB")

    def need(self, true, reason):
        if not true:
            raise Refused(self.pos, f"{self.name}: {reason}")


def read_headers(src, sid):
    """Frames with their stored bytes, in order, up to the INDEX behind END."""
    seq, behind_end = 0, False
    while True:
        f = Frame(src.pos, src.take(64, "a frame header"), sid, seq)
        f.stored = src.take(f.stored_len, f"the stored bytes of {f.name}")
        yield f
        if behind_end:
            return
        seq, behind_end = seq + 1, f.type == END


def read_frames(src, sid):
    """The same with both checksums right and the content decoded."""
    batch, weight, refused = [], 0, None
    headers = read_headers(src, sid)
    while True:
        try:
            f = next(headers, None)
        except Refused as e:
            f, refused = None, e
        if f:
            batch.append(f)
            weight += f.stored_len + f.logical if f.type != ZERO else 0
        if not f or len(batch) == 4096 or weight > 32 * MIB:
            yield from decode_batch(batch)
            batch, weight = [], 0
        if refused:
            raise refused
        if not f:
            return


def decode_batch(batch):
    for f, got in zip(batch, xxh3_64_all([f.stored for f in batch])):
        f.stored_ok = got == f.stored_sum
    unzstd([f for f in batch if f.codec == 1 and f.stored_ok])
    sums = xxh3_64_all([f.content if f.codec == 1 else b"" for f in batch])
    for f, got in zip(batch, sums):
        f.need(f.stored_ok, "wrong checksum of the stored bytes")
        if f.codec == 0:
            f.content, got = f.stored, f.stored_sum
        f.need(not f.problem, f.problem)
        f.need(got == f.content_sum, "wrong checksum of the content")
        yield f


def unzstd(frames):
    """Sets the content of each frame, or its problem."""
    many = []
    for f in frames:
        f.problem, said = walk_zstd(f.stored)
        if f.problem:
            pass
        elif said is None:
            unzstd_alone(f, narrow(f.stored))
        elif said != f.logical:
            f.problem = f"the zstd frame says {said} bytes, the header {f.logical}"
        else:
            many.append(f)
    with tempfile.TemporaryDirectory(prefix="eradecode.") as where:
        for i, f in enumerate(many):
            with open(f"{where}/{i}.zst", "wb") as out:
                out.write(narrow(f.stored))
        if many:
            subprocess.run(["zstd", "-dqf", "--long=31"] + [f"{i}.zst" for i in range(len(many))], cwd=where,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i, f in enumerate(many):
            try:
                with open(f"{where}/{i}", "rb") as result:
                    f.content = result.read(f.logical + 1)
            except FileNotFoundError:
                pass
            if len(f.content) != f.logical:
                f.problem = NOT_CONTENT


def narrow(b):
    """The zstd frame with a window of at most 8 MiB: no content is longer, but zstd would refuse to make room."""
    single, window = b[4] >> 5 & 1, b[5]
    return b if single or window >> 3 <= 13 else b[:5] + bytes([13 << 3]) + b[6:]


def unzstd_alone(f, stored):
    """For a frame that does not say how long its content is: never takes more than the header promises."""
    with tempfile.TemporaryFile() as file:
        file.write(stored)
        file.seek(0)
        with subprocess.Popen(["zstd", "-dcq", "--long=31"], stdin=file, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as zstd:
            f.content = zstd.stdout.read(f.logical + 1)
            zstd.stdout.close()
            if zstd.wait() != 0 or len(f.content) != f.logical:
                f.problem = NOT_CONTENT


def walk_zstd(b):
    """(problem or None, content size said or None) of what must be one zstd frame: RFC 8878, section 3.1.1."""
    if b[:4] != b"\x28\xb5\x2f\xfd" or len(b) < 6:
        return "no zstd frame", None
    desc = b[4]
    if desc & 8:
        return "a reserved bit of the zstd frame", None
    single = desc >> 5 & 1
    at = 5 + (1 - single)
    window = (8 + (b[5] & 7)) << (7 + (b[5] >> 3))
    id_len = (0, 1, 2, 4)[desc & 3]
    if any(b[at:at + id_len]):
        return "a zstd dictionary", None
    if not single and window >= 1 << 32:
        return "a zstd window of 4 GiB or more", None
    at += id_len
    size_len = (single, 2, 4, 8)[desc >> 6]
    said = int.from_bytes(b[at:at + size_len], "little") + (256 if size_len == 2 else 0) if size_len else None
    at += size_len
    last, block_max = 0, min(said if single else window, 128 << 10)
    while not last:
        block = int.from_bytes(b[at:at + 3], "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        if size > block_max:
            return "a block of the zstd frame that is too large", None
        at += 3 + (1 if kind == 1 else size)
        if at > len(b):
            return "the zstd frame is cut short", None
    at += 4 if desc & 4 else 0
    if at != len(b):
        return "the zstd frame ends before or behind the stored bytes", None
    return None, said


# 5 Frames: the order of things, and what they mean

def parse_head(f, sid):
    b = f.content
    f.need(len(b) >= 128, "shorter than 128 bytes")
    keys = ("stream_id state_id parent_id generation since c device_size parent_size time granule sector kind cut "
            "consistency flags stall").split()
    h = dict(zip(keys, struct.unpack_from("<16s16s16s16sQQQQQQIBBBBQ", b)))
    f.need(h["stream_id"] == sid, "not the stream id of the preamble")
    f.need(0 < h["device_size"] <= DEVICE_MAX, f"device size {h['device_size']}")
    f.need(h["parent_size"] <= DEVICE_MAX, f"parent's size {h['parent_size']}")
    f.need(0 < h["granule"] <= GRANULE_MAX and h["granule"] % 512 == 0, f"granule {h['granule']}")
    f.need(h["sector"] in [512 << i for i in range(8)], f"sector size {h['sector']}")
    f.need(h["kind"] in (FULL, INCREMENTAL, REVERSE), f"kind {h['kind']} is not known")
    f.need(1 <= h["cut"] <= 4, f"cut {h['cut']} is not known")
    f.need(1 <= h["consistency"] <= 4, f"consistency {h['consistency']} is not known")
    f.need(h["flags"] & ~3 == 0, f"byte 119 is {h['flags']:#x}")
    merged = h["flags"] & 2
    if merged:
        f.need(h["flags"] == 2, "merged, and announces more than one pass")
        f.need(h["kind"] != REVERSE, "merged, and reverse")
        f.need(h["state_id"] != NO_ID, "merged, and without a state id")
    elif h["kind"] != REVERSE:
        f.need(h["state_id"] == sid, "state id and stream id differ")
    else:
        f.need(h["parent_id"] != NO_ID, "a reverse stream without the id it undoes")
    if h["kind"] == FULL:
        f.need(h["parent_id"] == NO_ID, "a full stream with a parent id")
    if h["kind"] != INCREMENTAL:
        f.need(h["since"] == 0, "a since, and not incremental")
    f.need((h["parent_size"] == 0) == (h["kind"] == FULL), f"parent's size {h['parent_size']}")
    if h["kind"] == INCREMENTAL:
        f.need(h["parent_size"] <= h["device_size"], "an incremental that shrinks the device")
        f.need(h["c"] == 0 or h["c"] >= h["since"], f"since {h['since']} is more than C {h['c']}")
    h["fields"] = parse_fields(f, b)
    return h


def parse_fields(f, b):
    fields, at, last = {}, 128, -1
    while at < len(b):
        f.need(at + 4 <= len(b), "ends inside a field")
        tag, length = struct.unpack_from("<HH", b, at)
        value = b[at + 4:at + 4 + length]
        at += 4 + length
        f.need(at <= len(b), f"field {tag:#x} is longer than HEAD")
        f.need(tag > last, f"field {tag:#x} behind field {last:#x}")
        last = tag
        f.need(tag < 0x8000, f"critical field {tag:#x} is not known")
        if 1 <= tag <= 9:
            f.need(1 <= length <= 255 and 0 not in value, f"field {tag}: empty, too long, or a NUL")
            fields[tag] = value.decode(errors="backslashreplace")
    return fields


class Reader:
    """Takes the frames one by one and refuses what does not follow. step is the last thing taken:
    "start", HEAD, PASS, MAP, DATA (or ZERO), END, INDEX (the last)."""

    def __init__(self, sid, preamble):
        self.sid, self.headers = sid, bytearray(preamble)
        self.step, self.head, self.end = "start", None, None
        self.passes, self.c = 0, 0
        self.counts = dict(data=0, zero=0, data_bytes=0, zero_bytes=0, stored=0)
        self.pending, self.last_index = [], 0   # entries of no INDEX yet; its position
        self.end_pos = 0

    def take(self, f):
        f.need(self.step != "start" or f.type == HEAD, "stands before HEAD")
        f.need(self.step != END or f.type == INDEX, "stands behind END")
        f.need(len(self.pending) < INDEX_ENTRIES or f.type == INDEX, f"no INDEX behind {INDEX_ENTRIES} entries")
        if f.type in NAMES:
            getattr(self, "take_" + f.name.lower())(f)
        self.headers += f.raw

    # 5.1
    def take_head(self, f):
        f.need(self.step == "start", "a second one")
        self.head = parse_head(f, self.sid)
        self.step = HEAD

    # 5.2
    def take_pass(self, f):
        f.need(self.step != PASS, "a pass without MAP")
        self.finish_pass(f)
        f.need(len(f.content) == 24, f"{len(f.content)} bytes")
        number, zero, since, c = struct.unpack("<IIQQ", f.content)
        self.passes += 1
        f.need(number == self.passes, f"number {number} instead of {self.passes}")
        f.need(number <= PASSES_MAX, f"over {PASSES_MAX} passes")
        f.need(zero == 0, "bytes 4 to 7 are not zero")
        if number == 1:
            f.need(c == self.head["c"], f"C {c}, but {self.head['c']} in HEAD")
            f.need(since == self.head["since"], f"since {since}, but {self.head['since']} in HEAD")
        else:
            f.need(self.head["flags"] & 1, "a further pass that HEAD does not announce")
            f.need(since <= self.c, f"since {since} is more than {self.c}")
            f.need(c >= self.c and (c == 0) == (self.c == 0), f"C {c} behind {self.c}")
        self.c = c
        self.extents, self.at, self.reached, self.nr_maps, self.map_full = [], 0, 0, 0, True
        self.step = PASS

    def finish_pass(self, f):
        if self.passes:
            self.finish_map(f)
            f.need(self.at == len(self.extents), "the extents of the pass are not all there")

    # 5.3
    def take_map(self, f):
        f.need(self.step in (PASS, MAP), "does not stand at the begin of a pass")
        f.need(len(f.content) % 16 == 0, f"{len(f.content)} bytes")
        f.need(self.map_full, "behind one that was not full")
        f.need(self.nr_maps == 0 or f.content, "empty, and not the first")
        self.nr_maps += 1
        self.map_full = len(f.content) == 16 * MAP_EXTENTS
        size, granule = self.head["device_size"], self.head["granule"]
        end = self.extents[-1][1] if self.extents else -1
        for offset, length in struct.iter_unpack("<QQ", f.content):
            f.need(length > 0, "an empty extent")
            f.need(offset > end, f"extent at {offset} is not behind the one before, or touches it")
            end = offset + length
            f.need(end <= size, f"extent at {offset} ends behind the device")
            f.need(offset % granule == 0, f"extent at {offset} does not begin at a granule")
            f.need(end % granule == 0 or end == size, f"extent at {offset} does not end at a granule")
            self.extents.append((offset, end))
        self.step = MAP

    def finish_map(self, f):
        """Behind the last MAP: what that of the first pass must hold."""
        if self.step != MAP or self.passes > 1:
            return
        size, parent_size = self.head["device_size"], self.head["parent_size"]
        last = self.extents[-1] if self.extents else (size, size)
        if self.head["kind"] == FULL:
            f.need(self.extents == [(0, size)], "the MAP before, of a full, is not the whole device")
        elif size > parent_size:
            f.need(last[0] <= parent_size and last[1] == size, "the MAP before is without all the device grew by")

    # 5.4
    def take_data(self, f):
        f.need(self.step in (MAP, DATA), "stands before MAP")
        self.finish_map(f)
        self.step = DATA
        f.need(self.at < len(self.extents), "not in MAP")
        start, end = self.extents[self.at]
        start = max(start, self.reached)
        self.reached = f.offset + f.logical
        f.need(f.offset == start, f"begins at {f.offset}, MAP and the frames before say {start}")
        f.need(self.reached <= end, "ends behind its extent of MAP")
        self.at += self.reached == end
        name = "data" if f.type == DATA else "zero"
        self.counts[name] += 1
        self.counts[name + "_bytes"] += f.logical
        self.counts["stored"] += f.stored_len
        self.pending.append(struct.pack("<QQQIIB7x", f.offset, f.logical, f.pos, f.stored_len, self.passes, f.type))

    take_zero = take_data

    # 5.5
    def take_end(self, f):
        b = f.content
        f.need(self.passes > 0, "no pass before it")
        f.need(self.step != PASS, "a pass without MAP")
        self.finish_pass(f)
        f.need(len(b) == 88, f"{len(b)} bytes")
        keys = "c frames data zero data_bytes zero_bytes stored passes consistency stall digest".split()
        e = dict(zip(keys, struct.unpack("<QQQQQQQIB3xQ16s", b)))
        f.need(b[61:64] == bytes(3), "bytes 61 to 63 are not zero")
        for key, value in dict(self.counts, c=self.c, frames=f.seq, passes=self.passes).items():
            f.need(e[key] == value, f"{key} {e[key]}, the frames say {value}")
        f.need(1 <= e["consistency"] <= 4, f"consistency {e['consistency']} is not known")
        f.need(e["digest"] == xxh3_128(self.headers), "wrong digest")
        self.end, self.end_pos, self.step = e, f.pos, END

    # 5.6
    def take_index(self, f):
        f.need(self.step == END or len(self.pending) == INDEX_ENTRIES, "out of place")
        b = f.content
        f.need(len(b) >= 16, f"{len(b)} bytes")
        before, entries, zero = struct.unpack_from("<QII", b)
        f.need(before == self.last_index, f"INDEX before at {before}, it was at {self.last_index}")
        f.need(entries == len(self.pending), f"{entries} entries instead of {len(self.pending)}")
        f.need(zero == 0, "bytes 12 to 15 are not zero")
        f.need(len(b) == 16 + 40 * entries, f"{len(b)} bytes")
        for i, entry in enumerate(self.pending):
            f.need(b[16 + 40 * i:56 + 40 * i] == entry, f"entry {i} is wrong")
        self.pending, self.last_index = [], f.pos
        if self.step == END:
            self.step = INDEX


# 6 Footer

def read_footer(src, reader):
    pos, raw = src.pos, src.take(48, "the footer")
    magic, end, index, length, zero, checksum = struct.unpack("<8sQQQQQ", raw)
    for true, reason in (
            (magic == b"ERAFOOT\n", "no footer: wrong magic"),
            (checksum == xxh3_64(reader.sid + raw[:40]), "wrong checksum of the footer"),
            (zero == 0, "footer: bytes 32 to 39 are not zero"),
            (end == reader.end_pos, f"footer: END at {end}, it is at {reader.end_pos}"),
            (index == reader.last_index, f"footer: the last INDEX at {index}, it is at {reader.last_index}"),
            (length == src.pos, f"footer: length {length}, it is {src.pos}")):
        if not true:
            raise Refused(pos, reason)
    if src.f.read(1):
        raise Refused(src.pos, "bytes behind the footer")


# 2 The order of things

def read_stream(f, on_head=None, on_frame=None):
    """Checks a whole stream. on_head is called with the fields of HEAD, on_frame with every frame found good.
    Returns the Reader at the end, with head and end filled in."""
    src = Source(f)
    sid, preamble = read_preamble(src)
    reader = Reader(sid, preamble)
    for frame in read_frames(src, sid):
        reader.take(frame)
        if frame.type == HEAD and on_head:
            on_head(reader.head)
        if on_frame:
            on_frame(frame)
    read_footer(src, reader)
    return reader


class Image:
    """The file a stream is applied to."""

    def __init__(self, path):
        self.path, self.fd = path, -1

    def head(self, h):
        full = h["kind"] == FULL
        self.fd = os.open(self.path, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if full else 0), 0o666)
        os.ftruncate(self.fd, h["device_size"])

    def frame(self, f):
        if f.type == DATA:
            self.write(f.offset, f.content)
        elif f.type == ZERO:
            self.zero(f.offset, f.offset + f.logical)

    def write(self, offset, b):
        while b:
            n = os.pwrite(self.fd, b, offset)
            offset, b = offset + n, b[n:]

    def zero(self, offset, end):
        """Holes are zeros already: only what lies between them is written."""
        while offset < end:
            try:
                offset = os.lseek(self.fd, offset, os.SEEK_DATA)
            except OSError:                     # ENXIO: no data behind offset
                return
            stop = min(os.lseek(self.fd, offset, os.SEEK_HOLE), end)
            while offset < stop:
                n = min(MIB, stop - offset)
                self.write(offset, bytes(n))
                offset += n


def show(value):
    if isinstance(value, bytes):
        return value.hex()
    return {k: show(v) for k, v in value.items()} if isinstance(value, dict) else value


def main(argv=None):
    p = argparse.ArgumentParser(description="Check an era stream, and apply it to a file.")
    p.add_argument("stream", metavar="STREAM")
    p.add_argument("--onto", metavar="IMAGE", help="apply the stream to this file once all of it is found good")
    p.add_argument("--json", action="store_true", help="print head, frames and end")
    a = p.parse_args(argv)
    frames = []

    def note(f):
        frames.append(dict(pos=f.pos, type=f.name, codec=f.codec, flags=f.flags, seq=f.seq, offset=f.offset,
                           logical=f.logical, stored=f.stored_len, stored_sum=f"{f.stored_sum:016x}",
                           content_sum=f"{f.content_sum:016x}"))

    try:
        with open(a.stream, "rb") if a.stream != "-" else sys.stdin.buffer as f:
            reader = read_stream(f, on_frame=note if a.json else None)
            if a.onto:
                image = Image(a.onto)
                f.seek(0)
                read_stream(f, image.head, image.frame)
    except Refused as e:
        print(f"eradecode: {a.stream}: {e}", file=sys.stderr)
        return 3
    except OSError as e:
        print(f"eradecode: {e}", file=sys.stderr)
        return 1
    if a.json:
        json.dump(dict(head=show(reader.head), frames=frames, end=show(reader.end)), sys.stdout, indent=1)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
