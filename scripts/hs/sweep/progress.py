# SPDX-License-Identifier: MIT
"""progress.py - show progress in one line on standard error. Jobs are counted in the sweep's folder, so this works
with any engine."""
import sys
import time

TURN = 0.5         # minimum seconds between counts
SHARE = 20         # counting takes at most 1/SHARE of the time
PLAIN_EVERY = 10   # minimum seconds between lines if standard error is not a terminal


def span(seconds):
    if seconds < 90:
        return "%d s" % seconds
    return "%d min" % (seconds / 60) if seconds < 5400 else "%.1f h" % (seconds / 3600)


class Progress:
    def __init__(self, command, sweep, total, quiet=False, elsewhere=False):
        self.command = command  # a name, with which each line begins
        self.running = "" if elsewhere else ", %d running"  # over ssh, running jobs cannot be counted
        self.sweep, self.total, self.quiet = sweep, total, quiet
        self.terminal = sys.stderr.isatty()
        self.before = len(sweep.done()[0])
        self.known, self.failed = set(), 0
        self.start = time.monotonic()
        self.next = self.shown_at = 0.0
        self.text = ""

    def poll(self):
        """Count jobs and show progress, unless that has just been done."""
        now = time.monotonic()
        if now < self.next:
            return
        done, begun = self.sweep.done()
        for number in done - self.known:
            result = self.sweep.result(number)
            if result is not None:
                self.known.add(number)
                self.failed += bool(result["reason"])
        self.next = time.monotonic() + max(TURN, SHARE * (time.monotonic() - now))
        self.show(self.line(len(begun)))

    def line(self, running):
        here = len(self.known) - self.before
        left = ""
        if here > 0 and len(self.known) < self.total:
            rate = (time.monotonic() - self.start) / here
            left = ", %s left" % span(rate * (self.total - len(self.known)))
        return "%s: %d of %d done, %d failed%s%s" % (
            self.command, len(self.known), self.total, self.failed, self.running % running if self.running else "", left)

    def show(self, text):
        now = time.monotonic()
        if self.quiet or text == self.text or not self.terminal and now < self.shown_at + PLAIN_EVERY:
            return
        self.text, self.shown_at = text, now
        sys.stderr.write("\r\033[K" + text if self.terminal else text + "\n")
        sys.stderr.flush()

    def end(self):
        self.next = self.shown_at = -PLAIN_EVERY
        self.poll()
        if self.terminal and not self.quiet:
            sys.stderr.write("\n")
