#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""drop.py - remove records from the middle of a trace, as if they had been overwritten before they were saved.

usage: drop.py TRACE OUT FROM N

Writes TRACE without the records FROM to FROM + N - 1 of its first RING section that has so many, and counts them as
lost.
"""
import struct
import sys

from damage import END, HEADER, RECORD, RING, RING_HEADER, SECTION

MASK = (1 << 64) - 1


def checksum(data):
    """Return what hst_sum() (trace/file/file.c) returns."""
    value = 0xcbf29ce484222325
    for word, in struct.iter_unpack("<Q", data):
        value = (value ^ word) * 0x9e3779b97f4a7c15 & MASK
        value ^= value >> 29
    return value


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    first, number = int(sys.argv[3]), int(sys.argv[4])
    out, at, dropped = bytearray(data[:HEADER]), HEADER, False
    while at < len(data):
        kind, hart, size = struct.unpack_from("<IIQ", data, at)
        body = data[at + SECTION:at + SECTION + (size + 7) // 8 * 8]
        at += SECTION + len(body)
        if kind == RING and size >= RING_HEADER + (first + number) * RECORD and not dropped:
            total, lost = struct.unpack_from("<QQ", body)
            cut = RING_HEADER + first * RECORD
            body = struct.pack("<QQ", total, lost + number) + body[RING_HEADER:cut] + body[cut + number * RECORD:]
            size, dropped = len(body), True
        if kind == END:
            body = struct.pack("<Q", checksum(out))
        out += struct.pack("<IIQ", kind, hart, size) + body
    with open(sys.argv[2], "wb") as file:
        file.write(out)
    return 0 if dropped else "no section has so many records"


sys.exit(main())
