# SPDX-License-Identifier: MIT
"""build.py - link a profile's ELF file: the shim, hyperscope, and an initramfs with the VMM and its payloads."""
import os
import struct
import subprocess

from hs import ends
from hs.bench import provenance
from hs.errors import LaunchError
from hs.paths import cross_tool
from hs.run.cpio import Archive, behind
from hs.run.machine import need
from hs.run.rundir import DESC_OFFSET

from . import profile as profiles

INITRD_START = 0x80800000  # workload.lds
HOST_OFFSET = 0x200000  # of the host in RAM
INITRAMFS = 72  # of initramfs_hpa in the run descriptor (hv/run_desc.h)
OPENSBI = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"
OPENSBI_ROOM = 0x82200000 - INITRD_START  # opensbi.c copies the device tree to 0x82200000


def _call(arguments, what):
    try:
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except OSError as error:
        raise LaunchError("%s: %s; run 'scripts/hyperscope setup workload'" % (arguments[0], error.strerror)) from None
    if done.returncode:
        raise LaunchError("%s: %s" % (what, done.stdout.decode(errors="replace").strip()))


def _guest_initrd(common, command, path):
    with behind(common, path) as archive:
        archive.add_dir("hs")
        archive.add_data("/hs/command", os.fsencode(command) + b"\n")
    return path


def _initramfs(profile, out, path):
    payloads = {word for line in profile.vms for word in line.split() if word.endswith(".bin")}
    with open(path, "wb") as file, ends.folder("workload.") as folder:
        archive = Archive(file, pages=True)
        archive.add_dir("tmp")
        archive.add_file("/init", os.path.join(out, "workload", "runner"))
        archive.add_file("/vmm", os.path.join(out, "workload", "vmm"))
        for name in sorted(payloads):
            archive.add_file(name, need(os.path.join(out, "guest-payloads", name.strip("/")), "run make"))
        for name, source in sorted(profile.files.items()):
            source = need(os.path.join(out, source), "run 'scripts/hyperscope setup run' and make")
            if profile.command and name == "/initrd":
                source = _guest_initrd(source, profile.command, os.path.join(folder, "initrd"))
            archive.add_file(name, source)
        build = "# commit %s images %s" % (provenance.commit(), provenance.digest_of(os.path.join(out, profile.host))[:12])
        archive.add_data("/workload", "".join(line + "\n" for line in [build] + profile.vms).encode())
        archive.close()


def _device_tree(profile, initrd_size, boot, folder):
    source, result = os.path.join(folder, "machine.dts"), os.path.join(folder, "machine.dtb")
    _call([cross_tool("gcc"), "-E", "-x", "assembler-with-cpp", "-P", "-undef", "-nostdinc",
           '-DISA="%s"' % profile.isa, '-DBOOTARGS="%s"' % boot, "-DMEMORY_SIZE=%#x" % (profile.memory << 20),
           "-DINITRD_START=%#x" % INITRD_START, "-DINITRD_END=%#x" % (INITRD_START + initrd_size),
           "-o", source, os.path.join(profiles.FOLDER, "machine.dts")], "the device tree of %s" % profile.name)
    _call(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", result, source], "the device tree of %s" % profile.name)
    return result


def _with_initramfs(image, size, path):
    """Copy the host's IMAGE to PATH, and set the address and size of the initramfs in its run descriptor."""
    with open(image, "rb") as source, open(path, "wb") as copy:
        data = bytearray(source.read())
        struct.pack_into("<QQ", data, DESC_OFFSET - HOST_OFFSET + INITRAMFS, INITRD_START, size)
        copy.write(data)
    return path


def _firmware(profile, size, words, out, folder):
    """Return the compiler's arguments for the firmware and the host, and the files to link. OpenSBI gets the machine's own device
    tree."""
    host, top = os.path.join(out, profile.host), os.path.join(out, "workload")
    if profile.firmware == "opensbi":
        if size > OPENSBI_ROOM:
            raise LaunchError("the initramfs of %s is too large for OpenSBI: %d bytes" % (profile.name, size))
        image = _with_initramfs(host, size, os.path.join(folder, "host"))
        return (['-DFIRMWARE_FILE="%s"' % need(OPENSBI, "install the package opensbi"), '-DHOST_FILE="%s"' % image],
                [os.path.join(profiles.FOLDER, "opensbi.S"), os.path.join(top, "opensbi.c.o")])
    return (['-DFDT_FILE="%s"' % _device_tree(profile, size, words, folder), '-DHOST_FILE="%s"' % host,
             "-DWORKLOAD_CLOCK=%d" % (profile.clock == "machine")],
            [os.path.join(top, name) for name in ("shim.S.o", "shim.c.o", "clock.c.o")])


def build(profile, out, path, boot=""):
    """Link a profile from what make has built below OUT to the ELF file PATH. Beside it, with the suffix .cpio instead of .elf, is the
    initramfs, for a boot loader that loads hyperscope.bin."""
    top = os.path.join(out, "workload")
    need(os.path.join(top, "runner"), "run make workload")
    # Not in place: a machine may be loading these files, and another program may build the same profile.
    with ends.folder("build.", os.path.dirname(path)) as folder:
        initramfs, elf = os.path.join(folder, "initramfs"), os.path.join(folder, "elf")
        if profile.vms:
            _initramfs(profile, out, initramfs)
        else:
            open(initramfs, "wb").close()  # pylint: disable=consider-using-with
        words = " ".join(word for word in (boot, profile.boot, "idle=suspend" if profile.clock == "counted" else "") if word)
        defines, objects = _firmware(profile, os.path.getsize(initramfs), words, out, folder)
        _call([cross_tool("gcc"), "-nostdlib", "-static", "-no-pie", "-march=rv64imac_zicsr_zifencei", "-mabi=lp64",
               "-Wl,--build-id=none,--no-warn-rwx-segments", "-T", os.path.join(profiles.FOLDER, "workload.lds"), *defines,
               '-DINITRAMFS_FILE="%s"' % initramfs, "-o", elf, os.path.join(profiles.FOLDER, "image.S"), *objects],
              "the workload %s" % profile.name)
        os.replace(initramfs, path.removesuffix(".elf") + ".cpio")
        os.replace(elf, path)
