# SPDX-License-Identifier: MIT
"""show.py - print an anatomy: by stage, by function, and in the order of execution."""
from . import run, stages
from .stages import STAGES, UNASSIGNED
from .symbols import KERNEL

VECTORS = "vcpu_exit_fast", "vcpu_exit_nested"
RDINSTRET, RDINSTRET_MASK = 0xC0202073, 0xFFFFF07F  # csrrs RD, instret, zero


class Anatomy:
    """One row on one system: the steps of the chosen path, and statistics of the median batch."""

    def __init__(self, system, row, steps, address_map, encodings):
        self.system, self.row, self.steps, self.map = system, row, steps, address_map
        self.encodings = encodings  # address -> (encoding, size)
        self.figure = self.mean = 0.0  # the bench's figure, and the mean of the median batch
        self.times = self.of = 0  # the batch's iterations that took this path, and all of the batch's iterations
        self.lost = 0  # instructions of iterations whose path was not recorded
        self.paths: list = []  # (iterations, instructions of one iteration, number) of each path in the batch

    def encoding(self, step):
        return self.encodings.get(step.address, (0, 0))[0]

    def total(self):
        return sum(step.counted for step in self.steps)

    def by_stage(self):
        counts = dict.fromkeys(STAGES, 0)
        for step in self.steps:
            counts[step.stage] += step.counted
        return counts

    def by_function(self):
        """Return (stage, function) -> instructions. Inlined code is counted for the innermost function."""
        counts = {}
        for step in self.steps:
            key = (step.stage, step.chain[0])
            counts[key] = counts.get(key, 0) + step.counted
        return counts

    def by_part(self):
        """Return {"core": instructions, "host": instructions} of the kernel."""
        counts = {"core": 0, "host": 0}
        for step in self.steps:
            if step.world == KERNEL:
                counts["core" if self.map.kernel.is_core(step.address) else "host"] += step.counted
        return counts

    def unassigned(self):
        return sorted({step.chain[0] for step in self.steps if step.stage == UNASSIGNED})


def _share(part, whole):
    return "%5.1f%%" % (100.0 * part / whole) if whole else "     -"


def _line(name, cells):
    return ("%-20s" % name + "".join(cells)).rstrip()


def stage_lines(systems, counts):
    """Yield the lines of a table of stages, with a column for each system. counts: for each system, stage ->
    instructions."""
    totals = [sum(count.values()) for count in counts]
    yield _line("stage", ("%12s       " % system for system in systems))
    for stage in STAGES:
        if any(count.get(stage) for count in counts):
            yield _line(stage, ("%12d %s" % (count.get(stage, 0), _share(count.get(stage, 0), total))
                                for count, total in zip(counts, totals)))
    yield _line("sum", ("%12d       " % total for total in totals))


def print_stages(found, out):
    """Print the stages of one or more systems side by side."""
    for line in stage_lines([anatomy.system for anatomy in found], [anatomy.by_stage() for anatomy in found]):
        print(line, file=out)
    if any(anatomy.system != "bare" for anatomy in found):
        counts = [(anatomy.by_part(), anatomy.total()) for anatomy in found]
        for part in ("core", "host"):
            print(_line("in the " + part, ("%12d %s" % (count[part], _share(count[part], total))
                                           for count, total in counts)), file=out)
    if found[0].row in run.SPANS:
        beside = (stages.beside(a.steps) for a in found)
        print(_line("in parallel", ("%12s       " % ("-" if count is None else count) for count in beside)), file=out)
    print(_line("other paths", ("%+15.2f    " % (a.mean - a.total()) for a in found)), file=out)
    print(_line("mean of the batch", ("%15.2f    " % a.mean for a in found)), file=out)
    print(_line("the bench's figure", ("%15.2f    " % a.figure for a in found)), file=out)
    for anatomy in found:
        print("%s: %d of the median batch's %d iterations took this path"
              % (anatomy.system, anatomy.times, anatomy.of), file=out)
        if anatomy.lost:
            print("%s: %d instructions of other iterations were not recorded (use a smaller --batches)"
                  % (anatomy.system, anatomy.lost), file=out)
        names = anatomy.unassigned()
        if names:
            print("%s: in no stage: %s" % (anatomy.system, " ".join(names)), file=out)


def accounts(step):
    """Return whether the step accounts for exits."""
    return any(name.startswith("trace_exit_") for name in step.chain)


def interval(anatomy):
    """Return the steps whose cost the exit table counts: those between the two readings of instret, of which the
    first one counts itself. The path is a cycle that starts in the guest. Return None if it does not have exactly
    one exit with a cost."""
    reads = [at for at, step in enumerate(anatomy.steps)
             if anatomy.encoding(step) & RDINSTRET_MASK == RDINSTRET and (accounts(step) or step.chain[-1] in VECTORS)]
    return anatomy.steps[reads[0]:reads[1]] if len(reads) == 2 else None


