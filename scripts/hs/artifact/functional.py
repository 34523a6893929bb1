# SPDX-License-Identifier: MIT
"""functional.py - the ten-minute check: verify checksums, build, run, and compare a paper's figures.

A step is a command whose output has to match a pattern; its log is kept. The check ends early if a step
fails and later steps need it.
"""
import os
import re
import subprocess
import time
from typing import NamedTuple

from hs import ends
from hs.paths import HYPERSCOPE, TOP
from .packages import say

LIMIT = 600  # seconds that each step may take; a step that takes longer hangs, or the machine is overloaded
SUMS = os.path.join(TOP, "artifact", "SHA256SUMS")


class Step(NamedTuple):
    name: str
    what: str
    command: list
    proof: str          # regex that the output has to match; its groups are shown
    needed: bool = False


class Done(NamedTuple):
    step: Step
    right: bool
    seconds: float
    result: str


def _command(*words):
    return [HYPERSCOPE] + list(words)


def steps(options):
    out, log = options.out, os.path.join(options.out, "artifact")
    make = ["flock", os.path.join(out, "build.lock"), "make", "-C", TOP, "--no-print-directory", "O=" + out,
            "-j%d" % options.jobs, "all", os.path.join(out, "tests", "kvm", "bench_turns")]
    found = [Step("sums", "the archive's files match their checksums",
                  ["sha256sum", "--quiet", "--check", SUMS], "", True)] if os.path.exists(SUMS) else []
    return found + [
        Step("set-up", "tools are installed, and the guest's packages are unpacked", _command("setup", "--out", out, "run"), "", True),
        Step("build", "host, hypervisor, VMM, payloads", make, "", True),
        Step("hello", "a payload runs in a VM", _command("run", "--out", out, "hello"),
             r"^(exits: [1-9][0-9]*);"),
        Step("guest", "Debian's kernel boots in a VM and runs a command",
             _command("run", "--out", out, "--command", "echo this is $(uname -sr)", "linux"),
             r"^this is (Linux [0-9]\S+)"),
        Step("paper", "%s on hyperscope and bare, compared with expected.csv" % options.paper,
             _command("reproduce", "all", "--out", out, "--to", os.path.join(log, "paper"), "--jobs", str(options.jobs),
                      "--systems", "hyperscope,bare", options.paper), r"(figures: (?:[1-9]|.*[1-9][0-9]* of another key).*)")]


def log_of(step, options):
    return os.path.join(options.out, "artifact", step.name + ".log")


def _environment(options):
    """Return the environment with O set, and without variables that make or the user has set for other runs."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "HYPERSCOPE_SET")}
    return dict(kept, O=options.out)


def run(step, options):
    start = time.monotonic()
    limit = int(LIMIT * float(os.environ.get("HS_TIME_SCALE", "1")))
    with open(log_of(step, options), "wb") as file:
        status = ends.call(["timeout", "--kill-after=5", str(limit)] + step.command, cwd=TOP, stdin=subprocess.DEVNULL,
                           stdout=file, stderr=subprocess.STDOUT, env=_environment(options))
    with open(log_of(step, options), encoding="utf-8", errors="replace") as file:
        text = file.read().replace("\r", "")
    proof = re.search(step.proof, text, re.M)
    if status:
        result = "took longer than %d seconds; HS_TIME_SCALE=4 gives it four times as long" % limit \
            if status == 124 else "status %d" % status
    elif not proof:
        result = "its output lacks '%s'" % step.proof
    else:
        result = ", ".join(proof.groups())
    return Done(step, status == 0 and bool(proof), time.monotonic() - start, result)


def _tail(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return "".join("  | " + line + "\n" for line in file.read().rstrip().splitlines()[-8:])


def everything(options):
    """Run all steps and print a table. Return 1 if a step failed or was not run."""
    os.makedirs(os.path.join(options.out, "artifact"), exist_ok=True)
    todo, found = steps(options), []
    for number, step in enumerate(todo, 1):
        say("%d of %d: %s ..." % (number, len(todo), step.what))
        done = run(step, options)
        found.append(done)
        if not done.right:
            say("%s: %s (%s):\n%s" % (step.name, done.result, log_of(step, options), _tail(log_of(step, options)).rstrip()))
            if step.needed:
                break
    for done in found:
        print(("%-8s%6.0f s  %-8s%s" % (done.step.name, done.seconds, "ok" if done.right else "FAILED", done.result)).rstrip())
    for step in todo[len(found):]:
        print("%-8s%8s  not run" % (step.name, ""))
    wrong = len(todo) - sum(done.right for done in found)
    print("%-8s%6.0f s  %s" % ("all", sum(done.seconds for done in found),
                               "%d of %d steps failed or were not run" % (wrong, len(todo)) if wrong else "functional"))
    return int(bool(wrong))
