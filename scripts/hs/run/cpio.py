# SPDX-License-Identifier: MIT
"""cpio.py - write cpio archives in "newc" format, the format of Linux's initramfs.

The cpio program is not used: the same contents have to give the same bytes (times and owners are 0), device
nodes have to be written without root privileges, and the files come from many different folders.
"""
import os
import shutil
import stat
from contextlib import contextmanager

from hs.errors import DISK_FULL, LaunchError

MAX_FILE = 0xFFFFFFFF  # the size field has 8 hex digits
HEADER = 110  # bytes before the name
MAX_NAME = 4096  # bytes with the padding: Linux's PATH_MAX and hyperscope's PATH_LEN_MAX
PAGE = 4096


class Archive:
    """Write an archive to the binary file OUT. With PAGES, the data of each file of a page or more begins at a multiple of
    4096, unless its name has more than 2048 bytes. So the host can map its pages without a copy if the archive is loaded to
    such an address."""

    def __init__(self, out, pages=False):
        self.out = out
        self.pages = pages
        self.inode = 0
        self.names = set()

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def _header(self, name, mode, size, rdev=(0, 0)):
        raw = os.fsencode(name) + b"\0"
        # Pad the name to let the data begin at a multiple of 8. The host uses it in place and copies it by words of 8
        # bytes only if both addresses are equal modulo 8, so otherwise the cost of a read would depend on the sizes of
        # the files before.
        unit = PAGE if self.pages and size >= PAGE and len(raw) <= MAX_NAME // 2 else 8
        end = self.out.tell() + HEADER + len(raw)
        if unit == PAGE and len(raw) + -end % PAGE > MAX_NAME:
            self._header(".", stat.S_IFDIR | 0o755, 0)  # it exists already, so this entry only takes up space
            self._header(name, mode, size, rdev)
            return
        raw += b"\0" * (-end % unit)
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0, size,
                  0, 0, rdev[0], rdev[1], len(raw), 0)
        self.out.write(b"070701" + b"".join(b"%08x" % field for field in fields) + raw)

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent and parent not in self.names:
            self.add_dir(parent)

    def add_dir(self, name):
        name = name.strip("/")
        if not name or name in self.names:
            return
        self._parents(name)
        self.names.add(name)
        self._header(name, stat.S_IFDIR | 0o755, 0)

    def add_node(self, name, kind, major, minor):
        self._new(name)
        self._header(name.strip("/"), kind | 0o600, 0, (major, minor))

    def add_data(self, name, data, mode=0o644):
        self._new(name)
        self._header(name.strip("/"), stat.S_IFREG | mode, len(data))
        self.out.write(data)
        self._pad()

    def add_link(self, name, target):
        data = os.fsencode(target)
        self._new(name)
        self._header(name.strip("/"), stat.S_IFLNK | 0o777, len(data))
        self.out.write(data)
        self._pad()

    def add_file(self, name, path):
        try:
            with open(path, "rb") as source:
                info = os.fstat(source.fileno())
                if not stat.S_ISREG(info.st_mode):
                    raise LaunchError("%s: not a regular file" % path)
                if info.st_size > MAX_FILE:
                    raise LaunchError("%s: larger than 4 GiB; pass it with --disk instead" % path)
                self._new(name)
                mode = 0o755 if info.st_mode & 0o111 else 0o644
                self._header(name.strip("/"), stat.S_IFREG | mode, info.st_size)
                start = self.out.tell()
                shutil.copyfileobj(source, self.out, 1 << 20)
                if self.out.tell() - start != info.st_size:
                    raise LaunchError("%s: changed while it was read" % path)
        except OSError as error:
            if error.errno in DISK_FULL:  # of the archive's folder
                raise
            raise LaunchError("%s: %s" % (path, error.strerror)) from None
        self._pad()

    def _new(self, name):
        name = name.strip("/")
        if name in self.names:
            raise LaunchError("two files would have the name /%s on the host" % name)
        self._parents(name)
        self.names.add(name)

    def close(self):
        self._header("TRAILER!!!", 0, 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))


@contextmanager
def behind(common, path):
    """Copy the archive COMMON to PATH and append a second archive, which is yielded. Linux unpacks both."""
    with open(common, "rb") as first, open(path, "wb") as out:
        shutil.copyfileobj(first, out)
        out.write(b"\0" * (-out.tell() % 512))
        archive = Archive(out)
        yield archive
        archive.close()
