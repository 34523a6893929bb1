# SPDX-License-Identifier: MIT
"""nested_host.py - run a job of `run` or `exec` on hyperscope as a guest of hyperscope (--host nested).

The machine runs hyperscope, whose VMM runs a guest with the H extension, and this guest's kernel is hyperscope as well. The
job is what the inner host runs; its files are the guest's initial RAM disk. Both hosts get the same toggles and boot
arguments. Only the outer one records events, since the inner one's memory is a guest's.
"""
import os

from hs.errors import STATUS_USAGE, LaunchError
from .machine import MIB, need
from .qemuopt import SPIKES

OUTER = 96 * MIB  # memory of the outer host and its VMM, besides the guest's
# Options that --host nested does not have, with their defaults.
OWN = {"disk": [], "save": None, "restore": None, "debug_kernel": False}


class Console:
    """Stands for a channel: the inner host's only connection is its console, which has no input."""
    stdin_data = None

    def records(self):
        return ["stdin=null", "stdout=console", "stderr=console"]


def check(options):
    """Raise LaunchError for an option that --host nested does not have."""
    for name, default in OWN.items():
        if getattr(options, name, default) != default:
            raise LaunchError("--host nested has no --%s" % name.replace("_", "-"), STATUS_USAGE)
    cpu, *words = options.cpu.split(",")
    if "sscofpmf=on" in words or (cpu == "max" and "sscofpmf=off" not in words):
        raise LaunchError("--host nested cannot boot on --cpu %s: the inner host needs a counter that harts with Sscofpmf do not "
                          "give to guests; use --cpu %s" % (options.cpu, ",".join([cpu] + [w for w in words if w != "sscofpmf=on"]
                                                                                  + ["sscofpmf=off"])), STATUS_USAGE)
    if options.machine in SPIKES:
        raise LaunchError("--host nested does not run on --machine %s" % options.machine, STATUS_USAGE)


def outer_memory(ram):
    """Return the memory of the machine if the inner host has RAM bytes. The RAM disk exists twice: as the outer host's
    file, and in the guest."""
    return ram + ram // 2 + OUTER


def enclose(options, job, ram, run, harts, new_job, arguments):
    """Return the outer host's job: its VMM with a guest of RAM bytes, which runs JOB. new_job: exec.py's class Job.
    arguments: a list of boot arguments for the inner host. harts: the number of the machine's harts and the guest's vCPUs."""
    os.mkdir(run.file("inner"))
    path = run.file("inner/initramfs")
    job.write_initramfs(path, Console())
    vmm = need(os.path.join(options.out, "vmm"), "run make")
    outer = new_job(vmm, ["--quiet", "--nested", "--vcpus", str(harts), "--memory", "%dM" % (ram // MIB),
                          "--initrd", "/initramfs", "--append", " ".join(arguments), "/hyperscope.bin"])
    outer.files += [("/initramfs", path),
                    ("/hyperscope.bin", need(os.path.join(options.out, "hyperscope.bin"), "run make"))]
    return outer
