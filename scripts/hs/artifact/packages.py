# SPDX-License-Identifier: MIT
"""packages.py - list everything from outside this repository, with name, version and checksum.

There are three kinds:
- `guest`: the files that scripts/hyperscope setup fetched into OUT/dl. The archive contains them.
- `tool`: the packages of this machine that are used for building and measuring.
- `library`: the packages on which tools depend.
A tool that belongs to no package has a line with the checksum of its file.
"""
import csv
import io
import os
import re
import shutil
import subprocess
import sys

from hs.bench import provenance
from hs.errors import STATUS_FAILED, STATUS_USAGE, LaunchError
from hs.paths import HYPERSCOPE, TOP
from . import lists

COLUMNS = ("kind", "package", "version", "architecture", "sha256", "bytes", "file", "archive", "snapshot")
_STATUS = "${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\t${Provides}\t${Pre-Depends}, ${Depends}\n"
_BASH = 'cd "$1/scripts" && here=$PWD && . lib/progress.sh && . lib/packages.sh && . lib/fetch.sh && shift && '


def say(text):
    sys.stderr.write("artifact: %s\n" % text)
    sys.stderr.flush()


def _output(command):
    """Run a command. Return whether it succeeded, and its output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=False)
    return done.returncode == 0, done.stdout.decode(errors="replace")


def _bash(script, *words):
    return _output(["bash", "-c", _BASH + script, "artifact", TOP] + list(words))


# ---- files that set-up fetched ----


def cached(out, purposes):
    """Return the files in OUT/dl from which set-up makes the folders of the given purposes."""
    done = subprocess.run([HYPERSCOPE, "setup", "--out", out, "--cached"] + list(purposes),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise LaunchError(done.stderr.decode(errors="replace").strip().splitlines()[0].replace("setup: ", "", 1),
                          STATUS_USAGE if done.returncode == STATUS_USAGE else STATUS_FAILED)
    return done.stdout.decode().splitlines()


def _named(path):
    """Return (package, version, architecture) of a Debian package, or (package, version, "source") of a source
    archive. For any other file, return its name and two empty strings."""
    if path.endswith(".deb"):
        right, text_of = _output(["dpkg-deb", "-f", path, "Package", "Version", "Architecture"])
        fields = dict(line.split(": ", 1) for line in text_of.splitlines() if ": " in line)
        if not right or len(fields) != 3:
            raise LaunchError("%s is not a package, or is incomplete; make distclean removes it, and scripts/hyperscope setup run "
                              "fetches it again" % path)
        return fields["Package"], fields["Version"], fields["Architecture"]
    found = re.fullmatch(r"([^_]+)_(.+)\.orig\.tar\.[a-z0-9]+", os.path.basename(path))
    return (found.group(1), found.group(2), "source") if found else (os.path.basename(path), "", "")


def _known_source(known, name, path):
    for (package, _, file), entry in known.items():
        if package == name and file == os.path.basename(path):
            return entry
    return None


def guest(out, files):
    """Check each fetched file against the package list of its archive, and return a line for each file."""
    named = {path: _named(path) for path in files}
    conf = os.path.join(out, "dl", "apt", "conf")
    known = lists.read(["apt-get", "-c", conf], {name for name, _, _ in named.values()}) if os.path.exists(conf) else {}
    lines = []
    for path, (name, version, architecture) in named.items():
        entry = _known_source(known, name, path) if architecture == "source" else known.get((name, version, architecture))
        digest = provenance.digest_of(path)
        if entry and entry.sha256 != digest:
            raise LaunchError("%s differs from its archive's list: sha256 %s, not %s; make distclean removes it, and "
                              "scripts/hyperscope setup run fetches it again" % (path, digest, entry.sha256))
        lines.append(dict(zip(COLUMNS, ("guest", name, version, architecture, digest, str(os.path.getsize(path)),
                                        "build/dl/" + os.path.basename(path), entry.archive if entry else "",
                                        entry.snapshot if entry else ""))))
    return lines


# ---- this machine's packages ----


def _wanted(purposes):
    """Return (what, package) pairs: each program, file or Python module that the purposes need, and its package."""
    rows = [line.split() for line in _bash("package_table")[1].splitlines()]
    return [(what, package.rstrip("?")) for purpose, what, package in rows if purpose in purposes]


def _file_of(what):
    if what.startswith("/"):
        return os.path.realpath(what)
    found = shutil.which("python3" if what.startswith("python-module:") else what)
    return os.path.realpath(found) if found else ""


def _owners(paths):
    """Return path -> its package, without paths that belong to no package."""
    _, found = _output(["dpkg-query", "-S"] + sorted(paths))
    return {path: re.split(r"[:,]", names)[0] for names, _, path in
            (line.partition(": ") for line in found.splitlines())}


def installed():
    """Return package -> (version, architecture, dependencies as lists of alternatives), and name -> its providers."""
    packages, provided = {}, {}
    for line in _output(["dpkg-query", "-W", "-f", _STATUS])[1].splitlines():
        status, name, architecture, version, provides, depends = line.split("\t")
        if not status.startswith("ii") or name in packages:
            continue
        needs = [[re.split(r"[ :(]", each.strip())[0] for each in group.split("|")] for group in depends.split(",")]
        packages[name] = version, architecture, [group for group in needs if group != [""]]
        for each in provides.split(","):
            provided.setdefault(each.split()[0] if each.split() else "", []).append(name)
    return packages, provided


def closure(roots, packages, provided):
    """Return the roots with all their dependencies that are installed."""
    found, left = set(), list(roots)
    while left:
        name = left.pop()
        if name in found or name not in packages:
            continue
        found.add(name)
        for group in packages[name][2]:
            have = [each for each in group if each in packages] or [
                owner for each in group for owner in provided.get(each, ())]
            left += have[:1]
    return found


def _files(purposes, qemu):
    """Return the files that building and measuring use, as (file, the package that should contain it)."""
    found = [(_file_of(what), package) for what, package in _wanted(purposes)]
    program = os.path.realpath(shutil.which(qemu) or qemu)
    if not os.path.exists(program):
        raise LaunchError("%s is missing: run 'scripts/hyperscope setup run'" % qemu)
    return found + [(program, ""), (os.path.realpath(provenance.firmware_file(qemu, "")), "")]


def _unowned(path):
    output = _output([path, "--version"])[1] if os.access(path, os.X_OK) else ""
    version = re.search(r"[0-9]+(\.[0-9]+)+|$", output).group()
    return dict(zip(COLUMNS, ("tool", os.path.basename(path), version, "", provenance.digest_of(path),
                              str(os.path.getsize(path)), "", "no package", "")))


def _backports(out, names):
    """Look up packages in Debian 12's backports. Fetch the package list for this, because set-up, which installs QEMU
    from backports, does not keep it. On other systems, or if the list cannot be fetched, the result is empty."""
    folder = os.path.join(out, "artifact", "lists")
    read = 'make_backports_list "$1" && exec 3>&1 && mkdir -p "$1/cache" && ' \
        'options=("${private[@]}" -o Dir::Cache="$1/cache" -o Debug::NoLocking=true) && ' \
        'apt-get "${options[@]}" -q update --error-on=any >&2 && printf "%s\\n" "${options[@]}"'
    right, options = _bash("on_debian_12 || exit 1; " + read, folder)
    try:
        return lists.read(["apt-get"] + options.splitlines(), names) if right else {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _roots(purposes, qemu, packages):
    """Return the names of the packages in use, and lines for files that belong to no package."""
    names, lines, wanted = set(), [], _files(purposes, qemu)
    owners = _owners({path for path, _ in wanted if path})
    for path, package in wanted:
        owner = owners.get(path, "")
        if owner or package in packages:
            names |= {owner, package} & set(packages)
        elif path:
            lines.append(_unowned(path))
    return names, lines


def tools(out, purposes, qemu):
    packages, provided = installed()
    roots, lines = _roots(purposes, qemu, packages)
    names = closure(roots, packages, provided)
    known = lists.read(["apt-get"], names)
    key = {name: (name,) + packages[name][:2] for name in names}
    if any(key[name] not in known for name in names):
        known.update(_backports(out, {name for name in names if key[name] not in known}))
    unknown = sorted(name for name in names if key[name] not in known)
    for name in names:
        has = known.get(key[name], lists.Known("", "", "", "", ""))
        lines.append(dict(zip(COLUMNS, ("tool" if name in roots else "library", name) + packages[name][:2] + (
            has.sha256, has.size, has.file, has.archive, has.snapshot))))
    if unknown:
        say("of %d packages of this machine, %d have a version but no checksum, because they are not in apt's current "
            "lists (apt-get update): %s%s" % (len(names), len(unknown), " ".join(unknown[:6]), " ..." if len(unknown) > 6 else ""))
    return lines


def collect(out, purposes, qemu):
    """Return the lines of packages.csv and the fetched files."""
    files = cached(out, purposes)
    lines = guest(out, files) + tools(out, purposes, qemu)
    order = {"guest": 0, "tool": 1, "library": 2}
    return sorted(lines, key=lambda line: (order[line["kind"]], line["package"])), files


def text(lines):
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()