def part_of(step):
    """Return the observation that the step belongs to, or the step's stage."""
    names = list(step.chain) + list(step.stack)
    if any(name.startswith(("trace_emit", "trace_set_vcpu", "vcpu_observe")) for name in names):
        return "events"
    return "accounting" if accounts(step) else step.stage


def print_interval(anatomy, traced, out):
    """Print how the bench's figure and the exit table's cost of the same exit differ. traced: events are on."""
    inside = interval(anatomy)
    if inside is None:
        print("\nhyperscope: the exit table counts no exit of this path, or several", file=out)
        return
    counts = {True: {}, False: {}}
    within = {id(step) for step in inside}
    for step in anatomy.steps:
        parts = counts[id(step) in within]
        parts[part_of(step)] = parts.get(part_of(step), 0) + step.counted
    print("\nhyperscope: %s, what the exit table counts" % anatomy.row, file=out)
    print("%-20s %12s %12s" % ("part", "in the cost", "outside"), file=out)
    for part in STAGES + ("events", "accounting"):
        if part in counts[True] or part in counts[False]:
            print("%-20s %12d %12d" % (part, counts[True].get(part, 0), counts[False].get(part, 0)), file=out)
    print("%-20s %12d %12d" % ("sum", sum(counts[True].values()), sum(counts[False].values())), file=out)
    if traced:
        print("The exit table subtracts the cost of events, as measured at boot.", file=out)


def print_functions(anatomy, out):
    print("\n%s: %s, by function" % (anatomy.system, anatomy.row), file=out)
    print("%-20s %-50s %8s" % ("stage", "function", "insns"), file=out)
    counts = anatomy.by_function()
    for stage in STAGES:
        rows = [(count, function) for (where, function), count in counts.items() if where == stage]
        for count, function in sorted(rows, key=lambda row: (-row[0], row[1])):
            print("%-20s %-50s %8d" % (stage, function[:50], count), file=out)
            stage = ""


def _by_name(anatomy):
    """Return function -> instructions, without the suffixes that gcc gives to variants of a function."""
    counts: dict = {}
    for step in anatomy.steps:
        name = step.chain[0].split(".")[0]
        counts[name] = counts.get(name, 0) + step.counted
    return counts


def print_changes(base, head, out):
    """Print the functions whose instructions differ between two systems, the largest difference first."""
    theirs, ours = _by_name(base), _by_name(head)
    more = {name: ours.get(name, 0) - theirs.get(name, 0) for name in list(theirs) + list(ours)}
    line = "%-44s%12s%12s%10s"
    print("\n" + line % (head.row + ", by function", *(anatomy.system.removeprefix("linux-")[-11:] for anatomy in (base, head)),
                         "more"), file=out)
    for name in sorted(more, key=lambda name: (-abs(more[name]), name)):
        if more[name]:
            print((line % (name[:44], theirs.get(name, "-"), ours.get(name, "-"), "%+d" % more[name])), file=out)
    same = [name for name in more if not more[name] and theirs.get(name)]
    print(line % ("%d with the same number" % len(same), *[sum(theirs[name] for name in same)] * 2, ""), file=out)
    print(line % ("sum", base.total(), head.total(), "%+d" % (head.total() - base.total())), file=out)


def runs(steps):
    """Merge successive steps with equal hart, stage, stack and chain. Return [first step, instructions] pairs."""
    result, last = [], None
    for step in steps:
        key = (step.hart, step.stage, step.stack, step.chain)
        if key != last:
            result.append([step, 0])
            last = key
        result[-1][1] += step.counted
    return result


def print_path(anatomy, out):
    print("\n%s: %s, in order" % (anatomy.system, anatomy.row), file=out)
    print("%7s %5s %-20s %s" % ("at", "insns", "stage", "function"), file=out)
    at, stage = 0, None
    for step, count in runs(anatomy.steps):
        depth = max(len(step.stack) - 1, 0) + len(step.chain) - 1
        shown = step.stage if step.stage != stage else ""
        print("%7d %5d %-20s %s%s" % (at, count, shown, " " * min(depth, 20), step.chain[0]),
              file=out)
        stage = step.stage
        at += count


def print_insns(anatomy, out):
    print("\n%s: %s, every instruction" % (anatomy.system, anatomy.row), file=out)
    for at, step in enumerate(anatomy.steps):
        image = anatomy.map.image(step.address)
        offset = step.address - image.start(step.address)
        print("%7d %s%-17x %-18s %s+0x%x %s" % (at, " " if step.counted else "*", step.address,
              step.stage, image.function(step.address), offset, image.line(step.address)), file=out)
    print("*: a trap undid this instruction, so instret did not count it", file=out)
