# SPDX-License-Identifier: MIT
"""workload - build and run hyperscope as one ELF file, for cores and simulators.

A workload is an ELF file with firmware, hyperscope, its VMM and guests. It
needs no device but a UART or HTIF, reads no input, and reports PASS or FAIL.
Without PROFILE, all profiles are built; with PROFILE, this one is built and
run.
"""
import csv
import os
import re
import sys

from hs import output
from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import absolute, of_command, readable, seconds
from hs.workload import build, count, coverage, faults, plant, profile as profiles, simulators

EXAMPLES = """\
examples:
  scripts/hyperscope workload --list         the profiles
  scripts/hyperscope workload smoke          build it and run it on QEMU
  scripts/hyperscope workload smoke --on spike --trace
                                             ... on Spike; compare the events
                                             with those of QEMU
  scripts/hyperscope workload linux --clock counted --trace
                                             boot a kernel without the machine's
                                             clock; the events repeat
  scripts/hyperscope workload --check LOG    judge another machine's output
  scripts/hyperscope workload smoke --faults show which planted faults it finds
  scripts/hyperscope workload --coverage=6.3 the claims on section H §6.3

exit status: 0 PASS; 1 FAIL, the events differ, or a planted fault is missed;
2 usage error; 125 other failure
"""
TRACE = ("trace=kvm_*,gstage_*,!gstage_step,!kvm_ioctl*,!kvm_*hva*,!kvm_invalidate*,!kvm_exit_cost,!kvm_memslot* "
         "trace.size=%dM trace.end=1000000 trace.crash=10000")
TRACE_SHARE = 8  # of the profile's memory for the trace; a record takes 64 bytes

# The modes that use an option; "" builds all profiles, or builds and runs PROFILE.
USED_BY = {"clock": ("", "trace", "count"), "on": ("", "trace"), "quiet": ("", "trace"), "boot": ("", "trace", "count", "faults"),
           "elf": ("", "trace", "count", "faults"), "timeout": ("", "trace", "count", "faults"),
           "qemu": ("", "trace", "count", "faults"), "csv": ("faults",), "expected": ("trace", "check", "faults")}


def parse(argv):
    parser = of_command("workload", __doc__, epilog=EXAMPLES)
    parser.add_argument("profile", metavar="PROFILE", nargs="?", help="a profile; --list prints them")
    parser.add_argument("--list", action="store_true", help="print the profiles, and the extensions that they need")
    parser.add_argument("--clock", choices=("machine", "counted"),
                        help="machine: the CSR time and Sstc; counted: a clock that the firmware counts, so that a run repeats "
                        "exactly; --list prints what each profile can have, its default first")
    parser.add_argument("--on", metavar="NAME", choices=simulators.SIMULATORS, default="qemu",
                        help="qemu: QEMU's machine virt (default); qemu-spike: QEMU's machine spike; spike: the simulator Spike "
                        "($SPIKE, else spike on the PATH)")
    parser.add_argument("--trace", action="store_true",
                        help="also record events, and compare them with those of a run on QEMU, which is written to "
                        "OUT/workload/PROFILE.expected (or with --expected FILE)")
    parser.add_argument("--expected", metavar="FILE", type=readable, help="with --trace or --check: the log to compare with")
    parser.add_argument("--check", metavar="LOG", type=readable, help="judge a log that another machine has written")
    parser.add_argument("--faults", metavar="NAME,...", nargs="?", const="all",
                        help="plant each fault in a run of smoke on QEMU, and report which are found (default: all)")
    parser.add_argument("--count", action="store_true", help="count the instructions of a run on QEMU (version 9 or newer)")
    parser.add_argument("--csv", metavar="FILE", help="with --faults: also write the results to FILE")
    parser.add_argument("--coverage", metavar="SECTION", nargs="?", const=True,
                        help="print, for each section of the specification of H, how many claims check it; with SECTION, such as "
                        "6.3, or with all, the claims' names")
    parser.add_argument("--boot", metavar="ARGS", default="", help="further boot arguments of the host")
    parser.add_argument("--elf", metavar="FILE", type=absolute, help="the ELF file to write (OUT/workload/PROFILE.elf; with --clock "
                        "counted, --trace or --faults, -counted and -trace are added to PROFILE); the initramfs is written beside it, with "
                        "the suffix .cpio")
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, default=simulators.SECONDS,
                        help="time limit (%d; 0: none)" % simulators.SECONDS)
    parser.add_argument("--quiet", action="store_true", help="print only the verdict")
    parser.add_qemu()
    parser.add_out()
    options = parser.parse_args(argv)
    if options.profile and options.profile not in profiles.names():
        parser.error("there is no profile '%s'; choose from %s" % (options.profile, ", ".join(profiles.names())))
    if not re.fullmatch(r"[ !#-\[\]-~]*", options.boot):  # it becomes a string in a device tree's source
        parser.error("--boot %s: boot arguments have only printable ASCII characters, without \" and \\" % ascii(options.boot))
    check_together(parser, options)
    options.chosen = plant.ALL
    if options.faults != "all" and options.faults is not None:
        unknown = [name for name in options.faults.split(",") if name not in [fault.name for fault in plant.ALL]]
        if unknown:
            parser.error("--faults: there is no fault '%s'; choose from %s"
                         % (unknown[0], ", ".join(fault.name for fault in plant.ALL)))
        options.chosen = [plant.named(name) for name in options.faults.split(",")]
    if options.coverage not in (None, True) and not coverage.chosen(options.coverage):
        parser.error("--coverage: docs/spec.md lists no section '%s' of the chapter on H; name one that --coverage alone prints, or all"
                     % options.coverage)
    parser.written("--csv", options.csv)
    parser.written("--elf", options.elf)
    if options.elf and (os.path.exists(options.elf) and not os.path.isfile(options.elf)
                        or not os.access(os.path.dirname(options.elf), os.W_OK)):
        parser.error("--elf %s: cannot be replaced; name a regular file in a folder that you can write" % options.elf)
    return options


