# SPDX-License-Identifier: MIT
"""engines.py - the engines that run jobs: processes started here; GNU parallel, here or over ssh; Slurm's arrays;
Snakemake.

An engine gets the numbers of the jobs without a result, and runs `sweep --job ID FOLDER` for each. That
command ensures that no job is run twice. stop() terminates everything that was started.
"""
import hashlib
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from hs import ends
from hs.errors import LaunchError, Quit
from hs.paths import HYPERSCOPE
from . import job, workloads

TURN = 0.2           # seconds between polls of running jobs
SLURM_TURN = 2       # seconds between polls of Slurm's queue, and before a failed Slurm command is retried
SLURM_ROUNDS = 3     # rounds of submitting the jobs that have no result yet, for example because a node failed
USUAL_ARRAY = 1000
STOP_SECONDS = 20
# A job takes its lock shortly after it starts, so stop_jobs() returns only after this many consecutive polls
# without a running job.
IDLE_LOOKS = 5


def need(program, what):
    path = shutil.which(program)
    if path is None:
        raise LaunchError("%s is not installed: %s" % (program, what))
    return path


class Engine:
    NAME = ""

    def generate(self, todo):
        """Write the engine's files. Return (paths of these files, what run() needs to start the engine)."""
        raise NotImplementedError

    def run(self, todo, poll):
        """Run the jobs with these numbers; call poll() while waiting."""
        raise NotImplementedError

    def __init__(self, sweep, options):
        self.sweep, self.options = sweep, options
        self.child = None

    def command(self, number):
        """Return the command of one job, as a list of words."""
        return [sys.executable, HYPERSCOPE, "sweep", "--job", number, self.sweep.path]

    def start(self, words, **more):
        """Start a program in a session of its own, and return it. The program is terminated when this process ends."""
        with open(self.sweep.file("engine.log"), "ab") as log:
            return ends.start(workloads.ended_with_parent(words), stdin=subprocess.DEVNULL, stderr=log,
                              cwd=self.sweep.path, start_new_session=True, **{"stdout": log, **more})

    def run_to_end(self, todo, progress):
        """Run the jobs with these numbers and show progress. Call stop() if a signal or an OSError ends the run."""
        try:
            self.run(todo, progress.poll)
        except (Quit, OSError):
            with ends.held():
                self.stop()
            raise
        finally:
            progress.end()

    def wait(self, poll):
        while ends.poll(self.child) is None:
            poll()
            time.sleep(TURN)
        if self.child.returncode < 0:
            raise LaunchError("%s was ended by signal %d; repeat the command, without --fresh, to continue"
                              % (self.NAME, -self.child.returncode))

    def stop(self):
        """End the engine and its jobs, which are in its session."""
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.child is None or self.child.poll() is not None:
                break
            try:
                os.killpg(self.child.pid, number)
                self.child.wait(STOP_SECONDS / 2 if number == signal.SIGTERM else None)
            except (subprocess.TimeoutExpired, ProcessLookupError):
                continue
        self.stop_jobs()

    def stop_jobs(self):
        """End the jobs that still run on this machine, such as those that the engine was just starting."""
        end, idle = time.monotonic() + STOP_SECONDS, 0
        while idle < IDLE_LOOKS and time.monotonic() < end:
            running = [process for process, machine in self.sweep.running() if machine == platform.node()]
            idle = 0 if running else idle + 1
            for process in running:
                try:
                    os.kill(process, signal.SIGTERM)
                    os.kill(process, signal.SIGCONT)  # a stopped process handles SIGTERM only when it continues
                except ProcessLookupError:
                    pass
            time.sleep(TURN)


class Serial(Engine):
    """Starts the jobs itself: one after the other, or --jobs N at a time."""
    NAME = "serial"

    def __init__(self, sweep, options):
        super().__init__(sweep, options)
        self.running = []

    def run(self, todo, poll):
        waiting = list(reversed(todo))
        while waiting or self.running:
            self.running = [child for child in self.running if ends.poll(child) is None]
            while waiting and len(self.running) < (self.options.jobs or 1):
                self.running.append(self.start(self.command(waiting.pop())))
            poll()
            if self.running:
                ends.poll(self.running[0], TURN)

    def stop(self):
        for child in self.running:
            ends.terminate(child)
        for child in self.running:
            ends.stop(child)


