# SPDX-License-Identifier: MIT
"""elf - names and addresses out of a 64-bit ELF file's symbol table (without gdb)."""
import struct


def symbols(path):
    """name -> address, of functions and data; ValueError when it is no such file, or has none."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("%s is no 64-bit ELF file, so it has no symbols" % path)
    try:
        found = _symbols(data)
    except (struct.error, IndexError, OverflowError, ValueError):
        raise ValueError("%s is damaged" % path) from None
    if not found:
        raise ValueError("%s has no symbols" % path)
    return found


def _symbols(data):
    shoff, = struct.unpack_from("<Q", data, 0x28)
    entsize, number = struct.unpack_from("<HH", data, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * entsize) for i in range(number)]
    found = {}
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        names = sections[link][4]
        for at in range(offset, offset + size - 23, 24):
            name, info, _, shndx, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            if shndx and info & 15 in (0, 1, 2) and name:
                end = data.index(b"\0", names + name)
                text = data[names + name:end].decode("utf-8", "replace")
                if not text.startswith("$"):
                    found[text] = value
    # A gcc that has changed a static function's arguments has renamed it: f.isra.0, f.constprop.0.
    for text, value in list(found.items()):
        plain, _, how = text.partition(".")
        if how.split(".")[0] in ("isra", "constprop"):
            found.setdefault(plain, value)
    return found
