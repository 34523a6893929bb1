# SPDX-License-Identifier: MIT
"""qemuopt.py - texts that the user chose, as parts of QEMU's options."""


def value(text):
    """A text as the value of a key=value option: -drive, -chardev, -object, -plugin.

    There a comma ends a value, and two stand for one. Options that are one value (-kernel, -append,
    -serial file:...) take a text as it is.
    """
    return text.replace(",", ",,")


def image(path):
    """A path as file= of -drive, where "word:" at the front would name a protocol."""
    return value(path if path.startswith(("/", "./", "../")) else "./" + path)
