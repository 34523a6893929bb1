# SPDX-License-Identifier: MIT
"""qemuopt.py - quote strings for QEMU's options."""


def value(text):
    """Quote a string as the value in a key=value option: -drive, -chardev, -object, -plugin.

    In these options, a comma ends a value, and two commas stand for one. Options with a single value
    (-kernel, -append, -serial file:...) take the string unchanged.
    """
    return text.replace(",", ",,")


def image(path):
    """Quote a path for file= of -drive, where a leading "word:" would be understood as a protocol."""
    return value(path if path.startswith(("/", "./", "../")) else "./" + path)
