# SPDX-License-Identifier: MIT
"""pack.py - pack the sources of a commit, the packages that set-up fetched, and their list into one file.

    hyperscope-COMMIT/                   the sources, as committed
    hyperscope-COMMIT/.commit            the name of the commit
    hyperscope-COMMIT/build/dl/          fetched packages, so scripts/hyperscope setup fetches nothing
    hyperscope-COMMIT/artifact/packages.csv  all packages from outside this repository (packages.py)
    hyperscope-COMMIT/artifact/SHA256SUMS    checksums of all files above

The expected results are part of the sources (notebooks-data, docs/results.md). The same commit, cache and
machine give the same bytes: names are sorted, times are the commit's, and owners are not recorded.
"""
import hashlib
import io
import os
import subprocess
import tarfile

from hs import git
from hs.bench import provenance
from hs.errors import LaunchError
from hs.paths import TOP
from . import packages


def commit_of(word):
    """Return the full name of the commit to pack: WORD, or HEAD if WORD is empty. Without WORD, uncommitted changes
    are an error."""
    if not git.is_clone():
        raise LaunchError("%s is not a git clone, and an archive contains only committed files" % TOP)
    if not word:
        changed = git.output("status", "--porcelain")
        if changed:
            raise LaunchError("%s is not committed, and an archive contains only committed files: commit it, or use "
                              "--commit HEAD to pack without it" % changed.splitlines()[0].split(maxsplit=1)[1])
    name = git.commit_of(word or "HEAD")
    if not name:
        raise LaunchError("--commit %s: there is no such commit" % word, 2)
    return name


class Archive:
    """A tar file whose bytes depend only on its contents, with a checksum of each file."""

    def __init__(self, file, prefix, when):
        self.tar = tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT)
        self.prefix, self.when, self.sums = prefix, when, []

    def _info(self, name, mode):
        info = tarfile.TarInfo("%s/%s" % (self.prefix, name))
        info.mtime, info.mode = self.when, mode
        return info

    def member(self, name, mode, data, size):
        info = self._info(name, 0o755 if mode & 0o100 else 0o644)
        info.size = size
        self.tar.addfile(info, data)

    def link(self, name, target):
        info = self._info(name, 0o777)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(info)

    def data(self, name, data, mode=0o644):
        self.sums.append((hashlib.sha256(data).hexdigest(), name))
        self.member(name, mode, io.BytesIO(data), len(data))

    def file(self, name, path, digest):
        self.sums.append((digest, name))
        with open(path, "rb") as file:
            self.member(name, 0o644, file, os.path.getsize(path))

    def end(self):
        text = "".join("%s  %s\n" % pair for pair in sorted(self.sums, key=lambda pair: pair[1]))
        self.member("artifact/SHA256SUMS", 0o644, io.BytesIO(text.encode()), len(text.encode()))
        self.tar.close()


def _add_sources(archive, commit):
    command = ["git", "-C", TOP, "archive", "--format=tar", commit]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        with tarfile.open(fileobj=child.stdout, mode="r|") as source:
            for member in source:
                if member.issym():
                    archive.link(member.name, member.linkname)
                elif member.isfile():
                    archive.data(member.name, source.extractfile(member).read(), member.mode)
        child.stdout.read()  # the padding at the end; if it were left unread, git would be killed by SIGPIPE
    if child.returncode:
        raise LaunchError("git archive %s ended with status %d" % (commit, child.returncode))


def write(options):
    """Write the archive and its checksum, and return the archive's path."""
    commit = commit_of(options.commit)
    packages.say("reading the installed packages and the package lists ...")
    lines, files = packages.collect(options.out, options.purposes, options.qemu)
    name = "hyperscope-" + commit[:12]
    path = os.path.join(options.to, name + ".tar")
    packages.say("packing %s ..." % name)
    os.makedirs(options.to, exist_ok=True)
    partial = "%s.%d" % (path, os.getpid())
    try:
        with open(partial, "wb") as file:
            archive = Archive(file, name, int(git.output("log", "-1", "--format=%ct", commit)))
            _add_sources(archive, commit)
            archive.data(".commit", (commit[:12] + "\n").encode())
            archive.data("artifact/packages.csv", packages.text(lines).encode())
            digests = {line["file"]: line["sha256"] for line in lines if line["kind"] == "guest"}
            for each in sorted(files):
                inside = "build/dl/" + os.path.basename(each)
                archive.file(inside, each, digests[inside])
            archive.end()
        os.rename(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise
    with open(path + ".sha256", "w", encoding="ascii") as file:
        file.write("%s  %s\n" % (provenance.digest_of(path), os.path.basename(path)))
    return path
