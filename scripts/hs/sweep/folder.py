# SPDX-License-Identifier: MIT
"""folder.py - a sweep's folder: the plan, a folder for each job, and the results.

    table.*      copy of the table           plan.json    data common to all jobs
    jobs.csv     a line for each job         jobs/ID/     result.json; log
    results.csv  all results (collect.py)    engine.log   output of the engine

A job is done when its result.json exists; the file is written completely or not at all. While a job runs, it
holds jobs/ID/lock (except over ssh), so two engines cannot run it at once. A sweep holds `lock`, so that only
one sweep uses the folder.
"""
import csv
import fcntl
import json
import os
import platform
import shutil
from contextlib import contextmanager

from hs import output
from hs.bench import csvfile, provenance
from hs.errors import LaunchError
from hs.paths import TOP
from . import workloads

UNCHANGED = ("name", "digest", "files", "qemu", "timeout")
PLAN = {"name": str, "digest": str, "files": dict, "qemu": str, "timeout": int, "columns": list, "out": str, "kernels": dict,
        "made_with": dict}
RESULT = {"id": str, "reason": str, "results": list, "seconds": (int, float), "host": str, "qemu_flags": str}
DIGITS = 5


def _fits(found, kinds):
    """Return whether the dictionary FOUND has these keys and types, a plan's columns are texts, and each of a job's
    results consists of three texts."""
    return (all(isinstance(found.get(key), kind) for key, kind in kinds.items())
            and all(isinstance(name, str) for name in found.get("columns", []))
            and all(isinstance(each, list) and list(map(type, each)) == [str] * 3 for each in found.get("results", [])))


def read_json(path, kinds, remedy):
    """Return the dictionary in a JSON file, or None if the file does not exist.

    Raise LaunchError, which suggests `remedy`, if the file is not a dictionary with at least these keys and types."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not _fits(found, kinds):
        raise LaunchError("%s was not written by a sweep, or is damaged; %s" % (path, remedy))
    return found


def write_whole(path, text):
    """Write a file completely or not at all."""
    with output.create(path) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def locked(path, wait):
    """Hold the lock in the file PATH. Yield None if another process holds it and `wait` is false."""
    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield None
                return
            if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(lock.fileno())):
                lock.truncate(0)
                lock.write("%d %s\n" % (os.getpid(), platform.node()))
                lock.flush()
                yield lock
                return
        # The previous holder has removed the file, so this lock is worthless: the next process would lock a new
        # file of this name. Try again.


def digests(points, out):
    """Return {path: digest} of every file that determines the points' figures. Raise LaunchError if one is missing."""
    paths, seen = set(), set()
    for point in points:
        key = tuple(point.get(name) for name in ("workload", "system", "guest", "disk"))
        if key not in seen:
            seen.add(key)
            paths.update(workloads.parse(point["workload"])[0].files(point, out))
    return {path: digest(path) for path in sorted(paths)}


def digest(path):
    try:
        return provenance.digest_of(path)[:12]
    except OSError as error:
        raise LaunchError("%s: %s; run 'scripts/hyperscope setup run', then make"
                          % (path, error.strerror)) from None


def new_plan(table, out):
    """Return the data common to all jobs, including the provenance that is recorded with each figure."""
    points = [point for point, _ in table.points]
    machines = any("system" in point for point in points)
    runner = workloads.runner(out, table.timeout)
    files = digests(points, out)
    if machines:
        made_with = provenance.collect(runner)
    else:
        made_with = dict.fromkeys(provenance.COLUMNS, "none")
        made_with["commit"] = provenance.commit()
    return {"name": table.name, "digest": table.digest, "timeout": table.timeout, "columns": table.columns,
            "files": files, "out": out, "qemu": qemu_key(runner.qemu) if machines else "none",
            "kernels": {kernel_key(point): kernels(point, out, made_with["commit"], files)
                        for point in points if "system" in point},
            "made_with": {name: made_with.get(name, "") for name in provenance.COLUMNS}}


def kernel_key(point):
    """Return the key under which the plan stores the kernels of a point."""
    own = [point.get("guest", "linux")] if workloads.runs_guest(point) else []
    return " ".join([point.get("system", "none")] + own)


def kernels(point, out, commit, files):
    """Return one text with the host's kernel, if there is one, and the guest's, if the workload is a guest."""
    host = provenance.kernel_of(point["system"], out, commit)
    if not workloads.runs_guest(point):
        return host
    path = point.get("guest", "linux")
    guest = "%s %s" % (os.path.basename(path), files[path]) if path in files else provenance.kernel_of("native", out, commit)
    return guest if host == "none" else "%s, guest %s" % (host, guest)


def qemu_key(qemu):
    """Return QEMU's version and its firmware's digest. Figures depend on both."""
    return "%s %s" % (provenance.version(qemu, "--version"), digest(provenance.firmware_file(qemu, "")))