class Parallel(Engine):
    NAME = "GNU parallel"

    def words(self):
        words = ["parallel", "--will-cite", "--halt", "never", "--termseq", "TERM,8000,KILL,100"]
        if self.options.ssh:
            return words + ["--sshlogin", self.options.ssh, "--line-buffer"] + (
                ["--jobs", str(self.options.jobs)] if self.options.jobs else [])
        return words + ["--jobs", str(self.options.jobs or os.cpu_count() or 1)]

    def generate(self, todo):
        """Write `todo`, with a line for each job, and `parallel.sh`, which runs them.

        Over ssh, a line is a packed job, because the remote machine does not have the sweep's folder."""
        path = self.sweep.file("todo")
        words = self.words()
        with open(path, "w", encoding="ascii") as file:
            if self.options.ssh:
                wanted, plan = set(todo), self.sweep.plan()
                for number, point, _ in self.sweep.jobs():
                    if number in wanted:
                        file.write(job.packed(plan, number, point) + "\n")
                command = [HYPERSCOPE, "sweep", "--packed", "{}"]
            else:
                file.writelines(number + "\n" for number in todo)
                command = self.command("{}")
        # GNU parallel passes the command to a shell, so quote its words, except {}, which GNU parallel replaces.
        words += [word if word == "{}" else shlex.quote(word) for word in command] + ["::::", path]
        script = self.sweep.file("parallel.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec %s\n" % " ".join(map(shlex.quote, words)))
        os.chmod(script, 0o755)
        return [script, path], words

    def run(self, todo, poll):
        need("parallel", "run 'scripts/hyperscope setup sweep'")
        _, words = self.generate(todo)
        if not self.options.ssh:
            self.child = self.start(words)
        else:
            path = self.sweep.file("ssh.out")
            with open(path, "wb") as out:
                self.child = self.start(words, stdout=out)
            with open(path, encoding="utf-8", errors="replace") as lines:
                rest = ""

                def keep():
                    nonlocal rest
                    *whole, rest = (rest + lines.read()).split("\n")
                    for line in whole:
                        job.keep_line(self.sweep, line)

                def keep_and_poll():
                    keep()
                    poll()

                self.wait(keep_and_poll)
                keep()
        self.wait(poll)


