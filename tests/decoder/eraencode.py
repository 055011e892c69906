# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes era streams by hand, right ones and deliberately wrong ones. From docs/format.md alone.

A Stream keeps the book a writer keeps (sequence numbers, counts, index entries, header digest) and fills in
what a caller leaves out. Every field of every structure can be given instead; checksums are computed over
what is written, wrong values included, unless they too are given. Nothing is checked here.

    s = Stream(b"0123456789abcdef")
    s.head(device_size=4096)
    s.pass_()
    s.map([(0, 4096)])
    s.data(0, b"x" * 4096)
    s.finish()
    open(path, "wb").write(s.bytes)
"""

import functools
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from xxh3 import xxh3_64, xxh3_128  # noqa: E402

MIB = 1 << 20
HEAD, MAP, DATA, ZERO, PASS, END, INDEX = range(1, 8)
FULL, INCREMENTAL, REVERSE = 1, 2, 3
OPTIONAL = 1
NO_ID = bytes(16)


@functools.lru_cache
def zstd(content, *options):
    """One zstd frame. It says how long its content is unless --no-content-size is among the options."""
    size = [] if "--no-content-size" in options else [f"--stream-size={len(content)}"]
    return subprocess.run(["zstd", "-cq", "--no-check", *size, *options], input=content, check=True,
                          stdout=subprocess.PIPE).stdout


def field(tag, value, length=None):
    """A field of HEAD."""
    return struct.pack("<HH", tag, len(value) if length is None else length) + value


class Stream:
    def __init__(self, sid, magic=b"\x89ERA\r\n\x1a\n", major=1, minor=0, features=0, checksum=None,
                 auto_index=True):
        self.sid = sid
        raw = struct.pack("<8sHHI16s", magic, major, minor, features, sid)
        self.bytes = bytearray(raw + struct.pack("<Q", xxh3_64(raw) if checksum is None else checksum))
        self.headers = bytearray(self.bytes)
        self.seq = 0
        self.passes, self.c, self.consistency = 0, 0, 3
        self.counts = dict(data=0, zero=0, data_bytes=0, zero_bytes=0, stored=0)
        self.auto_index, self.pending, self.last_index, self.end_pos = auto_index, [], 0, 0

    @property
    def pos(self):
        return len(self.bytes)

    # 4 Frame header

    def frame(self, type, content=b"", stored=None, codec=None, flags=0, offset=0, logical=None, seq=None,
              stored_len=None, zero=0, stored_sum=None, content_sum=None, head_sum=None, sid=None, magic=b"ERF1",
              append=True):
        """Appends a frame. With stored given and no codec, the codec is zstd. Returns the header."""
        codec = codec if codec is not None else 0 if stored is None else 1
        stored = content if stored is None else stored
        raw = struct.pack("<4sBBHQQQIIQQ", magic, type, codec, flags, self.seq if seq is None else seq, offset,
                          len(content) if logical is None else logical,
                          len(stored) if stored_len is None else stored_len, zero,
                          xxh3_64(stored) if stored_sum is None else stored_sum,
                          xxh3_64(content) if content_sum is None else content_sum)
        raw += struct.pack("<Q", xxh3_64((sid or self.sid) + raw) if head_sum is None else head_sum)
        self.bytes += raw + stored
        self.headers += raw
        self.seq += 1
        return raw

    def extent(self, type, offset, length, content, **over):
        pos = self.pos
        self.frame(type, content, offset=offset, logical=over.pop("logical", length), **over)
        stored_len = self.pos - pos - 64
        name = "data" if type == DATA else "zero"
        self.counts[name] += 1
        self.counts[name + "_bytes"] += length
        self.counts["stored"] += stored_len
        self.pending.append(entry(offset, length, pos, stored_len, self.passes, type))
        if self.auto_index and len(self.pending) == 4096:
            self.index()

    # 5 Frames

    def head(self, stream_id=None, state_id=None, parent_id=NO_ID, generation=b"GENERATION 00001", since=0, c=0,
             device_size=4096, parent_size=0, time=1700000000, granule=4096, sector=512, kind=FULL, cut=4,
             consistency=3, flags=0, stall=0, fields=b"", cut_short=None, **frame):
        self.consistency = consistency
        content = struct.pack("<16s16s16s16sQQQQQQIBBBBQ", stream_id or self.sid, state_id or self.sid, parent_id,
                              generation, since, c, device_size, parent_size, time, granule, sector, kind, cut,
                              consistency, flags, stall) + fields
        self.frame(HEAD, content[:cut_short], **frame)

    def pass_(self, number=None, zero=0, since=0, c=None, extra=b"", **frame):
        self.passes += 1
        self.c = self.c if c is None else c
        self.frame(PASS, struct.pack("<IIQQ", self.passes if number is None else number, zero, since, self.c) + extra,
                   **frame)

    def map(self, extents=(), extra=b"", **frame):
        """One MAP frame; extents are (offset, length)."""
        self.frame(MAP, b"".join(struct.pack("<QQ", *e) for e in extents) + extra, **frame)

    def data(self, offset, content, length=None, **frame):
        self.extent(DATA, offset, len(content) if length is None else length, content, **frame)

    def zero(self, offset, length, **frame):
        self.extent(ZERO, offset, length, b"", **frame)

    def end(self, pad=b"\0\0\0", digest=None, extra=b"", cut_short=None, frame=None, **over):
        self.end_pos = self.pos
        v = dict(self.counts, c=self.c, frames=self.seq, passes=self.passes, consistency=self.consistency, stall=0)
        v.update(over)
        content = struct.pack("<QQQQQQQIB3sQ16s", v["c"], v["frames"], v["data"], v["zero"], v["data_bytes"],
                              v["zero_bytes"], v["stored"], v["passes"], v["consistency"], pad, v["stall"],
                              xxh3_128(self.headers) if digest is None else digest) + extra
        self.frame(END, content[:cut_short], **(frame or {}))

    def index(self, before=None, count=None, zero=0, entries=None, extra=b"", **frame):
        entries = self.pending if entries is None else entries
        pos = self.pos
        self.frame(INDEX, struct.pack("<QII", self.last_index if before is None else before,
                                      len(entries) if count is None else count, zero) + b"".join(entries) + extra,
                   **frame)
        self.pending, self.last_index = [], pos

    # 6 Footer

    def footer(self, magic=b"ERAFOOT\n", end=None, index=None, length=None, zero=0, checksum=None, sid=None):
        raw = struct.pack("<8sQQQQ", magic, self.end_pos if end is None else end,
                          self.last_index if index is None else index,
                          self.pos + 48 if length is None else length, zero)
        self.bytes += raw + struct.pack("<Q", xxh3_64((sid or self.sid) + raw) if checksum is None else checksum)

    def finish(self, end=None, index=None, footer=None):
        """END, the last INDEX and the footer; each argument holds what to write other than it should be."""
        self.end(**(end or {}))
        self.index(**(index or {}))
        self.footer(**(footer or {}))
        return self


def entry(offset, length, pos, stored_len, number, type, zero=bytes(7)):
    """An entry of INDEX."""
    return struct.pack("<QQQIIB7s", offset, length, pos, stored_len, number, type, zero)
