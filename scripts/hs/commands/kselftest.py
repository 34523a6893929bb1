# SPDX-License-Identifier: MIT
"""kselftest - run Linux's KVM selftests and compare with their results on Linux KVM.

tests/kselftest/programs lists the programs, and tests/kselftest/linux.csv (for
Linux 7.3's selftests: linux-7.3.csv) lists their results on Linux KVM. For each
program, a TAP line claims that the program ended on hyperscope as it did on
Linux KVM, and did not skip anything that runs there. Seconds are the wall time
of the program, without the boot of the machine. Instructions are those that the
program's "counted" form executes in all privilege modes, on one hart with
--icount.

With --compare, the programs also run on Linux KVM here, alternately, and there
is one more claim for each program that passes on both: hyperscope's median time
is at most 1.1 times that of Linux KVM, or at most 2 seconds longer.
"""
import csv
import fnmatch
import os
import re
import shlex
import shutil
import statistics
import subprocess
import time
import typing

from hs import ends, layout, output
from hs.bench import stats
from hs.errors import STATUS_FAILED, LaunchError
from hs.parser import of_command
from hs.paths import HYPERSCOPE, QEMU, TOP
from hs.run import linux_host

FOLDER = os.path.join(TOP, "tests", "kselftest")


class Version(typing.NamedTuple):
    """A version of Linux whose selftests can be run."""

    folder: str  # of the programs, below the output folder
    setup: str  # purpose of set-up that fetches them
    record: str  # file with the results on Linux KVM
    kernel: str  # for Linux KVM (linux-kvm --linux)


VERSIONS = {"6.12": Version("kselftest", "kselftest", "linux.csv", "stable"),
            "7.3": Version("kselftest_7_3", "kselftest-7.3", "linux-7.3.csv", "newest")}
FIELDS = ["program", "options", "machine", "result", "skipped", "seconds", "qemu"]
TIMED = re.compile(rb"^timed: status (\d+) ns (\d+) instret (\d+)\r?$", re.M)
ABSENT = re.compile(r"^host: .* calls system call \d+, which is not there$", re.M)
SKIP_LINE = re.compile(r"^(?:1\.\.0 # SKIP -? ?)?(.*?)(?:, skipping tests?)?$")
# If the host prints this line at boot, QEMU loses the overflow interrupt of a counter (docs/caveats.md).
SPOILED_LINE = "reaches us with V still set"
SPOILED = re.compile(r"vcpu_shared_irq_count != 1")
NO_SSCOFPMF = "sscofpmf not available"
KSFT_SKIP = 4
RAM = "2G"
RATIO, GRACE = 1.1, 2.0
RUN = stats.new_run()  # one run for both systems: they run alternately, so their times may be compared


def die(text, status=STATUS_FAILED):
    raise LaunchError(text, status)


def say(text):
    print("# " + text, flush=True)


class Row:
    """One line of tests/kselftest/programs: a program with its options in each form, and its machine."""

    def __init__(self, fields):
        self.program, self.full, short, counted, machine = fields
        self.short = short or self.full
        self.counted = counted or self.short
        words = machine.split()
        self.pages = [w for w in words if w.startswith("pages")]
        self.machine = " ".join(words)
        self.options = [w for w in words if not w.startswith("pages")]
        if "--memory" not in self.options:
            self.options += ["--memory", RAM]

    def boot_words(self):
        """Return the boot arguments that reserve huge pages. hyperscope's host uses the same syntax as Linux."""
        words = []
        for word in self.pages:
            kind, count = word.split("=")
            if kind == "pages1g":
                words.append("hugepagesz=1G")
            words.append("hugepages=" + count)
        return " ".join(words)

    def name(self, form):
        text = " ".join([self.program, getattr(self, form)]).strip()
        return text + (" [%s]" % self.machine if self.machine else "")


