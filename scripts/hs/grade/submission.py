# SPDX-License-Identifier: MIT
"""submission.py - read a student's submission (a folder, or a zip or tar file) without trusting it.

Archives are not unpacked. Each regular file with an ordinary name is read into memory, up to a limit. Folders
such as build and .git are ignored (PASSED_OVER). If there is anything else, such as a link or a name that leads
out of the tree, the whole submission is refused.
"""
import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
from typing import Any

from hs.errors import Quit

FILE_MOST = 2 << 20
TOTAL_MOST = 32 << 20
COUNT_MOST = 5000
ARCHIVE_MOST = 4 << 30   # bytes of an unpacked tar file, with the members that are ignored, such as build
# Names of folders that a tree in use may contain. They are ignored, with everything in them.
PASSED_OVER = ("build", ".git", "__pycache__", "__MACOSX", ".vscode", ".cache")

# How to unpack a compressed tar file, by its first bytes.
UNPACK: dict = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


class Refused(Exception):
    """An error whose text is shown to the student: why the submission is refused."""


def _plain(name):
    """Return a member's name as a path below the tree. Raise Refused if it is invalid or leads out of the tree."""
    if "\\" in name or not name.isprintable():
        raise Refused("%s: not a valid file name" % ascii(name))
    if name.startswith("/") or ".." in name.split("/"):
        raise Refused("%s: a path that leads out of the tree" % name)
    return os.path.normpath(name)


class Pile:
    """The submission's files by name. add() raises Refused when a limit is exceeded."""

    def __init__(self):
        self.files, self.total = {}, 0

    def wants(self, name):
        return not set(name.split("/")) & set(PASSED_OVER)

    def add(self, name, stream):
        data = stream.read(FILE_MOST + 1)
        self.total += len(data)
        if len(data) > FILE_MOST:
            raise Refused("%s: more than %d MiB" % (name, FILE_MOST >> 20))
        if self.total > TOTAL_MOST:
            raise Refused("%s: with this file, more than %d MiB in all" % (name, TOTAL_MOST >> 20))
        if name in self.files:
            raise Refused("%s: contained twice" % name)
        if len(self.files) >= COUNT_MOST:
            raise Refused("%s: more than %d files" % (name, COUNT_MOST))
        self.files[name] = data


def _kind(mode):
    for test, word in ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISFIFO, "a pipe"),
                       (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
                       (stat.S_ISBLK, "a device")):
        if test(mode):
            return word
    return "not a plain file"


def _from_folder(top, pile):
    for at, folders, files in os.walk(top):
        here = os.path.relpath(at, top)
        for name in list(folders) + files:
            path = os.path.normpath(os.path.join(here, name))
            full = os.path.join(at, name)
            info = os.lstat(full)
            if not pile.wants(path) or stat.S_ISDIR(info.st_mode):
                continue
            path = _plain(path)
            if not stat.S_ISREG(info.st_mode):
                raise Refused("%s: %s" % (path, _kind(info.st_mode)))
            with open(os.open(full, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                pile.add(path, stream)
        folders[:] = [name for name in folders if pile.wants(name)]


def _from_zip(path, pile):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = _plain(info.filename)
            mode = info.external_attr >> 16
            if info.is_dir() or not pile.wants(name):
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise Refused("%s: %s" % (name, _kind(mode)))
            with archive.open(info) as stream:
                pile.add(name, stream)


class _Limited:
    """The unpacked bytes of a tar file. Raise Refused if a header is so long that reading it would take much memory, or
    if the file is so long that reading it would take much time."""

    def __init__(self, stream):
        self.stream, self.at = stream, 0

    def tell(self):
        return self.at

    def read(self, size):
        if size > FILE_MOST + 1:
            raise Refused("an archive with a header of more than %d MiB" % (FILE_MOST >> 20))
        data = self.stream.read(size)
        self.at += len(data)
        if self.at > ARCHIVE_MOST:
            raise Refused("an archive of more than %d GiB when unpacked" % (ARCHIVE_MOST >> 30))
        return data

    def seek(self, to):
        if to < self.at:
            raise tarfile.StreamError("seeking backwards")
        while self.at < to and self.read(min(to - self.at, 1 << 16)):
            pass


def _from_tar(path, pile):
    with open(path, "rb") as packed:
        start = packed.read(6)
        packed.seek(0)
        stream = next((unpack(packed) for magic, unpack in UNPACK.items() if start.startswith(magic)), packed)
        limited: Any = _Limited(stream)
        archive: Any
        with tarfile.open(fileobj=limited, mode="r:") as archive:
            while (info := archive.next()) is not None:
                archive.members.clear()  # otherwise, all of them stay in memory
                name = _plain(info.name)
                if info.isdir() or not pile.wants(name):
                    continue
                if info.issym() or info.islnk():
                    raise Refused("%s: a link" % name)
                if not info.isreg() or info.issparse():
                    raise Refused("%s: not a plain file" % name)
                pile.add(name, archive.extractfile(info))


def _without_top(files, known):
    """Remove the top folder from all names if it contains all files and none of the names is in KNOWN: archives often
    contain the tree's folder itself."""
    tops = {name.split("/", 1)[0] for name in files}
    if len(tops) != 1 or not files:
        return files
    top = tops.pop() + "/"
    if any(name in files for name in known) or not all(name.startswith(top) for name in files):
        return files
    return {name[len(top):]: data for name, data in files.items()}


def read(path, known):
    """Return a dict from name to contents. known: names of files in a tree, which show whether the archive has a top
    folder."""
    pile = Pile()
    try:
        if os.path.isdir(path):
            _from_folder(path, pile)
        elif zipfile.is_zipfile(path):
            _from_zip(path, pile)
        elif os.path.exists(path):
            _from_tar(path, pile)
        else:
            raise Refused("%s: no such file" % path)
    except (Refused, Quit):
        raise
    except OSError as error:
        raise Refused("%s: %s" % (error.filename or path, error.strerror or error)) from None
    except Exception as error:  # pylint: disable=broad-except # readers may raise anything on a damaged archive
        raise Refused("%s: neither a folder nor a readable zip or tar file (%s)"
                      % (os.path.basename(path), error)) from None
    return _without_top(pile.files, known)
