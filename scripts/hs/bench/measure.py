# SPDX-License-Identifier: MIT
"""measure.py - all jobs of a bench, some at a time, each row with what it was made with."""
import concurrent.futures
import sys
import threading
import time

from . import provenance
from .systems import BenchError


class Progress:
    """A line for each boot, on standard error: the whole takes minutes."""

    def __init__(self, total):
        self.total, self.done, self.start = total, 0, time.monotonic()
        self.lock = threading.Lock()

    def step(self, job):
        with self.lock:
            self.done += 1
            line = "bench: %d of %d, %d s: %s" % (self.done, self.total,
                                                  time.monotonic() - self.start, job.label())
            sys.stderr.write(line[:79] + "\n")
            sys.stderr.flush()


def measure(runner, jobs, shared):
    """All jobs, some at a time: counted instructions do not care who else computes."""
    progress = Progress(len(jobs))

    def one(job):
        found = runner.run(job)
        progress.step(job)
        return found

    results = []
    with concurrent.futures.ThreadPoolExecutor(runner.options.jobs) as pool:
        futures = [pool.submit(one, job) for job in jobs]
        try:
            for future in futures:
                results += future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            runner.stop()
            raise
    if provenance.images(runner) != shared["images"]:
        raise BenchError("something was built anew meanwhile: the figures are of two builds")
    results = runner.whole(results)
    for row in results:
        row.update(shared)
        row["kernel"] = provenance.kernel_of(row["system"], runner.options.out, shared["commit"], runner.runs_guest)
    return results
