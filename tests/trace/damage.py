#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""damage.py - test every subcommand of hstrace with damaged and foreign files and with outputs that fail.

usage: damage.py HSTRACE TRACE RAM LONG FEW FORMATS [all]

TRACE is an intact trace, and RAM is the file from which it was saved. LONG is a trace of samples whose export takes a
while, and FEW one with fewer samples. FORMATS are the export formats, separated by commas. With `all`, every command
runs on every file; otherwise, report, stat --by event, the exports to CSV and JSON and, in turn, three of the other
commands run on each file. A command must report a truncated or changed file in exactly one sentence that names it,
and return its exit status for failures. If nothing of the file can be read, the command must not leave an output;
otherwise, the output has what can be read. The command must not leave any other file. The exports must contain the
same events as report: for a truncated file, the records that are complete by this script's own count.
Prints TAP. Works in the current folder.
"""
import collections
import itertools
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

META, MEM, FORMATS, STATS, RING, END = range(1, 7)
RECORD, HEADER, SECTION, RING_HEADER = 64, 16, 16, 16
IMAGE_START = 0x200000  # the kernel's offset in RAM; its run descriptor is 0x40 further on
Section = collections.namedtuple("Section", "type at data size")
Ran = collections.namedtuple("Ran", "status out err")
WRONG_FILE = re.compile("not a trace written by|No such file|Not a directory|no run in progress")
failures = []
number = 0


def wrong(what, why, ran=None):
    failures.append(f"{what}: {why}" + (f"; status {ran.status}: {ran.err.strip()[:400]}" if ran else ""))


def claim(name):
    global number
    number += 1
    print(f"{'not ok' if failures else 'ok'} {number} - {name}", flush=True)
    for line in failures[:20]:
        print("# " + line.replace("\n", "\n# "))
    failures.clear()


def run(*words, **how):
    how.setdefault("stdout", subprocess.PIPE)
    how.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([hstrace, *words], stderr=subprocess.PIPE, timeout=60, check=False, **how)
    return Ran(done.returncode, done.stdout or b"", done.stderr.decode(errors="replace"))


def one_sentence(what, ran, path, status=1, written=False):
    """Require this exit status, or 2 for an input that is not there or not a trace at all, and exactly one line on
    standard error, which names the file. written: the file is an output."""
    if not written and WRONG_FILE.search(ran.err):
        status = 2
    if ran.status != status:
        wrong(what, f"the exit status should be {status}", ran)
    if ran.err.count("\n") != 1 or not ran.err.startswith(f"hstrace: {path}: "):
        wrong(what, f"not one sentence about {path}", ran)


def sections(data):
    at, found = HEADER, []
    while at + SECTION <= len(data):
        kind, _, size = struct.unpack_from("<IIQ", data, at)
        found.append(Section(kind, at, at + SECTION, size))
        at += SECTION + (size + 7 & ~7)
    return found


def whole_records(parts, size):
    """Return how many complete records a trace with these sections has in its first `size` bytes."""
    return sum(max(0, min(size, s.data + s.size) - s.data - RING_HEADER) // RECORD for s in parts if s.type == RING)


def commands():
    """For each command, yield its name, the words before the file and after it, the output (file or folder), and the
    status of failures."""
    yield "report", ["report"], [], None, 1
    yield "stat --by event", ["stat", "--by", "event"], [], None, 1
    yield "export --to csv", ["export", "--to", "csv"], [], None, 1
    yield "export --to json", ["export", "--to", "json"], ["out"], "out", 1
    yield "stat", ["stat"], [], None, 1
    yield "levels", ["levels", "--each"], [], None, 1
    yield "stat --by sbi", ["stat", "--by", "sbi"], [], None, 1
    yield "diff FILE whole", ["diff"], [whole], None, 2
    yield "diff whole FILE", ["diff", "--by", "event", whole], [], None, 2
    yield "profile", ["profile"], [], None, 1
    yield "html", ["html", "--out", "out"], [], "out", 1
    for name in formats:
        if name not in ("csv", "json"):
            yield f"export --to {name}", ["export", "--to", name], ["out"], "out", 1


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


def lines_of(ran):
    return [line for line in ran.out.splitlines() if not line.startswith(b"#")]


def check_events(what, name, ran, report):
    """Require that CSV and JSON have exactly the events of report, in the same order, and stat --by event as many."""
    if name == "export --to csv":
        found = [row.split(b",")[5].decode() for row in ran.out.splitlines()[1:]]
    elif name == "export --to json":
        with open("out", encoding="utf-8") as file:
            found = [json.loads(line)["event"] for line in file]
    elif name == "stat --by event":
        found = re.match(rb"events: (\d+)", ran.out)
        found = int(found[1]) if found else 0
        if found != len(report):
            wrong(what, f"it has {found} events, report has {len(report)}")
        return
    else:
        return
    names = [re.search(rb" (\w+):", line)[1].decode() for line in report]
    if found != names:
        wrong(what, f"its {len(found)} events differ from report's {len(names)}")


def damaged(path, what, chosen, records=None):
    """Run the chosen commands on one file; return whether report could read some of it.

    `records` is the number of events that report must show; None accepts any number.
    """
    report = []
    beside = set(os.listdir("."))
    for name, before, behind, makes, status in chosen:
        where = f"{name}, {what}"
        ran = run(*before, path, *behind)
        one_sentence(where, ran, path, status)
        saved = "using what can be read" in ran.err
        if name == "report":
            report, could = lines_of(ran), saved
            if records is not None and len(report) != records:
                wrong(where, f"report shows {len(report)} events, but {records} records are complete", ran)
        if saved != could:
            wrong(where, f"report says that {'some' if could else 'nothing'} of the same file can be read", ran)
        if not saved and ran.out:
            wrong(where, f"nothing can be read, but there is output: {ran.out[:80]}", ran)
        if makes and os.path.lexists(makes) != saved:
            wrong(where, "there is an output" if not saved else "there is no output", ran)
        elif saved:
            check_events(where, name, ran, report)
        if makes:
            remove(makes)
        if set(os.listdir(".")) != beside:
            wrong(where, f"it left files behind: {set(os.listdir('.')) - beside}")
    return could


def choice(count=3):
    """Yield lists of commands, endlessly: report, stat --by event, and export to csv and json, plus the next few of
    the others, or all."""
    rest = list(commands())
    first, rest = rest[:4], rest[4:]
    turn = itertools.cycle(rest)
    while True:
        yield first + (rest if everything else [next(turn) for _ in range(count)])


def test_cuts(data, parts, turns):
    at_sections = {s.at for s in parts} | {s.data for s in parts} | {0}
    rings = [s for s in parts if s.type == RING]
    odd = {1, 15, 17, 31, len(data) - 1, len(data) - 9, rings[0].data + 7, rings[0].data + 16 + 3 * RECORD + 5}
    if everything:
        odd |= set(range(0, len(data), len(data) // 60))
    table = next(s for s in parts if s.type == FORMATS)
    saved = 0
    for size in sorted(at_sections | odd):
        with open("cut", "wb") as file:
            file.write(data[:size])
        could = damaged("cut", f"cut at {size} of {len(data)}", next(turns),
                        whole_records(parts, size) if size >= table.data + table.size else 0)
        saved += could
        if could != (size >= table.data + table.size):
            wrong(f"cut at {size}", "its table of events " + ("is incomplete" if could else "is complete"))
    if not saved:
        wrong("cuts", "no truncated file could be read")
    claim("for a truncated trace, each command prints one sentence, and report and exports have its complete records")


def test_flips(data, parts, turns):
    total = whole_records(parts, len(data))
    by_type = {s.type: s for s in parts}
    ring = by_type[RING]
    places = {"a record": (ring.data + RING_HEADER + 70, 1, total), "the sum": (by_type[END].data, 1, total),
              "a record's event": (ring.data + RING_HEADER + 8 * RECORD, 4, total),
              "the meta text": (by_type[META].data + 2, 1, total),
              "a ring's size": (ring.at + 8, 1, None), "a ring's hart": (ring.at + 4, 0x80, None),
              "a section's type": (by_type[MEM].at, 0x40, 0), "the trace memory's magic": (by_type[MEM].data, 1, 0),
              "its version": (by_type[MEM].data + 8, 1, 0), "the table of events": (by_type[FORMATS].data + 3, 0xff, None),
              "the table's size": (by_type[FORMATS].at + 13, 0x80, 0), "an exit's class": (by_type[STATS].data + 7, 1, None)}
    if everything:
        places |= {f"byte {at}": (at, 0x55, None) for at in range(8, len(data), len(data) // 150)}
    for what, (at, bits, records) in places.items():
        flipped = bytearray(data)
        flipped[at] ^= bits
        with open("flip", "wb") as file:
            file.write(flipped)
        # The checksum covers padding as well, so every change is detected.
        damaged("flip", f"{what} (byte {at}) changed", next(turns), records)
    claim("for a trace with changed bits, each command prints one sentence, and report and exports have its readable events")


def test_foreign(data, turns):
    older = bytearray(data)
    struct.pack_into("<I", older, 8, 99)
    contents = {"version": bytes(older), "empty": b"", "text": b"Dear reader, this is no trace.\n" * 500,
                "elf": open(hstrace, "rb").read(1 << 16)}
    for name, content in contents.items():
        with open(name, "wb") as file:
            file.write(content)
    os.mkdir("folder")
    os.mkfifo("pipe")
    for name in [*contents, "folder", "pipe", "/dev/zero", "/dev/null", "nothing-there", "text/below"]:
        if damaged(name, "a foreign file", list(commands()) if everything else next(turns), 0):
            wrong(name, "report claims that some of it can be read")
    for command in ("report", "stat"):
        with subprocess.Popen(["cat", whole], stdout=subprocess.PIPE) as cat:
            one_sentence(f"{command} of a pipe", run(command, "/dev/stdin", stdin=cat.stdout), "/dev/stdin")
    claim("for other versions, other files, folders, pipes, devices and missing files, each command prints one sentence")


def test_ram(ram):
    """Check that save refuses files that are not RAM, and refuses damaged RAM or saves an intact trace from it."""
    with open(ram, "rb") as file:
        data = file.read()
    start = struct.unpack_from("<Q", data, IMAGE_START + 0x40)[0]
    if start != 0x31304E5552505348:
        wrong("RAM", "the run descriptor is missing")
    refused = 0
    mem = data.find(struct.pack("<Q", struct.unpack_from("<Q", trace_mem)[0]), IMAGE_START)
    cuts = [0, 1, IMAGE_START, IMAGE_START + 0x41, mem, mem + 9, mem + 200, len(data) // 2, len(data) - 1]
    flips = [IMAGE_START + 0x40 + at for at in range(0, 64, 4)] + [mem + at for at in range(0, 160, 8)]
    step = 1 if everything else 3
    for what, at in [("cut at", at) for at in cuts] + [("changed at", at) for at in flips[::step]]:
        changed = bytearray(data)
        if what == "cut at":
            del changed[at:]
        else:
            changed[at] ^= 0xff
            changed[at + 1] ^= 0x80
        with open("ram2", "wb") as file:
            file.write(changed)
        beside = set(os.listdir("."))
        ran = run("save", "ram2", "saved")
        where = f"save, RAM {what} {at}"
        if ran.status == 0 and not ran.err:
            if run("report", "saved").err:
                wrong(where, "it wrote a trace that report cannot read")
            remove("saved")
        else:
            one_sentence(where, ran, "ram2")
            refused += 1
        if set(os.listdir(".")) != beside:
            wrong(where, "it left files behind")
    for name in ["empty", "text", "folder", "pipe", "/dev/zero", "/dev/null", "nothing-there", whole]:
        for follow in ([], ["--follow"]) if name in ("nothing-there", "folder") else ([],):
            one_sentence(f"save {follow} of {name}", run("save", *follow, name, "saved"), name)
            if os.path.lexists("saved"):
                wrong(f"save of {name}", "it left a file")
                remove("saved")
    if refused < len(cuts):
        wrong("save", f"only {refused} damaged RAM files were refused")
    claim("given damaged RAM or no RAM, save prints one sentence and leaves no file, or it writes an intact trace")


def limited():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_outputs(ram):
    """Check outputs that cannot be written: a missing folder, a folder, a full device, and a file that cannot grow."""
    os.mkdir("there")
    writers = [("save", ["save", ram]), ("html", ["html", whole, "--out"])]
    writers += [(f"export --to {name}", ["export", "--to", name, whole]) for name in formats]
    for name, before in writers:
        beside = set(os.listdir("."))
        for out in ["no/out", "there", "text/out"] + ["/dev/full"] * os.path.exists("/dev/full"):
            ran = run(*before, out)
            one_sentence(f"{name} to {out}", ran, out, written=True)
        if not os.path.isdir("there") or set(os.listdir(".")) != beside:
            wrong(name, "it replaced a folder, or left files behind")
        if name != "export --to ctf":
            with open("kept", "w", encoding="utf-8") as file:
                file.write("what was there\n")
        ran = run(*before, "kept", preexec_fn=limited)
        one_sentence(f"{name} to a full disk", ran, "kept")
        if name != "export --to ctf":
            if not os.path.exists("kept") or open("kept", encoding="utf-8").read() != "what was there\n":
                wrong(name, "it changed the existing file")
            remove("kept")
        if set(os.listdir(".")) != beside:
            wrong(name, f"it left files on a full disk: {set(os.listdir('.')) - beside}")
    # With symbols, which are in a second output, the folder OUT.symbols.
    before = ["export", "--to", "perf", "--program", "second=" + functions]
    if run(*before, few, "kept").status or len(os.listdir("kept.symbols")) != 1:
        wrong("export --to perf", "it does not write symbols")
    symbols = os.path.join("kept.symbols", os.listdir("kept.symbols")[0])
    contents = [open(name, "rb").read() for name in ("kept", symbols)]
    with open(functions, "a", encoding="utf-8") as file:
        file.write("0000000000003000 T h\n")
    beside = set(os.listdir("."))
    one_sentence("export --to perf to a full disk", run(*before, few, "kept", preexec_fn=limited), "kept")
    if [open(name, "rb").read() for name in ("kept", symbols)] != contents:
        wrong("export --to perf", "it changed the existing file or its symbols")
    if set(os.listdir(".")) != beside:
        wrong("export --to perf", f"it left files on a full disk: {set(os.listdir('.')) - beside}")
    remove("kept")
    remove("kept.symbols")
    texts = [["report", whole], ["stat", whole], ["stat", "--by", "event", whole], ["profile", whole], ["levels", whole], ["events"],
             ["export", "--to", "csv", whole], ["export", "--to", "json", whole], ["--help"], ["diff", whole, whole]]
    for words in texts if os.path.exists("/dev/full") else []:
        with open("/dev/full", "w", encoding="utf-8") as full:
            one_sentence(f"{words} to a full device", run(*words, stdout=full), "standard output",
                         2 if words[0] == "diff" else 1)
    claim("if an output cannot be written, one sentence names it, and existing files do not change")


def test_signals(many):
    """Check that a signal which ends the program leaves no temporary file, for a trace that takes a while to export."""
    words = [["html", many, "--out"]] + [["export", "--to", name, many] for name in formats]
    for words in words + [["export", "--to", "perf", "--program", "second=" + functions, many]]:
        beside = set(os.listdir("."))
        for _ in range(5):  # it may end before it gets the signal
            with subprocess.Popen([hstrace, *words, "out"], stderr=subprocess.PIPE) as program:
                while program.poll() is None and not any("--program" not in words or "symbols" in name
                                                         for name in set(os.listdir(".")) - beside):
                    time.sleep(0.002)
                program.terminate()
                err = program.stderr.read()
            if program.returncode:
                break
            remove("out")
            remove("out.symbols")
        if program.returncode != -signal.SIGTERM or err:
            wrong(words, f"after SIGTERM, it ended with {program.returncode}: {err}")
        for name in set(os.listdir(".")) - beside:
            wrong(words, f"a signal left {name}")
            if os.path.isdir(name):
                shutil.rmtree(name)
            else:
                os.unlink(name)
    claim("a signal that ends an export or html leaves no temporary file")


def main():
    global hstrace, whole, few, functions, formats, everything, trace_mem
    hstrace, whole, ram, many, few = sys.argv[1:6]
    formats = sys.argv[6].split(",")
    everything = sys.argv[7:] == ["all"]
    functions = os.path.abspath("../functions")
    with open(functions, "w", encoding="utf-8") as file:
        file.write("0000000000001000 T f\n0000000000002000 T g\n")
    if not everything:  # the search for leaks takes more than half of the time
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    with open(whole, "rb") as file:
        data = file.read()
    parts = sections(data)
    trace_mem = next(data[s.data:s.data + 8] for s in parts if s.type == MEM)
    turns = choice()
    for test in (lambda: test_cuts(data, parts, turns), lambda: test_flips(data, parts, turns),
                 lambda: test_foreign(data, turns), lambda: test_ram(ram), lambda: test_outputs(ram),
                 lambda: test_signals(many)):
        test()
    print(f"1..{number}")


if __name__ == "__main__":
    main()
