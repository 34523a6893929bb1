# SPDX-License-Identifier: MIT
"""plugin.py - run a machine with one of our QEMU plugins, for scripts/hyperscope anatomy, irqs-off, locks and profile."""
import os
import shlex
import stat
import subprocess
import sys
import time

from hs import ends
from hs.bench.systems import time_limit
from hs.errors import STATUS_TIMEOUT, LaunchError
from hs.lastwords import last_words
from hs.run import qemuopt
from hs.run.machine import MAX_HARTS, parse_count, qemu_version

QEMU_MIN = 9  # the first version with counters and register access for plugins; anatomy's plugin needs neither
QUIET_SECONDS = 2


def add_machine(parser, harts=True):
    """Add the options that describe the machine on which the workload runs."""
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a toggle of hyperscope")
    parser.add_argument("--cpu", metavar="MODEL", default="rv64", help="processor, in QEMU's syntax (rv64)")
    parser.add_argument("--firmware", metavar="FILE", default="",
                        help="firmware to use instead of QEMU's OpenSBI")
    if harts:
        parser.add_argument("--harts", metavar="N", type=int, default=1,
                            help="number of harts (1); with more than one, a hart that spins while "
                            "waiting for another counts instructions until QEMU switches harts")
    parser.add_argument("--trace", metavar="EVENTS", default="none",
                        help="events for hyperscope to record (none)")


def add_run(parser, qemu, timeout):
    """Add --qemu, --timeout and --out. QEMU and TIMEOUT are the help texts of the first two, without the default."""
    parser.add_qemu(qemu)
    parser.add_timeout(600, timeout)
    parser.add_out()


def split_program(parser, words):
    """Return the words before "--", and the program with its arguments after it ([] if there is no "--").

    A "--" without a program after it is a usage error."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    if at + 1 == len(words):
        parser.error("a program is missing after --")
    return words[:at], words[at + 1:]


def check_options(options):
    """Reject invalid values of the common options before anything runs."""
    if hasattr(options, "harts"):
        parse_count(str(options.harts), "--harts", MAX_HARTS)
    if options.firmware:
        qemuopt.check_firmware(options.firmware)
    qemuopt.check_cpu(options.qemu, options.cpu)


def check_qemu(qemu):
    if qemu_version(qemu)[0] < QEMU_MIN:
        raise LaunchError("%s is older than QEMU %d, the first version that supports this plugin"
                          % (qemu, QEMU_MIN))


def wrapper(folder, qemu, arguments, more=()):
    """Write a script that runs QEMU with the plugin and the arguments MORE, and return its path.

    Callers set $QEMU to this path, so the command that starts the machine needs no option for plugins."""
    path = os.path.join(folder, "qemu")
    with open(path, "w", encoding="utf-8") as script:
        script.write("#!/bin/sh\nexec %s \"$@\" %s\n" % (shlex.quote(qemu), shlex.join(["-plugin", arguments, *more])))
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def wait(process, tool, what, seconds):
    """Wait for PROCESS to end; after SECONDS, stop it. Return whether it ended in time.

    After QUIET_SECONDS, show the elapsed time if standard error is a terminal. Otherwise, report once that PROCESS is
    running."""
    start, announced = time.monotonic(), False
    while ends.poll(process, 0.2) is None:
        ends.raise_pending()
        spent = time.monotonic() - start
        if spent > seconds:
            ends.stop(process)
            return False
        if spent < QUIET_SECONDS:
            continue
        if sys.stderr.isatty():
            sys.stderr.write("\r%s: %s: %d s" % (tool, what, spent))
        elif not announced:
            sys.stderr.write("%s: %s ...\n" % (tool, what))
        sys.stderr.flush()
        announced = True
    if announced and sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return True


def run(command, tool, what, folder, environment, options):
    """Run COMMAND to its end, with its output in a file. Return its status and what it printed.

    It is an error if options.timeout seconds pass; time_limit() says when the command is terminated.
    """
    output_path = os.path.join(folder, "said")
    with open(output_path, "wb") as output:
        try:
            process = ends.start(command, stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, env=environment)
        except OSError as error:
            raise LaunchError("%s: %s" % (command[0], error.strerror)) from None
        try:
            in_time = wait(process, tool, what, time_limit(command, options.timeout))
        finally:
            ends.stop(process)
    with open(output_path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if not in_time or process.returncode == STATUS_TIMEOUT:
        raise LaunchError("%s: ended after %d seconds (--timeout)%s" % (
            what, options.timeout, last_words(options.out, "%s %s" % (tool, what), text)), STATUS_TIMEOUT)
    return process.returncode, text


def cut_short(what):
    return LaunchError("the plugin's output for %s is incomplete: is the disk full?" % what)


def lines_of(path, what):
    """Yield the lines of a text file that the plugin wrote, except its last line, "end". Raise an error if that line
    is missing, because the file is then incomplete."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - len(b"\nend\n")))
            if not (b"\n" + file.read()).endswith(b"\nend\n"):
                raise cut_short(what)
        with open(path, encoding="ascii") as lines:
            yield from (line for line in lines if line != "end\n")
    except OSError as error:
        raise LaunchError("the plugin wrote no output for %s: %s" % (what, error.strerror)) from None


def failed(tool, what, status, text, options):
    """Return the error for a program that printed TEXT and ended with this status."""
    return LaunchError("%s ended with status %d%s" % (
        what, status, last_words(options.out, "%s %s" % (tool, what), text)))
