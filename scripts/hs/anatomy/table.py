# SPDX-License-Identifier: MIT
"""table.py - store anatomies as CSV, with provenance: a line for each stage and function of a bench row on a system.

A file may contain several of the bench's rows. Writing a row replaces the lines that have the same row,
system, toggles and processor.
"""
import os

from hs.bench import csvfile, provenance, systems
from hs.bench.rows import BY_NAME
from hs.errors import LaunchError
from hs.lock import lock

KEY = ("system", "exit", "toggles", "cpu")
COLUMNS = KEY + ("stage", "function", "instructions", "iterations") + provenance.COLUMNS
OTHER_PATHS = "other paths"  # what the batch's other paths add to the figure of the shown path, on average


def _lines(anatomy, options, runner, shared):
    job = systems.Job(anatomy.system, options.cpu, systems.setting_on(anatomy.system, options), BY_NAME[anatomy.row].group, (anatomy.row,))
    common = dict(shared, system=anatomy.system, exit=anatomy.row, toggles=" ".join(job.settings()) or "default",
                  cpu=options.cpu, iterations="%d of %d" % (anatomy.times, anatomy.of),
                  qemu_flags=" ".join(runner.flags(job)),
                  kernel=provenance.kernel_of(anatomy.system, options.out, shared["commit"]))
    for (stage, function), count in anatomy.by_function().items():
        yield dict(common, stage=stage, function=function, instructions=str(count))
    yield dict(common, stage=OTHER_PATHS, function="", instructions="%.2f" % (anatomy.mean - anatomy.total()))


def read(path):
    try:
        return csvfile.read(path, COLUMNS, ("instructions",))
    except ValueError as error:
        raise LaunchError("%s: not a file that scripts/hyperscope anatomy --csv wrote: %s" % (path, error)) from None


def merge(path, found, options):
    """Write the anatomies to the file. If that fails, the file is unchanged."""
    runner = systems.Runner(options)
    shared = provenance.collect(runner)
    mine = [line for anatomy in found for line in _lines(anatomy, options, runner, shared)]
    keys = {tuple(line[name] for name in KEY) for line in mine}
    with lock("anatomy", os.path.join(options.out, "anatomy")):
        kept = [line for line in (read(path) if os.path.exists(path) else [])
                if tuple(line[name] for name in KEY) not in keys]
        csvfile.write(path, COLUMNS, kept + mine)
