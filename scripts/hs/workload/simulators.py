# SPDX-License-Identifier: MIT
"""simulators.py - run a workload's ELF file on QEMU or Spike, and read the verdict from its log."""
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

from hs import ends
from hs.errors import STATUS_TIMEOUT, LaunchError
from hs.lastwords import printable
from hs.run.machine import need
from hs.run.spike import program as spike_program

SIMULATORS = ("qemu", "qemu-spike", "spike")
SPIKE_ISA = "rv64imafdch_zicntr_zihpm_zicclsm_sstc"
# Statuses of timeout(1) after its time limit. If the program ignores SIGTERM, GNU's timeout also ends itself with SIGKILL.
TIMED_OUT = (STATUS_TIMEOUT, 137, -signal.SIGKILL)
SECONDS = 600
VERDICT = re.compile(r"^workload: (PASS|FAIL): ?(.*)$", re.MULTILINE)
NOT_OK = re.compile(r"^(?:workload: \S+ )?(not ok .*)$", re.MULTILINE)
OK = re.compile(r"^ok ", re.MULTILINE)
PLAN = re.compile(r"^1\.\.([1-9][0-9]*)$", re.MULTILINE)
VM = re.compile(r"^workload: (?!build:)([a-z0-9_-]+): ", re.MULTILINE)
BAIL = re.compile(r"^(Bail out! .*)$", re.MULTILINE)
# A line of the firmware, the host or a payload, or of Spike after a failure of the machine.
STARTED = re.compile(r"^(OpenSBI v|hyperscope: |host: |workload: |trace: |ok |not ok |1\.\.|Bail out!|\*\*\* FAILED \*\*\*)", re.MULTILINE)
PANIC = re.compile(r"^host: panic: ", re.MULTILINE)


class Outcome(NamedTuple):
    log: str
    ended: bool        # before the time limit
    verdict: str       # PASS, FAIL, or "" if there is none
    why: str           # the first claim that failed


def command(simulator, path, profile, qemu, more=()):
    if simulator == "spike":
        return [spike_program(), "--isa=" + SPIKE_ISA, "-p%d" % profile.harts, "-m%d" % profile.memory, *more, path]
    return [qemu, "-M", "spike" if simulator == "qemu-spike" else "virt", "-m", "%dM" % profile.memory,
            "-smp", str(profile.harts), "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-bios", path, *more]


def cleaned(text):
    """Return the text of a log without carriage returns, and with '?' for control characters: a log is not trusted."""
    return printable(text.replace("\r", ""))


def verdict(text):
    """Return the verdict in a log, and the first claim that failed. A payload without a runner prints TAP."""
    text = cleaned(text)
    found, failed, plans = VERDICT.findall(text), NOT_OK.findall(text), PLAN.findall(text)
    if PANIC.search(text):
        return "FAIL", "the host panicked"
    if found:
        return found[-1]
    if failed or BAIL.search(text):
        return "FAIL", (failed or BAIL.findall(text))[0]
    if not plans:
        return "", ""
    if len(OK.findall(text)) != int(plans[-1]):
        return "FAIL", "the plan is 1..%s, but the claims are others" % plans[-1]
    return "PASS", ""


def vms(text):
    """Return the names of the VMs that a log has lines of."""
    return set(VM.findall(cleaned(text)))


def limit(seconds):
    """Return a time limit for timeout(1), for which 0 means that there is none: a limit above 0 must not become 0."""
    return "%.3f" % (max(seconds, 0.001) if seconds else 0)


def run(words, seconds=SECONDS, echo=None):
    """Run a simulator to its end or the time limit; ECHO gets each line of its output, cleaned."""
    if not shutil.which(words[0]):
        raise LaunchError("%s cannot be executed" % words[0])
    try:
        with ends.held():
            process = ends.start(["timeout", "--kill-after=2", limit(seconds)] + words, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise LaunchError("%s: %s" % (words[0], error.strerror)) from None
    if ends.is_ending():  # in a thread, after terminate_all()
        ends.terminate(process)
    lines = []
    for raw in process.stdout:
        lines.append(raw.decode(errors="replace").rstrip("\r\n"))
        if echo:
            echo(cleaned(lines[-1]))
    status = process.wait()
    text = "".join(line + "\n" for line in lines)
    ended = status not in TIMED_OUT
    # A machine that reports FAIL, or a panic of the host, may also have a status other than 0, but it has printed something.
    if ended and (not lines or status and not STARTED.search(cleaned(text))):
        raise LaunchError("%s has ended with status %d, without starting the machine: %s"
                          % (os.path.basename(words[0]), status, cleaned((lines or ["no output"])[-1])))
    return Outcome(text, ended, *verdict(text))


def compare_logs(out, expected, log, words=(), **more):
    """Run `hstrace divergence` on two logs, with the options WORDS, and return its subprocess.CompletedProcess, whose status is 0
    if the events agree, and 1 if they differ."""
    sys.stdout.flush()  # hstrace may print to it, too
    hstrace = need(os.path.join(out, "hstrace"), "run make tools")
    done = subprocess.run([hstrace, "divergence", *words, expected, log], check=False, **more)
    if done.returncode < 0:
        raise LaunchError("the events cannot be compared: hstrace was ended by signal %d" % -done.returncode)
    return done


def compare_events(out, expected, text, words=(), **more):
    """Compare the TEXT of a run's log with the log EXPECTED, as compare_logs() does. Messages of hstrace name a temporary file."""
    with ends.folder("workload.") as folder:
        log = os.path.join(folder, "log")
        with open(log, "w", encoding="utf-8") as file:
            file.write(text)
        return compare_logs(out, expected, log, words, **more)
