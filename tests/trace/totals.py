#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""totals.py - compare the totals of `hstrace html` with those of `hstrace stat`, whatever events were recorded.

usage: totals.py HSTRACE MKGUEST REPORT_BASE_JS FOLDER

The same guest runs with all events, with none, with each event alone, and with 100 sets of events chosen at random
(the same ones each time). Its vCPUs change harts during some exits, and some runs have rings that lose events.
Prints TAP without a plan.
"""
import collections
import os
import random
import re
import shutil
import subprocess
import sys

from report_page import Page, stat_rows

RANDOM_SETS = 100
EXITS = "200"
CAUSES = {  # of the rows of mkguest's exits
    "mmio read, user space": "load_guest_page_fault", "mmio write, user space": "store_guest_page_fault",
    "fault on RAM, store": "store_guest_page_fault", "sbi set_timer": "ecall_vs", "sbi, other": "ecall_vs",
    "sbi, user space": "ecall_vs", "wfi": "virtual_inst"}
FILTERS = ([], ["--vcpu", "1"], ["--from", "1.0002"], ["--until", "1.0004"], ["--filter", "vcpu == 2 || vm == 0"])


class Run:
    """A trace of the guest with some events, its page, and the claims that it violates."""

    def __init__(self, paths, number, events):
        self.hstrace, mkguest, folder = paths
        self.unit = ("instret", "time", "none")[number % 3 if number else 0]
        self.number, self.filter, self.wrong = number, FILTERS[number % len(FILTERS)] if number else [], []
        self.name = "events %s, %s %s" % (",".join(events) or "none", self.unit, " ".join(self.filter))
        self.trace, self.page_file = (os.path.join(folder, "%d.%s" % (number, name)) for name in ("hst", "html"))
        ram = os.path.join(folder, "ram")
        small = ["64"] if number % 7 == 6 else []
        subprocess.run([mkguest, ram, "2", "3", EXITS, self.unit, ",".join(events) or "none", *small], check=True,
                       env=dict(os.environ, MKGUEST_MOVE="1"))
        self.call("save", "--meta", "icount=0", ram, self.trace)
        self.page = self.html([])
        self.drawn = self.html(self.filter) if self.filter else self.page

    def call(self, *words):
        return subprocess.run([self.hstrace, *words], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.decode()

    def html(self, options):
        self.call("html", "--out", self.page_file, *options, self.trace)
        return Page(self.page_file).run()

    def stat(self, *options):
        text = self.call("stat", *options, self.trace)
        return text, stat_rows(text)

    def counts(self, by, *options):
        """Return the counts of a table from events, by title."""
        return {title: int(row[0]) for title, row in self.stat("--by", by, *options)[1].items()}

    def same(self, what, page, stat):
        if page != stat:
            self.wrong.append("%s: %s: the page has %s, stat %s" % (self.name, what, page, stat))

    def check_counters(self, first):
        """Counters: the table does not depend on the events that were recorded."""
        text, rows = self.stat()
        page = {row["title"]: row for row in self.page["exits"]}
        if self.unit != "none":
            self.same("exits", {title[:23]: str(row["count"]) for title, row in page.items()},
                      {title: row[0] for title, row in rows.items()})
            unpriced = re.search("did not run again: ([0-9]+)", text)
            self.same("unpriced", sum(row["unpriced"] for row in page.values()),
                      int(unpriced.group(1)) if unpriced else 0)
        if self.unit == first.unit:
            mine, firsts = ([{**row, "seen": 0} for row in run.page["exits"]] for run in (self, first))
            self.same("the counters of the run with all events", mine, firsts)
        return rows

    def check_events(self):
        """Events, with and without options that select some of them."""
        by_cause = collections.Counter()
        for row in self.drawn["exits"] + self.drawn["causes"]:
            by_cause[CAUSES.get(row["title"], row["title"])] += row["seen"]
        text, stat = self.stat("--by", "cause", "--from", "0", *self.filter)
        self.same("exits among the events", {title: n for title, n in by_cause.items() if n},
                  {title: int(row[0]) for title, row in stat.items()})
        self.same("events", {event["name"][:23]: event["count"] for event in self.drawn["events"]},
                  self.counts("event", *self.filter))
        self.same("exits of vCPUs", {"%d.%d" % (v["vm"], v["vcpu"]): v["exits"] for v in self.drawn["vcpus"] if v["exits"]},
                  self.counts("vcpu", *self.filter))
        self.same("accesses", sum(reg["reads"] + reg["writes"] for reg in self.drawn["mmio"]),
                  sum(self.counts("reg", *self.filter).values()))
        self.same("SBI calls", {(call["ext"] + " " + call["name"])[:23]: call["calls"] for call in self.drawn["calls"]
                                if call["calls"]}, self.counts("sbi", *self.filter))
        if self.unit != "none" and not {"--from", "--until"} & set(self.filter):  # these cut exits
            self.check_slowest(stat)
            self.check_call_costs()

    def check_call_costs(self):
        ticks = 10 if self.unit == "time" else 1
        self.same("the highest costs of SBI calls",
                  {(call["ext"] + " " + call["name"])[:23]: call["max"] / ticks for call in self.drawn["calls"] if call["priced"]},
                  {title: float(row[-1]) for title, row in self.stat("--by", "sbi", *self.filter)[1].items() if len(row) == 6})

    def check_slowest(self, stat):
        """The highest cost of each cause."""
        ticks = 10 if self.unit == "time" else 1  # stat prints microseconds; the clock has 10 MHz
        page = collections.defaultdict(float)
        for window in self.drawn["slowest"]:
            cause = re.search(r"scause=(\w+)", window["lines"][0][5]).group(1)
            page[cause] = max(page[cause], window["cost"] / ticks)
        self.same("the highest costs", dict(page),
                  {title: float(row[-1]) for title, row in stat.items() if len(row) == 6 and float(row[-1])})

    def check(self, first):
        rows = self.check_counters(first)
        self.check_events()
        return rows


def shown(script, runs):
    """Return the exit tables as the pages' script shows them, by page."""
    tables, page = {}, None
    text = subprocess.run(["node", os.path.join(os.path.dirname(__file__), "exit_table.js"), script,
                           *[run.page_file for run in runs]], check=True, stdout=subprocess.PIPE).stdout.decode()
    for line in text.splitlines():
        title, *numbers = line.split("\t")
        if numbers:
            tables[page][title[:23]] = numbers
        else:
            page = line
            tables[page] = {}
    return tables


