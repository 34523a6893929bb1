# SPDX-License-Identifier: MIT
"""qemuopt.py - quote the user's texts for QEMU's options."""


def value(text):
    """A text as the value of a key=value option: -drive, -chardev, -object, -plugin.

    In these a comma ends a value, and two commas stand for one. Options with a single value (-kernel,
    -append, -serial file:...) take the text unchanged.
    """
    return text.replace(",", ",,")


def image(path):
    """A path as file= of -drive, where a leading "word:" would be taken as a protocol."""
    return value(path if path.startswith(("/", "./", "../")) else "./" + path)