def read_rows(version):
    """Return the rows for the selftests of this version."""
    rows, wanted = [], True
    with open(os.path.join(FOLDER, "programs"), encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("version "):
                if line.split()[1] not in VERSIONS:
                    die("tests/kselftest/programs:%d: unknown version %s" % (number, line.split()[1]))
                wanted = line.split()[1] == version
                continue
            fields = [" ".join(field.split()) for field in line.split("|")]
            if len(fields) == 4:
                fields.append("")
            if len(fields) != 5:
                die("tests/kselftest/programs:%d: %d fields instead of 5" % (number, len(fields)))
            if wanted:
                rows.append(Row(fields))
    return rows


class Outcome:
    """How one run ended: "pass", "skip" or "fail", with what it printed."""

    def __init__(self, out, err):
        self.out = out.decode("utf-8", "replace").replace("\r", "")
        self.err = err.decode("utf-8", "replace").replace("\r", "")
        found = TIMED.findall(err)
        self.seconds = self.instret = None
        self.status = None
        self.skipped = sorted(set(SKIP_LINE.match(line).group(1) for line in self.out.split("\n")
                                  if "# SKIP" in line or ", skipping" in line))
        if not found:
            self.result = "fail"
            return
        self.status = int(found[-1][0])
        self.seconds = int(found[-1][1]) / 1e9
        self.instret = int(found[-1][2])
        self.result = {0: "pass", KSFT_SKIP: "skip"}.get(self.status, "fail")

    def absent(self):
        return ABSENT.findall(self.err)

    def spoiled(self):
        return SPOILED_LINE in self.err and SPOILED.search(self.out + self.err) is not None

    def last_words(self):
        log = self.err.partition("\nexits: ")[0]  # without the exit table
        return (self.out + log).strip().split("\n")[-12:]


class Runner:
    def __init__(self, options):
        self.options, self.out = options, options.out
        self.folder = os.path.join(self.out, VERSIONS[options.version].folder)
        self.timed = os.path.join(self.out, "tests", "kselftest", "timed")

    def command(self, system, row, words, counted):
        on_linux = system == "linux-kvm" or self.options.host == "linux"
        command = [HYPERSCOPE] + ["linux-kvm"] * on_linux + ["exec", "--out", self.out]
        if system == "linux-kvm":
            command += ["--linux", VERSIONS[self.options.version].kernel]
        elif on_linux:
            command += ["--hypervisor", "hyperscope"]
        command += row.options
        if self.options.timeout:
            command += ["--timeout", str(self.options.timeout)]
        if counted:
            command += ["--icount"]
        if row.pages:
            command += ["--kernel-args" if on_linux else "--boot", row.boot_words()]
        program = os.path.join(self.folder, row.program)
        return command + ["--file", program, self.timed, "/" + row.program] + shlex.split(words)

    def run(self, system, row, words, counted=False):
        command = self.command(system, row, words, counted)
        if self.options.verbose:
            say(" ".join(shlex.quote(word) for word in command))
        done = ends.captured(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        return Outcome(done.stdout, done.stderr)


class Record:
    """The results on Linux KVM, for each combination of program, options and machine.

    Where a version has no result, that of the first version applies, whose programs and options later versions keep.
    """

    def __init__(self, version):
        self.version = version
        self.path = os.path.join(FOLDER, VERSIONS[version].record)
        self.rows = self.read(self.path)
        self.first = self.read(os.path.join(FOLDER, VERSIONS["6.12"].record))

    @staticmethod
    def read(path):
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8", newline="") as lines:
            return {(row["program"], row["options"], row["machine"]): row
                    for row in csv.DictReader(line for line in lines if not line.startswith("#"))}

    def find(self, row, words):
        key = row.program, words, row.machine
        return self.rows.get(key) or self.first.get(key)

    def put(self, row, words, outcome, seconds, qemu):
        self.rows[row.program, words, row.machine] = {
            "program": row.program, "options": words, "machine": row.machine,
            "result": outcome.result, "skipped": "; ".join(outcome.skipped),
            "seconds": "" if seconds is None else "%.2f" % seconds, "qemu": qemu}

    def write(self):
        """Write the rows of the programs that tests/kselftest/programs lists, in its order, the full forms first."""
        order = [(row.program, getattr(row, form), row.machine)
                 for form in ("full", "short") for row in read_rows(self.version) if getattr(row, form) != "-"]
        with output.create(self.path) as out:
            out.write("# Results of the selftests on Linux KVM, written by scripts/hyperscope kselftest --record\n")
            writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
            writer.writeheader()
            for key in dict.fromkeys(order):
                if key in self.rows:
                    writer.writerow(self.rows[key])


class Claims:
    def __init__(self):
        self.count = self.failed = 0

    def claim(self, held, text, notes=(), skip=""):
        self.count += 1
        self.failed += not held
        print("%sok %d - %s%s" % ("" if held else "not ", self.count, text,
                                  " # SKIP " + skip if skip else ""), flush=True)
        for note in notes:
            say("  " + note)


def amount(instret):
    return "%.1f M instructions" % (instret / 1e6) if instret else "instructions not counted"


def older_than(qemu, expected):
    def numbers(version):
        return [int(n) for n in re.findall(r"\d+", version)]
    return expected is not None and numbers(qemu) < numbers(expected["qemu"])


def judge(claims, row, form, runs, expected, counted, qemu):
    """Claim that the result is the same as on Linux KVM. runs: outcomes on hyperscope; expected: the row of
    linux.csv, or None."""
    worst = max(runs, key=lambda o: ("pass", "skip", "fail").index(o.result))
    seconds = [o.seconds for o in runs if o.seconds is not None]
    facts = []
    if seconds:
        facts.append("%.1f s" % statistics.median(seconds))
    if counted is not None:
        facts.append(amount(counted.instret) if counted.result == "pass"
                     else "counted form: %s" % counted.result)
    if expected is None:
        facts.append("no result recorded on Linux KVM")
    else:
        facts.append("Linux KVM: %s%s" % (expected["result"], ", %s s" % expected["seconds"]
                                          if expected["seconds"] else ""))
    text = "%s: %s" % (row.name(form), ", ".join([worst.result] + facts))
    notes, held, reason = [], True, ""
    if worst.result == "fail":
        # A program may fail on Linux as well, for example because RISC-V lacks a page size.
        held = expected is not None and expected["result"] == "fail"
        notes = worst.last_words()
        if not held and worst.spoiled():
            held, reason = True, "QEMU %s loses a counter's overflow (docs/caveats.md)" % qemu
    elif worst.result == "skip" or worst.skipped:
        there = expected["skipped"].split("; ") if expected else []
        extra = [s for s in worst.skipped if s not in there]
        held = not extra and (worst.result != "skip" or
                              (expected is not None and expected["result"] != "pass"))
        if not held and older_than(qemu, expected) and "--cpu max" in row.machine:
            # QEMU's version determines the features of "-cpu max". There is no recorded result with this older QEMU,
            # on which a program may skip more.
            reason = "QEMU %s has fewer features than %s, with which Linux KVM's result was recorded: %s" % (
                qemu, expected["qemu"], "; ".join(extra))
            held = True
        if not held and extra == [NO_SSCOFPMF] and worst.result == "pass" and SPOILED_LINE in worst.err:
            held, reason = True, "QEMU %s lacks LCOFI in hvien, so guests have no Sscofpmf (docs/caveats.md)" % qemu
        notes = worst.skipped if not held else []
        if held and worst.result != "skip" and not reason:
            notes = ["%s skipped, as on Linux KVM" % layout.counted(len(worst.skipped), "part")]
    absent = sorted(set(sum((o.absent() for o in runs), [])))
    if absent:
        held, notes, reason = False, notes + absent, ""
    if held and worst.result == "skip" and not reason:
        reason = "as on Linux KVM: " + "; ".join(worst.skipped)
    claims.claim(held, text, notes, reason)


def judge_time(claims, row, form, ours, theirs):
    if not ours or not theirs:
        return
    mine, linux = (stats.Samples(seconds, "s", RUN) for seconds in (ours, theirs))
    limit = max(linux.median() * RATIO, linux.median() + GRACE)
    claims.claim(mine.median() <= limit, "%s: %.2f s here, %.2f s on Linux KVM, %s" % (
        row.name(form), mine.median(), linux.median(), stats.ratio(mine, linux)))


def run_row(runner, row, form, record, claims, qemu):
    options = runner.options
    words = getattr(row, form)
    ours, theirs = [], []
    for _ in range(options.runs):
        if not options.linux:
            ours.append(runner.run("hyperscope", row, words))
        if options.compare or options.linux:
            theirs.append(runner.run("linux-kvm", row, words))
    counted = None
    if ours and options.instructions and row.counted != "-" and ours[-1].result == "pass":
        counted = runner.run("hyperscope", row, row.counted, counted=True)
    if theirs:
        seconds = [o.seconds for o in theirs if o.seconds is not None]
        last = max(theirs, key=lambda o: ("pass", "skip", "fail").index(o.result))
        record.put(row, words, last, statistics.median(seconds) if seconds else None, qemu)
        if options.linux:
            claims.claim(True, "%s: Linux KVM: %s, %s" % (
                row.name(form), last.result,
                "%.1f s" % statistics.median(seconds) if seconds else "no time"),
                last.skipped + (last.last_words() if last.result == "fail" else []))
    if ours:
        judge(claims, row, form, ours, record.find(row, words), counted, qemu)
    if options.compare and all(o.result == "pass" for o in ours + theirs):
        judge_time(claims, row, form, [o.seconds for o in ours], [o.seconds for o in theirs])


def parse_arguments(argv):
    parser = of_command("kselftest", __doc__)
    parser.add_argument("names", metavar="NAME", nargs="*",
                        help="programs to run (all): a shell pattern for NAME or \"NAME OPTIONS\"")
    parser.add_argument("--version", choices=VERSIONS, default="6.12", help="version of Linux whose selftests are run (6.12)")
    parser.add_argument("--short", action="store_true", help="use fewer iterations, as make test does")
    parser.add_argument("--runs", type=int, metavar="N", help="number of runs of each program (1; with --compare 3)")
    parser.add_argument("--compare", action="store_true",
                        help="also run on Linux KVM, alternately, and compare the times")
    parser.add_argument("--linux", action="store_true", help="run on Linux KVM only")
    parser.add_argument("--host", choices=("own", "linux"), default="own",
                        help="own (default): hyperscope's host; linux: hyperscope.ko on Linux (make linux-module)")
    parser.add_argument("--record", action="store_true",
                        help="write the results on Linux KVM to tests/kselftest/linux.csv or, for 7.3, linux-7.3.csv")
    parser.add_argument("--no-instructions", dest="instructions", action="store_false",
                        help="omit the run that counts instructions")
    parser.add_argument("--timeout", type=int, default=1800, metavar="SECONDS",
                        help="time limit for each run (1800; 0: none)")
    parser.add_argument("--list", action="store_true", help="list what would be run")
    parser.add_argument("--verbose", action="store_true", help="print each command")
    parser.add_out()
    options = parser.parse_args(argv)
    if options.runs is None:
        options.runs = 3 if options.compare else 1
    if options.timeout < 0:
        die("--timeout %d: must be 0 or more" % options.timeout, 2)
    if options.runs < 1:
        die("--runs %d: must be 1 or more" % options.runs, 2)
    if options.record and not (options.linux or options.compare):
        die("--record needs a run on Linux KVM: --compare or --linux", 2)
    return options


def wanted(row, form, names):
    text = " ".join([row.program, getattr(row, form)]).strip()
    return not names or any(fnmatch.fnmatchcase(row.program, n) or fnmatch.fnmatchcase(text, n)
                            for n in names)


def qemu_version():
    qemu = QEMU
    if not shutil.which(qemu):
        die("%s is not installed: run 'scripts/hyperscope setup run', or set $QEMU" % qemu)
    text = subprocess.run([qemu, "--version"], stdout=subprocess.PIPE, check=False).stdout.decode()
    return (re.findall(r"version ([0-9.]+)", text) or ["unknown"])[0]


def main(argv):
    options = parse_arguments(argv)
    form = "short" if options.short else "full"
    rows = [row for row in read_rows(options.version)
            if getattr(row, form) != "-" and wanted(row, form, options.names)]
    if not rows:
        die("no program matches %s; --list shows the programs" % " ".join(options.names), 2)
    if options.list:
        for row in rows:
            print(row.name(form))
        return 0
    runner, record, claims = Runner(options), Record(options.version), Claims()
    for row in rows:
        if not os.path.exists(os.path.join(runner.folder, row.program)):
            die("%s/%s is missing: run 'scripts/hyperscope setup %s'" % (
                runner.folder, row.program, VERSIONS[options.version].setup))
    if options.host == "linux":
        linux_host.need_module(options.out)
    if not os.path.exists(runner.timed):
        die("%s is missing: run 'make tests'" % runner.timed)
    qemu, start = qemu_version(), time.monotonic()
    with open(os.path.join(runner.folder, "version"), encoding="utf-8") as version:
        say("%s; QEMU %s; %s, %s" % (version.read().strip(), qemu, layout.counted(len(rows), "program"), form))
    for row in rows:
        run_row(runner, row, form, record, claims, qemu)
        if options.record:  # after each row, because the rest may take an hour
            record.write()
    print("1..%d" % claims.count)
    say("%d of %d claims hold, %.0f s" % (claims.count - claims.failed, claims.count,
                                          time.monotonic() - start))
    if options.record:
        say("recorded in " + os.path.relpath(record.path, TOP))
    return 1 if claims.failed else 0
