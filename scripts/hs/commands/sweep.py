# SPDX-License-Identifier: MIT
"""sweep - run a job for each combination of parameters and collect one CSV file.

FILE lists the parameters (TOML, or CSV with a header). The jobs run here, one
after the other, unless --engine names GNU parallel (here or over ssh), Slurm
or Snakemake. All results, including failures, go to the file
OUT/sweeps/NAME/results.csv. To continue an interrupted sweep, repeat the
command. docs/sweep.md describes the keys of FILE; for examples see
notebooks-data/sweeps.
"""
import argparse
import os
import shlex
import sys
import time

from hs import layout
from hs.bench.systems import BenchError
from hs.errors import LaunchError
from hs.parser import of_command, positive
from hs.run import machine
from hs.sweep import collect, engines, job, table
from hs.sweep.folder import Folder
from hs.sweep.progress import Progress
from hs.toggles import refuse_defaults

EPILOG = """\
exit status: 0 all jobs succeeded; 1 some failed (results.csv says which);
2 usage error; 125 some have no result yet; 130 interrupted"""
SHOWN_FAILURES = 5
SHOWN_TEXT = 32  # maximum length of a value in a job's line
WIDTH = 60       # a parameter's values share one line if they have fewer characters in total


def new_parser():
    parser = of_command("sweep", __doc__, epilog=EPILOG)
    parser.add_argument("file", metavar="FILE", nargs="?", help="table of parameters; with --job, a sweep's folder")
    parser.add_argument("--plan", action="store_true", help="list the jobs; run none")
    parser.add_argument("--engine", choices=tuple(engines.ENGINES),
                        help="serial (default; needs nothing installed), parallel (default with --ssh), slurm or snakemake")
    parser.add_argument("--ssh", metavar="HOST,...", help="run on these hosts, in the syntax of GNU parallel's "
                        "--sshlogin; each needs this checkout, built, at the same path")
    parser.add_argument("--sbatch", metavar="ARGS", default="", help="slurm: further options for sbatch")
    parser.add_argument("--jobs", metavar="N", type=positive, help="number of jobs to run at once (serial: 1; parallel, "
                        "snakemake: one per processor; slurm: no limit)")
    parser.add_argument("--generate", action="store_true", help="write the files of parallel, slurm or snakemake; "
                        "run nothing")
    parser.add_argument("--fresh", action="store_true", help="discard existing results and start again")
    parser.add_argument("--retry", action="store_true", help="run failed jobs again")
    parser.add_argument("--quiet", action="store_true", help="do not show progress")
    parser.add_out()
    parser.add_argument("--job", metavar="ID", help="run this job of the folder, unless it has a result")
    parser.add_argument("--packed", metavar="JOB", help=argparse.SUPPRESS)  # called by --ssh on a remote host
    return parser


def parse(argv):
    parser = new_parser()
    options = parser.parse_args(argv)
    if options.file is None and options.packed is None:
        parser.error("no file was named")
    if options.file is not None and not os.path.exists(options.file):
        parser.error("%s: no such file" % options.file)
    for option, given in (("--retry", options.retry), ("--fresh", options.fresh), ("--job", options.job is not None)):
        if options.plan and given:
            parser.error("--plan runs nothing: omit %s" % option)
    if options.engine is None:
        options.engine = "parallel" if options.ssh else "serial"
    if options.ssh and options.engine != "parallel":
        parser.error("--ssh needs --engine parallel, not --engine %s" % options.engine)
    if options.generate and options.engine == "serial":
        parser.error("--generate needs --engine parallel, slurm or snakemake: the serial engine has no files")
    if options.ssh and options.generate:
        parser.error("--generate and --ssh are mutually exclusive: only a running sweep collects results over ssh")
    if options.sbatch and options.engine != "slurm":
        parser.error("--sbatch needs --engine slurm")
    try:
        options.sbatch = shlex.split(options.sbatch)
    except ValueError as error:
        parser.error("--sbatch %s: %s" % (options.sbatch, error))
    os.environ["O"] = options.out
    return options


def shortened(value):
    return value if len(value) <= SHOWN_TEXT else value[:SHOWN_TEXT - 3] + "..."


def show_plan(plan):
    """Print one line per job, then the number of jobs and the complete values of each parameter."""
    width = max(len(name) for name in plan.columns)
    for number, (point, repetition) in enumerate(plan.points, 1):
        words = ["%s=%s" % (name, shortened(point[name])) for name in plan.columns if name in point]
        print("%05d %s (%d)" % (number, " ".join(words), repetition))
    print("%s of sweep '%s':" % (layout.counted(len(plan.points), "job"), plan.name))
    for name in plan.columns:
        values = dict.fromkeys(point[name] for point, _ in plan.points if name in point)
        between = ", " if sum(map(len, values)) < WIDTH else "\n" + " " * (width + 4)
        print("  %-*s  %s" % (width, name, between.join(values)))


def report(sweep, total):
    done, failed = collect.write(sweep)
    print("%s: %d of %s, %d failed" % (machine.shown(sweep.file("results.csv")), done, layout.counted(total, "job"), len(failed)))
    print("  logs: %s" % machine.shown(sweep.file("jobs", "ID", "log")))
    for number, reason in list(failed.items())[:SHOWN_FAILURES]:
        print("  job %s: %s; %s" % (number, reason, machine.shown(sweep.file("jobs", number, "log"))))
    if len(failed) > SHOWN_FAILURES:
        print("  and %d more" % (len(failed) - SHOWN_FAILURES))
    if failed:
        print("  --retry runs them again")
    return done, failed


def run(options, sweep, total):
    """Let the engine run the jobs that have no result. With --generate, only write the engine's files. Return the
    exit status."""
    sweep.tidy()
    done = sweep.done()[0]
    todo = [number for number, _, _ in sweep.jobs() if number not in done]
    engine = engines.ENGINES[options.engine](sweep, options)
    if options.generate:
        for path in engine.generate(todo)[0]:
            print(machine.shown(path))
        return 0
    begin = time.monotonic()
    try:
        if todo:
            engine.run_to_end(todo, Progress("sweep", sweep, total, options.quiet, bool(options.ssh)))
    finally:
        done, failed = report(sweep, total)
    if done < total:
        log = sweep.file("engine.log")
        has_log = os.path.exists(log) and os.path.getsize(log)
        why = "see %s" % machine.shown(log) if has_log else "their processes were killed"
        raise LaunchError("%s without a result after %d s; %s; repeat the command, without --fresh, to continue"
                          % (layout.counted(total - done, "job"), time.monotonic() - begin, why))
    return 1 if failed else 0


def main(argv):
    options = parse(argv)
    try:
        refuse_defaults()  # also for a single job
        if options.packed is not None:
            return job.run_packed(options.packed)
        if options.job is not None:
            return job.run(Folder(options.file), options.job)
        plan = table.read(options.file)
        if options.plan:
            show_plan(plan)
            return 0
        sweep = Folder(os.path.join(options.out, "sweeps", plan.name))
        with sweep.held():
            sweep.begin(options.file, plan, options.out, options.fresh)
            if options.retry:
                sys.stderr.write("sweep: running %s again\n" % layout.counted(sweep.forget_failed(), "failed job"))
            return run(options, sweep, len(plan.points))
    except BenchError as error:
        raise LaunchError(str(error)) from None
    except OSError as error:
        raise LaunchError(": ".join(filter(None, (error.filename, error.strerror)))) from None
