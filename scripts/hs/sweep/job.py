# SPDX-License-Identifier: MIT
"""job.py - run one job and save its result. The result of a job that another machine packed is printed instead.

A job that has a result is not run again. A failure is a result, too, and is saved with its reason and log.
A job that has ended lacks a result only if it was killed or if its result could not be written.
"""
import base64
import errno
import json
import os
import platform
import shutil
import sys
import tempfile
import time

from hs import ends
from hs.errors import LaunchError
from hs.paths import QEMU
from . import folder, workloads
from .workloads import Outcome, Place

LOG_BYTES = 65536  # number of bytes saved from the end of a job's log
LINE = "sweep-result "


def same_files(plan, point):
    """Return "" if the job's files and QEMU are those with which the sweep was started, else the difference in words."""
    paths = workloads.parse(point["workload"])[0].files(point, plan["out"])
    try:
        for path in paths:
            if plan["files"].get(path) != folder.digest(path):
                return "%s differs from the file with which the sweep began" % path
        if "system" in point:
            here = folder.qemu_key(QEMU)
            if here != plan["qemu"]:
                return "QEMU and its firmware are %s here, but the sweep began with %s" % (here, plan["qemu"])
    except LaunchError as error:
        return str(error)
    return ""


def outcome_of(plan, point, place):
    kind = workloads.parse(point["workload"])[0]
    reason = same_files(plan, point)
    if reason:
        place.note(reason)
        return Outcome(reason, [], "none")
    try:
        return kind.run(point, place)
    except (OSError, LaunchError) as error:
        if getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):
            raise  # a full disk is not a result of the job
        place.note(str(error))
        return Outcome(str(error), [], "none")


def measure(plan, number, point, work):
    """Run a job in the folder `work`. Return its result and the end of its log. A failed job has no results, so that
    none can be used by accident; its log has what it printed."""
    os.environ["HS_RUNS"] = os.environ["TMPDIR"] = work
    tempfile.tempdir = None
    place = Place(work, plan["out"], plan["timeout"])
    start = time.monotonic()
    outcome = outcome_of(plan, point, place)
    result = {"id": number, "reason": outcome.reason, "results": [] if outcome.reason else outcome.results,
              "seconds": round(time.monotonic() - start, 3), "host": platform.node(),
              "qemu_flags": outcome.flags}
    log = b""
    if os.path.exists(place.log):
        with open(place.log, "rb") as file:
            file.seek(max(0, os.path.getsize(place.log) - LOG_BYTES))
            log = file.read()
    return result, log


def keep(sweep, number, result, log):
    """Save a job's log and result. The log is written first, so that it exists when the result does."""
    if log:
        with open(sweep.file("jobs", number, "log"), "wb") as file:
            file.write(log)
    folder.write_whole(sweep.result_file(number), json.dumps(result) + "\n")


def run(sweep, number):
    """Run the job with this number, unless it has a result. Return 0, even if the job fails."""
    sweep.plan()
    sweep.point(number)
    if sweep.result(number) is not None:
        return 0
    sweep.make(sweep.file("jobs", number))
    with folder.locked(sweep.file("jobs", number, "lock"), wait=True):
        if sweep.result(number) is not None:  # made by the previous holder of the lock
            return 0
        # Read the plan and the point again: --fresh can replace them until this job holds its lock, but not later.
        plan, point = sweep.plan(), sweep.point(number)
        work = sweep.file("jobs", number, "work")
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        try:
            result, log = measure(plan, number, point, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        keep(sweep, number, result, log)
        os.unlink(sweep.file("jobs", number, "lock"))
    return 0


# ---- jobs that run on another machine, which has the same tree but not the sweep's folder ----


def packed(plan, number, point):
    few = {key: plan[key] for key in ("name", "out", "timeout", "qemu")}
    paths = workloads.parse(point["workload"])[0].files(point, plan["out"])
    few["files"] = {path: plan["files"][path] for path in paths}
    return base64.urlsafe_b64encode(json.dumps([few, number, point]).encode()).decode()


def run_packed(text):
    """Run a packed job and print its result as one line."""
    try:
        plan, number, point = json.loads(base64.urlsafe_b64decode(text))
    except ValueError:
        raise LaunchError("--packed: not a job that a sweep has packed", 2) from None
    with ends.folder("sweep-%s-%s." % (plan["name"], number)) as work:
        result, log = measure(plan, number, point, work)
    line = json.dumps([result, base64.b64encode(log).decode()])
    sys.stdout.write(LINE + line + "\n")
    return 0


def keep_line(sweep, line):
    """Save a result that run_packed() printed on another machine. Return False, and save nothing, for any other line."""
    if not line.startswith(LINE):
        return False
    try:
        result, log = json.loads(line[len(LINE):])
    except ValueError:  # the line is truncated: there is no result yet
        return False
    sweep.make(sweep.file("jobs", result["id"]))
    keep(sweep, result["id"], result, base64.b64decode(log))
    return True
