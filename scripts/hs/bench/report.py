# SPDX-License-Identifier: MIT
"""report.py - write figures as CSV and as tables 80 characters wide, and compare them with other figures."""
from hs.kernels import order
from . import csvfile, provenance
from .rows import APPLICATIONS, BY_NAME, DERIVED, GOALS_WITH, GROUPS, ROWS, TRACED, WRONG_IN_LINUX, beside
from .systems import COLUMNS, MODULE, MODULE_NEWEST, NESTED, NESTED_LINUX, NEWEST, ONE_LINUX, STATISTICS

CSV_COLUMNS = ("system", "exit", "toggles", "cpu", "unit", "n") + STATISTICS + (
    "instret",) + provenance.COLUMNS
KEY = ("system", "exit", "toggles", "cpu")
COUNTED = "instructions"
FIGURES = tuple(name for name in COLUMNS if name != "exit")


def write_csv(path, results):
    csvfile.write(path, CSV_COLUMNS, results)


def read_csv(path):
    try:
        lines = csvfile.read(path, CSV_COLUMNS, STATISTICS)
    except ValueError as error:
        raise ValueError("not a file that scripts/hyperscope bench --csv wrote: %s" % error) from None
    csvfile.once(lines, KEY)
    return lines


def differences(ours, theirs):
    """Return a line for each figure that differs and for each row that only one side has."""
    a, b = ({tuple(row[k] for k in KEY): row for row in rows} for rows in (ours, theirs))
    lines = []
    for key in list(a) + [key for key in b if key not in a]:
        name = " ".join(key)
        if key not in a or key not in b:
            lines.append("%s: only in the %s" % (name, "first" if key in a else "second"))
        else:
            lines += ["%s: %s %s and %s" % (name, figure, a[key][figure], b[key][figure])
                      for figure in FIGURES if a[key][figure] != b[key][figure]]
    return lines


# ---- tables ----


def typical(row, statistic="p50"):
    """Return the figure of a row: the statistic, or the mean for rare events."""
    return float(row["mean" if BY_NAME[row["exit"]].mean else statistic])


class Figures:
    """The results of one processor, for look-ups."""

    def __init__(self, results, cpu, statistic):
        self.rows = {(row["system"], row["exit"], row["toggles"]): row
                     for row in results if row["cpu"] == cpu}
        self.statistic = statistic

    def row(self, system, name, setting=""):
        words = [GROUPS[BY_NAME[name].group].setting, setting]
        toggles = " ".join(word for word in words if word) or "default"
        return self.rows.get((system, name, toggles))

    def value(self, system, name, setting=""):
        """Return the figure, or None if it was not measured. The figure is 0 if the counted event did not happen."""
        row = self.row(system, name, setting)
        if row is None:
            return None
        return typical(row, self.statistic)

    def default(self, name, own):
        """Return hyperscope's figure with the setting OWN, usually the toggles of --set."""
        return self.value("hyperscope", name, own)

    def counted(self):
        """Return whether all figures are in instructions, the unit of the goals and the published figures."""
        return all(row["unit"] == COUNTED for row in self.rows.values())

    def ratio(self, name, system, own, linux):
        """Return the ratio of SYSTEM's figure, with the setting OWN, to that of the system LINUX, as text; "-" if one is
        missing, units differ, or LINUX's is 0."""
        ours, theirs = self.row(system, name, own), self.row(linux, name)
        if not ours or not theirs or ours["unit"] != theirs["unit"] or not self.value(linux, name):
            return "-"
        return "%.2f" % (self.value(system, name, own) / self.value(linux, name))


def shown(value):
    if value is None:
        return "-"
    return "%.0f" % value if value >= 100 or value == int(value) else "%.1f" % value


def reached(value, limit):
    """Return, as text, whether VALUE is within LIMIT when rounded to whole instructions: a batch has a resolution of
    0.4 instructions, and includes its own call and clock reads."""
    return "yes" if value < limit + 0.5 else "NO"


def goal(row, bare, value):
    """Return the goal of a row and whether it is reached, as text."""
    if row.goal is None:
        return ""
    limit, text = row.goal, "%d" % row.goal
    if row.over_bare:
        text = "bare+" + text
        limit = None if bare is None else bare + row.goal
    if value is None or limit is None:
        return text
    return text + " " + reached(value, limit)