def check_together(parser, options):
    """Refuse options that would have no effect. If a PROFILE is to be built, read it into options.read."""
    modes = [name for name in ("list", "coverage", "check", "faults", "count", "trace") if getattr(options, name) not in (False, None)]
    if len(modes) > 1:
        parser.error("--%s and --%s cannot be used together" % (modes[0], modes[1]))
    mode = (modes or [""])[0]
    given = [name for name in USED_BY if getattr(options, name) != parser.get_default(name)]
    for name in given:
        if mode in USED_BY[name]:
            continue
        if not mode:
            parser.error("--%s needs --%s" % (name, " or --".join(USED_BY[name])))
        if name == "on" and mode in ("count", "faults"):
            parser.error("--%s uses QEMU's machine virt: omit --on" % mode)
        parser.error("--%s has no effect with --%s" % (name, mode))
    if not options.profile and (mode in ("faults", "count", "trace") or not mode and given):
        parser.error("name a PROFILE; --list prints them")
    if mode == "faults" and options.profile != "smoke":
        parser.error("--faults: only the profile smoke can be used")
    if options.profile and mode in ("", "trace", "count", "faults"):
        options.read = profile = profiles.read(options.profile, options.clock)
        if mode == "trace" and profile.clock != "counted":
            parser.error("--trace: the events of %s depend on the machine's clock, and do not repeat%s"
                         % (options.profile, "; use --clock counted" if "counted" in profile.clocks else ""))
        if options.boot and profile.firmware == "opensbi":
            parser.error("--boot: %s has the machine's own device tree" % options.profile)


def show_list():
    for name in profiles.names():
        profile = profiles.read(name)
        print("%-11s %s\n%-11s %d MiB of memory, %s clock\n%-11s %s"
              % (name, profile.title, "", profile.memory, " or ".join(profile.clocks), "", profile.isa))
    return 0


def show_coverage(word):
    if word is not True:
        print("\n\n".join("\n".join(row.lines()) for row in coverage.chosen(word)))
        return 0
    rows = coverage.table()
    print("%-8s %5s %6s %6s  %s" % ("", "smoke", "nested", "faults", "section"))
    for row in rows:
        print("%-8s %5s %6s %6s  %s" % (row.name, *row.counts(), row.title.replace("`", "")[:50]))
    holes = [row.name for row in rows if not row.smoke and not row.nested]
    print("without a claim: %s" % (", ".join(holes) or "none"))
    return 0


def divergence(options, compare, expected, log):
    """Print the comparison of two logs by COMPARE, a function of simulators; return whether they agree."""
    symbols = os.path.join(options.out, "guest-payloads", "%s.elf" % options.profile)
    words = ["--symbols", symbols] if options.profile and os.path.exists(symbols) else []
    done = compare(options.out, expected, log, words)
    if done.returncode > 1:
        raise LaunchError("the events cannot be compared: see the message of hstrace above", STATUS_USAGE)
    return not done.returncode


