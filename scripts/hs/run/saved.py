# SPDX-License-Identifier: MIT
"""saved.py - saved machines, between the user's files and the host: `run --save` and `--restore`.

The host has no way to the user's files but disks, so a saved machine is one: a sparse raw image
beside the user's name, cut to what the VMM says in its header and renamed at the end; or, to be
restored, the user's file itself, read-only. The header's layout: src/vmm/state.h.
"""
import os
import struct

from hs.errors import STATUS_USAGE, LaunchError, sentence
from .machine import MIB, Disk, shown

MAGIC = b"HSVMSAVE"
VERSION = 1
LAYOUT = struct.Struct("<8sIIQQQQQQIII")
PAGE = 4096


class Header:
    """What the VMM has written first, or None in `valid`."""

    def __init__(self, path):
        try:
            with open(path, "rb") as file:
                data = file.read(LAYOUT.size)
                self.there = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise LaunchError("%s: %s" % (path, error.strerror)) from None
        fields = LAYOUT.unpack(data.ljust(LAYOUT.size, b"\0"))
        (magic, version, _, self.length, _, _, _, _, self.mem, self.vcpus, self.disks, _) = fields
        self.valid = magic == MAGIC and version == VERSION
        self.unfinished = self.valid or not any(data)  # the header is written last


def restored_header(path):
    """Of a file that is to be restored; the VMM looks at it more closely."""
    header = Header(path)
    if not header.valid:
        raise LaunchError("--restore %s: it is no saved machine" % path)
    if header.there < header.length:
        raise LaunchError("--restore %s: it is cut off: %d of %d bytes are there"
                          % (path, header.there, header.length))
    return header


class SaveFile:
    """Where --save FILE goes while the run lasts."""

    def __init__(self, path, mem, used):
        """used: files that the run reads or writes; they are not to be written over."""
        self.path = path
        self.part = path + ".part"
        if not os.path.basename(path):
            raise LaunchError("--save '%s': not a file's name" % path, STATUS_USAGE)
        if os.path.exists(path) and not os.path.isfile(path):
            raise LaunchError("--save %s: not a regular file" % path)
        for name in (path, self.part):
            if any(os.path.exists(name) and os.path.exists(other) and os.path.samefile(name, other) for other in used):
                raise LaunchError("--save %s: this run uses %s; choose another name" % (path, name), STATUS_USAGE)
        self._check_part()
        # Pages, their table, registers and devices.
        size = mem + mem // PAGE * 16 + 4 * MIB
        size -= size % PAGE
        try:
            with open(self.part, "ab") as file:  # of a run that was killed, or is at it: not touched yet
                if not file.tell():
                    file.truncate(size)
            self.disk = Disk(self.part)  # refuses what another run writes
            os.truncate(self.part, 0)
            os.truncate(self.part, size)
        except OSError as error:
            raise LaunchError("--save %s: %s" % (path, error.strerror)) from None

    def _check_part(self):
        """What is there already has to be of a save that did not come to its end."""
        if not os.path.lexists(self.part):
            return
        plain = os.path.isfile(self.part) and not os.path.islink(self.part)
        if not plain or not Header(self.part).unfinished:
            raise LaunchError("--save %s: %s is there, and not of an earlier save; choose another name"
                              % (self.path, self.part), STATUS_USAGE)

    def finish(self, quiet):
        """The machine is off: what is in the file is the user's, or nothing is."""
        header = Header(self.part)
        if header.valid:
            try:
                os.truncate(self.part, header.length)
                os.replace(self.part, self.path)
            except OSError as error:
                raise LaunchError("--save %s: %s; it is saved in %s"
                                  % (self.path, error.strerror, self.part)) from None
            if not quiet:
                sentence("saved to %s: %.1f MiB; run --restore %s goes on"
                         % (shown(self.path), header.length / MIB, shown(self.path)))
        else:
            os.unlink(self.part)
