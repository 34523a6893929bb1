# SPDX-License-Identifier: MIT
"""lists.py - look up a package version in apt's package lists on this machine: checksum, file, archive.

The date in an archive's Release file names a snapshot, which identifies versions permanently: Debian keeps
each state of its archives, under a name such as debian/20261114T093112Z or debian-security/...;
debian-backports is part of debian. The mirror is not recorded, because all mirrors have the same lists.
"""
import email.utils
import os
import re
import subprocess
from typing import NamedTuple

_CAT = "/usr/lib/apt/apt-helper"
_TARGET = "$(FILENAME)\t$(ORIGIN)\t$(LABEL)\t$(CODENAME)\t$(COMPONENT)\t$(CREATED_BY)"


class Known(NamedTuple):
    sha256: str
    size: str
    file: str       # path below the archive's root
    archive: str    # "Debian trixie/main"
    snapshot: str   # "debian/20261114T093112Z", or ""


def _output(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _text(path):
    if re.search(r"\.(lz4|gz|xz|zst|bz2)$", path):
        return _output([_CAT, "cat-file", path])
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _snapshot(path, label, component):
    """Return the snapshot named by the Release file next to a list, or ""."""
    stem = path[:path.rindex("_%s_" % component)] if "_%s_" % component in path else path
    for name in (stem + "_InRelease", stem + "_Release"):
        found = re.search(r"^Date: (.+)$", _text(name)[:4096], re.M)
        if found:
            try:
                when = email.utils.parsedate_to_datetime(found.group(1))
            except ValueError:
                return ""
            archive = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
            archive = "debian" if archive == "debian-backports" else archive
            return "%s/%s" % (archive, when.strftime("%Y%m%dT%H%M%SZ"))
    return ""


def _fields(stanza):
    return dict(re.findall(r"^([A-Za-z0-9-]+): *(.*)$", stanza, re.M))


def _sources(stanza, fields, archive, snapshot):
    """Yield ((name, version, file), Known) for each file of a source package."""
    found = re.search(r"^Checksums-Sha256:\n((?: .*\n?)+)", stanza, re.M)
    for line in found.group(1).splitlines() if found else ():
        digest, size, name = line.split()
        yield (fields["Package"], fields["Version"], name), Known(
            digest, size, "%s/%s" % (fields.get("Directory", ""), name), archive, snapshot)


def _binary(fields, archive, snapshot):
    yield (fields["Package"], fields["Version"], fields.get("Architecture", "")), Known(
        fields.get("SHA256", ""), fields.get("Size", ""), fields.get("Filename", ""), archive, snapshot)


def read(apt, names):
    """Return (package, version, architecture or source file) -> Known for these packages. apt: apt-get with the
    options that select its lists."""
    known = {}
    for line in _output(apt + ["indextargets", "--format", _TARGET]).splitlines():
        path, origin, label, codename, component, made_by = (line.split("\t") + [""] * 6)[:6]
        if made_by not in ("Packages", "Sources") or not os.path.exists(path):
            continue
        archive, snapshot = "%s %s/%s" % (origin, codename, component), _snapshot(path, label, component)
        for stanza in ("\n" + _text(path)).split("\nPackage: ")[1:]:
            if stanza.partition("\n")[0] not in names:
                continue
            fields = _fields("Package: " + stanza.partition("\n\n")[0])
            entries = _binary(fields, archive, snapshot) if made_by == "Packages" else _sources(
                stanza.partition("\n\n")[0], fields, archive, snapshot)
            for key, entry in entries:
                known.setdefault(key, entry)
    return known