class Folder:
    def __init__(self, path):
        self.path = os.path.abspath(path)

    def file(self, *names):
        return os.path.join(self.path, *names)

    # ---- the plan ----

    def begin(self, source, table, out, fresh):
        """Write the plan, or continue a sweep with the same plan. The caller holds the folder's lock."""
        plan = new_plan(table, out)
        if fresh:
            running = self.running() if os.path.exists(self.file("jobs")) else []
            if running:  # these jobs would write into the new sweep
                raise LaunchError("%s: jobs of this sweep are still running (%s): wait for them, or end them" % (
                    self.path, ", ".join("process %d on %s" % each for each in running[:3])))
            for name in os.listdir(self.path):
                if name != "lock":
                    path = self.file(name)
                    if os.path.isdir(path):
                        shutil.rmtree(path)
                    else:
                        os.unlink(path)
        if os.path.exists(self.file("plan.json")):
            self.check_same(plan, table)
        elif os.path.exists(self.file("jobs")) and self.done()[0]:  # perhaps --fresh was killed
            raise LaunchError("%s has results, but no plan; use --fresh to start again" % self.path)
        else:
            self.write_plan(source, table, plan)

    @contextmanager
    def held(self):
        """Hold the folder's lock, so that only one sweep uses it."""
        self.make(self.path)
        with locked(self.file("lock"), wait=False) as lock:
            if lock is None:
                raise LaunchError("%s: another sweep is running in this folder" % self.path)
            yield

    def make(self, path):
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise LaunchError("%s: %s" % (path, error.strerror)) from None

    def write_plan(self, source, table, plan):
        shutil.copyfile(source, self.file("table" + os.path.splitext(source)[1]))
        self.make(self.file("jobs"))
        csvfile.write(self.file("jobs.csv"), ("id",) + table.columns + ("repetition",), (
            dict(point, id="%0*d" % (DIGITS, number), repetition=repetition)
            for number, (point, repetition) in enumerate(table.points, 1)))
        write_whole(self.file("plan.json"), json.dumps(plan, indent=1) + "\n")

    def check_same(self, plan, table):
        old = self.plan()
        for key in UNCHANGED:
            if old.get(key) == plan[key]:
                continue
            what = {"digest": "its file has changed", "qemu": "QEMU or its firmware has changed",
                    "files": "%s has changed" % ", ".join(
                        os.path.relpath(path, TOP) for path in sorted(set(old["files"]) ^ set(plan["files"]) | {
                            path for path in plan["files"] if old["files"].get(path) != plan["files"][path]})),
                    }.get(key, "its %s has changed" % key)
            raise LaunchError("sweep '%s' cannot continue, because %s since it began. Use --fresh to discard its results "
                              "(%s), or give it another name" % (plan["name"], what, self.path))
        planned = [({name: value for name, value in point.items() if value}, repetition)
                   for point, repetition in table.points]
        if [(point, repetition) for _, point, repetition in self.jobs()] != planned:
            raise self.damaged()

    def plan(self):
        found = read_json(self.file("plan.json"), PLAN, "use --fresh to start again")
        if found is None:
            raise LaunchError("%s is not the folder of a sweep" % self.path)
        return found

    def jobs(self):
        """Yield (id, point, repetition) of each job, in order."""
        try:
            with open(self.file("jobs.csv"), newline="", encoding="utf-8") as file:
                for line in csv.DictReader(file, strict=True):
                    number, repetition = line.pop("id"), line.pop("repetition")
                    yield number, {name: value for name, value in line.items() if value}, int(repetition)
        except (OSError, ValueError, LookupError, TypeError, csv.Error):
            raise self.damaged() from None

    def damaged(self):
        return LaunchError("%s was not written by a sweep, or is damaged; use --fresh to start again" % self.file("jobs.csv"))

    def point(self, number):
        """Return the point of a job."""
        for name, point, _ in self.jobs():
            if name == number:
                return point
        raise LaunchError("%s has no job %s" % (self.path, number))

    # ---- jobs ----

    def result_file(self, number):
        return self.file("jobs", number, "result.json")

    def result(self, number):
        """Return the result of a job, or None if it has none."""
        return read_json(self.result_file(number), RESULT, "remove it to run the job again")

    def done(self):
        """Return the numbers of the jobs that have a result, and of those that were started but have none."""
        done, begun = set(), set()
        with os.scandir(self.file("jobs")) as entries:
            for entry in entries:
                (done if os.path.exists(entry.path + "/result.json") else begun).add(entry.name)
        return done, begun

    def running(self):
        """Return (process, machine) for each job that is running."""
        found = []
        for number in self.done()[1]:
            with locked(self.file("jobs", number, "lock"), wait=False) as lock:
                if lock is None:
                    with open(self.file("jobs", number, "lock"), encoding="utf-8") as holder:
                        process, _, machine = holder.read().strip().partition(" ")
                    if process:
                        found.append((int(process), machine))
        return found

    def tidy(self):
        """Remove the files of jobs that were killed, but not those of running jobs, which hold their locks."""
        for number in self.done()[1]:
            with locked(self.file("jobs", number, "lock"), wait=False) as lock:
                # A job that now has a result ended after done() was called, so its files are kept.
                if lock is not None and not os.path.exists(self.result_file(number)):
                    shutil.rmtree(self.file("jobs", number), ignore_errors=True)

    def forget_failed(self):
        """Remove the results and logs of failed jobs, so that they are run again. Return their number."""
        count = 0
        for number in sorted(self.done()[0]):
            if self.result(number)["reason"]:
                shutil.rmtree(self.file("jobs", number))
                count += 1
        return count
