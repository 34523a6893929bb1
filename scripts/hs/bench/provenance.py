# SPDX-License-Identifier: MIT
"""provenance.py - record the tools and images with which figures were made, so that they can be reproduced."""
import hashlib
import json
import os
import re
import subprocess

from hs import ends, git, kernels
from hs.paths import TOP, cross_tool
from .systems import LINUXES, MODULES, NESTED, ONE_LINUX, BenchError

COLUMNS = ("commit", "images", "qemu", "qemu_flags", "opensbi", "kernel", "compiler", "binutils")
# Changes of these files do not count: they do not affect figures, and measurements write the CSV files.
UNMEASURED = (":!docs", ":!notebooks-data/*.csv", ":!*.md")
DEFAULT_FIRMWARE = "opensbi-riscv64-generic-fw_dynamic.bin"


def _first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return (done.stdout.decode(errors="replace").splitlines() or [""])[0]


def version(*command):
    """Return the last version number in the first line that COMMAND prints, or "unknown"."""
    found = re.findall(r"\b[0-9]+\.[0-9]+(?:\.[0-9]+)*\b", _first_line(*command))
    return found[-1] if found else "unknown"


def digest_of(path):
    """Return the SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def _digest(*paths):
    digest = hashlib.sha256()
    for path in paths:
        try:
            with open(path, "rb") as file:
                digest.update(file.read())
        except OSError:
            digest.update(b"missing")
    return digest.hexdigest()[:12]


def _left():
    """Return the commit recorded in a tree that is not a clone, or "". A lab's tree records it in lab.json; an
    autograder's tree and an unpacked artifact record it in .commit."""
    try:
        with open(os.path.join(TOP, "lab.json"), encoding="utf-8") as file:
            facts = json.load(file)
        return "%s of lab %s" % (facts["commit"], facts["lab"])
    except (OSError, ValueError, LookupError, TypeError):
        pass
    try:
        with open(os.path.join(TOP, ".commit"), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def described(*words):
    """Return the tree's commit, followed by "+changes" if a tracked file outside UNMEASURED has changes. In a clone, the
    commit is the output of the git command WORDS (default: git describe). Return "" if the tree records no commit and is
    not the top of a clone."""
    left = _left()
    name = not left and git.is_clone() and git.output(*(words or ("describe", "--tags", "--always")))
    if not name:
        return left
    return name + ("+changes" if git.output("status", "--porcelain", "-uno", "--", ".", *UNMEASURED) else "")


def commit():
    """Return the tree's commit for results and for the build, whose traces state it."""
    return described("rev-parse", "--short=12", "HEAD") or "unknown"


def firmware_file(qemu, chosen):
    if chosen:
        return chosen
    done = subprocess.run([qemu, "-L", "help"], stdout=subprocess.PIPE, check=False)
    for folder in done.stdout.decode().split():
        path = os.path.join(folder, DEFAULT_FIRMWARE)
        if os.path.exists(path):
            return path
    return ""


def opensbi(qemu, firmware, payload, timeout):
    """Return the firmware's name and version, and its file's digest, which tells apart versions with the same name:
    Debian's version 1.5.1 calls itself 1.5. timeout: in seconds."""
    command = [qemu, "-M", "virt", "-nodefaults", "-display", "none", "-serial", "stdio", "-m", "128M",
               "-kernel", payload, "-append", "only=none"]
    if firmware:
        command += ["-bios", firmware]
    done = ends.captured(["timeout", "--foreground", "--kill-after=5", str(timeout)] + command, stdin=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    text = done.stdout.decode(errors="replace")
    sbi = re.search(r"# sbi: implementation (\d+) version (0x[0-9a-f]+)", text)
    if not sbi and done.returncode == 124:
        raise BenchError("the firmware%s has not started the payload within %d seconds (--timeout)"
                         % (" " + firmware if firmware else "", timeout))
    if not sbi:
        errors = done.stderr.decode(errors="replace").strip().splitlines()
        raise BenchError("the firmware%s does not start the payload%s" % (
            " " + firmware if firmware else "", ": " + errors[-1] if errors else ""))
    banner = re.search(r"^OpenSBI (v\S+)", text, re.M)
    name = "OpenSBI %s" % banner.group(1) if banner else "implementation %s" % sbi.group(1)
    return "%s %s sha256:%s" % (name, sbi.group(2), _digest(firmware_file(qemu, firmware)))


def images(runner):
    """Return a digest of the files that run. With the same QEMU, firmware and Linux kernel, equal digests give equal
    figures."""
    return _digest(*runner.images())


def collect(runner):
    """Return the columns that all rows of a run share. The column "kernel" is not included, because it depends on the
    system."""
    return {
        "commit": commit(),
        "images": images(runner),
        "qemu": version(runner.qemu, "--version"),
        "opensbi": opensbi(runner.qemu, runner.options.firmware, runner.payload,
                           runner.options.timeout),
        "compiler": "gcc " + version(cross_tool("gcc"), "--version"),
        "binutils": version(cross_tool("as"), "--version"),
    }


def _linux(out, system="linux"):
    folder = kernels.place(out, LINUXES[system].name)[0]
    if system.startswith(ONE_LINUX):
        return "Linux " + kernels.made_with(folder)
    try:
        with open(os.path.join(folder, "version"), encoding="utf-8") as file:
            return "Linux " + file.read().strip()
    except OSError:
        return "Linux"


def kernel_of(system, out, name, guest=False):
    """Return the host's kernel and, if there is one, the guest's. On Linux KVM and with hyperscope as a guest of
    hyperscope, both are the same."""
    if system in MODULES:
        return "hyperscope %s on %s" % (name, _linux(out, system))
    if system in ("hyperscope", NESTED):
        return "hyperscope " + name + (", guest " + _linux(out) if guest else "")
    if system == "native":
        return _linux(out)
    return _linux(out, system) if system in LINUXES else "none"