WITH = "%-40s%6s%6s%7s%6s%7s %s"
DERIVED_LINE = "%-17s%-43s%6s%6s%7s  %s"
HEAD = "%-16s%6s%11s%7s%7s%7s%6s %-13s%s"
TWO_LEVELS = "%-17s%11s%11s%8s%11s%8s"
SAME_KERNEL = "%-16s%10s%8s%6s%13s%8s%6s"


def compare(figures, names, own):
    counted = figures.counted()
    print(HEAD % ("exit", "bare", "hyperscope", "module", "Linux", "newest", "ratio", "goal", "small"))
    for row in ROWS:
        if row.name not in names:
            continue
        bare, linux = figures.value("bare", row.name), figures.value("linux", row.name)
        ours = figures.default(row.name, own)
        ratio = figures.ratio(row.name, "hyperscope", own, "linux")
        print((HEAD % (row.name, shown(bare), shown(ours), shown(figures.value(MODULE, row.name, own)), shown(linux),
                       shown(figures.value(NEWEST, row.name)), ratio, goal(row, bare, ours) if counted else "",
                       row.small if ratio != "-" and ours < linux else "")).rstrip())


def modules(figures, names, own):
    """Print the figures of the modules next to those of Linux KVM on the same kernels."""
    lines = []
    for row in ROWS:
        cells = []
        for module, linux in ((MODULE, "linux"), (MODULE_NEWEST, NEWEST)):
            cells += [shown(figures.value(module, row.name, own)), shown(figures.value(linux, row.name)),
                      figures.ratio(row.name, module, own, linux)]
        if row.name in names and (cells[0], cells[3]) != ("-", "-"):
            lines.append(SAME_KERNEL % ((row.name,) + tuple(cells)))
    if lines:
        print("\n" + SAME_KERNEL % ("exit", "module", "Linux", "ratio", "on newest", "newest", "ratio"))
        print("\n".join(lines))


def nested(figures, names, own):
    """Print the figures of guests of guests of hyperscope, next to those of its own guests."""
    lines = []
    for row in ROWS:
        values = [figures.value(system, row.name, own) for system in (NESTED, NESTED_LINUX)]
        if row.name in names and values != [None, None]:
            lines.append(TWO_LEVELS % ((row.name, shown(figures.default(row.name, own))) + tuple(
                cell for system, value in zip((NESTED, NESTED_LINUX), values)
                for cell in (shown(value), figures.ratio(row.name, system, own, "hyperscope")))))
    if lines:
        print("\n" + TWO_LEVELS % ("in a VM of", "hyperscope", "its guest", "ratio", "Linux", "ratio"))
        print("\n".join(lines))


def label(system):
    """Return the name of a kernel, without the prefix of its system."""
    return system.removeprefix(ONE_LINUX)


def releases(figures):
    """Return the systems of the kernels that were measured, the oldest kernel first, and those built from source last."""
    return sorted({system for system, _, _ in figures.rows if system.startswith(ONE_LINUX)},
                  key=lambda system: order(label(system)))


