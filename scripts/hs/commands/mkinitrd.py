# SPDX-License-Identifier: MIT
"""mkinitrd - build the Linux guest's initrd: busybox, kernel modules and /init.

scripts/hyperscope setup fills DIR with busybox and modules/*.ko. The modules
are stored where modprobe looks for them, so that `mount -t ext4` in the guest
finds its driver.
"""
import os
import re
import stat
import subprocess

from hs import ends
from hs.errors import LaunchError
from hs.parser import of_command
from hs.paths import TOP
from hs.run.cpio import Archive

LEFT_OUT = ("kvm",)  # needed by Linux as a host, not as this guest


def modinfo(data, key):
    """Return the values of KEY in a module's "key=value" strings."""
    pattern = rb"\0" + key.encode() + rb"=([^\0]*)\0"
    # Neighboring values share the zero between them, so the pattern only looks ahead for the zero that ends a value.
    return [m.decode() for m in re.findall(pattern[:-2] + rb"(?=\0)", b"\0" + data)]


def module_names(folder):
    try:
        with open(os.path.join(folder, "order"), encoding="ascii") as order:
            names = [line.strip()[:-len(".ko")] for line in order]
    except OSError as error:
        raise LaunchError("%s/order: %s; run 'scripts/hyperscope setup run'" % (folder, error.strerror)) from None
    return [name for name in names if name not in LEFT_OUT]


def add_modules(archive, folder, strip):
    depends, aliases, release = [], [], None
    with ends.folder("mkinitrd.") as scratch:
        for name in module_names(folder):
            path = os.path.join(folder, name + ".ko")
            with open(path, "rb") as module:
                data = module.read()
            release = modinfo(data, "vermagic")[0].split()[0]
            where = "/lib/modules/%s/%s.ko" % (release, name)
            wanted = [n for n in modinfo(data, "depends")[0].split(",") if n]
            depends.append("%s.ko: %s\n" % (name, " ".join(n + ".ko" for n in wanted)))
            aliases += ["alias %s %s\n" % (alias, name) for alias in modinfo(data, "alias")]
            if strip:
                stripped = os.path.join(scratch, name + ".ko")
                subprocess.run([strip, "-g", "-x", "-o", stripped, path], check=True)
                path = stripped
            archive.add_file(where, path)
    if release:
        base = "/lib/modules/%s/" % release
        archive.add_data(base + "modules.dep", "".join(depends).encode())
        archive.add_data(base + "modules.alias", "".join(aliases).encode())


def build(guest, out, strip):
    archive = Archive(out)
    for folder in ("bin", "dev", "proc", "sys", "tmp", "root", "sbin", "mnt", "hs"):
        archive.add_dir(folder)
    archive.add_node("/dev/console", stat.S_IFCHR, 5, 1)
    archive.add_file("/init", os.path.join(TOP, "scripts", "guest", "init"))
    archive.add_file("/hs/run-shell", os.path.join(TOP, "scripts", "guest", "shell"))
    archive.add_file("/hs/tour", os.path.join(TOP, "scripts", "guest", "tour"))
    archive.add_file("/bin/busybox", os.path.join(guest, "busybox"))
    archive.add_link("/sbin/modprobe", "/bin/busybox")
    add_modules(archive, os.path.join(guest, "modules"), strip)
    archive.close()


def main(argv):
    parser = of_command("mkinitrd", __doc__)
    parser.add_argument("--guest", required=True, metavar="DIR", help="folder filled by scripts/hyperscope setup")
    parser.add_argument("--output", required=True, metavar="FILE")
    parser.add_argument("--strip", metavar="COMMAND", help="strip the modules' local symbols (reduces their size to a quarter)")
    options = parser.parse_args(argv)
    unfinished = "%s.%d" % (options.output, os.getpid())
    try:
        with open(unfinished, "wb") as out:
            build(options.guest, out, options.strip)
        os.replace(unfinished, options.output)
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
    return 0
