# SPDX-License-Identifier: MIT
"""collect.py - write all results of a sweep to one CSV file, in the order of the jobs.

Each figure has a row. A job without figures, such as a failed one, has one row, without a name and a value.
"""
from hs.bench import csvfile, provenance
from .folder import kernel_key

BEHIND = ("repetition", "status", "reason", "name", "value", "unit", "seconds", "host",
          "observation") + provenance.COLUMNS


def rows_of(plan, point, repetition, result):
    common = dict(plan["made_with"], **point)
    # Every machine of a sweep is started with events and accounting off (--trace none, exitstat=0).
    common.update(repetition=repetition, status="failed" if result["reason"] else "ok", reason=result["reason"],
                  seconds=result["seconds"], host=result["host"], observation="none" if "system" in point else "",
                  kernel=plan["kernels"].get(kernel_key(point), "none"),
                  qemu_flags=result["qemu_flags"])
    for name, value, unit in result["results"] or [("", "", "")]:
        yield dict(common, name=name, value=value, unit=unit)


def write(sweep):
    """Write results.csv. Return how many jobs have a result, and the failed jobs as {number: reason}."""
    plan, done, failed = sweep.plan(), 0, {}

    def lines():
        nonlocal done
        for number, point, repetition in sweep.jobs():
            result = sweep.result(number)
            if result is None:
                continue
            done += 1
            if result["reason"]:
                failed[number] = result["reason"]
            yield from rows_of(plan, point, repetition, result)

    csvfile.write(sweep.file("results.csv"), tuple(plan["columns"]) + BEHIND, lines())
    return done, failed
