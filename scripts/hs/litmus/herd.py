# SPDX-License-Identifier: MIT
"""herd.py - find herd7, and run it on many tests at once."""
import os
import re
import shutil
import subprocess

from hs.errors import LaunchError, naming


def find(out):
    """Return the path of herd7: $HERD7, else the fetched one, else the one in the PATH; None if there is none."""
    fetched = os.path.join(out, "herd7", "herd7")
    named = os.environ.get("HERD7")
    if named and not shutil.which(named):
        raise LaunchError("$HERD7 is '%s', which is not a program" % named)
    return named or (fetched if os.access(fetched, os.X_OK) else shutil.which("herd7"))


def run(herd, tests, folder):
    """Write the tests, name -> text, into the folder. Return name -> whether the condition can hold."""
    names = []
    for name, text in tests.items():
        names.append(os.path.join(folder, name + ".litmus"))
        with naming(folder), open(names[-1], "w", encoding="utf-8") as file:
            file.write(text)
    try:
        done = subprocess.run([herd, "-model", "riscv.cat"] + names,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, encoding="utf-8")
    except OSError as error:
        raise LaunchError("%s: %s" % (herd, error.strerror)) from None
    found = {name: word != "Never" for name, word in re.findall(r"^Observation (\S+) (Never|Sometimes|Always) ", done.stdout, re.M)}
    missing = [name for name in tests if name not in found]
    if missing:
        raise LaunchError("%s gives no result for %s: %s" % (herd, os.path.join(folder, missing[0] + ".litmus"),
                                                             done.stderr.strip() or "no output"))
    return found
