# SPDX-License-Identifier: MIT
"""saved.py - pass saved machines between the user's files and the host: `run --save` and `--restore`.

The host can access the user's files only as disks, so a saved machine is passed as one. For --save, the disk
is a sparse raw image, FILE.part. At the end, the image is cut to the length in the VMM's header and renamed to
FILE. For --restore, the disk is the user's file itself, read-only. For the header's layout, see src/vmm/state.h.
"""
import os
import struct

from hs.errors import STATUS_USAGE, LaunchError, sentence
from .machine import MIB, Disk, shown

MAGIC = b"HSVMSAVE"
VERSION = 2
LAYOUT = struct.Struct("<8sIIQQQQQQIII")
PAGE = 4096


class Header:
    """The header of a saved machine; `valid` is false if the file has none."""

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
        self.unfinished = self.valid or not any(data)  # the header is written last, so it is zero until then


def restored_header(path):
    """Return the header of a file to restore. Reject a file that has no header or is truncated; the VMM checks the rest."""
    header = Header(path)
    if not header.valid:
        raise LaunchError("--restore %s: not a saved machine" % path)
    if header.there < header.length:
        raise LaunchError("--restore %s: the file is truncated: it has %d of %d bytes"
                          % (path, header.there, header.length))
    return header


class SaveFile:
    """The file FILE.part, to which --save FILE writes during the run."""

    def __init__(self, path, mem, used):
        """used: files that the run reads or writes, which must not be overwritten."""
        self.path = path
        self.part = path + ".part"
        if not os.path.basename(path):
            raise LaunchError("--save '%s': not a file name" % path, STATUS_USAGE)
        if os.path.exists(path) and not os.path.isfile(path):
            raise LaunchError("--save %s: not a regular file" % path)
        for name in (path, self.part):
            if any(os.path.exists(name) and os.path.exists(other) and os.path.samefile(name, other) for other in used):
                raise LaunchError("--save %s: this run uses %s; choose another name" % (path, name), STATUS_USAGE)
        self._check_part()
        # Room for the pages, their table, the registers and the devices.
        size = mem + mem // PAGE * 16 + 4 * MIB
        size -= size % PAGE
        try:
            with open(self.part, "ab") as file:  # it may be from a killed or a running save: keep its contents for now
                if not file.tell():
                    file.truncate(size)
            self.disk = Disk(self.part)  # fails if another run is writing the file
            os.truncate(self.part, 0)
            os.truncate(self.part, size)
        except OSError as error:
            raise LaunchError("--save %s: %s" % (path, error.strerror)) from None

    def _check_part(self):
        """Reject an existing FILE.part unless it is left over from an unfinished save."""
        if not os.path.lexists(self.part):
            return
        plain = os.path.isfile(self.part) and not os.path.islink(self.part)
        if not plain or not Header(self.part).unfinished:
            raise LaunchError("--save %s: %s exists and is not from an earlier save; choose another name"
                              % (self.path, self.part), STATUS_USAGE)

    def finish(self, quiet):
        """After the machine's end: rename a complete file to FILE, or remove an incomplete one."""
        header = Header(self.part)
        if header.valid:
            try:
                os.truncate(self.part, header.length)
                os.replace(self.part, self.path)
            except OSError as error:
                raise LaunchError("--save %s: %s; the machine is saved in %s"
                                  % (self.path, error.strerror, self.part)) from None
            if not quiet:
                sentence("saved to %s: %.1f MiB; run --restore %s resumes it"
                         % (shown(self.path), header.length / MIB, shown(self.path)))
        else:
            os.unlink(self.part)