def say(outcome, agree=True):
    """Print the verdict; return the exit status. AGREE: the events are the expected ones, or were not compared."""
    if outcome.verdict == "PASS" and outcome.ended:
        print("PASS" if agree else "FAIL: all claims hold, but the events differ")
        return int(not agree)
    print("FAIL: " + (outcome.why or ("there is no verdict" if outcome.ended else "the machine has not ended within the time limit")))
    return 1


def check(options):
    with open(options.check, encoding="utf-8", errors="replace", newline="") as file:
        text = file.read()
    if options.profile:
        found, expected = simulators.vms(text), profiles.read(options.profile).vm_names()
        if found and not found & expected:
            raise LaunchError("%s is not a log of %s: it has results of %s" % (options.check, options.profile, ", ".join(sorted(found))),
                              STATUS_USAGE)
    outcome, agree = simulators.Outcome(text, True, *simulators.verdict(text)), True
    if options.expected:
        try:
            agree = divergence(options, simulators.compare_logs, options.expected, options.check)
        except LaunchError as error:
            if outcome.verdict == "PASS" or error.status != STATUS_USAGE:  # a machine that stops early prints no events: no wrong use
                raise
    return say(outcome, agree)


def run(options, path, profile, simulator, echo=True):
    def line(text):
        if echo and not options.quiet and not text.startswith("trace: "):
            print(text, flush=True)
    return simulators.run(simulators.command(simulator, path, profile, options.qemu), options.timeout, line)


def expected_log(options, path, profile):
    """Return the name of the log with the expected events. QEMU writes it if the ELF file is newer, as after each build."""
    if options.expected:
        return options.expected
    name = os.path.join(options.out, "workload", options.profile + ".expected")
    if not os.path.exists(name) or os.path.getmtime(name) < os.path.getmtime(path):
        outcome = run(options, path, profile, "qemu", echo=False)
        if outcome.verdict != "PASS":
            raise LaunchError("%s fails on QEMU: %s" % (options.profile, outcome.why or "there is no verdict"))
        with output.create(name) as file:
            file.write(outcome.log)
    return name


def show_faults(options, path, profile):
    found, rows = 0, []
    expected = expected_log(options, path, profile)
    sys.stderr.write("workload: %d faults, some seconds each\n" % len(options.chosen))
    for fault, how, event, why in faults.run_all(options.chosen, path, profile, options, expected):
        found += how != "missed"
        rows.append((fault.name, fault.source, how, event or "", fault.meaning, why))
        print("%-17s %-8s %-7s %5s  %s" % rows[-1][:5], flush=True)
    print("%d of %d planted faults are found" % (found, len(rows)))
    if options.csv:
        with output.create(options.csv) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("fault", "source", "found", "event", "meaning", "claim"))
            writer.writerows(rows)
    return 0 if found == len(rows) else 1


def elf_of(options, profile, traced=False):
    """Return the path of the ELF file to write."""
    suffix = ("-counted" if profile.clock != profile.clocks[0] else "") + ("-trace" if traced else "")
    return options.elf or os.path.join(options.out, "workload", profile.name + suffix + ".elf")


def main(argv):
    options = parse(argv)
    if options.list:
        return show_list()
    if options.coverage:
        return show_coverage(options.coverage)
    if options.check:
        return check(options)
    os.makedirs(os.path.join(options.out, "workload"), exist_ok=True)
    if not options.profile:
        for name in profiles.names():
            profile = profiles.read(name)
            path = elf_of(options, profile)
            build.build(profile, options.out, path)
            print("%-11s %6.1f MiB  %s" % (name, os.path.getsize(path) / (1 << 20), os.path.relpath(path)))
        return 0
    profile, traced = options.read, options.trace or options.faults
    path = elf_of(options, profile, traced)
    trace = TRACE % (profile.memory // TRACE_SHARE) if traced else ""
    build.build(profile, options.out, path, " ".join(filter(None, (options.boot, trace))))
    if options.faults:
        return show_faults(options, path, profile)
    if options.count:
        counts = count.count(path, profile, options)
        for world, number in counts + [("all", sum(number for _, number in counts))]:
            print("%-14s %15s instructions" % (world, "{:,}".format(number)))
        return 0
    if options.trace:
        expected = expected_log(options, path, profile)
    outcome = run(options, path, profile, options.on)
    if not options.trace:
        return say(outcome)
    return say(outcome, divergence(options, simulators.compare_events, expected, outcome.log))
