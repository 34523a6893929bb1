#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""html_check.py - check that the numbers in a page of `hstrace html` are those of its trace.

usage: html_check.py PAGE RUN STAT REPORT

RUN is 0 or 1, the number of a run on the page; STAT and REPORT are the output of hstrace stat and report for that
run's trace. Prints one line per difference.
"""
import collections
import re
import sys

from report_page import Page, expand, stat_rows


def wrong_exits(run, stat):
    """Yield a message for each exit count that differs between stat, the page's counters, its events and its bins."""
    rows = {row["title"]: row for row in run["exits"]}
    events = sum(event["count"] for event in run["events"] if event["name"] == "kvm_exit")
    partial = any(ring[1] for ring in run["rings"]) or run["causes"] or not events
    for title, numbers in stat.items():
        row = next((rows[name] for name in rows if name[:23] == title), None)
        if row is None or str(row.get("count")) != numbers[0]:
            yield "%s: stat has %s, the page %s" % (title, numbers[0], row and row.get("count"))
        elif not partial and row["seen"] != row["count"]:
            yield "%s: %d exits, but %d among the events" % (title, row["count"], row["seen"])
        elif sum(row["hist"][1::2]) != row["count"] - row["unpriced"]:
            yield "%s: its histogram does not add up" % title
    total, of_stat = sum(row.get("count", row["seen"]) for row in run["exits"]), sum(int(n[0]) for n in stat.values())
    if total != of_stat:
        yield "stat has %d exits, the page %d" % (of_stat, total)
    if sum(row["seen"] for row in run["exits"] + run["causes"]) != events:
        yield "the rows do not add up to the %d kvm_exit" % events
    for slot in {slot for vcpu in run["vcpus"] for slot in vcpu.get("bySlot", {})}:
        bins = sum(sum(expand(vcpu["bySlot"][slot])) for vcpu in run["vcpus"]
                   if slot in vcpu.get("bySlot", {}))
        seen = next(row["seen"] for row in run["exits"] + run["causes"] if row["slot"] == int(slot))
        if bins != seen and all("bySlot" in vcpu for vcpu in run["vcpus"]):
            yield "slot %s: %d exits in bins, %d seen" % (slot, bins, seen)


def wrong_functions(run):
    """The table of functions is made by the code of stat, and the other rows by that of the page."""
    found = collections.Counter()
    for part in run["functions"]:
        found[part["cause"]] += part["count"]
    seen = {row["title"]: row["seen"] for row in run["exits"] + run["causes"] if row["seen"]}
    if found != seen:
        yield "the functions' exits by cause are %s, not %s" % (dict(found), seen)


def wrong_bins(run):
    for vcpu in run["vcpus"]:
        if "time" not in vcpu:
            continue
        states = [expand(runs) for runs in vcpu["time"]]
        if any(len(state) != run["bins"] for state in states):
            yield "a vCPU's bins are %s, not %d" % ([len(s) for s in states], run["bins"])
        elif any(sum(column) > run["binParts"] for column in zip(*states)):
            yield "vCPU %d.%d is in two states at once" % (vcpu["vm"], vcpu["vcpu"])
        for number, ticks in enumerate(vcpu["ticks"]):
            share = sum(states[number]) / run["binParts"] / run["bins"]
            if abs(share - ticks / run["span"]) > 1 / run["binParts"]:
                yield "vCPU %d.%d: the bins of state %d do not add up" % (vcpu["vm"], vcpu["vcpu"], number)
        if sum(vcpu["ticks"]) + vcpu["before"] + vcpu["lost"] + vcpu["after"] != run["span"]:
            yield "vCPU %d.%d: its states and the unknown time are not the whole run" % (vcpu["vm"], vcpu["vcpu"])
    for event in run["events"]:
        if sum(expand(event["bins"])) != event["count"]:
            yield "%s: its bins do not add up" % event["name"]
    for memory in run["memory"]:
        if sum(expand(memory["cells"])) != sum(memory["faults"]):
            yield "slot %d: its cells do not add up" % memory["slot"]


def wrong_events(run, report):
    counts = collections.Counter(re.findall(r"^ *[0-9.]+ .*? (?:-|[0-9]+\.[0-9]+)(?: +(?:-|L[12]))? (\w+):", report, re.M))
    page = {event["name"]: event["count"] for event in run["events"]}
    if page != counts:
        yield "events: report has %s, the page %s" % (dict(counts - collections.Counter(page)), page)
    accesses = len(re.findall(r" kvm_mmio: ", report))
    if sum(reg["reads"] + reg["writes"] for reg in run["mmio"]) + run["otherAccesses"] != accesses:
        yield "accesses to registers are not those of kvm_mmio"
    if sum(call["calls"] for call in run["calls"]) + run["otherCalls"] != counts["kvm_sbi_call"]:
        yield "SBI calls are not those of kvm_sbi_call"
    lines = ["%s: %s" % (line[4], line[5]) for line in run["last"]["lines"]]
    names = {event["nr"]: event["name"] for event in run["events"]}
    last = [re.sub(r"^.*? (\w+): ?", r"\1: ", line) for line in report.splitlines()
            if not line.startswith("#")][-len(lines):] if lines else []
    mine = ["%s: %s" % (names[line[4]], line[5]) for line in run["last"]["lines"]]
    if [line.strip() for line in last] != [line.strip() for line in mine]:
        yield "the last events differ: the page has %s, report %s" % (mine[-1:], last[-1:])


def main():
    page = Page(sys.argv[1])
    run = page.run(int(sys.argv[2]))
    with open(sys.argv[3], encoding="utf-8") as stat:
        stat = stat_rows(stat.read())
    with open(sys.argv[4], encoding="utf-8", errors="replace") as report:
        report = report.read()
    for text in [*wrong_exits(run, stat), *wrong_functions(run), *wrong_bins(run), *wrong_events(run, report)]:
        print(text)


if __name__ == "__main__":
    main()