def kernels(figures, names, systems):
    """Print the figures of Linux KVM of several kernels, as many next to each other as fit on a line."""
    width = max([9] + [len(label(system)) + 2 for system in systems])
    fit = max(1, (80 - 17) // width)
    for first in range(0, len(systems), fit):
        some = systems[first:first + fit]
        print(("\n" if first else "") + "%-17s" % "exit" + "".join(label(system).rjust(width) for system in some))
        for row in ROWS + APPLICATIONS:
            values = [figures.value(system, row.name) for system in some]
            if row.name in names and any(value is not None for value in values):
                print("%-17s" % row.name + "".join(shown(value).rjust(width) for value in values))


def nacl(figures, names, settings):
    """Print what the toggle nacl changes for a guest of Linux that is a guest of hyperscope."""
    settings = [setting for setting, _ in settings if setting.startswith("nacl=") and setting not in WRONG_IN_LINUX]
    lines = []
    for row in ROWS:
        values = [figures.value(NESTED_LINUX, row.name, setting) for setting in [""] + settings]
        if row.name in names and any(value is not None for value in values[1:]):
            lines.append(("%-17s" + "%13s" * len(values)) % ((row.name,) + tuple(shown(value) for value in values)))
    if lines:
        columns = ["nacl=on"] + [setting.partition("=")[2] for setting in settings]
        print(("\n%-17s" + "%13s" * len(columns)) % ("in a VM of Linux", *columns))
        print("\n".join(lines))


def published(names):
    """Print the figures that were published of other hypervisors."""
    lines = ["%-17s%8s%8s" % (row.name, shown(row.xvisor), shown(row.bao)) for row in ROWS
             if row.name in names and row.xvisor is not None]
    if lines:
        print("\n%-17s%8s%8s" % ("published", "Xvisor", "Bao"))
        print("\n".join(lines))


def toggles(figures, settings, own):
    """Print the rows that a toggle's setting changes, next to their figures without the setting and those of Linux with
    it."""
    counted, lines = figures.counted(), []
    for setting, matters in settings:
        if setting == own or setting in TRACED:
            continue
        for row in ROWS:
            ours = figures.value("hyperscope", row.name, setting)
            usual = figures.default(row.name, (own + " " + beside(setting.removeprefix(own).strip())).strip())
            if ours is None or (matters is not None and row.name not in matters):
                continue
            if usual is None or abs(ours - usual) >= 0.5:
                limit = GOALS_WITH.get((setting, row.name)) if counted else None
                lines.append(WITH % (
                    "%-23s %s" % (setting, row.name), shown(usual), shown(ours),
                    "-" if usual is None else "%+.0f" % (ours - usual), shown(figures.value("linux", row.name, setting)),
                    shown(figures.value(NEWEST, row.name, setting)),
                    "" if limit is None else "%d %s" % (limit, reached(ours, limit))))
    if lines:
        print("\n" + WITH % ("%-23s %s" % ("hyperscope with", "exit"), "usual", "with", "more", "Linux", "newest", "goal"))
        print("\n".join(line.rstrip() for line in lines))


def derived(figures, own):
    counted, lines = figures.counted(), []
    for name, what, one, other, limit in DERIVED:
        cells = []
        for system in ("hyperscope", "linux", NEWEST):
            a = figures.value(system, one[1], one[0])
            b = figures.value(system, other[1], other[0] or (own if system == "hyperscope" else ""))
            cells.append(None if a is None or b is None else a - b)
        if cells[0] is not None:
            text = "" if limit is None or not counted else "%d %s" % (limit, reached(cells[0], limit))
            lines.append(DERIVED_LINE % (name, what, *map(shown, cells), text))
    if lines:
        print("\n" + DERIVED_LINE % ("derived", "", "ours", "Linux", "newest", "goal"))
        print("\n".join(line.rstrip() for line in lines))


def notes(results, statistic, options):
    units = {}
    for row in results:
        units.setdefault(row["unit"], {})[row["system"]] = True
    print("%s per operation, including the instructions of a loop:" % " and ".join(sorted(units)))
    print("%s of %s (rare events: the mean)." % (
        statistic, "single operations" if options.single else "batches of 256 operations in most rows"))
    if len(units) > 1:
        print("Different units have no ratio: %s." % ", ".join(
            "%s for %s" % (unit, " and ".join(units[unit])) for unit in sorted(units)))
    if {row["system"] for row in results} == set(options.kernels):
        return
    print("ratio: hyperscope / Linux. small: why hyperscope needs less: by design, because")
    print("the host is small (no cgroups, no RCU, no LSM), or both.")
    if options.logs:
        print("It is not known whether the runs in the logs were observed.")
    elif options.own != " ".join(options.set):
        print("Observed on hyperscope: %s; the figures" % options.own)
        print("include what this costs. --trace none --exitstat 0, the defaults, leave it out.")
    else:
        print("Not observed: no events are on and no exits are accounted for.")
    print("docs/bench.md describes each row and the limits of the unit.")


def tables(results, options, settings):
    names = {row["exit"] for row in results}
    own, statistic = options.own, options.statistic
    for cpu in options.cpu:
        first = next(row for row in results if row["cpu"] == cpu)
        print("-cpu %s, QEMU %s, %s" % (cpu, first["qemu"], first["opensbi"].partition(" sha")[0]))
        for system, title in ((MODULE, "module"), ("linux", "Linux"), (MODULE_NEWEST, "on newest"), (NEWEST, "newest")):
            kernel = next((row["kernel"] for row in results if row["system"] == system), "")
            if kernel:
                print("%s: %s" % (title, kernel.removeprefix("Linux ")))
        figures = Figures(results, cpu, statistic)
        if not {row["system"] for row in results} <= {NESTED, NESTED_LINUX, *options.kernels}:
            compare(figures, names, own)
        if options.kernels:
            kernels(figures, names, options.kernels)
        modules(figures, names, own)
        nested(figures, names, own)
        nacl(figures, names, settings[1:])
        if cpu == "rv64" and figures.counted() and not options.kernels:
            published(names)
        derived(figures, own)
        toggles(figures, settings, own)
        print()
    notes(results, statistic, options)
