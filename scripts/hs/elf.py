# SPDX-License-Identifier: MIT
"""elf.py - read segments, symbols and functions of a 64-bit ELF file, inside gdb or outside.

pyelftools is not used, because it takes 1.05 s to list the symbols of hyperscope.elf. This module takes
0.09 s, and each start of gdb waits for the list.
"""
import struct
from typing import NamedTuple

from hs.errors import LaunchError

PT_LOAD, SHT_SYMTAB, SHF_EXECINSTR = 1, 2, 4
NOTYPE, OBJECT, FUNC = 0, 1, 2
LOCAL, WEAK = 0, 2


class ElfError(LaunchError, ValueError):
    """The file is not a 64-bit ELF file, or it is damaged."""


class Segment(NamedTuple):
    virtual: int
    physical: int
    size: int
    offset: int     # in the file
    file_size: int


class Symbol(NamedTuple):
    name: str
    value: int
    size: int
    kind: int
    bind: int
    is_code: bool   # in an executable section


def _data(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] != b"\x7fELF\x02\x01":
        raise ElfError("%s is not a 64-bit ELF file, so it has no symbols" % path)
    return data


def _read(path, what):
    data = _data(path)
    try:
        return list(what(data))
    except (struct.error, IndexError, OverflowError, ValueError):
        raise ElfError("%s is damaged" % path) from None


def _segments(data):
    offset, = struct.unpack_from("<Q", data, 0x20)
    size, number = struct.unpack_from("<HH", data, 0x36)
    for at in range(offset, offset + size * number, size or 1):
        kind, _, start, virtual, physical, file_size, memory, _ = struct.unpack_from("<IIQQQQQQ", data, at)
        if kind == PT_LOAD:
            yield Segment(virtual, physical, memory, start, file_size)


def _symbols(data):
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, number = struct.unpack_from("<HH", data, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(number)]
    for _, kind, _, _, start, length, link, *_ in sections:
        if kind != SHT_SYMTAB:
            continue
        names = sections[link][4]
        for at in range(start, start + length - 23, 24):
            name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", data, at)
            if section and name and info & 15 in (NOTYPE, OBJECT, FUNC):
                text = data[names + name:data.index(b"\0", names + name)].decode("utf-8", "replace")
                code = section < number and bool(sections[section][2] & SHF_EXECINSTR)
                yield Symbol(text, value, size, info & 15, info >> 4, code)


def segments(path):
    """Return the file's loadable segments."""
    return _read(path, _segments)


def table(path):
    """Return the symbols that the file defines, without mapping symbols ($x)."""
    return [symbol for symbol in _read(path, _symbols) if not symbol.name.startswith("$")]


def functions(path):
    """Return the symbols that nm shows as code (t, T, W), sorted by name."""
    return sorted(symbol for symbol in table(path)
                  if (symbol.kind != OBJECT if symbol.bind == WEAK else symbol.is_code))


def address(path, name):
    """Return the address of a function; ElfError if there is no such function."""
    for symbol in functions(path):
        if symbol.name == name:
            return symbol.value
    raise ElfError("%s has no %s" % (path, name))


def symbols(path):
    """Return name -> address of code and data symbols. ValueError if PATH is not an ELF file or has no symbols."""
    found = {symbol.name: symbol.value for symbol in table(path)}
    if not found:
        raise ElfError("%s has no symbols" % path)
    # gcc renames a static function when it changes its arguments (f.isra.0, f.constprop.0): add the original name.
    for text, value in list(found.items()):
        plain, _, how = text.partition(".")
        if how.split(".")[0] in ("isra", "constprop"):
            found.setdefault(plain, value)
    return found
