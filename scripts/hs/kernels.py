# SPDX-License-Identifier: MIT
"""kernels.py - find the Linux kernels that can be hosts: those that set-up fetched or built, and the user's own."""
import functools
import hashlib
import mmap
import os
import re

from hs.errors import STATUS_USAGE, LaunchError

# name -> (folder in the output folder, purpose of set-up)
NAMED = {"stable": ("guest", "run"), "newest": ("linux_newest", "linux-newest"), "debug": ("linux_debug", "linux-debug")}
_RELEASE = re.compile(r"(source-)?\d+(\.\d+)*", re.ASCII)
_IMAGES = ("arch/riscv/boot/Image", "Image", "vmlinux")  # the first two in a kernel tree and in a folder of the user
_MAGIC = b"RSC\x05"  # at offset 56 of a flat Image (Documentation/arch/riscv/boot-image-header.rst)
_IN_TREE = {"kvm": "arch/riscv/kvm", "virtio_blk": "drivers/block"}


def is_folder(name):
    return "/" in name


def place(out, name, option="--linux"):
    """Return the folder of the kernel NAME and the command that makes it, which is "" for the user's own folder. Raise
    LaunchError if NAME is neither a name nor a release nor a folder. option: what to call NAME in messages."""
    if is_folder(name):
        return name, ""
    if name in NAMED:
        folder, purpose = NAMED[name]
    elif _RELEASE.fullmatch(name):
        folder, purpose = os.path.join("linux", name), "linux-" + name
    else:
        raise LaunchError("%s %s: choose %s, a release such as 7.2.11 (scripts/hyperscope setup --list-linux), or a "
                          "folder such as ./linux" % (option, name, ", ".join(NAMED)), STATUS_USAGE)
    return os.path.join(out, folder), "scripts/hyperscope setup " + purpose


def fetched(out):
    """Return the releases that set-up has fetched or built, the oldest first, with those from source behind them."""
    try:
        names = os.listdir(os.path.join(out, "linux"))
    except OSError:
        return []
    return sorted((name for name in names if _RELEASE.fullmatch(name)), key=order)


def order(name):
    """Return a key that sorts releases, and kernels from source behind the others."""
    return (name.startswith("source-"), [int(number) for number in re.findall(r"\d+", name)])


def image_of(folder):
    """Return the path of the kernel in FOLDER, which need not exist."""
    paths = [os.path.join(folder, name) for name in _IMAGES]
    tree = os.path.isdir(os.path.join(folder, "arch"))
    return next((path for path in paths[:2 if tree else 3] if os.path.isfile(path)), paths[0 if tree else -1])


def module_of(folder, name):
    """Return the path of a module in FOLDER, which is a folder of set-up, of the user, or a kernel tree; "" if there is
    none, because it is built into the kernel."""
    paths = [os.path.join(folder, place, name + ".ko") for place in ("modules", "", _IN_TREE[name])]
    return next((path for path in paths if os.path.isfile(path)), "")


def missing(out, name, option="--linux"):
    """Return what is missing of the kernel NAME, as a sentence, or "". The user's own kernel may have KVM built in."""
    folder, command = place(out, name, option)
    image = image_of(folder)
    if not command and not os.path.isdir(folder):
        return "%s: no such folder" % folder
    if not os.path.isfile(image):
        return "%s is missing: %s" % (image, "run '%s'" % command if command else "name a folder with an Image, or a "
                                      "kernel tree in which 'make Image' has run")
    if command and not module_of(folder, "kvm"):
        return "%s is missing: run '%s'" % (os.path.join(folder, "modules", "kvm.ko"), command)
    with open(image, "rb") as file:
        file.seek(56)
        if file.read(4) != _MAGIC:
            return "%s: not a flat RISC-V Image; 'make Image' builds one" % image
    return ""


def banner(image):
    """Return (release, compiler and linker, kind of preemption) of a flat Image, which the kernel also prints when it
    starts; empty strings if there is no such text. The release becomes a part of names of systems and files, so a text with
    other characters than those of a release does not count."""
    with open(image, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        found = re.search(rb"Linux version (\d[\w.+~-]*) \([^()\n]*\) \(([^\n]*)\) #\d* (?:SMP )?(PREEMPT\w*)?", text)
        return tuple((part or b"").decode("ascii", "replace") for part in found.groups()) if found else ("", "", "")


@functools.lru_cache
def made_with(folder):
    """Return, as text, the kernel's release, its compiler, linker and kind of preemption, and a digest of its image and
    kvm.ko."""
    image, module = image_of(folder), module_of(folder, "kvm")
    release, tools, preemption = banner(image)
    versions = re.findall(r"\b\d+\.\d+(?:\.\d+)*\b", tools)
    words = [("clang " if "clang" in tools else "gcc ") + versions[0]] if versions else []
    words += ["ld " + versions[-1]] if len(versions) > 1 else []
    digest = hashlib.sha256()
    for path in filter(None, (image, module)):
        with open(path, "rb") as file:
            digest.update(file.read())
    words += [preemption] * (preemption != "") + ["sha256:" + digest.hexdigest()[:12]]
    return "%s (%s)" % (release or "of unknown release", ", ".join(words))