class Slurm(Engine):
    NAME = "Slurm"
    SCRIPT = """\
#!/bin/sh
#SBATCH --job-name=sweep-%(name)s
#SBATCH --output="%(log)s" --open-mode=append
#SBATCH --cpus-per-task=1
# Lines %(first)d to %(last)d of the list; a task is the job on its line.
n=$((SLURM_ARRAY_TASK_ID + %(first)d))
id=$(sed -n "${n}p" %(todo)s)
exec %(command)s
"""

    def __init__(self, sweep, options):
        super().__init__(sweep, options)
        self.submitted = sweep.file("slurm", "submitted")
        self.reported = False

    def most(self):
        """Return the maximum number of tasks in an array, from Slurm's configuration.

        If Slurm does not answer, return its default with --generate; otherwise, wait for an answer."""
        while True:
            try:
                text = subprocess.run(["scontrol", "show", "config"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      check=False).stdout.decode()
            except OSError:
                text = ""
            found = re.search(r"^MaxArraySize\s*=\s*(\d+)", text, re.M)
            if found or self.options.generate:
                return max(1, int(found.group(1)) - 1) if found else USUAL_ARRAY
            self.report_no_answer()
            time.sleep(SLURM_TURN)

    def report_no_answer(self):
        if not self.reported:
            sys.stderr.write("\nsweep: Slurm does not answer; waiting for it (Ctrl-C ends)\n")
        self.reported = True

    def generate(self, todo):
        folder = self.sweep.file("slurm")
        os.makedirs(folder, exist_ok=True)
        text, scripts, most = "".join(number + "\n" for number in todo), [], self.most()
        # The file's name depends on the contents, because waiting tasks may still have to read another list.
        path = os.path.join(folder, "todo-" + hashlib.sha256(text.encode()).hexdigest()[:8])
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        words = " ".join(map(shlex.quote, self.command("ID"))).replace(" ID ", ' "$id" ')
        for part, first in enumerate(range(0, len(todo), most), 1):
            last = min(first + most, len(todo))
            script = os.path.join(folder, "array-%d.sbatch" % part)
            with open(script, "w", encoding="utf-8") as file:
                file.write(self.SCRIPT % {"name": self.sweep.plan()["name"], "first": first + 1, "last": last,
                                          "todo": shlex.quote(path), "command": words,
                                          "log": self.sweep.file("engine.log").replace("%", "%%")})
            scripts.append((script, last - first))
        return [path] + [script for script, _ in scripts], scripts

    def submit(self, script, tasks):
        limit = "%%%d" % self.options.jobs if self.options.jobs else ""
        words = ["sbatch", "--parsable", "--array=0-%d%s" % (tasks - 1, limit)] + self.options.sbatch + [script]
        while True:
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            errors = done.stderr.decode(errors="replace").strip()
            if done.returncode == 0:
                break
            if not re.search("limit|temporarily|Unable to contact|timed out", errors, re.I):
                raise LaunchError("sbatch: %s" % (errors or "status %d" % done.returncode))
            time.sleep(SLURM_TURN)  # the queue is full or the daemon is not running: both are temporary
        with open(self.submitted, "a", encoding="ascii") as file:
            file.write(done.stdout.decode().strip().partition(";")[0] + "\n")

    def submitted_jobs(self):
        try:
            with open(self.submitted, encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def queued(self):
        """Return the number of remaining tasks, or None if Slurm does not answer.

        If Slurm could not start any of them and holds them all, cancel them; run() submits them again."""
        ids = self.submitted_jobs()
        if not ids:
            return 0
        done = subprocess.run(["squeue", "--noheader", "--array", "--format=%r", "--jobs", ",".join(ids)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode and "Invalid job id" not in done.stderr.decode(errors="replace"):
            return None
        reasons = done.stdout.decode(errors="replace").splitlines()
        if reasons and all("launch failed requeued held" in reason for reason in reasons):
            self.stop()
        return len(reasons)

    def wait_for_queue(self, poll, todo):
        """Wait until no task is waiting or running, or until all jobs have results.

        When all jobs have results, Slurm may still be waiting for a failed node, so the remaining tasks are canceled."""
        while True:
            count = self.queued()
            if count == 0:
                break
            if self.sweep.done()[0].issuperset(todo):
                self.stop()
                break
            if count is None:
                self.report_no_answer()
            end = time.monotonic() + SLURM_TURN
            while time.monotonic() < end:
                poll()
                time.sleep(TURN)
        if os.path.exists(self.submitted):
            os.unlink(self.submitted)

    def run(self, todo, poll):
        need("sbatch", "install slurm-client (Debian, Ubuntu), or use --generate to write only the scripts")
        self.wait_for_queue(poll, todo)  # tasks of an interrupted sweep may still be running
        for _ in range(SLURM_ROUNDS):
            done = self.sweep.done()[0]
            todo = [number for number in todo if number not in done]
            if not todo:
                return
            for script, tasks in self.generate(todo)[1]:
                self.submit(script, tasks)
                poll()
            self.wait_for_queue(poll, todo)

    def stop(self):
        if self.submitted_jobs():
            subprocess.run(["scancel"] + self.submitted_jobs(), stderr=subprocess.DEVNULL, check=False)


class Snakemake(Engine):
    NAME = "Snakemake"
    # Snakemake removes the outputs of jobs that it considers interrupted. So the outputs that the Snakefile names
    # are marker files, not results.
    FILE = """\
# One rule: a job, by its number. Run by: snakemake --cores N --snakefile FILE
with open(%(todo)r) as todo:
    JOBS = todo.read().split()

rule all:
    input: expand(%(marks)r + "/{id}", id=JOBS)

rule job:
    output: touch(%(marks)r + "/{id}")
    shell: %(command)r
"""

    def generate(self, todo):
        folder = self.sweep.file("snakemake")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        path, snakefile = os.path.join(folder, "todo"), os.path.join(folder, "Snakefile")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(number + "\n" for number in todo)
        words = [shlex.quote(word).replace("{", "{{").replace("}", "}}") for word in self.command("ID")]
        with open(snakefile, "w", encoding="utf-8") as file:
            file.write(self.FILE % {"todo": path, "marks": os.path.join(folder, "done"),
                                    "command": " ".join("{wildcards.id}" if word == "ID" else word for word in words)})
        return [path, snakefile], snakefile

    def run(self, todo, poll):
        need("snakemake", "install the package snakemake (Debian, Ubuntu), or use --generate to write only the Snakefile")
        _, snakefile = self.generate(todo)
        self.child = self.start(["snakemake", "--cores", str(self.options.jobs or os.cpu_count() or 1), "--keep-going",
                                 "--nolock", "--quiet", "--directory", os.path.dirname(snakefile),
                                 "--snakefile", snakefile])
        self.wait(poll)


ENGINES = {"serial": Serial, "parallel": Parallel, "slurm": Slurm, "snakemake": Snakemake}