def claim(wrong, name):
    print("%s - %s" % ("not ok" if wrong else "ok", name))
    for line in wrong[:5]:
        print("# " + line)


def main():
    *paths, script, folder = sys.argv[1:]
    paths.append(folder)
    first = Run(paths, 0, ["all"])
    names = [event["name"] for event in first.page["events"]]
    chance = random.Random(1)
    sets = [[], *[[name] for name in names],
            *[chance.sample(names, chance.randrange(2, len(names))) for _ in range(RANDOM_SETS)]]
    runs, tables = [first], {first.page_file: first.check(first)}
    for number, events in enumerate(sets, 1):
        runs.append(Run(paths, number, events))
        tables[runs[-1].page_file] = runs[-1].check(first)
    for kind, some in (("all events", runs[:1]), ("no events", runs[1:2]), ("each event alone", runs[2:2 + len(names)]),
                       ("%d random sets of events" % RANDOM_SETS, runs[-RANDOM_SETS:])):
        claim([text for run in some for text in run.wrong], "with %s, the page has the totals of stat" % kind)
    costly = [row for row in first.page["exits"] if row["unpriced"]]
    claim([] if len(costly) > 3 else ["only %d rows" % len(costly)], "several rows have exits without a cost")
    if shutil.which("node"):
        counted = [run for run in runs if run.unit != "none"]
        columns = shown(script, counted)
        claim(["%s: the page shows %s, stat %s" % (run.name, columns[run.page_file], tables[run.page_file])
               for run in counted if columns[run.page_file] != tables[run.page_file]],
              "count, share, mean, p50, p99 and max are those of stat, to the last digit")


if __name__ == "__main__":
    main()
