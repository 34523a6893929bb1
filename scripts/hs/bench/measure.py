# SPDX-License-Identifier: MIT
"""measure.py - run all jobs of a bench, several at a time, and add provenance to each row."""
import concurrent.futures
import sys
import threading
import time

from . import provenance
from .systems import BenchError


class Progress:
    """Print a line for each boot on standard error, because the run takes minutes."""

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
    """Run all jobs and return their rows. Several jobs run at a time, because instruction counts do not depend on the
    load. Fail if an image changes in the meantime."""
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
        raise BenchError("a file was rebuilt during the measurement, so the figures mix two builds: measure again")
    results = runner.whole(results)
    for row in results:
        row.update(shared)
        row["kernel"] = provenance.kernel_of(row["system"], runner.options.out, shared["commit"], runner.runs_guest)
    return results
